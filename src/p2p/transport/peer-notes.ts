/**
 * What a connected peer said of itself and did for this node: the height it told, which is shown and decides nothing,
 * and when it last brought something new, which decides who is kept. Bound: one entry for each connected peer.
 */
import type { InboundPeer } from "../discovery/inbound-slots.ts";

export interface PeerNote {
  /** The height of its head as the peer told it. */
  readonly height?: bigint;
  readonly lastBlockAtMs?: number;
  readonly lastTransactionAtMs?: number;
}

export class PeerNotes {
  readonly #notes = new Map<string, PeerNote>();

  of(peerId: string): PeerNote {
    return this.#notes.get(peerId) ?? {};
  }

  connected(peerId: string, height: bigint): void {
    this.#notes.set(peerId, { height });
  }

  /** Nothing is noted of a peer that is not connected. */
  note(peerId: string, what: PeerNote): void {
    const known = this.#notes.get(peerId);
    if (known !== undefined) this.#notes.set(peerId, { ...known, ...what });
  }

  /** Adds to a peer what is noted of it. */
  complete(peer: Omit<InboundPeer, "lastBlockAtMs" | "lastTransactionAtMs">): InboundPeer {
    const { lastBlockAtMs, lastTransactionAtMs } = this.of(peer.peerId);
    return { ...peer, lastBlockAtMs, lastTransactionAtMs };
  }

  disconnected(peerId: string): void {
    this.#notes.delete(peerId);
  }

  clear(): void {
    this.#notes.clear();
  }
}
