/**
 * The port between JSON-RPC and the node: written here by its user, implemented by the node. It speaks in domain
 * types (Hash, bigint, BlockHead, Receipt bytes); hex, decimal strings and reversed block hashes are this folder's
 * matter. It refuses to know HTTP, JSON, connections and waiting: those are built on `subscribe`.
 * Contract: members that return a plain value answer from memory and never throw for a caller's input. Members that
 * return a Promise read the store; a rejection means that the world failed and is answered with -32603.
 *
 * This folder: JSON-RPC from a caller's bytes to the node's port, which is this file, and the errors of the interface.
 * Not here: the client (sdk), the node behind the port (node/api), peers (p2p).
 */
import type { Address, Hash } from "../base/bytes.ts";
import type { Fault, Verdict } from "../base/fault.ts";
import type { Account } from "../chain/modules/accounts.ts";
import type { ModuleSet } from "../chain/modules/module-set.ts";
import type { ConsensusRules, SealView, WorkSchedule } from "../chain/rules.ts";
import type { BlockHead, SealedBlock } from "../chain/types/block.ts";
import type { Receipt } from "../chain/types/receipt.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { ValidatorSet } from "../chain/types/validator-set.ts";
import type { EngineEvent, EngineStatus, Evidence, ValidatorId } from "../consensus/engine.ts";
import type { ChainModeApi } from "./chain-mode-api.ts";
import type { EventIndexApi } from "./event-index-api.ts";
import type { JoiningApi } from "./joining.ts";
import type { LedgerReads } from "./ledger-reads.ts";
import type { MembershipApi } from "./membership.ts";
import type { MiningApi } from "./mining-api.ts";
import type { ModulesApi } from "./modules-api.ts";
import type { OperatorApi } from "./operator-api.ts";
import type { PeerMemoryApi } from "./peer-memory.ts";
import type { RecentApi } from "./recent-api.ts";
import type { SnapshotsApi } from "./snapshots-api.ts";
import type { Symptoms } from "./symptoms.ts";

export interface NodeApi extends SnapshotsApi {
  // --- this node ---------------------------------------------------------------------------------------------
  info(): NodeInfo;
  /** Undefined while the node is not behind its peers. */
  syncing(): Syncing | undefined;
  /**
   * The greatest height that this node has reason to believe, its own at least: of a mined chain that of the heaviest
   * header, elsewhere what f+1 validators tell. What a single peer claims is in `peers()`.
   */
  believedHeight(): bigint;
  /** Milliseconds since the Unix epoch when the head last moved (or the node started) by this node's clock. */
  headChangedAtMs(): number;
  /** Resolves when the database answers a read. */
  checkStore(): Promise<void>;
  /** The Prometheus text format 0.0.4. */
  metrics(): Promise<string>;

  // --- blocks ------------------------------------------------------------------------------------------------
  /** The parsed genesis.json, as it was read; and what transactions of this chain can do. */
  genesis(): unknown;
  modules(): ModuleSet;
  readonly moduleVersions: ModulesApi;
  /** The last executed block of the best branch. */
  head(): BlockHead;
  /**
   * The last block that is never abandoned: the head itself where finality is instant. Elsewhere a label, the block
   * `finalityDepth` of the mode below the head (block 0 below that), and its height can fall.
   */
  finalized(): BlockHead;
  /** Whether blocks can be abandoned, and what there is to ask where they can. */
  chainMode(): ChainModeApi;
  /** Mining, where blocks are mined and this node can. */
  mining(): MiningApi | undefined;
  /** Height of a block of this chain (not of an abandoned branch) by its hash. */
  heightOf(hash: Hash): Promise<bigint | undefined>;
  /**
   * Gives what `read` gives of one ledger from its beginning to its end: it waits while the head moves to another
   * branch or on, and repeats what a move interrupted. Undefined when that took too long, or moves came too often.
   */
  readSettled<T>(read: () => T | Promise<T>): Promise<{ readonly value: T } | undefined>;
  /** The header and summary at a height, or undefined above the head. */
  headAt(height: bigint): Promise<BlockHead | undefined>;
  /** The block at a height with its seal, which is empty for block 0. Undefined above the head. */
  sealedBlockAt(height: bigint): Promise<SealedBlock | undefined>;
  /** Which blocks are here whole. */
  storage(): StorageView;
  /** The encoded receipts of a block, in the order of its transactions, or undefined above the head. */
  receiptsAt(height: bigint): Promise<readonly Uint8Array[] | undefined>;
  /** Where events and transactions of accounts stand, or undefined on a node that keeps no index of them. */
  eventIndex(): EventIndexApi | undefined;
  /** Says in fields what a seal holds, as ConsensusRules.describeSeal does. */
  describeSeal(head: BlockHead, seal: Uint8Array): SealView;

