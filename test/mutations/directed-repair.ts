/**
 * Directed schedules for timers, STATUS repair and restart: exactly the messages are lost that the rule replaces, and
 * where another rule would bring them back later, the deadline is nearer than that. Times in ms.
 */
import type { Crash } from "../../src/tools/sim/schedule.ts";
import type { Hunt } from "./mutation.ts";
import {
  ALL,
  BLOCKS,
  cut,
  EVERYTHING,
  MUTE,
  PATIENT,
  parameters,
  SETTINGS,
  scene,
  series,
  silent,
  transfers,
} from "./scene.ts";

/** Power is lost and comes back at once. */
function restart(node: number, atMs: number): Crash {
  return { id: `c${node}`, node, when: { kind: "time", atMs }, downMs: 50, kept: 0, torn: false };
}

export const REPAIR = {
  /** 0, 1 and 2 ask for view 1; 0 hears both and goes on to view 2, 1 and 2 hear nothing of each other until then. */
  oneHasGoneOn: scene({
    adversaries: [silent(3)],
    faults: [
      cut(["pre-prepare"], { from: [0], to: ALL, atMs: 0, untilMs: 1_000 }),
      cut(["view-change"], { from: [1], to: [2], atMs: 0, untilMs: 1_000 }),
      cut(["view-change"], { from: [2], to: [1], atMs: 0, untilMs: 1_000 }),
    ],
    gstMs: 1_000,
    deadlineMs: 40_000,
    workload: transfers(10),
  }),
  /** 3 hears nobody and is not needed, for two hundred timeouts; then it is, for 2 falls silent. */
  ranAway: scene({
    settings: { ...SETTINGS, requestTimeoutMs: 50, timeoutMaxMs: 200 },
    adversaries: [silent(2, 39_000)],
    faults: [cut(EVERYTHING, { from: [0, 1, 2], to: [3], atMs: 50, untilMs: 40_000 })],
    gstMs: 40_000,
    deadlineMs: 50_000,
    workload: transfers(10, 60, 400, 39_500),
  }),
  /** No view can be opened for a hundred timeouts, and 2 hears nothing of it; then 3 falls silent. */
  farBehind: scene({
    settings: { ...SETTINGS, requestTimeoutMs: 50, timeoutMaxMs: 200 },
    adversaries: [silent(3, 39_900)],
    faults: [
      cut(["pre-prepare", "new-view"], { from: ALL, to: ALL, atMs: 0, untilMs: 40_000 }),
      cut(EVERYTHING, { from: ALL, to: [2], atMs: 0, untilMs: 40_000 }),
    ],
    gstMs: 40_000,
    deadlineMs: 50_000,
    workload: transfers(10),
  }),
  /** The first primary is silent, and fairness is patient. */
  deadPrimary: scene({
    settings: { ...SETTINGS, fairnessTimeoutMs: 60_000, timeoutMaxMs: 60_000 },
    adversaries: [silent(0)],
    gstMs: 100,
    deadlineMs: 20_000,
    workload: transfers(10),
  }),
  /** View 0 fails, and the primary of view 1 is silent. */
  deadNextPrimary: scene({
    adversaries: [silent(1)],
    faults: [cut(["pre-prepare"], { from: [0], to: ALL, atMs: 0, untilMs: 1_000 })],
    gstMs: 1_000,
    deadlineMs: 20_000,
    workload: transfers(10),
  }),
  /** One asks for views that nobody will ever reach. */
  hugeViews: scene({
    adversaries: [{ id: "a0", validator: 3, kind: "huge-view", everyMs: 10, atMs: 0, untilMs: 1_000 }],
    gstMs: 1_000,
    deadlineMs: 20_000,
    workload: transfers(10, 500),
  }),
  /** The primary serves the oldest transaction just in time, one after the other. */
  slowPrimary: scene({
    settings: { ...SETTINGS, requestTimeoutMs: 1_000, timeoutMaxMs: 4_000, fairnessTimeoutMs: 1_500 },
    adversaries: [
      { id: "a0", validator: 0, kind: "trickle", atMs: 0, untilMs: 1_000_000 },
      { id: "a1", validator: 0, kind: "slow", delayMs: 600, atMs: 0, untilMs: 1_000_000 },
    ],
    gstMs: 50,
    deadlineMs: 12_000,
    workload: series(30, 10, 1),
  }),
  /** CHECKPOINTs are lost: the chain stands at H with work waiting, which is nobody's fault. */
  atTheTop: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
    faults: [cut(["checkpoint", "checkpoint-certificate"], { from: ALL, to: ALL, atMs: 0, untilMs: 3_000 })],
    gstMs: 3_000,
    deadlineMs: 20_000,
    workload: series(5, 10, 100),
  }),
  /** Each of 0, 1 and 2 proposes height 1 to nobody, once. */
  lostProposals: scene({
    adversaries: [silent(3)],
    faults: [cut(["pre-prepare"], { from: ALL, to: ALL, atMs: 0, untilMs: 12_000 })],
    gstMs: 12_000,
    deadlineMs: 40_000,
    workload: transfers(10),
  }),
  /** 2 lost all CHECKPOINTs and stands at its H when its vote is needed: 3 has fallen silent. */
  missedStability: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
    settings: PATIENT,
    adversaries: [silent(3, 900)],
    faults: [cut(["checkpoint", "checkpoint-certificate"], { from: ALL, to: [2], atMs: 0, untilMs: 1_000 })],
    gstMs: 1_000,
    deadlineMs: 20_000,
    workload: [...series(3, 10, 100), ...transfers(1_500, 1_600)],
  }),
  /** 2 lost the NEW-VIEW of a planned rotation, and its vote is needed: 3 has fallen silent. */
  missedNewView: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2, rotationInterval: 1 }),
    settings: PATIENT,
    adversaries: [silent(3, 190)],
    faults: [cut(["new-view"], { from: ALL, to: [2], atMs: 0, untilMs: 400 })],
    gstMs: 400,
    deadlineMs: 20_000,
    workload: transfers(100, 500),
  }),
  /** All CHECKPOINTs are lost; then 1 and 0 start again, one after the other, and ask. Nobody else tells. */
  askedAtStart: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
    settings: { ...PATIENT, statusIntervalMs: 10_000 },
    adversaries: [silent(3)],
    faults: [
      cut(["checkpoint", "checkpoint-certificate", "status"], {
        from: ALL,
        to: ALL,
        atMs: 0,
        untilMs: 10_500,
      }),
    ],
    crashes: [restart(1, 11_000), restart(0, 11_200)],
    gstMs: 12_000,
    deadlineMs: 19_000,
    workload: [...series(3, 10, 100), ...transfers(11_500)],
  }),
  /**
   * All CHECKPOINTs are lost, and 2 starts again shortly before the interval ends: its STATUS comes too early for a
   * second answer. 3 is silent, so what 0 and 1 send again is needed at 2, an interval before it asks once more.
   */
  tooEarlyToAsk: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
    settings: { ...PATIENT, statusIntervalMs: 10_000 },
    adversaries: [silent(3)],
    faults: [cut(["checkpoint", "checkpoint-certificate"], { from: ALL, to: ALL, atMs: 0, untilMs: 9_000 })],
    crashes: [restart(2, 9_500)],
    gstMs: 12_000,
    deadlineMs: 18_000,
    workload: series(3, 10, 100),
  }),
  /** 3 has heard nothing of a block, starts again, and asks; 1 has started again before and knows that it is old. */
  askedForBlocks: scene({
    settings: MUTE,
    faults: [
      cut(EVERYTHING, { from: ALL, to: [3], atMs: 0, untilMs: 900 }),
      cut(["status"], { from: [3], to: ALL, atMs: 0, untilMs: 900 }),
      cut(["request"], { from: ALL, to: ALL, atMs: 0, untilMs: 2_000 }),
    ],
    crashes: [restart(1, 700), restart(3, 1_000)],
    gstMs: 2_000,
    deadlineMs: 20_000,
    workload: transfers(10),
  }),
  /** 3 has heard nothing of a block, and nobody else needs it. */
  outOfTouch: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
    settings: { ...PATIENT, statusIntervalMs: 400 },
    faults: [cut(EVERYTHING, { from: ALL, to: [3], atMs: 0, untilMs: 1_000 })],
    gstMs: 1_000,
    deadlineMs: 20_000,
    workload: transfers(10),
  }),
  /** VIEW-CHANGEs are lost, and STATUS comes once a minute. */
  lostRequests: scene({
    settings: { ...SETTINGS, statusIntervalMs: 60_000, fairnessTimeoutMs: 60_000, timeoutMaxMs: 60_000 },
    adversaries: [silent(0)],
    faults: [cut(["view-change"], { from: ALL, to: ALL, atMs: 0, untilMs: 2_000 })],
    gstMs: 2_000,
    deadlineMs: 20_000,
    workload: transfers(10),
  }),
  /** VIEW-CHANGEs are lost, and they are sent again once a minute. */
  lostRequestsSentAnew: scene({
    settings: { ...SETTINGS, resendIntervalMs: 60_000, fairnessTimeoutMs: 60_000, timeoutMaxMs: 60_000 },
    adversaries: [silent(0)],
    faults: [cut(["view-change"], { from: ALL, to: ALL, atMs: 0, untilMs: 2_000 })],
    gstMs: 2_000,
    deadlineMs: 20_000,
    workload: transfers(10),
  }),
  /** 3 lacks the block that the others have prepared, and its vote is needed: 0, who proposed it, falls silent. */
  missingBody: scene({
    adversaries: [silent(0, 150)],
    faults: [
      cut(["pre-prepare", ...BLOCKS], { from: ALL, to: [3], atMs: 0, untilMs: 150 }),
      cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 200 }),
    ],
    gstMs: 200,
    deadlineMs: 30_000,
    workload: transfers(10),
  }),
  /** 1 loses power with its COMMIT durable and not sent; 3 is silent, and nobody tells what it lacks. */
  voteNotSent: scene({
    settings: MUTE,
    adversaries: [silent(3)],
    crashes: [{ id: "c0", node: 1, when: { kind: "write", count: 3 }, downMs: 50, kept: 0, torn: false }],
    gstMs: 2_000,
    deadlineMs: 20_000,
    workload: transfers(100),
  }),
  /** 1 loses power at each durable write around its first stable checkpoint. */
  cutShort: [3, 4, 5, 6, 7, 8, 9, 10].flatMap((count) =>
    scene(
      {
        consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
        crashes: [{ id: "c0", node: 1, when: { kind: "write", count }, downMs: 20, kept: 0, torn: false }],
        gstMs: 1_000,
        deadlineMs: 20_000,
        workload: series(3, 10, 100),
      },
      1,
    ),
  ),
  /** Everyone loses power after a checkpoint has become stable. */
  allRestart: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
    crashes: ALL.map((node) => restart(node, 500)),
    gstMs: 1_000,
    deadlineMs: 20_000,
    workload: [...series(3, 10, 100), ...transfers(1_200)],
  }),
} satisfies Record<string, readonly Hunt[]>;
