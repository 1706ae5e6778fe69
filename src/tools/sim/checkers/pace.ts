/**
 * How fast: a correct replica asks for another view by a timer no sooner than its shortest timeout allows; what it
 * counts in a row is bounded; and once the network has settled and nothing fails any more, all is final everywhere
 * within some timers, after some view changes, that follow from the number of faulty validators and from the planned
 * rotations. Source: pbft.md 1.7 (T(k), T_nv), 1.1 (liveness).
 */
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { Effect, EngineSettings, Input, Typed, ValidatorId } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { Facts } from "./facts.ts";

/** Clocks of nodes are at most so much too fast. */
const DRIFT = 0.9;
/** A block gets no vote while its time is further ahead of the voter's clock, ms. */
const AHEAD_MAX_MS = 5_000;
/** One after another. */
const MESSAGES_OF_A_BLOCK = 3;
/** Reasons that are a timer's. */
const TIMED: readonly (string | undefined)[] = ["timeout", "new-view-timeout", "unfair"];

export interface Settled {
  /** When the last thing that the schedule names has happened, ms. */
  readonly atMs: number;
  readonly settings: EngineSettings;
  /** The longest delay of messages from then on, ms. */
  readonly delayMsMax: number;
  /**
   * Blocks that the oldest item of a validator may wait for, its own the last of them: two where blocks take all that waits, the
   * one in agreement and its own; where they are narrow those of all that came to the primary before it.
   */
  readonly blocksMax: number;
}