  // --- transactions ------------------------------------------------------------------------------------------
  /** Looks a transaction up by its txid, in the pool and in the chain. */
  findTransaction(id: Hash): Promise<TransactionPlace | undefined>;
  /**
   * Decodes, checks and pools an envelope; the value is its txid. The fault's code goes to the caller as it is:
   * TX_* (TX_BAD_SIGNATURE, TX_NONCE_TOO_LOW, TX_NONCE_GAP, TX_INSUFFICIENT_FUNDS, TX_DUPLICATE, TX_FEE_TOO_LOW,
   * TX_EXPIRED, ...), MEMPOOL_FULL or SYNCING; `malformed` and `too-large` are the codec's own.
   */
  submit(bytes: Uint8Array): Verdict<Hash>;
  /**
   * Judges the signatures of envelopes together, each of which is `submit`ted at once afterwards.
   * @returns a promise where another thread judges them: of the milliseconds there that the caller has to pay for. Never rejects
   */
  prepare(envelopes: readonly Uint8Array[]): Promise<number> | undefined;
  /** Milliseconds after which what MEMPOOL_FULL refused may find room. */
  roomAfterMs(): number;
  /** Executes an envelope on the head's state and throws the result away. Faults as those of `submit`. */
  simulate(bytes: Uint8Array): Verdict<Simulation>;
  pool(): PoolStatus;
  readonly recent: RecentApi;

  // --- state, the latest only --------------------------------------------------------------------------------
  account(address: Address): AccountAnswer;
  /** A raw state key (chain/state/state-keys.ts), with a proof under the head's state root if asked for. */
  state(key: Uint8Array, prove: boolean): Promise<StateAnswer>;
  readonly ledger: LedgerReads;

  // --- consensus and network ---------------------------------------------------------------------------------
  /** Undefined on a node that does not validate. */
  engine(): EngineStatus | undefined;
  /** Empty on a node that does not validate. */
  engineTimers(): readonly RunningTimer[];
  validators(): ValidatorSet;
  /** Milliseconds since the Unix epoch. Undefined for a validator that is connected to this node, and for itself. */
  awaySinceMs(validator: ValidatorId): number | undefined;
  /**
   * When a connected validator last sent a consensus message, ms since the Unix epoch; undefined for one that is not
   * connected, for itself, and on a node that does not validate.
   */
  silentSinceMs(validator: ValidatorId): number | undefined;
  /** What may be wrong around this node and is no part of the chain. */
  symptoms(): Symptoms;
  /** Proven equivocations, the newest first. */
  evidence(countMax: number): readonly EvidenceView[];
  /** Multiaddrs that the node listens on. */
  listenAddresses(): readonly string[];
  peers(): readonly PeerView[];
  /** Peer ids that this node is cut off from on purpose. */
  blockedPeers(): readonly string[];
  /** From now on cuts this node off from exactly these peers. For drills on dev chains. */
  blockPeers(peerIds: readonly string[]): void;

  /** The epochs and their members. Undefined where the validators never change. */
  membership(): MembershipApi | undefined;

  /** Invitations and the operator's peers. A node without a home leaves them out. */
  readonly joining?: JoiningApi | undefined;
  /** What whoever runs the node asks of it. Undefined on a node without a home. */
  readonly operator?: OperatorApi | undefined;

  /** What this node remembers of strangers, where they are let in. */
  peerMemory(): PeerMemoryApi | undefined;

