/**
 * Who sends nonsense: messages that do not parse, are not their author's or have a bad signature somewhere. A correct
 * validator sends none, and each costs up to the signatures of a NEW-VIEW, so after a few in one second the rest of
 * that second's is not read (pbft.md 1.15).
 */
import { REFUSED_PER_SECOND_MAX } from "../base/limits.ts";
import type { ValidatorId } from "../consensus/engine.ts";

export class Nuisances {
  readonly #now: () => number;
  readonly #refused = new Map<ValidatorId, { readonly sinceMs: number; count: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  note(author: ValidatorId): void {
    const held = this.#refused.get(author);
    if (held !== undefined && this.#isFresh(held)) held.count++;
    else this.#refused.set(author, { sinceMs: this.#now(), count: 1 });
  }

  isOne(author: ValidatorId): boolean {
    const held = this.#refused.get(author);
    return held !== undefined && held.count >= REFUSED_PER_SECOND_MAX && this.#isFresh(held);
  }

  #isFresh({ sinceMs }: { readonly sinceMs: number }): boolean {
    const passedMs = this.#now() - sinceMs;
    return passedMs >= 0 && passedMs < 1_000;
  }
}
