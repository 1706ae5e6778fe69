/**
 * Directed schedules for what carries safety over a view change: V, P, O, the window, chain-prepared. Cuts by kind,
 * view and height make exactly those certificates exist that the rule is about. Times in ms.
 */
import type { Hunt } from "./mutation.ts";
import {
  ALL,
  BLOCKS,
  cut,
  FOREVER,
  parameters,
  SETTINGS,
  scene,
  series,
  silent,
  transfers,
} from "./scene.ts";

const STATUS = { ...SETTINGS, statusIntervalMs: 2_000 };

/** 3 gets blocks 1 to 10 without any checkpoint, and faulty 0 proposes all of them to it once more. */
const PROPOSED_AGAIN: Partial<Parameters<typeof scene>[0]> = {
  consensus: parameters({ checkpointInterval: 2, logWindow: 4 }),
  settings: { ...SETTINGS, requestTimeoutMs: 4_000, timeoutMaxMs: 8_000, fairnessTimeoutMs: 8_000 },
  adversaries: [
    {
      id: "a0",
      validator: 0,
      kind: "undercut",
      victims: [3],
      again: true,
      everyMs: 50,
      atMs: 1_500,
      untilMs: FOREVER,
    },
  ],
  faults: [
    cut(["pre-prepare"], { from: [0], to: [3], atMs: 0, untilMs: 1_300 }),
    cut(["checkpoint", "checkpoint-certificate"], { from: ALL, to: [3], atMs: 0, untilMs: 2_500 }),
  ],
};

