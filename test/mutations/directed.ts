/**
 * Directed schedules, for rules that matter only in situations which generated ones rarely reach. Each is a generated
 * schedule with some fields of its own. Times in ms.
 */
import { REPAIR } from "./directed-repair.ts";
import { VIEWS } from "./directed-views.ts";
import type { Hunt } from "./mutation.ts";
import { FAST, FOREVER, NOTHING, SETTINGS, silent, transfers } from "./scene.ts";

export const DIRECTED = {
  ...REPAIR,
  ...VIEWS,
  /** Long and heavy loss: views fail one after the other. */
  failingViews: [
    {
      profile: "network",
      nodes: 4,
      byzantine: 0,
      schedules: 10,
      directed: {
        ...NOTHING,
        settings: { ...SETTINGS, requestTimeoutMs: 50, timeoutMaxMs: 200 },
        network: FAST,
        faults: [{ id: "f0", kind: "loss", probability: 0.8, atMs: 0, untilMs: 60_000 }],
        gstMs: 60_000,
        deadlineMs: 64_000,
        workload: transfers(10, 20, 30, 59_000),
      },
    },
  ],
  /** The network settles at delays for which T0 is far too short. */
  slowNetwork: [
    {
      profile: "network",
      nodes: 4,
      byzantine: 0,
      schedules: 5,
      directed: {
        ...NOTHING,
        settings: { ...SETTINGS, requestTimeoutMs: 40, timeoutMaxMs: 2_000 },
        network: { ...FAST, delayMsMin: 60, delayMsMax: 80, settledDelayMsMax: 80 },
        gstMs: 1_000,
        deadlineMs: 60_000,
        workload: transfers(10, 20, 30, 500),
      },
    },
  ],
  /** One is cut off for long while the others go on without needing it, and one of those is faulty afterwards. */
  alone: [
    {
      profile: "network",
      nodes: 4,
      byzantine: 1,
      schedules: 10,
      directed: {
        ...NOTHING,
        settings: SETTINGS,
        network: FAST,
        faults: [
          { id: "f0", kind: "one-way", from: [0, 1, 2], to: [3], hold: false, atMs: 50, untilMs: 30_000 },
        ],
        gstMs: 30_000,
        deadlineMs: 50_000,
        workload: transfers(10, 60, 400, 29_000, 30_500),
      },
    },
  ],
  /** One is down, of the other three one has gone on to a higher view than the two. */
  leftBehind: [
    {
      profile: "network",
      nodes: 4,
      byzantine: 0,
      schedules: 120,
      seed: 10_000,
      directed: { adversaries: [silent(0)], crashes: [], clocks: [] },
    },
  ],
  /** The first primary never proposes the transfers of one account, and nothing else is wrong. */
  censored: [
    {
      profile: "byzantine",
      nodes: 4,
      byzantine: 1,
      schedules: 5,
      directed: {
        ...NOTHING,
        consensus: {
          type: "pbft",
          checkpointInterval: 4,
          logWindow: 16,
          pipelineDepth: 1,
          rotationInterval: 0,
        },
        settings: SETTINGS,
        network: FAST,
        adversaries: [{ id: "a0", validator: 0, kind: "censor", account: 1, atMs: 0, untilMs: FOREVER }],
        gstMs: 2_000,
        deadlineMs: 40_000,
        workload: transfers(10, 20, 30, 40, 600, 700, 800, 900),
      },
    },
  ],
  /**
   * The primary tells node 3 other blocks than the rest, and they reach it only when it holds the committed ones.
   */
  equivocatedLate: [
    {
      profile: "byzantine",
      nodes: 4,
      byzantine: 1,
      schedules: 40,
      directed: {
        ...NOTHING,
        consensus: {
          type: "pbft",
          checkpointInterval: 16,
          logWindow: 32,
          pipelineDepth: 1,
          rotationInterval: 0,
        },
        settings: { ...SETTINGS, requestTimeoutMs: 2_000, timeoutMaxMs: 4_000, fairnessTimeoutMs: 4_000 },
        network: FAST,
        faults: [{ id: "f0", kind: "one-way", from: [0], to: [3], hold: true, atMs: 0, untilMs: 900 }],
        adversaries: [
          { id: "a0", validator: 0, kind: "equivocate", victims: [3], atMs: 0, untilMs: FOREVER },
        ],
        gstMs: 1_500,
        deadlineMs: 60_000,
        workload: transfers(10, 20, 300, 310),
      },
    },
  ],
  /** Node 3 hears only what the colluding validator 1 forges, while the others change views at each checkpoint. */
  believedOneLiar: [
    {
      profile: "byzantine",
      nodes: 4,
      byzantine: 1,
      schedules: 100,
      directed: {
        ...NOTHING,
        consensus: {
          type: "pbft",
          checkpointInterval: 4,
          logWindow: 16,
          pipelineDepth: 2,
          rotationInterval: 1,
        },
        settings: SETTINGS,
        network: FAST,
        faults: [
          { id: "f0", kind: "one-way", from: [0, 2], to: [3], hold: false, atMs: 150, untilMs: 2_900 },
        ],
        adversaries: [
          { id: "a0", validator: 1, kind: "silent", atMs: 0, untilMs: 3_000 },
          { id: "a1", validator: 1, kind: "collude", everyMs: 20, atMs: 0, untilMs: 3_000 },
        ],
        gstMs: 3_000,
        deadlineMs: 83_000,
        workload: transfers(10, 200, 400, 600, 800, 1_000, 1_300, 1_600, 2_000, 2_400),
      },
    },
  ],
  /** Votes are lost, and the timers are so long that no view change brings them back in time. */
  lossInOneView: [
    {
      profile: "network",
      nodes: 4,
      byzantine: 0,
      schedules: 30,
      directed: {
        ...NOTHING,
        settings: { ...SETTINGS, requestTimeoutMs: 60_000, timeoutMaxMs: 60_000, fairnessTimeoutMs: 60_000 },
        network: FAST,
        faults: [{ id: "f0", kind: "loss", probability: 0.5, atMs: 0, untilMs: 1_000 }],
        gstMs: 1_000,
        deadlineMs: 20_000,
        workload: transfers(10, 200, 400, 700),
      },
    },
  ],
} satisfies Record<string, readonly Hunt[]>;
