/**
 * The state of a PBFT replica and the few moves that everything else is made of: emit an effect, sign and journal a
 * vote, arm a timer. One object, changed only inside PbftEngine.step; the rules stand beside it. pbft.md 1.2, 1.4, 1.12.
 */
import { assert, must } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import type { PbftParameters } from "../../chain/genesis/consensus-parameters.ts";
import type { BodyLimits } from "../../chain/types/block.ts";
import type { Signer } from "../../crypto/keys.ts";
import type {
  Effect,
  EngineEvent,
  EngineOptions,
  Head,
  MissingState,
  Timer,
  ValidatorId,
  WaitingTransaction,
} from "../engine.ts";
import { CastVotes, type VoteRecord } from "./cast-votes.ts";
import { baseOf, type CertificateContext, type CheckpointCertificate } from "./certificate.ts";
import { AMNESIA_RECORD, encodeVoteRecord } from "./journal.ts";
import type { Checkpoint, PbftMessage } from "./message-verifier.ts";
import type { PbftBody, VoteBody } from "./messages.ts";
import type { NewView, ViewChange } from "./new-view.ts";
import { type Conduct, newConduct, type Turn } from "./primary-conduct.ts";
import { primaryOf, type Quorum, quorumOf } from "./quorum.ts";
import { Repeats } from "./repeats.ts";
import { type Signed, type Signing, signOwnMessage, type Verified } from "./signed-messages.ts";
import { Slots } from "./slots.ts";
import type { VoteTally } from "./tally.ts";

export interface PbftEngineOptions extends EngineOptions, CertificateContext {
  readonly self: ValidatorId;
  /** A key that is here, or one that is asked by effects. */
  readonly signer: Signer | "asked";
  readonly parameters: PbftParameters;
  readonly limits: BodyLimits;
  /** How much a block of this epoch may hold, which may be less than is decoded (`limits`). */
  readonly room?: Pick<BodyLimits, "maxBlockBytes" | "maxBlockTransactions"> | undefined;
  /** Id of the newest transition up to this epoch: what the journal says of the side of a break that its votes are on. */
  readonly transition?: Hash | undefined;
}

const TIMER_NAMES = [
  /** T_status: how often STATUS is sent. */
  "status",
  /** The least time between two blocks that this replica proposes. */
  "block",
  /** T_empty: how long there may be no block before an empty one is proposed. */
  "empty",
  /** T_req: how long the oldest pending item may wait before this replica asks for a new view. */
  "request",
  /** T_nv: how long the NEW-VIEW of a view may take after a quorum asked for it. */
  "new-view",
  /** T_resend: how often an own VIEW-CHANGE is sent again. */
  "resend",
  /** T_fair: how long the oldest waiting transaction may be passed over. */
  "fairness",
  /** A quarter of the running timeout: a commit before it ends is a quick one. */
  "quick",
] as const;
export type TimerName = (typeof TIMER_NAMES)[number];

/** What T_req waits for. */
export type Awaited =
  | { readonly kind: "transaction"; readonly hash: Hash }
  | { readonly kind: "height"; readonly height: bigint }
  | { readonly kind: "heartbeat" };

/** A body that is asked for. */
export interface MissingBody {
  readonly height: bigint;
  readonly hash: Hash;
  readonly signers: readonly ValidatorId[];
  attempt: number;
}

/** What one validator has been seen at, in verified messages. */
export interface Seen {
  height: bigint;
  view: bigint;
  /** Whether its newest STATUS says that it waits for a NEW-VIEW. */
  inViewChange: boolean;
}

/** How often each validator did something in this interval. */
class Counts {
  readonly #counts = new Map<ValidatorId, number>();

  add(validator: ValidatorId): void {
    this.#counts.set(validator, this.of(validator) + 1);
  }

  of(validator: ValidatorId): number {
    return this.#counts.get(validator) ?? 0;
  }

  clear(): void {
    this.#counts.clear();
  }
}

