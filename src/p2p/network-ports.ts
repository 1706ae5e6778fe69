/** What the network needs and what it calls: the shapes of network.ts. */

import type { Address, Hash } from "../base/bytes.ts";
import type { Relay } from "../base/fault.ts";
import type { Logger } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import type { Signer } from "../crypto/keys.ts";
import type { DiscoveryOptions } from "./discovery/discovery.ts";
import type { GossipTopic } from "./gossip/rumor.ts";
import type { Host } from "./transport/host.ts";
import type { Meter } from "./transport/meter.ts";
import type { StaticPeer } from "./transport/redial.ts";
import type { Sessions } from "./transport/sessions.ts";
import type { HelloStorage } from "./transport/wire.ts";

/** Whom the operator of this node names. */
export interface OperatorPeers {
  /** They are dialled, and may connect. */
  readonly staticPeers: readonly StaticPeer[];
  /** Peer ids that may connect besides. */
  readonly allowed: readonly string[];
}

export interface P2pOptions
  extends Pick<OperatorPeers, "staticPeers">,
    Partial<Pick<OperatorPeers, "allowed">> {
  /** The libp2p identity (keys/node.json) as 32 secret bytes. */
  readonly identitySeed: Uint8Array;
  /** A TCP multiaddr to listen on. Port 0 takes a free one. */
  readonly listen: string;
  readonly genesisHash: Hash;
  readonly chainId: bigint;
  /** This node's name, which its peers are shown: at most 32 bytes of UTF-8 without control characters. */
  readonly name: string;
  /** Peer ids that may connect for good, whatever the operator says: those of the genesis validators. */
  readonly allowlist: readonly string[];
  /** Consensus keys in the order of the validator set. */
  readonly validators: readonly Address[];
  /** This node's consensus key, if it validates. */
  readonly signer: Signer | undefined;
  /** Peer ids that are cut off from the start, as by {@link P2pNetwork.block}. */
  readonly blocked?: readonly string[];
  /**
   * Makes the network an open one: whoever follows the chain may connect, and addresses of more peers are exchanged.
   * Without it only allowed peers connect, and only static ones are dialled.
   */
  readonly discovery?: DiscoveryOptions | undefined;
}

/** A message of which the first bytes are here. */
export interface LargeMessage {
  /** The first bytes of the message, some hundred at most. */
  readonly start: Uint8Array;
  /** How many bytes the whole message has. */
  readonly bytes: number;
}

/** Envelopes that one peer sent together. */
export interface ReceivedTransactions {
  readonly peerId: string;
  readonly envelopes: readonly Uint8Array[];
}

/** What became of transactions whose signatures another thread has judged. */
export interface JudgedAhead {
  /** Milliseconds that the thread computed, by estimate. */
  readonly computedMs: number;
  /** How many signatures are invalid. */
  readonly refused: number;
}

export interface AnnouncedMail {
  readonly isAwaited: boolean;
  /** While it is pending no more of this author should be read. */
  readonly pause: Promise<void> | undefined;
}

/** What the network calls of the node, as in node/ports.ts, where the contract stands. */
export interface P2pHandlers {
  /** `author` is the validator whose key the peer proved at the handshake. */
  mailReceived(peerId: string, author: number, bytes: Uint8Array): Promise<void> | undefined;
  mailAnnounced(peerId: string, author: number, message: LargeMessage): AnnouncedMail;
  rumorReceived(topic: GossipTopic, peerId: string, bytes: Uint8Array): Promise<Relay>;
  /**
   * Batches of transactions that came at once: what each is worth, by batch and in its order, as
   * {@link rumorReceived} says it of one. Where this is left out, they come by rumorReceived one by one.
   */
  transactionsReceived?(batches: readonly ReceivedTransactions[]): readonly (readonly Relay[])[];
  /** Is called before it with the same batches: see there. */
  transactionsAhead?(batches: readonly ReceivedTransactions[]): Promise<JudgedAhead> | undefined;
  requestReceived(peerId: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** @param lowestBody the lowest block whose body it says it has. Undefined where it says nothing of it */
  peerConnected(peerId: string, lowestBody?: bigint): void;
  peerDisconnected(peerId: string): void;
}

export interface P2pDependencies {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** The height of this node's head, which the peers are given as a hint. */
  headHeight(): bigint;
  /** How this node stores blocks, which they are given as well; an archive from block 1 on if left out. */
  storage?(): HelloStorage;
  /** A number in [0, 1) to spread dials. */
  jitter(): number;
}

/** What every protocol among admitted peers is made of: mail, rumors, questions, clocks. */
export interface ProtocolParts {
  readonly host: Host;
  readonly sessions: Sessions;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly meter: Meter;
}
