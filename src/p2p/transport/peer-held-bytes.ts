/**
 * One budget for the bytes that libp2p holds for others: unfinished frames, streams that nobody has read yet, and
 * answers that the other side does not take. A bound on one message and one on the number of streams multiply; this
 * one does not. Beyond it whoever holds the most loses its connections. Pure: it only adds up.
 */
import { assert } from "../../base/assert.ts";

export interface HeldBytesBounds {
  readonly perPeer: number;
  readonly altogether: number;
}

export class HeldBytes {
  readonly #bounds: HeldBytesBounds;
  readonly #byPeer = new Map<string, number>();
  #total = 0;

  constructor(bounds: HeldBytesBounds) {
    this.#bounds = bounds;
  }

  get total(): number {
    return this.#total;
  }

  of(peer: string): number {
    return this.#byPeer.get(peer) ?? 0;
  }

  /** Now `bytes` are held for a peer where it was `before`. @returns the peer that has to go, if any */
  change(peer: string, before: number, bytes: number): string | undefined {
    const held = this.of(peer) + bytes - before;
    this.#total += bytes - before;
    assert(held >= 0 && held <= this.#total, "what a peer held before was counted");
    if (held > 0) this.#byPeer.set(peer, held);
    else this.#byPeer.delete(peer);
    if (bytes <= before) return undefined;
    if (held > this.#bounds.perPeer) return peer;
    return this.#total > this.#bounds.altogether ? this.#largest() : undefined;
  }

  #largest(): string | undefined {
    let largest: string | undefined;
    for (const [peer, held] of this.#byPeer) {
      if (largest === undefined || held > this.of(largest)) largest = peer;
    }
    return largest;
  }
}