export class PaceChecker implements Observer {
  readonly #facts: Facts;
  /** When each node last began to wait: its start, or its last request for a view. */
  readonly #since = new Map<NodeId, number>();
  /** The view of each correct node when all had settled, and how many more it has asked for. */
  readonly #asked = new Map<NodeId, number>();
  /** Correct validators whose clock was too far ahead of another's: their blocks get no vote of it in time. */
  readonly #early = new Set<ValidatorId>();
  /** Views that a correct node has asked for as the end of the one before was planned: a node that joins them has seen no view fail. */
  readonly #planned = new Set<bigint>();
  /** k of each correct node after its last step. */
  readonly #attempts = new Map<NodeId, number>();
  /** How often, after all had settled, quick commits made a timeout shorter than the longest wait of a correct primary. */
  #falls = 0;
  #settled: Settled | undefined;
  /** The highest committed anywhere, and what it was then. */
  #height = 0n;
  #heightBefore = 0n;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** Is called before the run. Without it nothing is asked. */
  expect(settled: Settled): void {
    this.#settled = settled;
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (this.#settled === undefined || !this.#facts.isCorrect(node)) return;
    if (input.kind === "started") this.#since.set(node, this.#facts.nowMs);
    this.#countFall(node, this.#settled);
    for (const effect of effects) {
      if (effect.kind !== "announce" || effect.event.type !== "view-change") continue;
      const { from, reason, view } = effect.event;
      if (from !== this.#facts.validatorOf(node) || reason === undefined) continue;
      if (reason === "rotation") this.#planned.add(view);
      const isPlanned = reason === "rotation" || (reason === "join" && this.#planned.has(view));
      this.#asks(node, reason, isPlanned, this.#settled);
    }
  }

  committed(_node: NodeId, { block }: SealedBlock): void {
    const { height } = block.summary;
    if (height > this.#height) this.#height = height;
    if (this.#settled === undefined || this.#facts.nowMs < this.#settled.atMs)
      this.#heightBefore = this.#height;
  }

  #asks(node: NodeId, reason: string, isPlanned: boolean, { atMs, settings }: Settled): void {
    const { nowMs } = this.#facts;
    const waitedMs = nowMs - (this.#since.get(node) ?? nowMs);
    this.#since.set(node, nowMs);
    const least = DRIFT * Math.min(settings.requestTimeoutMs, settings.fairnessTimeoutMs);
    if (TIMED.includes(reason) && waitedMs < least)
      this.#report(
        node,
        `asks for another view (${reason}) after ${Math.round(waitedMs)} ms, at least ${least}`,
      );
    const attempt = this.#facts.attemptOf(node) ?? 0;
    const doublings = doublingsOf(settings);
    if (attempt > doublings) this.#report(node, `k = ${attempt} where T(k) is capped at k = ${doublings}`);
    if (nowMs < atMs || isPlanned) return;
    this.#asked.set(node, (this.#asked.get(node) ?? 0) + 1);
    this.#compareClocks();
  }

  #countFall(node: NodeId, settled: Settled): void {
    const attempt = this.#facts.attemptOf(node) ?? 0;
    const before = this.#attempts.get(node) ?? attempt;
    this.#attempts.set(node, attempt);
    const enough = attemptNeeded(settled);
    if (this.#facts.nowMs >= settled.atMs && attempt < before && attempt < enough) this.#falls++;
  }

  /** Clocks drift, so it is looked whenever a view has failed. */
  #compareClocks(): void {
    const clocks = this.#facts.watched.nodes.flatMap(({ id, validator }) => {
      const shown = this.#facts.clockOf(id);
      if (validator === undefined || shown === undefined || !this.#facts.isCorrect(id)) return [];
      return [{ validator, shown }];
    });
    const last = Math.min(...clocks.map(({ shown }) => shown));
    for (const { validator, shown } of clocks) if (shown > last + AHEAD_MAX_MS) this.#early.add(validator);
  }

  /** What the recovery took so far, for records: view changes of one node at most, and timers of the longest length. */
  recovery(): { readonly viewChanges: number; readonly timers: number } | undefined {
    if (this.#settled === undefined) return undefined;
    const { atMs, settings } = this.#settled;
    const timers = Math.max(0, this.#facts.nowMs - atMs) / settings.timeoutMaxMs;
    return { viewChanges: Math.max(0, ...this.#asked.values()), timers };
  }

  /**
   * When all is final. No number is asked for where clocks of correct validators were too far apart: then a primary
   * gets no vote of one of them in time, and while the f faulty ones are silent its blocks wait for that vote.
   */
  finish(): void {
    const recovery = this.recovery();
    if (recovery === undefined || this.#settled === undefined || this.#early.size > 0) return;
    const { viewChanges, timers } = recovery;
    const most = this.#viewsMax(this.#settled);
    if (viewChanges > most)
      this.#report(undefined, `${viewChanges} view changes after all had settled, at most ${most}`);
    if (timers > 1 + most)
      this.#report(
        undefined,
        `all is final ${timers.toFixed(1)} T_max after all had settled, at most ${1 + most}`,
      );
  }

  /**
   * f faulty primaries in a row, met at most twice while all come to one view; and each of them once more in each
   * round of the role, in which the other n - f views end as planned. Where T(0) is shorter than what a correct primary
   * may take, views of correct primaries fail too: while k grows to what is needed, and once after each fall below it.
   */
  #viewsMax(settled: Settled): number {
    const { rotationInterval, checkpointInterval } = this.#facts.world.genesis.consensus;
    const { n, f } = this.#facts;
    const blocks = Number(this.#height - this.#heightBefore);
    const turns = rotationInterval === 0 ? 0 : blocks / (rotationInterval * checkpointInterval);
    const tooShort = attemptNeeded(settled) + this.#falls;
    return 2 * (f + 1) + f * Math.ceil(turns / (n - f)) + tooShort;
  }

  #report(node: NodeId | undefined, detail: string): void {
    this.#facts.report("pace", node, detail);
  }
}

/**
 * The least k at which T(k) is as long as a correct primary may need for the oldest item, or at which it is capped. It is 0 for
 * the usual settings.
 */
function attemptNeeded({ settings, delayMsMax, blocksMax }: Settled): number {
  const longestMs = MESSAGES_OF_A_BLOCK * blocksMax * delayMsMax + settings.blockTimeMs;
  const needed = Math.ceil(Math.log2(longestMs / settings.requestTimeoutMs));
  return Math.max(0, Math.min(needed, doublingsOf(settings)));
}

/** The k at which T(k) is capped. */
function doublingsOf({ timeoutMaxMs, requestTimeoutMs }: EngineSettings): number {
  return Math.ceil(Math.log2(timeoutMaxMs / requestTimeoutMs));
}