export class Core {
  readonly options: PbftEngineOptions;
  readonly self: ValidatorId;
  readonly epoch: bigint;
  readonly quorum: Quorum;

  /** The view worked in, or asked for while the mode is "view-change". */
  view = 0n;
  /** "ended": the last checkpoint of the epoch is stable; who works in the next one is another engine. */
  mode: "normal" | "view-change" | "halted" | "ended" = "normal";
  haltReason: string | undefined = undefined;
  /** What opened the view that this replica works in. View 0 was opened by nothing. */
  newView: NewView | undefined = undefined;
  /** min_s and max_s of it: what it carries over lies between. */
  minHeight: bigint;
  carriedTop = 0n;
  /** The own VIEW-CHANGE of the highest view that this replica ever asked for. */
  ownViewChange: ViewChange | undefined = undefined;
  /** The newest of each replica, the own one included. */
  readonly viewChanges: (ViewChange | undefined)[];
  /** Who sent two VIEW-CHANGEs for one view, and that has been told. */
  readonly viewChangeConflicts = new Set<ValidatorId>();
  /** The highest view of any certificate seen. */
  certifiedView = 0n;

  /** k: view changes in a row without a quick commit. */
  attempt = 0;
  /** How each validator behaves as the primary, and the turn of the present one. */
  readonly conduct: Conduct[];
  turn: Turn = { items: 0, late: 0 };
  /** What T_req waits for. */
  awaited: Awaited | undefined = undefined;
  /** The status interval in which it began to be waited for. */
  awaitedSince = 0;
  /** After a NEW-VIEW that was waited for, T_nv runs on until this height is committed. */
  newViewUntil: bigint | undefined = undefined;
  /** The CkptCert was asked for before leaving the view. */
  askedBeforeLeaving = false;
  /** The transaction for which T_fair expired last, and in how many views it did. */
  unfair: { readonly hash: Hash; readonly count: number } | undefined = undefined;
  /** The view whose primary contradicted itself, and the view that a planned rotation ends. */
  convictedView: bigint | undefined = undefined;
  rotatedView: bigint | undefined = undefined;
  /** The view whose primary was slow while others were not. */
  slowView: bigint | undefined = undefined;
  /** The last committed block had room for more. */
  lastBlockHadRoom = true;

  /** The last committed and executed block, whose height is lc. Undefined until the engine is started. */
  head: Head | undefined = undefined;
  /** Highest height whose import was ordered, at least lc, and its digest. */
  ordered: { height: bigint; hash: Hash } | undefined = undefined;
  /** Set by block-built and the journal: the highest height this replica proposed in its view. */
  proposedTop = 0n;

  /** h: height of the last stable checkpoint. */
  stable: bigint;
  /** Up to here own votes are forgotten. Above `stable` only when the database was lost. It never goes down. */
  journalCut: bigint;
  /** What this replica fetches before it votes, see recovery.ts. */
  recovery: MissingState | undefined = undefined;
  stableCertificate: CheckpointCertificate | undefined = undefined;
  /** The highest checkpoint certificate for a state that this replica does not hold yet. */
  awaitedCertificate: CheckpointCertificate | undefined = undefined;
  /** CHECKPOINTs of everyone, per height above h. */
  readonly checkpoints = new Map<bigint, VoteTally>();
  /** Own CHECKPOINTs at heights in (h, lc]. */
  readonly ownCheckpoints = new Map<bigint, Checkpoint>();

  readonly slots: Slots;
  readonly castVotes = new CastVotes();
  /** Proposals whose check is under way: hex of the hash -> where they stand. */
  readonly checking = new Map<string, { readonly height: bigint; readonly view: bigint }>();

