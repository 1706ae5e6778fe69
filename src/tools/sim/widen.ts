/**
 * What widens a generated schedule: each ingredient is put on top with a probability of its own and draws from a
 * stream of its own, so that the schedule below stays what it was. False proofs, checkpoints and rumors, view
 * messages in numbers, a home put back from an older copy; nodes that are no validators, honest and lying; faults
 * after the network has settled; blocks that are always full, and fees; long chains.
 */
import type { ValidatorId } from "../../consensus/engine.ts";
import type { Rollback } from "./database-rollback.ts";
import type { Random } from "./random.ts";
import type { AdversarySpec, Crash, Profile, Schedule, ScheduledSubmission, Stranger } from "./schedule.ts";

/** The probabilities of the ingredients. */
interface Widths {
  /** That a corrupt validator does one more thing. */
  readonly adversaries: number;
  /** That a corrupt validator proposes what nobody may follow. */
  readonly proposals: number;
  /** That one corrupt validator is an honest one on an older copy of its disk. */
  readonly olderCopy: number;
  /** That there are nodes without a key. */
  readonly full: number;
  readonly strangers: number;
  /** That something fails after the network has settled. */
  readonly late: number;
  readonly limits: number;
  readonly long: number;
  /** That proposals are compact; and that a corrupt validator then withholds their transactions. */
  readonly compact: number;
}

const NONE: Widths = {
  adversaries: 0,
  proposals: 0,
  olderCopy: 0,
  full: 0,
  strangers: 0,
  late: 0,
  limits: 0,
  long: 0,
  compact: 0,
};
const SOME: Widths = {
  adversaries: 0.3,
  proposals: 0.1,
  olderCopy: 0.12,
  full: 0.06,
  strangers: 0.08,
  late: 0.25,
  limits: 0.2,
  long: 0.01,
  compact: 0.3,
};
const WIDE: Widths = {
  adversaries: 0.7,
  proposals: 0.25,
  olderCopy: 0.25,
  full: 0.15,
  strangers: 0.2,
  late: 0.5,
  limits: 0.4,
  long: 0.03,
  compact: 0.5,
};

const WIDTHS: Readonly<Record<Profile, Widths>> = {
  calm: NONE,
  network: { ...NONE, compact: 0.3 },
  crash: { ...NONE, compact: 0.3 },
  disk: NONE,
  rollback: { ...NONE, compact: 0.3 },
  flood: NONE,
  full: { ...SOME, limits: 1 },
  twins: NONE,
  asynchronous: { ...NONE, adversaries: 0.3, strangers: 0.1 },
  mixed: SOME,
  byzantine: { ...SOME, adversaries: 0.4 },
  brief: SOME,
  wide: WIDE,
};

/** Kinds that are put on top of what a corrupt validator does. */
const ADDED = [
  "false-proofs",
  "false-proofs",
  "false-checkpoints",
  "false-gossip",
  "view-flood",
  "lie-links",
  "lie-o",
  "undercut",
  "trickle",
] as const;

/** A share of the chain is long: this many transfers more, one after the other. */
const LONG_TRANSFERS = { least: 40, most: 120, everyMs: 25 };
/** The most bytes of one transfer without a memo (docs/protocol.md, "Transaction"), and of what a block says of it besides. */
const TRANSFER_BYTES_MAX = 192;

export function widen(schedule: Schedule, random: Random): Schedule {
  const widths = WIDTHS[schedule.profile];
  const draw = (name: keyof Widths) => {
    const own = random.split(name);
    return own.chance(widths[name]) ? own : undefined;
  };
  let wide = schedule;
  if (widths.adversaries > 0) wide = addAdversaries(wide, random.split("adversaries"), widths.adversaries);
  const proposals = draw("proposals");
  if (proposals !== undefined) wide = addFalseProposals(wide, proposals);
  const copied = draw("olderCopy");
  if (copied !== undefined) wide = putBackOne(wide, copied);
  const full = draw("full");
  if (full !== undefined) wide = { ...wide, full: full.integer(1, 2) };
  const strangers = draw("strangers");
  if (strangers !== undefined) wide = addStrangers(wide, strangers);
  const late = draw("late");
  if (late !== undefined && schedule.deadlineMs > schedule.gstMs) wide = addLate(wide, late);
  const limits = draw("limits");
  if (limits !== undefined) wide = limitBlocks(wide, limits);
  const compact = draw("compact");
  if (compact !== undefined) wide = shorten(wide, compact);
  const long = draw("long");
  return long === undefined ? wide : lengthen(wide, long);
}