  // --- events --------------------------------------------------------------------------------------------------
  /** The listener must not throw. The returned function ends the subscription and may be called twice. */
  subscribe<T extends keyof NodeEvents>(topic: T, listener: (events: NodeEvents[T]) => void): () => void;
}

export interface NodeInfo {
  readonly name: string;
  /** The version of the package. */
  readonly version: string;
  readonly chainId: bigint;
  readonly genesisHash: Hash;
  readonly consensus: ConsensusRules["name"];
  readonly mode: "validator" | "miner" | "full";
  /** The libp2p peer id in base58. */
  readonly peerId: string;
  /** The account that receives this node's fees. */
  readonly address: Address | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
}

/** A chain whose blocks can be abandoned. Members answer from memory unless they return a Promise. */
export interface BranchesApi {
  readonly schedule: WorkSchedule;
  /** Cumulative work up to a known block, on whatever branch. */
  workOf(hash: Hash): bigint | undefined;
  /** The last blocks of the branches, the active one first, then by work. Their number is bounded. */
  tips(): readonly TipView[];
  /** A stored block that is not on the active chain, or undefined for one that is, and for an unknown one. */
  beside(hash: Hash): Promise<SideBlockView | undefined>;
  /** The newest first. */
  reorgs(countMax: number): Promise<readonly ReorgRecord[]>;
  /** Hashes per second of all miners, from the work of the last blocks, or undefined before there are two. */
  hashrate(): number | undefined;
  /** The operator's word against a block, until it is taken back. */
  invalidate(hash: Hash): Promise<Fault | undefined>;
  reconsider(hash: Hash): Promise<Fault | undefined>;
}

export interface TipView {
  readonly head: BlockHead;
  /** How many of its blocks are not on the active chain: 0 for the active tip. */
  readonly branchLength: number;
  /** The cumulative work of the branch, in expected hashes. */
  readonly work: bigint;
  /** A valid-fork was executed once. Of valid-headers all bodies are here, and of headers-only some are missing. */
  readonly status: "active" | "valid-fork" | "valid-headers" | "headers-only" | "invalid";
}

/** A block of an abandoned branch, of one that never won, or of one that is still being fetched. */
export interface SideBlockView {
  readonly head: BlockHead;
  /** Undefined when only the header and the summary are here. */
  readonly transactions: readonly SignedTransaction[] | undefined;
  /** Height of the last block that its branch shares with the active chain. */
  readonly forkHeight: bigint;
  /** The state of this block itself: valid-headers means that its own body is here. */
  readonly status: Exclude<TipView["status"], "active">;
}

export interface ReorgRecord {
  readonly atMs: number;
  readonly ancestor: Hash;
  readonly oldHead: Hash;
  readonly newHead: Hash;
  /** How many blocks were undone. */
  readonly depth: number;
  /** How many blocks were executed in their place. */
  readonly entered: number;
  /** Transactions of the undone blocks that the new ones do not hold, coinbases aside. */
  readonly dropped: number;
}

export interface Syncing {
  readonly current: bigint;
  readonly target: bigint;
  /** Whether this node has reason to believe the target. When false, a peer claims it. */
  readonly targetVerified: boolean;
  readonly startedAtMs: number;
  /** Which of the two are being fetched, where headers come before their bodies. */
  readonly phase?: "heads" | "bodies";
}

export type TransactionPlace =
  | { readonly status: "pending"; readonly transaction: SignedTransaction }
  | { readonly status: "included"; readonly height: bigint; readonly index: number };

export interface Simulation {
  readonly receipt: Receipt;
  /** The module that the transaction calls. */
  readonly module: number;
  /** The block on whose state it ran. */
  readonly at: BlockHead;
}

/** A running timer of the engine. */
export interface RunningTimer {
  readonly name: string;
  /** Milliseconds until it fires, or 0 when it is overdue. */
  readonly dueInMs: number;
  /** How long it was set to be, ms. */
  readonly lengthMs: number;
}

