/**
 * Schedules from seeds. Small ones on purpose: few heights, small checkpoint intervals and windows, short timers, so
 * that rare interleavings come often and thousands of runs fit into a minute. Each part draws from a stream of its
 * own. It never injects more faults than the schedule's `byzantine` allows.
 */
import type { PbftParameters } from "../../chain/genesis/consensus-parameters.ts";
import type { EngineSettings, ValidatorId } from "../../consensus/engine.ts";
import { pickCompanions, pickRollbacks } from "./database-rollback.ts";
import { pickOverloads } from "./overloads.ts";
import { Random } from "./random.ts";
import {
  ADVERSARY_NAMES,
  type AdversaryName,
  type AdversarySpec,
  type ClockFault,
  type Crash,
  type CrashMoment,
  type NetworkFault,
  type NetworkTiming,
  type NodeId,
  type Profile,
  type Schedule,
  type ScheduledDiskFault,
  type ScheduleOptions,
} from "./schedule.ts";
import { COMPUTING } from "./simulated-processor.ts";
import { TWIN_ROUND_MS, TWIN_ROUNDS, twinRounds, twinsOf } from "./twins.ts";
import { widen } from "./widen.ts";
import { ACCOUNTS, pickWorkload } from "./workload.ts";

/** What each has at genesis. */
export const BALANCE = 1_000n;

/** How much of each kind a profile has at most. */
interface FaultBudget {
  readonly network: number;
  readonly crashes: number;
  readonly disks: number;
  readonly clocks: number;
}

const DOSES: Readonly<Record<Profile, FaultBudget>> = {
  calm: { network: 0, crashes: 0, disks: 0, clocks: 0 },
  mixed: { network: 3, crashes: 3, disks: 1, clocks: 2 },
  network: { network: 6, crashes: 0, disks: 0, clocks: 0 },
  crash: { network: 1, crashes: 8, disks: 1, clocks: 0 },
  disk: { network: 1, crashes: 3, disks: 4, clocks: 0 },
  byzantine: { network: 2, crashes: 1, disks: 0, clocks: 1 },
  asynchronous: { network: 6, crashes: 2, disks: 0, clocks: 1 },
  twins: { network: 0, crashes: 0, disks: 0, clocks: 0 },
  brief: { network: 2, crashes: 1, disks: 0, clocks: 1 },
  rollback: { network: 3, crashes: 1, disks: 0, clocks: 0 },
  wide: { network: 2, crashes: 2, disks: 0, clocks: 1 },
  flood: { network: 1, crashes: 1, disks: 0, clocks: 0 },
  full: { network: 2, crashes: 1, disks: 0, clocks: 1 },
};

/** Transfers of a schedule, at most, where they are not as usual. */
const WORKLOADS: Partial<Record<Profile, number>> = { rollback: 14, full: 16 };

export function generateSchedule(options: ScheduleOptions): Schedule {
  const { seed, nodes, byzantine, profile } = options;
  const random = new Random(`schedule ${seed} ${nodes} ${byzantine} ${profile}`);
  const faultBudget = DOSES[profile];
  const settings = pickSettings(random.split("settings"), nodes);
  const isBrief = profile === "brief" || profile === "wide" || profile === "full";
  const isTwins = profile === "twins";
  const spanMs = isTwins
    ? TWIN_ROUNDS * TWIN_ROUND_MS
    : random.split("span").integer(isBrief ? 200 : 1_200, isBrief ? 500 : 2_800);
  const { damaged, restored, corrupt } = pickFaulty(random.split("faulty"), options);
  const adversaries = isTwins
    ? twinsOf(corrupt)
    : profile === "flood"
      ? pickOverloads(random.split("adversaries"), corrupt)
      : pickAdversaries(random.split("adversaries"), { corrupt, nodes, spanMs });
  const twins = adversaries.filter(({ kind }) => kind === "twin").length;
  const all = Array.from({ length: nodes + twins }, (_, id) => id);
  const rollbacks = pickRollbacks(random.split("rollbacks"), {
    profile,
    correct: all.slice(0, nodes).filter((id) => ![...damaged, ...restored, ...corrupt].includes(id)),
    restored,
    spanMs,
  });
  const asynchronous = profile === "asynchronous";
  const allowanceMs = asynchronous ? 0 : 40 * settings.timeoutMaxMs;
  const schedule: Schedule = {
    ...options,
    consensus: pickParameters(random.split("parameters")),
    settings,
    syncIntervalMs: random.split("sync").pick([500, 1_000]),
    gstMs: asynchronous ? 2 * spanMs : spanMs,
    deadlineMs: (asynchronous ? 2 * spanMs : spanMs) + allowanceMs,
    network: pickTiming(random.split("timing"), profile),
    faults: isTwins
      ? twinRounds(random.split("rounds"), all)
      : [
          ...pickNetworkFaults(random.split("network"), { count: faultBudget.network, all, spanMs }),
          ...pickCompanions(random.split("companions"), rollbacks, nodes),
        ],
    crashes: pickCrashes(random.split("crashes"), { count: faultBudget.crashes, all, spanMs }),
    disks: pickDiskFaults(random.split("disks"), { count: faultBudget.disks, all, spanMs, damaged }),
    rollbacks,
    clocks: pickClocks(random.split("clocks"), { count: faultBudget.clocks, all, spanMs }),
    workload: pickWorkload(random.split("workload"), {
      nodes,
      spanMs,
      countMax: WORKLOADS[profile] ?? (isBrief ? 3 : 9),
      isBursty: profile === "full",
    }),
    adversaries,
    ...(profile === "flood" ? { computing: COMPUTING } : {}),
  };
  return widen(schedule, random.split("wide"));
}