/** Whom the schedule below has corrupted; twins do nothing but be two. */
function corruptOf({ adversaries }: Schedule): ValidatorId[] {
  const twins = new Set(adversaries.filter(({ kind }) => kind === "twin").map(({ validator }) => validator));
  return [...new Set(adversaries.map(({ validator }) => validator))].filter((one) => !twins.has(one));
}

function addAdversaries(schedule: Schedule, random: Random, probability: number): Schedule {
  const added: AdversarySpec[] = [];
  for (const validator of corruptOf(schedule)) {
    const own = random.split(validator);
    if (!own.chance(probability)) continue;
    const id = `a${schedule.adversaries.length + added.length}`;
    added.push(pickAdded(own, id, validator, schedule));
  }
  return { ...schedule, adversaries: [...schedule.adversaries, ...added] };
}

function pickAdded(random: Random, id: string, validator: ValidatorId, schedule: Schedule): AdversarySpec {
  const { gstMs, nodes, settings } = schedule;
  const untilMs = random.chance(0.5) ? Number.MAX_SAFE_INTEGER : gstMs;
  const who = { id, validator, atMs: random.pick([0, 0, Math.floor(gstMs / 3)]), untilMs };
  const kind = random.pick(ADDED);
  switch (kind) {
    case "false-proofs":
    case "false-checkpoints":
    case "false-gossip":
      return { ...who, kind, everyMs: random.pick([20, 50, 200]) };
    case "view-flood":
      return { ...who, kind, everyMs: settings.statusIntervalMs };
    case "undercut": {
      const others = Array.from({ length: nodes }, (_, other) => other).filter(
        (other) => other !== validator,
      );
      const victims = random.shuffle(others).slice(0, random.integer(1, Math.max(1, others.length)));
      return { ...who, kind, victims, again: random.chance(0.5), everyMs: random.pick([20, 50]) };
    }
    default:
      return { ...who, kind };
  }
}

/** Adds false proposals to what it does besides, from the beginning, so that it is the primary now and then. */
function addFalseProposals(schedule: Schedule, random: Random): Schedule {
  const corrupt = corruptOf(schedule);
  if (corrupt.length === 0) return schedule;
  const { adversaries, gstMs } = schedule;
  const who = { id: `a${adversaries.length}`, validator: random.pick(corrupt), atMs: 0 };
  const untilMs = random.chance(0.3) ? Number.MAX_SAFE_INTEGER : gstMs;
  const everyMs = random.pick([20, 50, 200]);
  const added: AdversarySpec = { ...who, kind: "false-proposals", untilMs, everyMs };
  return { ...schedule, adversaries: [...adversaries, added] };
}

/**
 * Takes the place of whatever one corrupt validator did: it behaves, and forgets, and may then lose power
 * once more.
 */
function putBackOne(schedule: Schedule, random: Random): Schedule {
  const corrupt = corruptOf(schedule);
  if (corrupt.length === 0) return schedule;
  const node = random.pick(corrupt);
  const { gstMs, rollbacks = [], crashes, adversaries } = schedule;
  // Often so many views that it has asked for some of them between copy and return.
  const manyViews = { ...schedule.consensus, rotationInterval: 1, checkpointInterval: 1 };
  const copiedAtMs = random.integer(0, Math.floor(0.6 * gstMs));
  const atMs = random.integer(copiedAtMs, Math.floor(0.85 * gstMs));
  const downMs = random.pick([0, 20, 200]);
  const id = `r${rollbacks.length}`;
  const fault: Rollback = { id, node, kind: "home-restored", copiedAtMs, atMs, downMs, again: [] };
  const again: Crash = {
    id: `c${crashes.length}`,
    node,
    when: { kind: "time", atMs: atMs + random.integer(100, 2_000) },
    downMs: 50,
    kept: 0,
    torn: false,
  };
  return {
    ...schedule,
    consensus: random.chance(0.6) ? manyViews : schedule.consensus,
    rollbacks: [...rollbacks, fault],
    crashes: random.chance(0.7) ? [...crashes, again] : crashes,
    adversaries: adversaries.filter(({ validator }) => validator !== node),
  };
}

function addStrangers(schedule: Schedule, random: Random): Schedule {
  const { gstMs } = schedule;
  const strangers = Array.from({ length: random.integer(1, 2) }, (_, i): Stranger => {
    const untilMs = random.chance(0.5) ? Number.MAX_SAFE_INTEGER : gstMs;
    return { id: `s${i}`, atMs: 0, untilMs, everyMs: random.pick([20, 50, 200]) };
  });
  return { ...schedule, strangers };
}

/**
 * After the network has settled: crashes of up to f nodes in turn, each back after a while, or a corrupt validator
 * that behaves until then and is gone for good; and work that must be done all the same.
 */
