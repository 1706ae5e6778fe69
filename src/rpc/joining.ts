/**
 * How nodes are let in: invitations, and the peers that the operator names. These are shapes alone; the node
 * implements them.
 */
import type { Verdict } from "../base/fault.ts";

/** Characters that an invitation may have. */
export const INVITATION_TEXT_MAX = 4_096;
/** URLs, and multiaddrs, in an invitation. */
export const INVITATION_ADDRESSES_MAX = 8;
/** A month. */
export const INVITATION_HOURS_MAX = 744;
/** Invitations of a node that were taken and have not expired: the next one is refused. */
export const INVITATIONS_TAKEN_MAX = 1_000;

export interface JoiningApi {
  /** An invitation, signed by this node's key. Faults: BAD_INVITATION for an address that it cannot carry. */
  invite(order: InvitationOrder): Verdict<{ readonly text: string; readonly expiresAtMs: number }>;
  /**
   * Takes an invitation of this node: whoever has that peer id may connect from now on, also after a restart. The same
   * peer may take it twice. Faults: BAD_INVITATION, INVITATION_EXPIRED, INVITATION_USED.
   * @returns whom to dial, this node first
   */
  admit(guest: Guest): Verdict<readonly NamedPeer[]>;
  /** Reads peers.json again and lives by it. Faults: BAD_PEERS_FILE, after which all is as before. */
  reloadPeers(): Verdict<PeersReload>;
}

export interface InvitationOrder {
  /** Where this node's JSON-RPC is reached, http or https. */
  readonly urls: readonly string[];
  /** Multiaddrs in place of those that the node listens on. */
  readonly addresses: readonly string[];
  readonly hours: number;
}

export interface Guest {
  readonly invitation: string;
  readonly name: string;
  /** The libp2p peer id in base58. */
  readonly peerId: string;
}

export interface NamedPeer {
  readonly name: string;
  readonly peerId: string;
  /** Where the peer listens, without /p2p at the end. */
  readonly multiaddr: string;
}

export interface PeersReload {
  readonly peers: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}
