/**
 * Why each peer of peers.json is not connected, in words for whoever runs this node: a refused dialer learns little,
 * and what it learns stood in the log alone. Pure. Bound: one reason for each static peer, and its id.
 */
import { must } from "../base/assert.ts";
import type { StaticPeer } from "./transport/redial.ts";

export interface Trouble {
  readonly name: string;
  readonly reason: string;
}

const REASON_LENGTH_MAX = 320;

export class Troubles {
  readonly #selfId: string;
  #peers: ReadonlyMap<string, StaticPeer> = new Map();
  readonly #reasons = new Map<string, string>();
  /** The peers among them whose handshake told the reason. */
  readonly #refused = new Set<string>();
  /** The peers among them that were connected since this process began. */
  readonly #met = new Set<string>();

  constructor(selfId: string, peers: readonly StaticPeer[]) {
    this.#selfId = selfId;
    this.setPeers(peers);
  }

  /** The static peers are these from now on; what was known of others is forgotten. */
  setPeers(peers: readonly StaticPeer[]): void {
    this.#peers = new Map(
      peers.filter((peer) => peer.peerId !== this.#selfId).map((peer) => [peer.peerId, peer]),
    );
    for (const peerId of [...this.#reasons.keys(), ...this.#met]) {
      if (this.#peers.has(peerId)) continue;
      this.solved(peerId);
      this.#met.delete(peerId);
    }
  }

  dialFailed(peerId: string, error: string): void {
    this.#refused.delete(peerId);
    this.#note(peerId, (peer) => explainDial(peer.multiaddr, error));
  }

  /** The handshake showed that the two do not belong together. */
  refused(peerId: string, detail: string): void {
    if (this.#peers.has(peerId)) this.#refused.add(peerId);
    this.#note(peerId, () => detail);
  }

  /** It ended the connection that this node had opened before the handshake was done, and says nothing of why. */
  hungUp(peerId: string): void {
    if (this.#refused.has(peerId)) return; // that says more
    const cause = this.#met.has(peerId)
      ? `it was connected before, so it stops, is too busy to answer in time, or no longer lists this node's peer id, ${this.#selfId}`
      : `most likely its peers.json and genesis do not list this node's peer id, ${this.#selfId}`;
    this.#note(
      peerId,
      ({ multiaddr }) =>
        `it ends the connection at ${multiaddr} before the handshake: ${cause} (its log says why)`,
    );
  }

  solved(peerId: string): void {
    this.#refused.delete(peerId);
    this.#reasons.delete(peerId);
    if (this.#peers.has(peerId)) this.#met.add(peerId);
  }

  list(): readonly Trouble[] {
    return [...this.#reasons].map(([peerId, reason]) => ({
      name: must(this.#peers.get(peerId), "only static peers have reasons").name,
      reason,
    }));
  }

  #note(peerId: string, say: (peer: StaticPeer) => string): void {
    const peer = this.#peers.get(peerId);
    if (peer !== undefined) this.#reasons.set(peerId, say(peer).slice(0, REASON_LENGTH_MAX));
  }
}

/** What libp2p's words for a failed dial mean. */
function explainDial(address: string, error: string): string {
  if (error.includes("ECONNREFUSED")) return `nobody listens at ${address}`;
  if (error.includes("does not match expected remote identity"))
    return `at ${address} another node answers: its peer id is not the one that peers.json lists`;
  if (/ENOTFOUND|EAI_AGAIN/.test(error)) return `the name in ${address} is not known`;
  if (/EHOSTUNREACH|ENETUNREACH/.test(error)) return `no way to ${address}`;
  if (/timed? ?out|ETIMEDOUT|abort/i.test(error)) return `no answer from ${address}`;
  return `dialling ${address} fails: ${error}`;
}
