/**
 * The boundary between a consensus engine and the driver that runs it. An engine is pure: one mutating method,
 * step(input) -> effects, no clock, no randomness, no async, no I/O. Inputs are facts in the past tense, effects
 * are orders in the imperative. The order of the effects is the safety contract:
 *
 *  - one input at a time, step is never re-entered; effects are performed in list order;
 *  - `journal`, `rotate-journal` and `store-checkpoint` are durable before any later effect of any list leaves the
 *    process (several steps may share one fsync);
 *  - build-block, check-block, mine, import-block and request-sync are started, not awaited: their outcome comes
 *    back as an input, or not at all;
 *  - a failed write or a throw from step stops the node.
 *
 * This folder: the boundary that both kinds of consensus implement; select.ts, the only file that names them, picks one
 * by the genesis. Not here: what a block does (chain), and whoever runs an engine (node/driver.ts).
 */
import type { Hash } from "../base/bytes.ts";
import type { Fault, Verdict } from "../base/fault.ts";
import type { Epochs } from "../chain/epochs.ts";
import type { Certificates, ConsensusRules, StableCheckpoint } from "../chain/rules.ts";
import type { Block, BlockHead, SealedBlock } from "../chain/types/block.ts";
import type { ValidatorSet } from "../chain/types/validator-set.ts";
import type { Signer } from "../crypto/keys.ts";
import type { CompactForm } from "./compact-form.ts";

/** Index of a validator in its epoch's set. */
export type ValidatorId = number;

/** The last committed (and executed) block of this node, as far as an engine cares. */
export interface Head {
  readonly height: bigint;
  readonly hash: Hash;
  readonly stateRoot: Hash;
  readonly nextValidatorsHash: Hash;
}

/** A committed block without its body, and its proof. */
export interface SealedHead {
  readonly head: BlockHead;
  readonly seal: Uint8Array;
}

/** The executable transaction that has waited longest at this node. */
export interface WaitingTransaction {
  /** Hash of the signed envelope. */
  readonly hash: Hash;
  /** How long it has been waiting here, ms. */
  readonly ageMs: number;
}

/** A timer is data: the engine recognises a stale one by comparison and ignores it. */
export interface Timer {
  readonly name: string;
  readonly height: bigint;
  readonly view: bigint;
  /** Counts the orders: two timers of one engine are never the same. */
  readonly serial: number;
}

export type Input<M> =
  /**
   * First input, once. `journal`: the records in order. `checkpoint`: the last stored certificate, if any.
   * `recent`: the newest committed blocks in ascending order, the last one being `head`, at most
   * `Consensus.recentHeads` of them, without block 0: what is derived from executed state is sent again from them.
   */
  | {
      readonly kind: "started";
      readonly head: Head;
      readonly journal: readonly Uint8Array[];
      readonly checkpoint: Uint8Array | undefined;
      readonly recent?: readonly SealedHead[];
    }
  /**
   * The committed head moved, whatever the cause: own import, sync. By one block under instant finality; else also
   * to another branch. `sealed` is the new head.
   */
  | { readonly kind: "head-changed"; readonly head: Head; readonly sealed: SealedHead }
  | { readonly kind: "message-received"; readonly message: M }
  | { readonly kind: "timer-fired"; readonly timer: Timer }
  /**
   * The pool's executable transactions, as far as an engine cares: told when one arrives into an empty pool, after
   * each head change, and right before each fired timer, so that no timer is judged by what has gone.
   */
  | { readonly kind: "pool-changed"; readonly oldest: WaitingTransaction | undefined }
  | { readonly kind: "block-built"; readonly parent: Hash; readonly block: Block }
  /** A build order found nothing to put into a block. */
  | { readonly kind: "nothing-to-build"; readonly parent: Hash }
  /** The verdict on a block that was to be checked. Only a permanent one comes back: "not yet" is no answer. */
  | { readonly kind: "block-checked"; readonly hash: Hash; readonly verdict: "valid" | "invalid" }
  /** The miner solved a block that it was ordered to work on. */
  | { readonly kind: "block-mined"; readonly block: Block }
  /** A block that this engine ordered to import is invalid for good: the node built what it refuses itself. */
  | { readonly kind: "own-block-refused"; readonly block: Block }
  /** The operator turned mining on or off, or changed who is paid while it is on. */
  | { readonly kind: "mining-switched"; readonly isOn: boolean }
  /**
   * What the last effect asked for, before any other input, where keys are asked by effects. Undefined: whoever holds the
   * key refuses, and what would have followed is left out; it is asked for again if it is still due.
   */
  | { readonly kind: "signed"; readonly signature: Uint8Array | undefined };