function addLate(schedule: Schedule, random: Random): Schedule {
  const { gstMs, deadlineMs, nodes, crashes, workload, settings } = schedule;
  const spanMs = 4 * settings.requestTimeoutMs;
  const f = Math.floor((nodes - 1) / 3);
  const fallen = random
    .shuffle(Array.from({ length: nodes }, (_, node) => node))
    .slice(0, random.integer(0, f));
  const late = fallen.map((node, i): Crash => {
    const when = { kind: "time", atMs: gstMs + random.integer(1, spanMs) } as const;
    const downMs = random.pick([0, 50, settings.requestTimeoutMs, 2 * settings.requestTimeoutMs]);
    return { id: `c${crashes.length + i}`, node, when, downMs, kept: random.pick([0, 0.5, 1]), torn: false };
  });
  const adversaries = random.chance(0.3) ? silenced(schedule, random, spanMs) : schedule.adversaries;
  const more = Array.from({ length: random.integer(1, 4) }, (_, i) =>
    transfer(random, `w${workload.length + i}`, gstMs + random.integer(0, spanMs), nodes),
  );
  return {
    ...schedule,
    adversaries,
    crashes: [...crashes, ...late],
    workload: [...workload, ...more],
    deadlineMs: deadlineMs + 2 * spanMs,
  };
}

/** One corrupt validator behaves until the network has settled, then it is gone. */
function silenced(
  { adversaries, gstMs, ...rest }: Schedule,
  random: Random,
  spanMs: number,
): AdversarySpec[] {
  const corrupt = corruptOf({ ...rest, adversaries, gstMs });
  if (corrupt.length === 0) return [...adversaries];
  const validator = random.pick(corrupt);
  const atMs = gstMs + random.integer(1, spanMs);
  const gone: AdversarySpec = { id: "a0", validator, kind: "silent", atMs, untilMs: Number.MAX_SAFE_INTEGER };
  const others = adversaries.filter((spec) => spec.validator !== validator);
  return [...others, gone].map((spec, i) => ({ ...spec, id: `a${i}` }));
}

function transfer(random: Random, id: string, atMs: number, nodes: number): ScheduledSubmission {
  const from = random.integer(0, 3);
  const to = (from + random.integer(1, 3)) % 4;
  const amount = BigInt(random.integer(0, 5));
  return { id, atMs, node: random.integer(0, nodes - 1), from, to, amount };
}

/** Blocks that one or two transfers fill, by their number or by their bytes; and who proposes is paid. */
function limitBlocks(schedule: Schedule, random: Random): Schedule {
  const count = random.integer(1, 2);
  const limits = random.chance(0.5)
    ? { maxBlockTransactions: count }
    : { maxTxBytes: TRANSFER_BYTES_MAX, maxBlockBytes: count * TRANSFER_BYTES_MAX };
  const workload = schedule.workload.map((submission) => ({
    ...submission,
    fee: BigInt(random.split(submission.id).pick([0, 1, 3])),
  }));
  return { ...schedule, limits, workload };
}

/** Compact proposals, of which a corrupt validator may withhold the transactions. */
function shorten(schedule: Schedule, random: Random): Schedule {
  const { adversaries, nodes, gstMs } = schedule;
  const compact = { freshMs: random.pick([0, 0, 10, 40]), askMs: random.pick([30, 100, 300]) };
  const corrupt = corruptOf(schedule);
  if (corrupt.length === 0 || random.chance(0.4)) return { ...schedule, compact };
  const validator = random.pick(corrupt);
  const others = Array.from({ length: nodes }, (_, other) => other).filter((other) => other !== validator);
  const victims = random.shuffle(others).slice(0, random.integer(1, others.length));
  const untilMs = random.chance(0.5) ? Number.MAX_SAFE_INTEGER : gstMs;
  const who = { id: `a${adversaries.length}`, validator, atMs: 0, untilMs };
  return {
    ...schedule,
    compact,
    adversaries: [...adversaries, { ...who, kind: "withhold-transactions", victims }],
  };
}

function lengthen(schedule: Schedule, random: Random): Schedule {
  const { nodes, workload, gstMs } = schedule;
  const count = random.integer(LONG_TRANSFERS.least, LONG_TRANSFERS.most);
  const more = Array.from({ length: count }, (_, i) =>
    transfer(random, `w${workload.length + i}`, 20 + i * LONG_TRANSFERS.everyMs, nodes),
  );
  const lastMs = 20 + count * LONG_TRANSFERS.everyMs;
  const deadlineMs = schedule.deadlineMs + Math.max(0, lastMs - gstMs);
  return { ...schedule, workload: [...workload, ...more], deadlineMs };
}