function pickParameters(random: Random): PbftParameters {
  const checkpointInterval = random.pick([1, 2, 2, 2, 3, 4]);
  const logWindow = checkpointInterval * random.pick([2, 2, 3, 4]);
  return {
    type: "pbft",
    checkpointInterval,
    logWindow,
    pipelineDepth: Math.min(logWindow, random.pick([1, 1, 2, 4, 8])),
    rotationInterval: random.pick([0, 1, 2, 4]),
  };
}

/** Picks short timers. A status costs n (n - 1) messages, so large networks send theirs less often. */
function pickSettings(random: Random, nodes: number): EngineSettings {
  const requestTimeoutMs = random.pick([250, 400, 800]);
  return {
    statusIntervalMs: (nodes > 6 ? 2 : 1) * random.pick([200, 300, 400]),
    blockTimeMs: random.pick([0, 0, 0, 40]),
    emptyBlocksMs: random.pick([undefined, undefined, undefined, 500]),
    requestTimeoutMs,
    timeoutMaxMs: 8 * requestTimeoutMs,
    resendIntervalMs: random.pick([200, 400]),
    fairnessTimeoutMs: random.pick([800, 1_500]),
  };
}

function pickTiming(random: Random, profile: Profile): NetworkTiming {
  const stepMs = random.pick([1, 1, 0.25]);
  if (profile === "calm")
    return { delayMsMin: 1, delayMsMax: 10, tail: 0, tailMs: 0, stepMs, settledDelayMsMax: 10 };
  const kind = random.pick(["fast", "fast", "slow", "tail"] as const);
  switch (kind) {
    case "fast":
      return { delayMsMin: 1, delayMsMax: 10, tail: 0, tailMs: 0, stepMs, settledDelayMsMax: 15 };
    case "slow":
      return { delayMsMin: 10, delayMsMax: 60, tail: 0.02, tailMs: 200, stepMs, settledDelayMsMax: 60 };
    case "tail":
      return { delayMsMin: 1, delayMsMax: 15, tail: 0.15, tailMs: 700, stepMs, settledDelayMsMax: 20 };
  }
}

interface Faulty {
  /** Their disks are damaged. */
  readonly damaged: readonly ValidatorId[];
  /** Their homes come back from older copies. */
  readonly restored: readonly ValidatorId[];
  readonly corrupt: readonly ValidatorId[];
}

/** The first primaries are the interesting ones. */
function pickFaulty(random: Random, { nodes, byzantine, profile }: ScheduleOptions): Faulty {
  const all = Array.from({ length: nodes }, (_, id) => id);
  const order = random.chance(0.5) ? all : random.shuffle(all);
  const chosen = order.slice(0, byzantine);
  const damages = profile === "disk" ? chosen.length : profile === "mixed" && random.chance(0.2) ? 1 : 0;
  const homes = profile === "rollback" && random.chance(0.5) ? chosen.length : damages;
  return {
    damaged: chosen.slice(0, damages),
    restored: chosen.slice(damages, homes),
    corrupt: chosen.slice(homes),
  };
}