export type Effect<M> =
  /**
   * The last of its list: the step waits for this validator's signature, and its later effects come once `signed` has
   * brought it. Only with `signer: "asked"` (EngineOptions). Whoever cannot answer gives the engine up, and begins
   * another from the journal, as after a crash.
   */
  | { readonly kind: "sign"; readonly message: Uint8Array }
  | { readonly kind: "journal"; readonly record: Uint8Array }
  /** Replaces the whole journal atomically (rotation at a stable checkpoint). */
  | { readonly kind: "rotate-journal"; readonly records: readonly Uint8Array[] }
  | { readonly kind: "store-checkpoint"; readonly height: bigint; readonly certificate: Uint8Array }
  /** Send it to every other validator. */
  | { readonly kind: "broadcast"; readonly message: M }
  | { readonly kind: "send"; readonly to: ValidatorId; readonly message: M }
  /** Replaces a running timer of the same name. */
  | { readonly kind: "set-timer"; readonly timer: Timer; readonly delayMs: number }
  | { readonly kind: "clear-timer"; readonly name: string }
  /**
   * Build on the committed head or on a block this engine had built or checked. `allowEmpty` for a heartbeat;
   * `withoutPool`: nothing of the pool goes in, after a block that held some of it was refused.
   */
  | {
      readonly kind: "build-block";
      readonly parent: Hash;
      readonly allowEmpty: boolean;
      readonly withoutPool?: boolean;
    }
  /** Execute and validate; `early` is waited for. `certified`: skip the local clock's part (rule A7). */
  | { readonly kind: "check-block"; readonly block: Block; readonly certified: boolean }
  | { readonly kind: "import-block"; readonly sealed: SealedBlock }
  /** Look for a nonce, in place of whatever was looked at before. */
  | { readonly kind: "mine"; readonly block: Block }
  | { readonly kind: "stop-mining" }
  /** Others are ahead: fetch certified blocks up to `height` (a hint, never trusted). */
  | { readonly kind: "request-sync"; readonly height: bigint }
  /** Send committed blocks from `fromHeight` up, with their seals, a bounded batch. */
  | { readonly kind: "serve-blocks"; readonly to: ValidatorId; readonly fromHeight: bigint }
  /** Send this node's copy of a waiting transaction to the primary by mail: it may have missed the rumor. */
  | { readonly kind: "relay-transaction"; readonly to: ValidatorId; readonly hash: Hash }
  /** The checkpoint at the last height of the epoch is stable: this engine does nothing more. */
  | { readonly kind: "end-epoch"; readonly epoch: bigint }
  | { readonly kind: "report-fault"; readonly author: ValidatorId; readonly evidence: Uint8Array }
  /** Tell people and metrics; it changes nothing. */
  | { readonly kind: "announce"; readonly event: EngineEvent };

/** What happened inside the engine, for logs, metrics and the `consensus` subscription. */
export type EngineEvent =
  | {
      readonly type: "pre-prepare" | "prepare" | "commit";
      readonly from: ValidatorId;
      readonly view: bigint;
      readonly height: bigint;
      readonly hash: Hash;
    }
  | {
      readonly type: "prepared" | "committed";
      readonly view: bigint;
      readonly height: bigint;
      readonly hash: Hash;
    }
  | { readonly type: "checkpoint-stable"; readonly height: bigint }
  /** A validator asks for a view, this one included. `reason` is there only when this one asks. */
  | {
      readonly type: "view-change";
      readonly from: ValidatorId;
      readonly view: bigint;
      readonly reason?: ViewChangeReason;
    }
  /** This replica works in a new view. `minHeight`, `maxHeight`: what its NEW-VIEW carries over is between them. */
  | {
      readonly type: "new-view";
      readonly from: ValidatorId;
      readonly view: bigint;
      readonly minHeight: bigint;
      readonly maxHeight: bigint;
    }
  | { readonly type: "proposal-refused"; readonly view: bigint; readonly height: bigint; readonly hash: Hash }
  | {
      readonly type: "equivocation";
      readonly from: ValidatorId;
      readonly view: bigint;
      /** 0 for a VIEW-CHANGE, which has none. */
      readonly height: bigint;
    }
  /** The database is younger than the journal: from this height on it is fetched, without a vote until then. */
  | { readonly type: "recovering"; readonly height: bigint; readonly awaits: MissingState }
  /** What was missing is here: this replica votes again. */
  | { readonly type: "recovered"; readonly height: bigint }
  /** This replica has stopped voting for good: its state contradicts a quorum, or votes of its own are missing. */
  | { readonly type: "diverged" | "amnesia"; readonly height: bigint; readonly detail: string };

