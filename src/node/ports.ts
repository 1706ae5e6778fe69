/**
 * What the replica needs from the world, written by the replica: the network, the miner, and nothing that the lower
 * floors do not define already (storage/kv.ts, storage/record-log.ts, base/scheduler.ts, base/log.ts). p2p implements it
 * over libp2p, the tests and the simulator in memory. All methods return at once or resolve in microtasks when the
 * implementation is virtual.
 */

import type { Address } from "../base/bytes.ts";
import type { Relay } from "../base/fault.ts";
import type { Block } from "../chain/types/block.ts";
import type { BatchVerdicts, SignatureClaim } from "../crypto/keys.ts";
import type { AnnouncedMail, JudgedAhead, LargeMessage, ReceivedTransactions } from "../p2p/network-ports.ts";
import type { PeerView } from "../rpc/api.ts";
import type { Seat } from "./votes/seats.ts";

export type RumorTopic = "transactions" | "blocks" | "evidence";

/** A connected peer: the network knows it, JSON-RPC shows it. */
export type { PeerView };

/** Looks for nonces. Real ones have threads, the simulator's has virtual time. */
export interface Miner {
  /** Works on `block` in place of whatever it worked on; `solved` is called at most once, with the whole block. */
  mine(block: Block, solved: (block: Block) => void): void;
  stop(): void;
}

/** Judges signatures by the whole rule (crypto/keys.ts) beside the thread that the replica runs on. */
export interface SignatureVerifier {
  /** Of fewer claims the replica's own thread is quicker. Infinity where nothing is to be judged ahead. */
  readonly batchMin: number;
  /** @returns whether each is valid, in order. Undefined when nobody will judge them. Never rejects. */
  judge(claims: readonly SignatureClaim[]): Promise<BatchVerdicts | undefined>;
}

export interface NetworkHandlers {
  /**
   * Direct mail, from a peer that proved to be the validator that sits at `author` (votes/seats.ts).
   * @returns a promise while no more of this author should be read (back-pressure); it resolves when reading may go on
   */
  mailReceived(peerId: string, author: Seat, bytes: Uint8Array): Promise<void> | undefined;
  /** A message begins that is too long to be read unasked: whether it is awaited. What is not is never kept. */
  mailAnnounced(peerId: string, author: Seat, message: LargeMessage): AnnouncedMail;
  rumorReceived(topic: RumorTopic, peerId: string, bytes: Uint8Array): Promise<Relay>;
  /**
   * Batches of transactions that came at once: what each is worth, by batch and in its order, as
   * {@link rumorReceived} says it of one. Where this is left out, they come by rumorReceived one by one.
   */
  transactionsReceived?(batches: readonly ReceivedTransactions[]): readonly (readonly Relay[])[];
  /**
   * Is called before {@link transactionsReceived} with the same: resolves when what another thread judges of them is
   * judged. Undefined where nothing is to be waited for. Never rejects.
   */
  transactionsAhead?(batches: readonly ReceivedTransactions[]): Promise<JudgedAhead> | undefined;
  /** Answers a request of anti-entropy; a throw closes the stream. */
  requestReceived(peerId: string, bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * A peer passed the handshake.
   * @param lowestBody the lowest block whose body it says it has; undefined where it says nothing of it
   */
  peerConnected(peerId: string, lowestBody?: bigint): void;
  /** It left. */
  peerDisconnected(peerId: string): void;
}

export interface Network {
  /** This node's own peer id. */
  readonly peerId: string;
  start(handlers: NetworkHandlers): Promise<void>;
  stop(): Promise<void>;
  /** Direct mail to a validator: best effort, bounded, kept while it is away for a short time. Never throws. */
  mail(to: Seat, bytes: Uint8Array): void;
  /** Whether the validator at `to` is connected and its program reads compact proposals; nobody's does if left out. */
  readsCompact?(to: Seat): boolean;
  /** Sends a rumor to everyone. It never throws: what is lost is repaired by anti-entropy. */
  publish(topic: RumorTopic, bytes: Uint8Array): void;
  /** Transactions that came and of which the handlers have not been told yet; none if left out. */
  unjudged?(): number;
  /** One request and its answer. @throws Error on time-out, refusal or a broken connection. */
  request(peerId: string, bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * The validators known, by seat: more than before, or the same. Peers that have proved one of the keys sit there.
   * @param members the seats of those who are validators in the epoch of today
   */
  seat?(keys: readonly Address[], members: readonly Seat[]): void;
  /** Peers that the chain admits besides those of the genesis and of the operator. */
  allow?(peerIds: readonly string[]): void;
  peers(): readonly PeerView[];
  /** A peer told its head height: shown in {@link peers}. */
  noteHeight(peerId: string, height: bigint): void;
  /** A peer brought something right that was not known here: it is worth keeping. */
  brought?(peerId: string, what: "block" | "transaction"): void;
  /** A peer sent something provably wrong by way of repair: counted and logged. */
  reportFault(peerId: string, detail: string): void;
}
