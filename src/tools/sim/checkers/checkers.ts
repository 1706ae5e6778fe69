/**
 * All checkers of a run as one observer: `watch` the cluster, let the run go, `finish`, read `violations`.
 * They recompute everything with arithmetic of their own (facts.ts, raw-bytes.ts, naive-ledger.ts). Agreement, one block at
 * a height, is chains.ts's (with changing members epochs/epoch-checkers.ts's); who may vote for what votes.ts's and locks.ts's;
 * views views.ts's; progress liveness.ts's and pace.ts's, with k attempts.ts's; what a node must send duties.ts's; memory
 * bounds.ts's and windows.ts's; lost votes amnesia.ts's, recovery.ts's and lost-data.ts's; proposals proposers.ts's.
 *
 * This folder: the rules, each recomputed without the code that it checks. Not here: causing the trouble (tools/sim).
 */
import { emitToAll, type Observer } from "../observer.ts";
import type { World } from "../world.ts";
import { AmnesiaChecker } from "./amnesia.ts";
import { AttemptsChecker } from "./attempts.ts";
import { BoundsChecker } from "./bounds.ts";
import { ChainChecker } from "./chains.ts";
import { checkComputing } from "./computing.ts";
import { DutiesChecker } from "./duties.ts";
import { Facts, type Violation, type Watched } from "./facts.ts";
import { LivenessChecker } from "./liveness.ts";
import { LockChecker } from "./locks.ts";
import { LostData } from "./lost-data.ts";
import { PaceChecker, type Settled } from "./pace.ts";
import { ProposalChecker } from "./proposers.ts";
import { RecoveryChecker } from "./recovery.ts";
import { ViewChecker } from "./views.ts";
import { VoteChecker } from "./votes.ts";
import { WindowChecker } from "./windows.ts";

export class Checkers {
  /** The observers to hand to the cluster, in their order. */
  readonly observers: readonly Observer[];
  /** They as one. */
  readonly observer: Observer;
  readonly #facts: Facts;
  readonly #chains: ChainChecker;
  readonly #liveness: LivenessChecker;
  readonly #pace: PaceChecker;
  readonly #lostData: LostData;

  constructor(world: World) {
    const facts = new Facts(world);
    const locks = new LockChecker(facts);
    this.#facts = facts;
    this.#chains = new ChainChecker(facts);
    const views = new ViewChecker(facts, this.#chains, locks);
    const recovery = new RecoveryChecker(facts, locks);
    const proposals = new ProposalChecker(facts);
    const votes = new VoteChecker(facts, (vote, node) => {
      locks.voted(vote, node);
      views.voted(vote, node);
      proposals.voted(vote);
      recovery.voted(vote, node);
    });
    this.#liveness = new LivenessChecker(facts);
    const bounds = new BoundsChecker(facts, this.#chains);
    const windows = new WindowChecker(facts);
    const failures: Observer = {
      failed: (node, error, expected) => {
        if (expected || !facts.isCorrect(node)) return;
        facts.report(
          "stopped",
          node,
          error instanceof Error ? `${error.name}: ${error.message}` : `${error}`,
        );
      },
      announced: (node, event) => {
        if ((event.type !== "diverged" && event.type !== "amnesia") || !facts.isCorrect(node)) return;
        facts.report("halted", node, `${event.type} at height ${event.height}: ${event.detail}`);
      },
    };
    this.#pace = new PaceChecker(facts);
    this.#lostData = new LostData(facts);
    const others = [
      new AmnesiaChecker(facts),
      new AttemptsChecker(facts),
      new DutiesChecker(facts),
      proposals,
      this.#pace,
      this.#lostData,
    ];
    this.observers = [
      locks,
      votes,
      windows,
      views,
      recovery,
      this.#chains,
      bounds,
      this.#liveness,
      ...others,
      failures,
    ];
    this.observer = emitToAll(this.observers);
  }

  /** Is called before the cluster starts. */
  watch(watched: Watched): void {
    this.#facts.watch(watched);
  }

  /** Tells from when on nothing fails any more, and by which timers all must be final then. */
  expect(settled: Settled): void {
    this.#pace.expect(settled);
  }

  /** How long it took from then on. */
  recovery(): ReturnType<PaceChecker["recovery"]> {
    return this.#pace.recovery();
  }

  get violations(): readonly Violation[] {
    return this.#facts.violations;
  }

  /** How many transactions are final. */
  get finalCount(): number {
    return this.#chains.final.size;
  }

  /** What is not final at every correct node yet. Undefined when nothing is, and the run may end. */
  unfinished(): string | undefined {
    return this.#liveness.unfinished();
  }

  /** The lowest block whose last copy is gone although it is needed: nothing more can become final (lost-data.ts). */
  get lostHeight(): bigint | undefined {
    return this.#lostData.height;
  }

  /** The last look. `liveness`: whether everything must be final now. */
  finish({ liveness }: { readonly liveness: boolean }): readonly Violation[] {
    this.#chains.finish();
    checkComputing(this.#facts);
    if (liveness) {
      this.#liveness.finish();
      this.#pace.finish();
    }
    return this.violations;
  }
}
