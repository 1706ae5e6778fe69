/**
 * What a mutation is: one rule of the protocol taken out of the source, and the campaigns in which the simulator is
 * expected to see that it is gone. Plain data; run.ts applies it, hunt.ts looks for it.
 */
import type { EPOCH_SCALES } from "../../src/tools/sim/epochs/epoch-scale.ts";
import type { Profile, Schedule } from "../../src/tools/sim/schedule.ts";

/** Consecutive seeds of one kind of schedule. */
export interface Hunt {
  /** Where members change the seed decides everything else. */
  readonly profile: Profile | keyof typeof EPOCH_SCALES | "transitions";
  readonly nodes: number;
  /** Default: as many as PBFT survives. */
  readonly byzantine?: number;
  readonly schedules: number;
  readonly seed?: number;
  /** A directed schedule: these fields instead of the generated ones. */
  readonly directed?: Partial<Schedule>;
}

export interface Edit {
  /** Below src/. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** In a file of src/consensus/pbft, named without its ending. */
export function pbftEdit(file: string, find: string, replace: string): Edit {
  return { file: `consensus/pbft/${file}.ts`, find, replace };
}

export interface Mutation {
  readonly name: string;
  /** Section of the protocol's description, in its words: 1.5 A3, 1.12 PREPARE. */
  readonly rule: string;
  /** More than one where a rule has a second guard that would hide the loss of the first. */
  readonly edits: readonly Edit[];
  readonly hunts: readonly Hunt[];
  /** Another rule that does the same work: the mutation by itself changes nothing that must hold. */
  readonly redundant?: string;
}

export interface Found {
  readonly checker: string;
  readonly detail: string;
  /** -1: the process ended. */
  readonly seed: number;
  /** Index of the hunt. */
  readonly hunt: number;
  readonly profile: string;
  readonly nodes: number;
}

/** What hunt.ts prints, as one line of JSON. */
export interface Bag {
  readonly found: Found | undefined;
  /** Schedules played, the one that found it included. */
  readonly schedules: number;
}

/** Numbers of generated schedules for one process: from, from + step, ... below `to`; the seed goes up with them. */
export interface GeneratedTask {
  readonly seed: number;
  readonly from: number;
  readonly step: number;
  readonly to: number;
}