export const VIEWS = {
  /**
   * 3 knows nothing of the first two blocks and of the checkpoint on them; faulty 1 opens view 1 and proposes them
   * to 3 anew, otherwise.
   */
  belowTheBase: scene({
    consensus: parameters({ checkpointInterval: 2, logWindow: 4, rotationInterval: 1 }),
    adversaries: [
      {
        id: "a0",
        validator: 1,
        kind: "undercut",
        victims: [3],
        again: false,
        everyMs: 20,
        atMs: 0,
        untilMs: FOREVER,
      },
    ],
    faults: [
      cut(["pre-prepare"], { from: [0], to: [3], atMs: 0, untilMs: 1_500 }),
      cut(["commit", "status", "checkpoint-certificate", ...BLOCKS], {
        from: [0, 1, 2],
        to: [3],
        atMs: 0,
        untilMs: 200,
      }),
      cut(BLOCKS, { from: [0, 1, 2], to: [3], atMs: 0, untilMs: 1_500 }),
      cut(BLOCKS, { from: [3], to: [0, 1, 2], atMs: 0, untilMs: 1_500 }),
    ],
    gstMs: 1_500,
    deadlineMs: 30_000,
    workload: transfers(10, 60),
  }),
  /** The clock of 1 is a minute slow; a block that it must not vote for in view 0 is carried over into view 1. */
  wrongClock: scene({
    adversaries: [silent(3, 150)],
    clocks: [{ id: "k0", node: 1, kind: "skew", offsetMs: -60_000, drift: 0 }],
    faults: [cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 200 })],
    gstMs: 300,
    deadlineMs: 20_000,
    workload: transfers(10),
  }),
  /** A block of view 0 is known everywhere and not certified; faulty 1 builds on it beside its own one of view 1. */
  otherParent: scene(
    {
      consensus: parameters({ pipelineDepth: 4 }),
      adversaries: [{ id: "a0", validator: 1, kind: "collude", everyMs: 4, atMs: 200, untilMs: 1_000 }],
      faults: [
        cut(["prepare"], { from: ALL, to: ALL, views: [0], atMs: 0, untilMs: 1_000 }),
        cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 1_000 }),
      ],
      gstMs: 1_000,
      deadlineMs: 40_000,
      workload: transfers(10),
    },
    30,
  ),
  /** 1 is locked on a block that nobody commits, loses power and asks for view 1. */
  lockedRestart: scene({
    faults: [cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 1_500 })],
    crashes: [{ id: "c0", node: 1, when: { kind: "time", atMs: 100 }, downMs: 20, kept: 0, torn: false }],
    gstMs: 1_500,
    deadlineMs: 30_000,
    workload: transfers(10),
  }),
  /** Faulty 1 makes certificates out of nothing. */
  forged: scene(
    {
      adversaries: [
        { id: "a0", validator: 1, kind: "forge-certificates", everyMs: 10, atMs: 0, untilMs: 1_000 },
      ],
      gstMs: 1_000,
      deadlineMs: 30_000,
      workload: series(4, 10, 200),
    },
    20,
  ),
  /** 3 alone has signed COMMIT in view 0; the primary of it falls silent, and the others need 3 to open view 1. */
  stuckInCommit: scene({
    adversaries: [silent(0, 150)],
    faults: [
      cut(["prepare"], { from: ALL, to: [0, 1, 2], views: [0], atMs: 0, untilMs: 1_000 }),
      cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 1_000 }),
    ],
    gstMs: 1_000,
    deadlineMs: 30_000,
    workload: transfers(10),
  }),
  /**
   * Only 0 can show what was prepared in view 0, and does so two views later. 3 has never seen the block, 0 does not
   * give it to 3, and 1 and 2 have promised to hold it.
   */
  promisedBody: scene({
    settings: { ...SETTINGS, timeoutMaxMs: 60_000, fairnessTimeoutMs: 60_000 },
    adversaries: [
      { id: "a0", validator: 0, kind: "withhold-bodies", victims: [3], atMs: 0, untilMs: FOREVER },
    ],
    faults: [
      cut(["prepare", "commit"], { from: ALL, to: [1, 2, 3], views: [0], atMs: 0, untilMs: 6_000 }),
      cut(["view-change"], { from: [0], to: [1], views: [1], atMs: 0, untilMs: 6_000 }),
      cut(["pre-prepare"], { from: [1], to: ALL, views: [1], atMs: 0, untilMs: 6_000 }),
      cut(["view-change"], { from: [1], to: [3], views: [3], atMs: 0, untilMs: 6_000 }),
    ],
    gstMs: 6_000,
    deadlineMs: 7_500,
    workload: transfers(10),
  }),
  /** 3 is locked on a block of view 0, and then on another one of view 1. */
  twoLocks: scene({
    faults: [
      cut(["prepare"], { from: ALL, to: [0, 1, 2], views: [0], atMs: 0, untilMs: 2_500 }),
      cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 2_500 }),
      cut(["view-change"], { from: [3], to: ALL, views: [1], atMs: 0, untilMs: 2_500 }),
    ],
    gstMs: 2_500,
    deadlineMs: 30_000,
    workload: transfers(10),
  }),
  /** The first of two blocks in the pipeline is not prepared at 3, the second is. */
  secondPrepared: scene({
    consensus: parameters({ checkpointInterval: 4, logWindow: 8, pipelineDepth: 4 }),
    settings: { ...STATUS, requestTimeoutMs: 1_000 },
    faults: [
      cut(["prepare"], { from: ALL, to: ALL, heights: [1], atMs: 0, untilMs: 300 }),
      cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 300 }),
    ],
    gstMs: 1_000,
    deadlineMs: 30_000,
    workload: transfers(10, 30, 60),
  }),
  /** 3 holds a commit certificate of height 2, nothing of height 1, and is alone in asking for view 1. */
  holeBelowCertificate: scene({
    consensus: parameters({ checkpointInterval: 4, logWindow: 8, pipelineDepth: 4 }),
    settings: STATUS,
    faults: [
      cut(["prepare", "commit"], { from: ALL, to: [3], heights: [1], atMs: 0, untilMs: 1_000 }),
      cut(["status", ...BLOCKS], { from: ALL, to: [3], atMs: 0, untilMs: 1_000 }),
    ],
    gstMs: 1_000,
    deadlineMs: 30_000,
    workload: transfers(10, 30),
  }),
  /** Faulty 1 opens view 1 with a block too many. */
  falseCarried: scene({
    consensus: parameters({ checkpointInterval: 2, logWindow: 4, rotationInterval: 1 }),
    adversaries: [{ id: "a0", validator: 1, kind: "lie-o", atMs: 0, untilMs: FOREVER }],
    gstMs: 500,
    deadlineMs: 30_000,
    workload: transfers(10, 60, 110),
  }),
  /** 3 has committed more than L blocks above its stable checkpoint when a rotation makes it ask for a view. */
  longP: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2, rotationInterval: 6 }),
    settings: { ...SETTINGS, requestTimeoutMs: 2_000, timeoutMaxMs: 4_000, fairnessTimeoutMs: 4_000 },
    faults: [
      cut(["checkpoint", "checkpoint-certificate", "new-view"], {
        from: ALL,
        to: [3],
        atMs: 0,
        untilMs: 2_500,
      }),
    ],
    gstMs: 2_500,
    deadlineMs: 30_000,
    workload: series(6, 10, 300),
  }),
  /** Only faulty 0 can show what was prepared at height 1 in view 0; in view 1 another block is committed there. */
  brokenLinks: scene({
    settings: { ...SETTINGS, timeoutMaxMs: 500 },
    adversaries: [{ id: "a0", validator: 0, kind: "lie-links", atMs: 0, untilMs: FOREVER }],
    faults: [
      cut(["prepare", "commit"], { from: ALL, to: [1, 2, 3], views: [0], atMs: 0, untilMs: 2_500 }),
      cut(["view-change"], { from: [0], to: [1], atMs: 0, untilMs: 600 }),
      cut(["pre-prepare"], { from: [1], to: ALL, views: [1], heights: [3], atMs: 0, untilMs: 2_500 }),
      cut(["view-change"], { from: [1, 3], to: [2], views: [2], atMs: 0, untilMs: 1_800 }),
    ],
    gstMs: 2_500,
    deadlineMs: 30_000,
    workload: transfers(10, 800, 1_000),
  }),
  /** 3 alone is locked on two blocks of view 0, 2 alone on another one of view 1; both are in V of view 2. */
  brokenO: scene({
    consensus: parameters({ checkpointInterval: 4, logWindow: 8, pipelineDepth: 2 }),
    settings: { ...SETTINGS, timeoutMaxMs: 500 },
    faults: [
      cut(["prepare"], { from: ALL, to: [0, 1, 2], views: [0], atMs: 0, untilMs: 4_000 }),
      cut(["commit"], { from: ALL, to: ALL, atMs: 0, untilMs: 4_000 }),
      cut(["view-change"], { from: [3], to: ALL, views: [1], atMs: 0, untilMs: 4_000 }),
      cut(["pre-prepare", "new-view"], { from: ALL, to: [3], views: [1], atMs: 0, untilMs: 4_000 }),
      cut(["prepare"], { from: ALL, to: [0, 1, 3], views: [1], atMs: 0, untilMs: 4_000 }),
      cut(["view-change"], { from: [0], to: [2], views: [2], atMs: 0, untilMs: 4_000 }),
    ],
    gstMs: 4_000,
    deadlineMs: 30_000,
    workload: transfers(10, 40),
  }),
  /** CHECKPOINTs are lost and there is more to do than the window holds. */
  aboveTheTop: scene({
    consensus: parameters({ checkpointInterval: 1, logWindow: 2 }),
    faults: [cut(["checkpoint", "checkpoint-certificate"], { from: ALL, to: ALL, atMs: 0, untilMs: 2_000 })],
    gstMs: 2_000,
    deadlineMs: 20_000,
    workload: series(5, 10, 100),
  }),
  /**
   * 3 has got blocks 1 to 10 without any checkpoint, so its window ends at 4; faulty 0 proposes all of them to it
   * once more.
   */
  committedAboveTheTop: scene({
    ...PROPOSED_AGAIN,
    gstMs: 2_500,
    deadlineMs: 30_000,
    workload: series(10, 10, 60),
  }),
  /**
   * 3 has got blocks 1 to 10 without any checkpoint, and starts again knowing the newest eight; faulty 0 proposes
   * all of them to it once more, and the third and fourth lie in its window.
   */
  forgottenBlocks: scene({
    ...PROPOSED_AGAIN,
    crashes: [{ id: "c0", node: 3, when: { kind: "time", atMs: 1_400 }, downMs: 50, kept: 0, torn: false }],
    gstMs: 2_500,
    deadlineMs: 30_000,
    workload: series(10, 10, 60),
  }),
} satisfies Record<string, readonly Hunt[]>;