/** What a replica needs before it may vote again: a stable checkpoint at `height` or above, or the block of `height`. */
export interface MissingState {
  readonly kind: "checkpoint" | "block";
  readonly height: bigint;
}

/** Why a replica asks for another view. */
export type ViewChangeReason =
  /** The oldest pending item was not committed in time. */
  | "timeout"
  /** No NEW-VIEW came, or nothing was committed in it. */
  | "new-view-timeout"
  /** A transaction has waited too long although blocks had room. */
  | "unfair"
  /** Its blocks come late, those of other primaries did not. */
  | "slow"
  | "equivocation"
  /** f+1 replicas ask for it. */
  | "join"
  | "rotation";

/** What consensus_getState shows. */
export interface EngineStatus {
  readonly type: "pbft";
  readonly epoch: bigint;
  readonly view: bigint;
  readonly primary: ValidatorId;
  readonly self: ValidatorId | undefined;
  readonly mode: "normal" | "view-change" | "halted";
  /** View changes in a row without a quick commit: timeouts are T0 * 2^attempt, capped. */
  readonly attempt: number;
  /** The timers that run, with their lengths in ms. Only the driver knows when they are due. */
  readonly timers: readonly { readonly name: string; readonly delayMs: number }[];
  /** What the request timer waits for, or undefined when nothing is pending. */
  readonly waitingFor:
    | { readonly kind: "transaction"; readonly hash: Hash }
    | { readonly kind: "height"; readonly height: bigint }
    | { readonly kind: "heartbeat" }
    | undefined;
  /** For each view that is asked for, ascending: by whom it is. */
  readonly viewChanges: readonly { readonly view: bigint; readonly from: readonly ValidatorId[] }[];
  /** Why it votes no more, when halted. */
  readonly haltReason: string | undefined;
  /** What it fetches before it votes again: its database is younger than its journal. */
  readonly recovery: MissingState | undefined;
  readonly lowWatermark: bigint;
  readonly highWatermark: bigint;
  readonly lastCommitted: bigint;
  readonly stableCheckpoint: bigint;
  /** No COMMIT of this replica is above it: the highest height at which it signed one, has committed or is stable. */
  readonly lastPrepared: bigint;
  readonly n: number;
  readonly f: number;
  readonly quorum: number;
  readonly slots: readonly {
    readonly height: bigint;
    readonly view: bigint;
    readonly hash: Hash | undefined;
    readonly phase: "idle" | "pre-prepared" | "prepared" | "committed";
    readonly prepares: readonly ValidatorId[];
    readonly commits: readonly ValidatorId[];
  }[];
  readonly checkpoints: readonly { readonly height: bigint; readonly from: readonly ValidatorId[] }[];
  /** For each validator: the highest height and view seen in a verified message. */
  readonly lastSeen: readonly {
    readonly height: bigint;
    readonly view: bigint;
    /** Whether its newest STATUS says that it waits for a NEW-VIEW. */
    readonly inViewChange: boolean;
  }[];
}

/** A decoded, not yet verified message: what `wants` looks at before a signature costs anything. */
export interface Parsed {
  readonly type: string;
  readonly from: ValidatorId;
  readonly epoch: bigint;
  /** Proves itself, so that another than its author may bring it (NEW-VIEW). Everything else only its author may. */
  readonly relayed?: boolean;
}

export interface ConsensusEngine<P extends Parsed, M> {
  /** A pure query before any signature is checked: epoch, window, duplicate. */
  wants(parsed: P): boolean;
  /**
   * The same by a message's first bytes (about a hundred), where it is too long to be read unasked: true for whatever of that
   * length `wants` would be true for. Absent where nobody sends messages.
   */
  awaits?(author: ValidatorId, start: Uint8Array, bytes: number): boolean;
  step(input: Input<M>): readonly Effect<M>[];
  /** Undefined where nobody agrees on anything by messages. */
  status(): EngineStatus | undefined;
  /** What it holds of the messages of others, for those who watch its bounds. */
  holdings?(): EngineHoldings;
  /** k alone, of all that {@link status} tells, for whoever asks after each step. */
  readonly attempt?: number;
}

/** Counts of what an engine keeps in memory. */
export interface EngineHoldings {
  /** Heights, and views within them. */
  readonly slots: number;
  readonly rounds: number;
  /** Block bodies and their bytes. */
  readonly bodies: number;
  readonly bodyBytes: number;
  /** The most rounds that are held at one height. */
  readonly roundsMax: number;
  readonly bodiesMax: number;
}

/** The only maker of verified messages: sizes, then form, then signatures. `compact` only where messages bring blocks. */
export interface MessageVerifier<P extends Parsed, M> {
  parse(bytes: Uint8Array): Verdict<P>;
  /** Checks every signature in the message. */
  verify(parsed: P): Verdict<M>;
  encode(message: M): Uint8Array;
  readonly compact?: CompactForm<P, M>;
}

