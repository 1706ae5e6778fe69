/**
 * How large a run with changing members is and how much happens in it. `epochs` is wide; `epochs-brief` has the same faults
 * on small sets and short epochs, a tenth of the work, so that they can be played by the hundred thousand; `epochs-short`
 * has them in blocks that follow each other faster, half of that work, so that the tests can play a thousand.
 */
import type { EngineSettings } from "../../../consensus/engine.ts";
import type { NetworkTiming } from "../schedule.ts";

/** The numbers from the first to the second, both included. */
type Range = readonly [number, number];

export interface EpochScale {
  /** Names the stream of randomness. */
  readonly name: string;
  /** So many are in genesis, and so many more may join: one of these. */
  readonly members: readonly number[];
  readonly joining: readonly number[];
  /** The lengths that K may have, of which one is drawn. */
  readonly checkpointIntervals: readonly number[];
  /** Checkpoints of an epoch at genesis, and of one that is voted for. */
  readonly epochCheckpoints: Range;
  readonly votedCheckpoints: Range;
  /** After this virtual time nothing more goes wrong, ms. */
  readonly troubleMs: number;
  /** Heights that everybody must gain when the trouble is over. */
  readonly afterwards: bigint;
  /** Milliseconds between two things that happen. */
  readonly actMs: Range;
  /** Members look for what they have not voted on, ms. */
  readonly voteEveryMs: number;
  /** How long a node stays down, and one that crashed at the barrier, ms. */
  readonly downMs: Range;
  readonly downAtBarrierMs: Range;
  /** Before the end of the trouble nothing new begins, and after it so long passes before progress is asked for, ms. */
  readonly calmMs: number;
  /** Beginning and length of what is wrong with the network, ms. */
  readonly faultAtMs: Range;
  readonly faultMs: Range;
  readonly delaysMs: readonly number[];
  readonly timing: Partial<NetworkTiming>;
  readonly settings: Partial<EngineSettings>;
}

export const WHOLE: EpochScale = {
  name: "epochs",
  members: [4, 5, 6, 7],
  joining: [1, 2, 3],
  checkpointIntervals: [2, 4],
  epochCheckpoints: [2, 5],
  votedCheckpoints: [2, 6],
  troubleMs: 9_000,
  afterwards: 24n,
  actMs: [250, 900],
  voteEveryMs: 173,
  downMs: [50, 2_500],
  downAtBarrierMs: [50, 900],
  calmMs: 500,
  faultAtMs: [500, 5_000],
  faultMs: [500, 3_500],
  delaysMs: [5, 20, 60],
  timing: { tail: 0.05, tailMs: 400, settledDelayMsMax: 20 },
  settings: {},
};

export const BRIEF: EpochScale = {
  name: "epochs-brief",
  members: [4, 4, 4, 5],
  joining: [1],
  checkpointIntervals: [2, 2, 4],
  epochCheckpoints: [2, 3],
  votedCheckpoints: [2, 4],
  troubleMs: 1_200,
  afterwards: 5n,
  actMs: [50, 230],
  voteEveryMs: 83,
  downMs: [30, 500],
  downAtBarrierMs: [20, 200],
  calmMs: 150,
  faultAtMs: [100, 600],
  faultMs: [200, 800],
  delaysMs: [5, 15],
  timing: { tail: 0.05, tailMs: 150, settledDelayMsMax: 10 },
  settings: {
    statusIntervalMs: 150,
    emptyBlocksMs: 130,
    requestTimeoutMs: 300,
    resendIntervalMs: 200,
    fairnessTimeoutMs: 1_500,
  },
};

export const SHORT: EpochScale = {
  ...BRIEF,
  name: "epochs-short",
  members: [4],
  checkpointIntervals: [2],
  votedCheckpoints: [2, 3],
  troubleMs: 750,
  afterwards: 1n,
  calmMs: 80,
  settings: { ...BRIEF.settings, statusIntervalMs: 300, emptyBlocksMs: 70 },
};

/** Each scale by the name of its profile. */
export const EPOCH_SCALES = { epochs: WHOLE, "epochs-brief": BRIEF, "epochs-short": SHORT } as const;
