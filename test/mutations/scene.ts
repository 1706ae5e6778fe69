/**
 * What directed schedules are built from: a quiet network of four, one transfer after the other, and exact cuts. A
 * name in a cut is that of a kind of packet, so that a scene says which message is lost and nothing else is.
 * Times in ms.
 */
import type { PbftParameters } from "../../src/chain/genesis/consensus-parameters.ts";
import {
  type AdversarySpec,
  MESSAGE_TYPES,
  type NetworkFault,
  type NetworkTiming,
  type NodeId,
  type Schedule,
  type ScheduledMessageType,
  type ScheduledSubmission,
} from "../../src/tools/sim/schedule.ts";
import type { Hunt } from "./mutation.ts";

export const FAST: NetworkTiming = {
  delayMsMin: 1,
  delayMsMax: 10,
  tail: 0,
  tailMs: 0,
  stepMs: 1,
  settledDelayMsMax: 10,
};
export const SETTINGS = {
  statusIntervalMs: 200,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 250,
  timeoutMaxMs: 2_000,
  resendIntervalMs: 200,
  fairnessTimeoutMs: 800,
};
/** No timer brings back what another rule has to bring back. */
export const PATIENT = {
  ...SETTINGS,
  requestTimeoutMs: 60_000,
  timeoutMaxMs: 60_000,
  fairnessTimeoutMs: 60_000,
};
/** And nobody tells what it holds, but at its start and when something has expired. */
export const MUTE = { ...PATIENT, statusIntervalMs: 60_000 };
export const FOREVER = Number.MAX_SAFE_INTEGER - 1;
export const NOTHING = { faults: [], crashes: [], disks: [], clocks: [], adversaries: [] };

export function parameters(parts: Partial<PbftParameters> = {}): PbftParameters {
  return {
    type: "pbft",
    checkpointInterval: 4,
    logWindow: 8,
    pipelineDepth: 1,
    rotationInterval: 0,
    ...parts,
  };
}

/** One from each account in turn, each at another node. */
export function transfers(...times: readonly number[]): ScheduledSubmission[] {
  return times.map((atMs, i) => ({
    id: `w${i}`,
    atMs,
    node: i % 4,
    from: i % 4,
    to: (i + 1) % 4,
    amount: 1n,
  }));
}

/** `count` transfers, each in a block of its own as long as nothing is lost. */
export function series(count: number, fromMs: number, everyMs: number): ScheduledSubmission[] {
  return transfers(...Array.from({ length: count }, (_, i) => fromMs + i * everyMs));
}

export const ALL: readonly NodeId[] = [0, 1, 2, 3];

interface Cut {
  readonly from: readonly NodeId[];
  readonly to: readonly NodeId[];
  readonly atMs: number;
  readonly untilMs: number;
  readonly views?: readonly number[];
  readonly heights?: readonly number[];
}

let named = 0;

/** These packets are lost. */
export function cut(types: readonly ScheduledMessageType[], where: Cut): NetworkFault {
  return { id: `f${named++}`, kind: "letters", types, hold: false, ...where };
}

export const EVERYTHING = Object.keys(MESSAGE_TYPES) as ScheduledMessageType[];
/** All ways in which a block reaches a node that has not voted for it. */
export const BLOCKS: readonly ScheduledMessageType[] = ["sealed-block", "announcement", "request", "block"];

export function silent(validator: number, atMs = 0): AdversarySpec {
  return { id: `a${validator}`, validator, kind: "silent", atMs, untilMs: FOREVER };
}

/** Four validators, one of them faulty at most; a few seeds, for the delays differ. */
export function scene(directed: Partial<Schedule>, schedules = 3): Hunt[] {
  const { adversaries = [] } = directed;
  const quiet = {
    ...NOTHING,
    consensus: parameters(),
    settings: SETTINGS,
    syncIntervalMs: 60_000,
    network: FAST,
    ...directed,
  };
  const byzantine = adversaries.length === 0 ? 0 : 1;
  return [{ profile: "network", nodes: 4, byzantine, schedules, directed: quiet }];
}