  /** The executable transaction that has waited longest here. */
  oldest: WaitingTransaction | undefined = undefined;
  /** Work for a proposal: the pool told of transactions, and perhaps again while a block was being built. */
  pending = false;
  pendingAgain = false;
  /** T_empty has passed without a proposal. */
  heartbeatDue = false;
  /** blockTimeMs since the last own proposal has not passed. */
  pacing = false;
  building:
    | {
        readonly parent: Hash;
        readonly height: bigint;
        readonly allowEmpty: boolean;
        readonly tick: number;
      }
    | undefined = undefined;

  /** Status intervals since the start. */
  tick = 0;
  /** lc at the last tick and at the one before: what is older and still missing somewhere was lost. */
  readonly committedAt = { tick: 0n, tickBefore: 0n };
  /** Who was answered in this interval: a STATUS, a FETCH. */
  readonly answered = { status: new Set<ValidatorId>(), newView: new Set<ValidatorId>() };
  readonly servedBlocks = new Repeats();
  /** FETCHes answered and view messages looked at in this interval, per sender. */
  readonly fetches = new Counts();
  readonly viewMessages = new Counts();
  /** Bodies that are asked for, by the hex of their hash. */
  readonly missing = new Map<string, MissingBody>();
  /** Highest height asked for by request-sync in this interval. */
  syncRequested = 0n;

  readonly seen: Seen[];
  readonly #timers = new Map<string, { readonly timer: Timer; readonly delayMs: number }>();
  #serial = 0;
  #effects: Effect<PbftMessage>[] = [];

  constructor(options: PbftEngineOptions) {
    this.options = options;
    this.self = options.self;
    this.epoch = options.validators.epoch;
    const n = options.validators.members.length;
    this.quorum = quorumOf(n);
    const { height } = baseOf(options);
    this.stable = height;
    this.minHeight = height;
    this.journalCut = height;
    this.slots = new Slots(n);
    this.viewChanges = new Array<ViewChange | undefined>(n).fill(undefined);
    this.conduct = Array.from({ length: n }, newConduct);
    this.seen = Array.from({ length: n }, () => ({
      height: 0n,
      view: 0n,
      inViewChange: false,
    }));
  }

  get committed(): bigint {
    return this.head?.height ?? 0n;
  }

  /** low: nothing at or below it is voted on. */
  get lowWatermark(): bigint {
    return this.stable > this.minHeight ? this.stable : this.minHeight;
  }

  /** The database is younger than the journal: this replica neither votes nor asks for a view (recovery.ts). */
  get isRecovering(): boolean {
    return this.recovery !== undefined;
  }

  /** Up to here no own vote is known any more: below the checkpoint, or below the journal's cut. */
  get forgottenUpTo(): bigint {
    return this.stable > this.journalCut ? this.stable : this.journalCut;
  }

  /** Whether this replica works no more: for good, or because its epoch is over. */
  get isStopped(): boolean {
    return this.mode === "halted" || this.mode === "ended";
  }

  /** The last height of the epoch, once its block is committed here. */
  get epochEnd(): bigint | undefined {
    const { head } = this;
    if (head === undefined || head.height <= baseOf(this.options).height) return undefined;
    return equalBytes(head.nextValidatorsHash, this.options.validators.hash) ? undefined : head.height;
  }

  /** H: nothing above it is voted on. */
  get highWatermark(): bigint {
    return this.#notAboveEnd(this.lowWatermark + BigInt(this.options.parameters.logWindow));
  }

  /** Up to here votes are kept, uncast (§1.5). */
  get logTop(): bigint {
    return this.#notAboveEnd(this.lowWatermark + 2n * BigInt(this.options.parameters.logWindow));
  }