interface Span {
  readonly count: number;
  readonly all: readonly NodeId[];
  readonly spanMs: number;
}

/** Begins in the first three quarters and ends before GST. */
function interval(random: Random, spanMs: number): { readonly atMs: number; readonly untilMs: number } {
  const atMs = random.integer(0, Math.floor(0.75 * spanMs));
  return { atMs, untilMs: Math.min(spanMs, atMs + random.integer(50, Math.floor(0.6 * spanMs))) };
}

function pickNetworkFaults(random: Random, { count, all, spanMs }: Span): NetworkFault[] {
  return Array.from({ length: count === 0 ? 0 : random.integer(1, count) }, (_, i) =>
    pickNetworkFault(random.split(i), `f${i}`, { all, spanMs }),
  );
}

function pickNetworkFault(
  random: Random,
  id: string,
  { all, spanMs }: Pick<Span, "all" | "spanMs">,
): NetworkFault {
  const when = { id, ...interval(random, spanMs) };
  const hold = random.chance(0.3);
  const kinds = ["loss", "loss", "duplicate", "slow-links", "partition", "partition", "one-way", "flapping"];
  const kind = random.pick(kinds as Exclude<NetworkFault["kind"], "letters">[]);
  switch (kind) {
    case "loss":
    case "duplicate":
      return { ...when, kind, probability: random.pick([0.02, 0.1, 0.3]) };
    case "slow-links":
      return {
        ...when,
        kind,
        nodes: some(random, all),
        extraMs: random.pick([100, 400]),
      };
    case "partition":
      return { ...when, kind, groups: split(random, all), hold };
    case "one-way":
      return { ...when, kind, from: some(random, all), to: some(random, all), hold };
    case "flapping":
      return { ...when, kind, groups: split(random, all), periodMs: random.pick([50, 200, 600]), hold };
  }
}

/** A part of the nodes: at least one, not all. */
function some(random: Random, all: readonly NodeId[]): NodeId[] {
  return random.shuffle(all).slice(0, random.integer(1, Math.max(1, all.length - 1)));
}

/** Splits the nodes into two groups, sometimes three. */
function split(random: Random, all: readonly NodeId[]): NodeId[][] {
  const shuffled = random.shuffle(all);
  const first = random.integer(1, Math.max(1, all.length - 1));
  const rest = shuffled.slice(first);
  if (rest.length < 2 || random.chance(0.7)) return [shuffled.slice(0, first), rest];
  const second = random.integer(1, rest.length - 1);
  return [shuffled.slice(0, first), rest.slice(0, second), rest.slice(second)];
}

function pickCrashes(random: Random, { count, all, spanMs }: Span): Crash[] {
  return Array.from({ length: count === 0 ? 0 : random.integer(0, count) }, (_, i) => {
    const own = random.split(i);
    return {
      id: `c${i}`,
      node: own.pick(all),
      when: pickMoment(own, spanMs),
      downMs: own.pick([0, 20, 200, 1_000]),
      kept: own.pick([0, 0, 0.5, 1]),
      torn: own.chance(0.3),
    };
  });
}

/** What a node does of each kind in a run, about. */
const MOMENTS = { action: 200, write: 40, flush: 20 };

function pickMoment(random: Random, spanMs: number): CrashMoment {
  const kind = random.pick(["time", "action", "action", "write", "flush"] as const);
  if (kind === "time") return { kind, atMs: random.integer(0, spanMs) };
  return { kind, count: random.integer(1, MOMENTS[kind]) };
}

function pickDiskFaults(
  random: Random,
  { count, all, spanMs, damaged }: Span & { readonly damaged: readonly NodeId[] },
): ScheduledDiskFault[] {
  const flips = damaged.map((node, i): ScheduledDiskFault => {
    const own = random.split(`flip ${i}`);
    const atMs = own.integer(100, Math.floor(0.8 * spanMs));
    return { id: `d${i}`, node, kind: "flip", atMs, downMs: own.pick([0, 200, 800]) };
  });
  const others = Array.from(
    { length: count === 0 ? 0 : random.integer(0, count) },
    (_, i): ScheduledDiskFault => {
      const own = random.split(i);
      const where = { id: `d${flips.length + i}`, node: own.pick(all), ...interval(own, spanMs) };
      if (own.chance(0.4)) return { ...where, kind: "full" };
      return { ...where, kind: "slow", latencyMs: own.pick([2, 10, 50]) };
    },
  );
  return [...flips, ...others];
}

