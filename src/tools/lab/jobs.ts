/**
 * The lab's work in pieces that any thread can do in any order: each names all it needs as plain data, and its sums
 * are whole numbers. Who runs the pieces, and where, is the command line's matter.
 *
 * This folder: the attack lab: experiments of both modes, judged by theory or by limits, in the rooms pow, pbft, siege
 * and report. Not here: options, threads and processes (cli/lab).
 */
import { type AttackOptions, type AttackTally, type Cell, runTrials } from "./pow/attack51.ts";
import { LabChain, type Retarget } from "./pow/lab-chain.ts";
import { RaceFixture } from "./pow/race-fixture.ts";
import { runReplicaTrials } from "./pow/replica-trials.ts";
import { runSelfish, type SelfishCell, type SelfishTally } from "./pow/selfish.ts";

export interface AttackJob {
  readonly kind: "attack51";
  readonly options: AttackOptions;
  readonly cell: Cell;
  readonly cellIndex: number;
  /** Races from the first to the last but one. */
  readonly range: readonly [number, number];
}

/** The same on whole replicas. */
export interface ReplicaJob extends Omit<AttackJob, "kind"> {
  readonly kind: "attack51-replicas";
}

export interface SelfishJob {
  readonly kind: "selfish";
  readonly cell: SelfishCell;
  readonly cellIndex: number;
  readonly seed: number;
  readonly part: number;
  readonly blocks: number;
}

export type LabJob = AttackJob | ReplicaJob | SelfishJob;
export type JobTally = AttackTally | SelfishTally;

/** Races of a piece: some tenths of a second. */
const RACES = 250;
/** The same for whole replicas. */
const REPLICA_RACES = 20;
/** Blocks of a piece of selfish mining: long enough that its ends do not count. */
const BLOCKS = 20_000;

export function attackJobs(options: AttackOptions, cells: readonly Cell[]): AttackJob[] {
  return cells.flatMap((cell, cellIndex) =>
    pieces(options.trials, RACES).map((range) => ({ kind: "attack51", options, cell, cellIndex, range })),
  );
}

export function replicaJobs(options: AttackOptions, cells: readonly Cell[]): ReplicaJob[] {
  return cells.flatMap((cell, cellIndex) =>
    pieces(options.trials, REPLICA_RACES).map((range) => ({
      kind: "attack51-replicas",
      options,
      cell,
      cellIndex,
      range,
    })),
  );
}

export function selfishJobs(cells: readonly SelfishCell[], seed: number, blocks: number): SelfishJob[] {
  return cells.flatMap((cell, cellIndex) =>
    pieces(blocks, BLOCKS).map(([from, to], part) => ({
      kind: "selfish",
      cell,
      cellIndex,
      seed,
      part,
      blocks: to - from,
    })),
  );
}

function pieces(total: number, size: number): [number, number][] {
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => [
    i * size,
    Math.min(total, (i + 1) * size),
  ]);
}

/** Does pieces one after the other; keeps the chains it has prepared. */
export class JobRunner {
  readonly #chains = new Map<Retarget, LabChain>();
  #fixture: RaceFixture | undefined;

  run(job: AttackJob): AttackTally;
  run(job: SelfishJob): SelfishTally;
  run(job: LabJob): JobTally | Promise<JobTally>;
  run(job: LabJob): JobTally | Promise<JobTally> {
    switch (job.kind) {
      case "attack51-replicas":
        this.#fixture ??= new RaceFixture();
        return runReplicaTrials(this.#fixture, job.options, job.cell, job.range);
      case "attack51":
        return runTrials(this.#chain(job.options.retarget), job.options, job.cell, job.range);
      case "selfish":
        return runSelfish(this.#chain("none"), job.cell, job);
    }
  }

  #chain(retarget: Retarget): LabChain {
    const known = this.#chains.get(retarget);
    if (known !== undefined) return known;
    const chain = new LabChain(retarget);
    this.#chains.set(retarget, chain);
    return chain;
  }
}
