/**
 * Which bodies to ask which peer for: in order, a few at a time, each from one peer, within a window beyond the
 * first one missing. A body that a peer did not deliver is left alone for that peer, longer each time, and for no
 * other: what several peers say they lack proves nothing about the one that has it. It asks nobody itself and knows
 * no time but what it is told. Source: pow.md 2.8, 6; docs/adr/0011.
 */

import { byteText, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import {
  BODIES_IN_FLIGHT_PER_PEER,
  BODIES_WINDOW,
  MISSED_BODIES_PER_PEER_MAX,
  SYNC_BATCH_BYTES,
} from "../../base/limits.ts";

const REST_MS = 1_000;
/** A question for fewer bodies costs nearly as much as one for so many. */
const SHARE_MIN = 16;
const REST_MS_MAX = 60_000;

interface Flight {
  readonly peerId: string;
  /** Later than this another peer may be asked as well; never once the answer is here. */
  lateAtMs: number;
}

/** How long a peer is not asked again for a body that it did not deliver. */
interface Missed {
  rests: number;
  restsUntilMs: number;
}

export class BodyPlan {
  readonly #slowMs: number;
  readonly #flights = new Map<string, Flight>();
  /** Bodies that a peer did not bring, by peer and then by body. */
  readonly #missed = new Map<string, Map<string, Missed>>();

  /** @param slowMs a peer that has not answered by then is not waited for any more when another could be asked */
  constructor(slowMs: number) {
    this.#slowMs = slowMs;
  }

  /**
   * What to ask this peer for.
   * @param missing bodies that its branch lacked when they were listed, ascending, the first still
   * @param share of the missing bodies, if every peer is asked for as many; a question for very few does not pay
   * @param bytesOf the size of a body that is lacking, undefined of others; asked when their turn comes
   */
  choose(
    peerId: string,
    missing: readonly Hash[],
    nowMs: number,
    share: number,
    bytesOf: (hash: Hash) => number | undefined,
  ): readonly Hash[] {
    const countMax = Math.min(BODIES_IN_FLIGHT_PER_PEER, Math.max(SHARE_MIN, share));
    const chosen: Hash[] = [];
    let bytes = 0;
    for (const hash of missing.slice(0, BODIES_WINDOW)) {
      if (chosen.length >= countMax || bytes >= SYNC_BATCH_BYTES) break;
      const size = this.#mayAsk(peerId, byteText(hash), nowMs) ? bytesOf(hash) : undefined;
      if (size === undefined) continue;
      bytes += size;
      chosen.push(hash);
    }
    return chosen;
  }

  asked(peerId: string, hashes: readonly Hash[], nowMs: number): void {
    for (const hash of hashes) this.#flights.set(byteText(hash), { peerId, lateAtMs: nowMs + this.#slowMs });
  }

  /** The answer is here and being worked off. */
  answered(peerId: string, hashes: readonly Hash[]): void {
    for (const hash of hashes) {
      const flight = this.#flights.get(byteText(hash));
      if (flight?.peerId === peerId) flight.lateAtMs = Number.POSITIVE_INFINITY;
    }
  }

  /** The question to this peer is over, whatever came of it. */
  ended(peerId: string, hashes: readonly Hash[]): void {
    for (const hash of hashes) {
      const id = byteText(hash);
      if (this.#flights.get(id)?.peerId === peerId) this.#flights.delete(id);
    }
  }

  delivered(hash: Hash): void {
    const id = byteText(hash);
    for (const missed of this.#missed.values()) missed.delete(id);
  }

  missed(peerId: string, hash: Hash, nowMs: number): void {
    const id = byteText(hash);
    const ofPeer = this.#missed.get(peerId) ?? new Map<string, Missed>();
    this.#missed.set(peerId, ofPeer);
    const rests = ofPeer.get(id)?.rests ?? 0;
    const restMs = Math.min(REST_MS_MAX, REST_MS * 2 ** Math.min(16, rests));
    ofPeer.set(id, { rests: rests + 1, restsUntilMs: nowMs + restMs });
    if (ofPeer.size > MISSED_BODIES_PER_PEER_MAX) dropOldest(ofPeer);
  }

  /** The peer has left. */
  forget(peerId: string): void {
    this.#missed.delete(peerId);
  }

  #mayAsk(peerId: string, id: string, nowMs: number): boolean {
    const flight = this.#flights.get(id);
    if (flight !== undefined && (flight.peerId === peerId || nowMs < flight.lateAtMs)) return false;
    const missed = this.#missed.get(peerId)?.get(id);
    if (missed === undefined) return true;
    // A longer rest than any that was ever given means that the clock was set back.
    const restMs = missed.restsUntilMs - nowMs;
    return restMs <= 0 || restMs > REST_MS_MAX;
  }
}
