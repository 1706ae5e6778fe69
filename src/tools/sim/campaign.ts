/**
 * Many runs: consecutive seeds, validator sets of several sizes, profiles in turn. Each run depends on its seed and
 * these options alone, so they can be spread over processes; one hash over all traces says that two campaigns were
 * the same. A run that fails is shrunk.
 */
import { must } from "../../base/assert.ts";
import { hex, utf8 } from "../../base/bytes.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { sha256 } from "../../crypto/hash.ts";
import { generateSchedule } from "./generate.ts";
import { type RunOptions, runSchedule } from "./run.ts";
import { keepOnly, type Profile, type Schedule } from "./schedule.ts";
import { commandOf, shrinkSchedule } from "./shrink.ts";

export interface Campaign {
  readonly seed: number;
  /** Seeds seed, seed + 1, ... */
  readonly schedules: number;
  /** The least and the most validators. The sizes between take turns. */
  readonly nodes: readonly [number, number];
  /** How many validators lie. With undefined it is the f of the size. */
  readonly byzantine: number | undefined;
  /** The profile to play. With undefined those of {@link TURNS} are played in turn. */
  readonly profile: Profile | undefined;
  /** Names of the only items to keep. With undefined all are kept. */
  readonly only: readonly string[] | undefined;
  /** Whether failures are shrunk. */
  readonly shrink: boolean;
  /** Sources of modules that the chain has, for the command that shows a failure again. */
  readonly modules?: readonly string[];
}

export interface ScheduleOutcome {
  readonly seed: number;
  readonly traceHash: string;
  readonly violations: number;
  /** The reason of the first violation, with the command that shows it again, or undefined where there is none. */
  readonly reason: string | undefined;
  readonly height: number;
  readonly virtualMs: number;
  /** More copies of a block were destroyed than PBFT survives: safety alone was asked for. */
  readonly lostData: boolean;
}

/** Profiles of a campaign without one. */
const TURNS: readonly Profile[] = [
  "mixed",
  "byzantine",
  "mixed",
  "crash",
  "network",
  "byzantine",
  "disk",
  "wide",
];

/** The schedule of the `index`-th seed. */
export function scheduleOf(campaign: Campaign, index: number): Schedule {
  const seed = campaign.seed + index;
  const [least, most] = campaign.nodes;
  const nodes = least + (seed % (most - least + 1));
  const turn = Math.floor(seed / (most - least + 1)) % TURNS.length;
  const profile = campaign.profile ?? must(TURNS[turn], "the index is below their number");
  const byzantine = campaign.byzantine ?? quorumOf(nodes).f;
  const schedule = generateSchedule({ seed, nodes, byzantine, profile });
  return campaign.only === undefined ? schedule : keepOnly(schedule, new Set(campaign.only));
}

export async function playOne(
  campaign: Campaign,
  index: number,
  options: RunOptions = {},
): Promise<ScheduleOutcome> {
  const schedule = scheduleOf(campaign, index);
  const { violations, traceHash, stats } = await runSchedule(schedule, options);
  const reason = violations.length === 0 ? undefined : await explain(campaign, schedule, options);
  const { virtualMs, lostData } = stats;
  const { seed } = schedule;
  const height = Number(stats.height);
  return { seed, traceHash, violations: violations.length, reason, height, virtualMs, lostData };
}

/** One hash over the traces of runs, in the order of their seeds. */
export function hashOfTraces(outcomes: readonly ScheduleOutcome[]): string {
  const [only, ...others] = outcomes;
  if (only !== undefined && others.length === 0) return only.traceHash;
  const ordered = [...outcomes].sort((a, b) => a.seed - b.seed);
  return hex(sha256(utf8(ordered.map(({ traceHash }) => traceHash).join("\n"))));
}

/** What the smallest schedule that still fails by the same checker says, and its command. */
async function explain(campaign: Campaign, schedule: Schedule, options: RunOptions): Promise<string> {
  const [violation] = (await runSchedule(schedule, options)).violations;
  const first = must(violation, "a schedule that is explained has failed");
  const failsAlike = async (smaller: Schedule) =>
    (await runSchedule(smaller, options)).violations.some(({ checker }) => checker === first.checker);
  const only = campaign.shrink ? await shrinkSchedule(schedule, failsAlike) : campaign.only;
  const smallest = only === undefined ? schedule : keepOnly(schedule, new Set(only));
  const [shown = first] = (await runSchedule(smallest, options)).violations;
  const where = shown.replica === undefined ? "" : ` at node ${shown.replica}`;
  return `${shown.checker}${where} after ${Math.round(shown.atMs)} ms: ${shown.detail}; again: ${[commandOf(schedule, only), ...(campaign.modules ?? []).map((file) => `--module ${file}`)].join(" ")}`;
}
