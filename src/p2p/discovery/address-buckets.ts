/**
 * How many addresses each peer may advertise and be sent: a thousand at once, then one in ten seconds. Decides amounts,
 * knows no address. Pure. Source: pow.md 2.9, "Address book"; the shape is the usual token bucket.
 */
import { dropOldest } from "../../base/drop-oldest.ts";
import { ADDRESS_BUCKETS_MAX, ADDRESS_TOKENS_MAX } from "../../base/limits.ts";

const REFILL_PER_MS = 0.1 / 1_000;

interface AddressBucket {
  readonly left: number;
  readonly atMs: number;
}

export class AddressBuckets {
  /** Buckets in the order of their last use. A peer that left keeps what it used up. */
  readonly #byPeer = new Map<string, AddressBucket>();

  /** @returns how many of `wanted` are granted, and takes them */
  take(peerId: string, wanted: number, nowMs: number): number {
    const left = this.#leftOf(peerId, nowMs);
    const granted = Math.min(wanted, Math.floor(left));
    this.#byPeer.delete(peerId);
    if (this.#byPeer.size >= ADDRESS_BUCKETS_MAX) dropOldest(this.#byPeer);
    this.#byPeer.set(peerId, { left: left - granted, atMs: nowMs });
    return granted;
  }

  #leftOf(peerId: string, nowMs: number): number {
    const known = this.#byPeer.get(peerId);
    if (known === undefined) return ADDRESS_TOKENS_MAX;
    const refill = Math.max(0, nowMs - known.atMs) * REFILL_PER_MS;
    return Math.min(ADDRESS_TOKENS_MAX, known.left + refill);
  }
}