/** Local settings of an engine: nothing that others must share (that is genesis). */
export interface EngineSettings {
  /** How often STATUS is sent, ms. */
  readonly statusIntervalMs: number;
  /** Least time between two blocks, ms. With 0 a block is made as soon as there is work. */
  readonly blockTimeMs: number;
  /** T_empty: after so long without a block an empty one is proposed, ms. With undefined this never happens. */
  readonly emptyBlocksMs: number | undefined;
  /** T0: how long the oldest pending item may take in the first view, ms. */
  readonly requestTimeoutMs: number;
  /** T_max: no timeout doubles beyond it, ms. */
  readonly timeoutMaxMs: number;
  /** T_resend: an unanswered VIEW-CHANGE is sent again, ms. */
  readonly resendIntervalMs: number;
  /** T_fair: how long a transaction may wait while blocks have room, ms. */
  readonly fairnessTimeoutMs: number;
}

export interface EngineOptions {
  /** Both undefined for a node that does not validate. */
  readonly self: ValidatorId | undefined;
  readonly signer: Signer | "asked" | undefined;
  readonly settings: EngineSettings;
}

/** Two messages that no correct validator signs both, once they are checked. */
export interface Evidence {
  readonly author: ValidatorId;
  readonly epoch: bigint;
  readonly view: bigint;
  /** 0 for a VIEW-CHANGE, which has none. */
  readonly height: bigint;
  readonly phase: "pre-prepare" | "prepare" | "commit" | "view-change";
  /** The two hashes that were voted for. Of two VIEW-CHANGEs it is SHA-256 of what was signed. */
  readonly digests: readonly [Hash, Hash];
}

/** A verified message, as far as a driver counts it. */
export interface Typed {
  readonly type: string;
}

/** What works in one epoch. */
export interface EpochConsensus<P extends Parsed = Parsed, M extends Typed = Typed> {
  readonly validators: ValidatorSet;
  readonly verifier: MessageVerifier<P, M>;
  /** Undefined for a node that has no part in it: rules and sync, no engine. */
  createEngine(options: EngineOptions): ConsensusEngine<P, M> | undefined;
}

/** The consensus of the first epoch, and what holds for all epochs. */
export interface Consensus<P extends Parsed = Parsed, M extends Typed = Typed> extends EpochConsensus<P, M> {
  readonly rules: ConsensusRules;
  /** How many of the newest committed blocks the input `started` must tell, at most. */
  readonly recentHeads: number;
  /**
   * Checks what `report-fault` carries, wherever it comes from: form and conflict, then, if `wants` is content with
   * what it would prove, both signatures.
   */
  openEvidence(evidence: Uint8Array, wants?: (claimed: Evidence) => boolean): Verdict<Evidence>;
  /** Checks certificates by the set of whichever epoch. Left out where nobody signs any. */
  readonly certificates?: Certificates;
  /** Left out where the validators never change. */
  readonly changing?: ConsensusEpochs<P, M>;
}

/** How one epoch follows another. A member of an epoch enters the next one when the last checkpoint is stable. */
export interface ConsensusEpochs<P extends Parsed = Parsed, M extends Typed = Typed> {
  readonly epochs: Epochs;
  /**
   * @param epoch that has begun here
   * @param base the last block of the epoch before, or block 0
   */
  inEpoch(epoch: bigint, base: { readonly height: bigint; readonly hash: Hash }): EpochConsensus<P, M>;
  /** The epoch that a consensus message says it is of; nothing is checked. */
  epochOfMessage(bytes: Uint8Array): bigint | undefined;
  /** The epoch whose votes a journal holds. @throws Error when it is damaged. */
  epochOfJournal(records: readonly Uint8Array[]): bigint;
  /** Whether a journal is more than the beginning of an epoch. */
  hasVotes(records: readonly Uint8Array[]): boolean;
  /** Why a journal has votes of the other side of a transition: then this key must not vote here. */
  otherSide(records: readonly Uint8Array[]): Fault | undefined;
  /** A journal without votes of an epoch; of what an older one held, amnesia alone is not forgotten. */
  journalOf(epoch: bigint, older: readonly Uint8Array[]): readonly Uint8Array[];
  /** What a journal holds whose key may not vote: votes of its own are missing. */
  readonly amnesia: readonly Uint8Array[];
  /** Decodes and verifies a checkpoint's certificate under the set of its epoch. */
  openEpochEnd(epoch: bigint, certificate: Uint8Array): Verdict<StableCheckpoint>;
}
