/**
 * The state of a PBFT replica and the few moves that everything else is made of: emit an effect, sign and journal a
 * vote, arm a timer. One object, changed only inside PbftEngine.step; the rules stand in the files beside it.
 * Source: pbft.md 1.2, 1.4, 1.12.
 */
import { assert } from "../../base/assert.ts";
import type { Hash } from "../../base/bytes.ts";
import type { BodyLimits } from "../../chain/block.ts";
import type { PbftParameters } from "../../chain/genesis.ts";
import type { Effect, EngineEvent, EngineOptions, Head, Timer, ValidatorId } from "../engine.ts";
import type { CertificateContext, CheckpointCertificate } from "./certificate.ts";
import type { Checkpoint, PbftMessage, Verified } from "./gate.ts";
import { signMessage } from "./gate.ts";
import { encodeVoteRecord } from "./journal.ts";
import type { PbftBody } from "./messages.ts";
import { primaryOf, type Quorum, quorumOf } from "./quorum.ts";
import { Slots } from "./slots.ts";
import type { Tally } from "./tally.ts";
import { Votebook, type VoteRecord } from "./votebook.ts";

export interface PbftEngineOptions extends EngineOptions, CertificateContext {
  readonly parameters: PbftParameters;
  readonly limits: BodyLimits;
}

export type TimerName = "status" | "block" | "empty";

/** What one validator has been seen at, in verified messages. */
export interface Seen {
  height: bigint;
  view: bigint;
  /** The highest committed height in a STATUS of its own. */
  committed: bigint;
}

export class Core {
  readonly options: PbftEngineOptions;
  readonly self: ValidatorId;
  readonly epoch: bigint;
  readonly quorum: Quorum;

  view = 0n;
  mode: "normal" | "halted" = "normal";
  /** The last committed and executed block; its height is lc. Undefined until started. */
  head: Head | undefined = undefined;
  /** Highest height whose import was ordered, at least lc, and its digest. */
  ordered: { height: bigint; hash: Hash } | undefined = undefined;
  /** Set by block-built and the journal: the highest height this replica proposed in its view. */
  proposedTop = 0n;

  /** h: height of the last stable checkpoint. */
  stable = 0n;
  stableCertificate: CheckpointCertificate | undefined = undefined;
  /** The highest checkpoint certificate for a state that this replica does not hold yet. */
  awaitedCertificate: CheckpointCertificate | undefined = undefined;
  /** CHECKPOINTs of everyone, per height above h. */
  readonly checkpoints = new Map<bigint, Tally>();
  /** Own CHECKPOINTs at heights in (h, lc]. */
  readonly ownCheckpoints = new Map<bigint, Checkpoint>();

  readonly slots: Slots;
  readonly votebook = new Votebook();
  /** Proposals whose check is under way: hex of the hash -> where they stand. */
  readonly checking = new Map<string, { readonly height: bigint; readonly view: bigint }>();

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
  /** lc at the last tick: what is older than a tick and still missing somewhere was lost. */
  committedAtTick = 0n;
  /** Who was answered in this interval: a STATUS, a FETCH. */
  readonly answered = { status: new Set<ValidatorId>(), fetch: new Set<ValidatorId>() };
  /** The certified block whose body is asked for, and how often it was. */
  fetching: { readonly height: bigint; readonly hash: Hash; attempt: number } | undefined = undefined;
  /** Highest height asked for by request-sync in this interval. */
  syncRequested = 0n;

  readonly seen: Seen[];
  readonly #timers = new Map<string, Timer>();
  #effects: Effect<PbftMessage>[] = [];

  constructor(options: PbftEngineOptions) {
    this.options = options;
    this.self = options.self;
    this.epoch = options.validators.epoch;
    const n = options.validators.members.length;
    this.quorum = quorumOf(n);
    this.slots = new Slots(n);
    this.seen = Array.from({ length: n }, () => ({ height: 0n, view: 0n, committed: 0n }));
  }

  get committed(): bigint {
    return this.head?.height ?? 0n;
  }

  /** low: nothing at or below it is voted on. */
  get lowWatermark(): bigint {
    return this.stable;
  }

  /** H: nothing above it is voted on. */
  get highWatermark(): bigint {
    return this.lowWatermark + BigInt(this.options.parameters.logWindow);
  }

  /** Up to here votes are kept, uncast (§1.5). */
  get logTop(): bigint {
    return this.lowWatermark + 2n * BigInt(this.options.parameters.logWindow);
  }

  get primary(): ValidatorId {
    return primaryOf(this.epoch, this.view, this.quorum.n);
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
  ): Verified<B & { readonly signature: Uint8Array } & X> {
    return signMessage(this.options.signer, this.options.genesisHash, body, attached);
  }

  /** D1: into the votebook, into the journal, and only then out. */
  castVote(record: VoteRecord): void {
    assert(this.mode === "normal", "a halted replica votes");
    this.votebook.enter(record, this.tick);
    this.emit({ kind: "journal", record: encodeVoteRecord(record) });
    this.broadcast(record.vote);
    this.announceVote(record.vote);
  }

  announceVote(vote: VoteRecord["vote"]): void {
    const { type, from, view, height, hash } = vote;
    this.announce({ type, from, view, height, hash });
  }

  setTimer(name: TimerName, delayMs: number): void {
    const timer: Timer = { name, height: this.committed, view: this.view };
    this.#timers.set(name, timer);
    this.emit({ kind: "set-timer", timer, delayMs });
  }

  clearTimer(name: TimerName): void {
    if (this.#timers.delete(name)) this.emit({ kind: "clear-timer", name });
  }

  /** Whether the fired timer is the one that runs; it runs no more then. */
  takeTimer({ name, height, view }: Timer): boolean {
    const running = this.#timers.get(name);
    if (running === undefined || running.height !== height || running.view !== view) return false;
    this.#timers.delete(name);
    return true;
  }

  /** Fetches certified blocks by the chain's own way, at most once per height and interval. */
  requestSync(height: bigint): void {
    if (height <= this.syncRequested || height <= this.committed) return;
    this.syncRequested = height;
    this.emit({ kind: "request-sync", height });
  }

  /** Stops voting for good: this node's state contradicts what a quorum signed. Never repaired silently (§1.6). */
  halt(height: bigint, detail: string): void {
    if (this.mode === "halted") return;
    this.mode = "halted";
    for (const name of ["status", "block", "empty"] as const) this.clearTimer(name);
    this.announce({ type: "diverged", height, detail });
  }
}
