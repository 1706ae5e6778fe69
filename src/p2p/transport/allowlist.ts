/**
 * Which peers may connect: those of the genesis and of the operator for good, and those that the chain admits as long as
 * it does.
 */
import { ALLOWLIST_MAX } from "../../base/limits.ts";

export class Allowlist {
  #own: readonly string[];
  #admitted: readonly string[] = [];
  #all: ReadonlySet<string>;

  /** @throws RangeError when there are more than a network can hold. */
  constructor(own: readonly string[]) {
    if (own.length > ALLOWLIST_MAX) throw new RangeError(`more than ${ALLOWLIST_MAX} allowed peers`);
    this.#own = own;
    this.#all = new Set(own);
  }

  has(peerId: string): boolean {
    return this.#all.has(peerId);
  }

  /** These peers are admitted in place of those that the chain admitted before. */
  admit(peerIds: readonly string[]): void {
    this.#admitted = peerIds;
    this.#join();
  }

  /** The genesis's and the operator's peers, in place of those named before. What goes beyond the bound is left out. */
  setOwn(own: readonly string[]): void {
    this.#own = own;
    this.#join();
  }

  #join(): void {
    this.#all = new Set([...this.#own, ...this.#admitted].slice(0, ALLOWLIST_MAX));
  }
}
