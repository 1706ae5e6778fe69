/**
 * What a network knows whether it runs or not: who may connect, who is cut off, where validators sit, and what was
 * seen of peers. network.ts changes it at its owner's word, and running-network.ts lives by it.
 */
import type { Address } from "../base/bytes.ts";
import type { OperatorPeers, P2pOptions } from "./network-ports.ts";
import { Allowlist } from "./transport/allowlist.ts";
import { peerIdFromSeed } from "./transport/identity.ts";
import { Meter } from "./transport/meter.ts";
import { Pauses } from "./transport/pauses.ts";
import { PeerNotes } from "./transport/peer-notes.ts";
import type { StaticPeer } from "./transport/redial.ts";
import { Troubles } from "./troubles.ts";

export class NetworkState {
  /** The peer id of this node, in base58. */
  readonly peerId: string;
  readonly meter = new Meter();
  readonly notes = new PeerNotes();
  /** Peers that were sent away for a while. */
  readonly pauses = new Pauses();
  readonly troubles: Troubles;
  readonly allowed: Allowlist;
  /** Peer ids that are cut off on purpose. */
  blocked: ReadonlySet<string>;
  /** The validators by seat. The list grows where the members of the chain change. */
  validators: readonly Address[];
  /** The seats of those who are validators today. */
  members: ReadonlySet<number>;
  readonly #ofGenesis: readonly string[];
  #names: ReadonlyMap<string, string> = new Map();

  constructor(options: P2pOptions) {
    const { staticPeers } = options;
    this.peerId = peerIdFromSeed(options.identitySeed);
    this.troubles = new Troubles(this.peerId, staticPeers);
    this.#ofGenesis = options.allowlist;
    this.allowed = new Allowlist([
      ...options.allowlist,
      ...(options.allowed ?? []),
      ...staticPeers.map(idOf),
    ]);
    this.blocked = new Set(options.blocked);
    this.validators = options.validators;
    this.members = new Set(options.validators.keys());
    this.#name(staticPeers);
  }

  /** The operator names these peers from now on, in place of those before. */
  usePeers({ staticPeers, allowed }: OperatorPeers): void {
    this.allowed.setOwn([...this.#ofGenesis, ...allowed, ...staticPeers.map(idOf)]);
    this.troubles.setPeers(staticPeers);
    this.#name(staticPeers);
  }

  #name(peers: readonly StaticPeer[]): void {
    this.#names = new Map(peers.map(({ peerId, name }) => [peerId, name]));
  }

  /** The name of a static peer, or undefined for every other. */
  nameOf(peerId: string): string | undefined {
    return this.#names.get(peerId);
  }
}

const idOf = ({ peerId }: StaticPeer): string => peerId;