export interface EvidenceView {
  readonly evidence: Evidence;
  /** The record as `Consensus.openEvidence` takes it. */
  readonly bytes: Uint8Array;
  /** When this node found it or was told, ms since the Unix epoch. */
  readonly foundAtMs: number;
}

export interface PoolStatus {
  readonly transactions: number;
  readonly bytes: number;
  /** How many of `transactions` could run now, one after the other. */
  readonly executable: number;
  /** How many of `transactions` wait for an earlier nonce. */
  readonly queued: number;
  readonly transactionsMax: number;
  readonly bytesMax: number;
}

export interface AccountAnswer {
  /** An account that the state does not hold has balance 0 and nonce 0. */
  readonly account: Account;
  /** The nonce of the sender's next transaction, counting what is executable in the pool. */
  readonly pendingNonce: bigint;
  readonly at: BlockHead;
  /** What this account has mined and cannot spend yet; undefined where nothing is mined, or it is not cheap to say. */
  readonly maturing?: { readonly sum: bigint; readonly nextHeight: bigint | undefined } | undefined;
}

export interface StateAnswer {
  readonly value: Uint8Array | undefined;
  readonly at: BlockHead;
  /** Present exactly when asked for. `seal` is empty at height 0. */
  readonly proof: { readonly bytes: Uint8Array; readonly seal: Uint8Array } | undefined;
}

export interface PeerView {
  readonly peerId: string;
  readonly name: string | undefined;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly validator: ValidatorId | undefined;
  readonly connectedAtMs: number;
  readonly latencyMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The head height it last told: a claim that nobody has checked. */
  readonly height: bigint | undefined;
  /** Its clock minus this node's, ms, and how far that may be wrong. Undefined while it is not measured. */
  readonly clock?: { readonly offsetMs: number; readonly errorMs: number } | undefined;
  /**
   * What it stores, as it said. Undefined for a peer of the release before, as is `rules`, the highest that
   * its program knows.
   */
  readonly storage?: Pick<StorageView, "mode" | "lowestBody"> | undefined;
  readonly rules?: number | undefined;
}

export interface StorageView {
  /** The mode as it is configured: an archive that was pruned before has a lowest body above 1 as well. */
  readonly mode: "archive" | "pruned";
  /** Lowest height of a header besides block 0: above 1 where the chain began from a snapshot. */
  readonly firstHeight: bigint;
  /** Lowest height whose body and receipts are here. */
  readonly lowestBody: bigint;
  /** What is assumed, where a mined chain began with a snapshot whose history is not executed yet. */
  readonly assumed?: AssumedView | undefined;
}

export interface AssumedView {
  /** The block whose state the snapshot gave. */
  readonly height: bigint;
  /** The blocks up to this one were executed here. */
  readonly checked: bigint;
}

/** A block that entered the chain, with its encoded receipts. */
export interface BlockEvent {
  readonly sealed: SealedBlock;
  readonly receipts: readonly Uint8Array[];
}

export interface ReorgEvent {
  readonly atMs: number;
  readonly ancestor: BlockHead;
  readonly oldHead: BlockHead;
  readonly newHead: BlockHead;
  /** The blocks that left the chain, by ascending height. */
  readonly abandoned: readonly SealedBlock[];
  readonly entered: readonly SealedBlock[];
  /** Ids of the abandoned transactions that the entered blocks do not hold, coinbases aside. */
  readonly dropped: readonly Hash[];
  /** A block that was told as final is abandoned. */
  readonly finalizedReversed: boolean;
}

export interface NodeEvents {
  /** Each new head, in order, after it is durable. */
  readonly head: BlockEvent;
  /**
   * Each block that became final, in order. Under PBFT with every head, after `head`; elsewhere by depth, and never
   * twice unless a reorganisation reversed it.
   */
  readonly finalized: BlockEvent;
  /** The chain left one branch for another; before the heads that entered are told. */
  readonly reorg: ReorgEvent;
  /** A transaction left the pool without being included. */
  readonly dropped: { readonly id: Hash; readonly reason: "expired" | "replaced" | "evicted" };
  readonly consensus: { readonly atMs: number; readonly event: EngineEvent };
}