  #notAboveEnd(height: bigint): bigint {
    const end = this.epochEnd;
    return end !== undefined && end < height ? end : height;
  }

  get primary(): ValidatorId {
    return primaryOf(this.epoch, this.view, this.quorum.n);
  }

  seenOf(validator: ValidatorId): Seen {
    return must(this.seen[validator], "every validator has a place in what was seen");
  }

  isCheckpoint(height: bigint): boolean {
    return height % BigInt(this.options.parameters.checkpointInterval) === 0n;
  }

  emit(effect: Effect<PbftMessage>): void {
    this.#effects.push(effect);
  }

  announce(event: EngineEvent): void {
    this.emit({ kind: "announce", event });
  }

  broadcast(message: PbftMessage): void {
    this.emit({ kind: "broadcast", message });
  }

  send(to: ValidatorId, message: PbftMessage): void {
    this.emit({ kind: "send", to, message });
  }

  takeEffects(): readonly Effect<PbftMessage>[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  sign<B extends PbftBody, X extends object = object>(
    body: B,
    attached?: X,
  ): Signing<Verified<B & Signed & X>> {
    return signOwnMessage(this.options.genesisHash, body, attached);
  }

  /** D1: into the record of cast votes, into the journal, and only then out. */
  castVote(record: VoteRecord): void {
    assert(this.mode === "normal", `a vote while the mode is ${this.mode}`);
    const { vote } = record;
    assert(
      vote.from === this.self && vote.epoch === this.epoch,
      `a vote of ${vote.from} in epoch ${vote.epoch}`,
    );
    assert(vote.view === this.view, `a vote in view ${vote.view}, the view is ${this.view}`);
    const isInLog = vote.height > this.lowWatermark && vote.height <= this.highWatermark;
    assert(isInLog, `a vote at ${vote.height}, not in (${this.lowWatermark}, ${this.highWatermark}]`);
    this.castVotes.enter(record, this.tick);
    this.emit({ kind: "journal", record: encodeVoteRecord(record) });
    this.broadcast(record.vote);
    this.announceVote(record.vote);
  }

  /** Forgets what came in views below the one before the own. */
  pruneViews(): void {
    this.slots.pruneViews(this.view - 1n, (height, hash) => this.castVotes.holdsBody(height, hash));
  }

  announceVote(vote: VoteBody): void {
    const { type, from, view, height, hash } = vote;
    this.announce({ type, from, view, height, hash });
  }

  setTimer(name: TimerName, delayMs: number): void {
    const timer: Timer = { name, height: this.committed, view: this.view, serial: this.#serial++ };
    this.#timers.set(name, { timer, delayMs });
    this.emit({ kind: "set-timer", timer, delayMs });
  }

  clearTimer(name: TimerName): void {
    if (this.#timers.delete(name)) this.emit({ kind: "clear-timer", name });
  }

  timerRuns(name: TimerName): boolean {
    return this.#timers.has(name);
  }

  clearTimers(): void {
    for (const name of TIMER_NAMES) this.clearTimer(name);
  }

  /** The running timers with their lengths, for people. */
  timers(): { readonly name: string; readonly delayMs: number }[] {
    return [...this.#timers].map(([name, { delayMs }]) => ({ name, delayMs }));
  }

  /** Whether the fired timer is the one that runs; it runs no more then. */
  takeTimer({ name, serial }: Timer): boolean {
    if (this.#timers.get(name)?.timer.serial !== serial) return false;
    this.#timers.delete(name);
    return true;
  }

  /** Fetches certified blocks by the chain's own way, at most once per height and interval. */
  requestSync(height: bigint): void {
    if (height <= this.syncRequested || height <= this.committed) return;
    this.syncRequested = height;
    this.emit({ kind: "request-sync", height });
  }

  /**
   * Stops voting for good: this node's state contradicts what a quorum signed, or votes of its own are missing.
   * Never repaired silently (§1.6, §1.12).
   */
  halt(height: bigint, detail: string, type: "diverged" | "amnesia" = "diverged"): void {
    if (this.isStopped) return;
    this.mode = "halted";
    this.haltReason = `${type}: ${detail}`;
    this.clearTimers();
    // Missing votes stay missing: the next start must know it too.
    if (type === "amnesia") this.emit({ kind: "journal", record: AMNESIA_RECORD });
    this.announce({ type, height, detail });
  }
}