function pickClocks(random: Random, { count, all, spanMs }: Span): ClockFault[] {
  return Array.from({ length: count === 0 ? 0 : random.integer(0, count) }, (_, i): ClockFault => {
    const own = random.split(i);
    const where = { id: `k${i}`, node: own.pick(all) };
    if (own.chance(0.5)) {
      const byMs = own.pick([-3_000, -200, 300, 4_000]);
      return { ...where, kind: "jump", atMs: own.integer(0, spanMs), byMs };
    }
    return {
      ...where,
      kind: "skew",
      offsetMs: own.integer(-3_000, 3_000),
      drift: own.pick([-0.05, 0, 0.05]),
    };
  });
}

interface Corruption {
  readonly corrupt: readonly ValidatorId[];
  readonly nodes: number;
  readonly spanMs: number;
}

/** Gives one or two kinds to each. Twins come alone, since they are honest but for being two. */
function pickAdversaries(random: Random, { corrupt, nodes, spanMs }: Corruption): AdversarySpec[] {
  const specs: AdversarySpec[] = [];
  for (const validator of corrupt) {
    const own = random.split(validator);
    const first = pickAdversary(own.split(0), { id: `a${specs.length}`, validator, nodes, spanMs });
    specs.push(first);
    if (first.kind === "twin" || own.chance(0.5)) continue;
    const second = pickAdversary(own.split(1), { id: `a${specs.length}`, validator, nodes, spanMs });
    if (second.kind !== "twin" && second.kind !== first.kind) specs.push(second);
  }
  return specs;
}

/** The drawing favours what breaks wrong rules most often. */
const DRAWN_KINDS: readonly AdversaryName[] = [
  ...ADVERSARY_NAMES,
  "twin",
  "equivocate",
  "mutate",
  "collude",
  "collude",
];

interface Post {
  readonly id: string;
  readonly validator: ValidatorId;
  readonly nodes: number;
  readonly spanMs: number;
}

function pickAdversary(random: Random, { id, validator, nodes, spanMs }: Post): AdversarySpec {
  const kind = random.pick(DRAWN_KINDS);
  // Half of them never stop: liveness must not depend on their good will.
  const untilMs = random.chance(0.5) ? Number.MAX_SAFE_INTEGER : spanMs;
  const who = { id, validator, atMs: random.pick([0, 0, Math.floor(spanMs / 3)]), untilMs };
  const others = Array.from({ length: nodes }, (_, other) => other).filter((other) => other !== validator);
  switch (kind) {
    case "equivocate":
    case "withhold-bodies":
    case "withhold-transactions":
      return { ...who, kind, victims: others.length === 0 ? [] : some(random, others) };
    case "undercut": {
      const victims = others.length === 0 ? [] : some(random, others);
      return { ...who, kind, victims, again: random.chance(0.5), everyMs: random.pick([20, 50]) };
    }
    case "slow":
      return { ...who, kind, delayMs: random.pick([50, 200, 500]) };
    case "censor":
      return { ...who, kind, account: random.integer(0, ACCOUNTS - 1) };
    case "replay":
    case "huge-view":
    case "forge-certificates":
      return { ...who, kind, everyMs: random.pick([50, 200, 500]) };
    case "collude":
    case "false-proofs":
    case "view-flood":
    case "false-proposals":
    case "false-checkpoints":
    case "false-gossip":
      return { ...who, kind, everyMs: random.pick([20, 50, 200]) };
    case "flood":
      return { ...who, kind, perSecond: random.pick([50, 200]) };
    case "overload":
      return { ...who, kind, perSecond: random.pick([1_000, 4_000]) };
    case "lie-clock":
      return { ...who, kind, offsetMs: random.pick([-60_000, -4_000, 4_000, 60_000]) };
    case "mutate":
      return { ...who, kind, probability: random.pick([0.05, 0.2, 0.5]) };
    default:
      return { ...who, kind };
  }
}
