/**
 * Why the chain moves or does not, in plain words, as one validator sees it: a pure function from the engine's state
 * and what the node knows of its peers. Its words are for people and may change; `state` and `ok` are for alerts.
 * It judges by what this node knows: behind a partition two nodes tell two stories, and both are true.
 * Source: pbft.md 1.7-1.9; interface.md 9.4.
 */
import type { EngineStatus, ValidatorId } from "../consensus/engine.ts";
import type { RunningTimer } from "./api.ts";

export const CHAIN_STATES = [
  /** Nothing to agree on. */
  "idle",
  "moving",
  /** Something waits for votes, a proposal or a checkpoint for long. */
  "waiting",
  "view-change",
  /** Too few validators are connected to this one. */
  "no-quorum",
  "syncing",
  /** This validator votes no more. */
  "halted",
  /** This validator's database is younger than its journal: it fetches, and votes again then. */
  "recovering",
  /** A node that does not validate: it follows. */
  "no-engine",
  /** A mined chain: no peer, and this node does not mine. */
  "alone",
  /** A mined chain: no block for many times the wanted spacing. */
  "stale",
  /** A mined chain: blocks that counted as final were undone. */
  "reversed",
] as const;

export interface Explanation {
  readonly state: (typeof CHAIN_STATES)[number];
  /** Nobody has to look: idle, moving, or a follower with peers. */
  readonly ok: boolean;
  /** One line. */
  readonly summary: string;
  readonly details: readonly string[];
}

export interface ValidatorStanding {
  readonly name: string;
  /** Connected to this node, or this node. */
  readonly online: boolean;
  /** How long it has been away, ms; undefined when online or unknown. */
  readonly awayMs: number | undefined;
}

/** What an explanation is made from. */
export interface Standing {
  readonly engine: EngineStatus | undefined;
  readonly timers: readonly RunningTimer[];
  /** By index. */
  readonly validators: readonly ValidatorStanding[];
  readonly height: bigint;
  /** Since the head last moved, or the node started. */
  readonly headAgeMs: number;
  readonly syncing:
    | { readonly current: bigint; readonly target: bigint; readonly targetVerified: boolean }
    | undefined;
  /** The greatest height that this node has reason to believe, and the greatest that a peer claims. */
  readonly believedHeight: bigint;
  readonly claimedHeight: bigint;
  readonly peers: number;
  /** Transactions that could run now, and those that wait for an earlier nonce. */
  readonly pool: { readonly executable: number; readonly queued: number };
}

/** An item that has waited longer, or for half of its timeout, no longer counts as being worked on. */
const MOVING_MS = 2_000;
/** Names in one line; the rest is a number. */
const NAMES_MAX = 8;

export function explain(standing: Standing): Explanation {
  const { engine } = standing;
  const verdict = engine === undefined ? explainFollower(standing) : explainValidator(standing, engine);
  return { ...verdict, details: [...verdict.details, ...describeStanding(standing)] };
}

function explainFollower(standing: Standing): Explanation {
  if (standing.syncing !== undefined) return explainSync(standing.syncing);
  const { height, headAgeMs, peers } = standing;
  const ok = peers > 0;
  const heard = ok ? `${peers} ${peers === 1 ? "peer" : "peers"} connected` : "no peer is connected";
  const summary = `this node follows the chain and does not vote: height ${height}, last block ${ago(headAgeMs)}, ${heard}`;
  return { state: "no-engine", ok, summary, details: [] };
}

function explainValidator(standing: Standing, engine: EngineStatus): Explanation {
  if (engine.mode === "halted") return explainHalt(engine);
  if (engine.recovery !== undefined) return explainRecovery(engine, engine.recovery);
  const { validators, syncing } = standing;
  const online = validators.filter((validator) => validator.online).length;
  if (online < engine.quorum) return explainNoQuorum(standing, engine, online);
  if (syncing !== undefined) return explainSync(syncing);
  return engine.mode === "view-change"
    ? explainViewChange(standing, engine)
    : explainNormal(standing, engine);
}

function explainHalt({ haltReason }: EngineStatus): Explanation {
  const summary = `this validator has stopped voting: ${haltReason ?? "for a reason its log names"}`;
  const advice =
    "it counts as faulty until it is repaired; the others go on without it while they are a quorum";
  return { state: "halted", ok: false, summary, details: [advice] };
}

/** Its blocks are fetched from whoever has them; with too many in this state nobody makes new ones. */
function explainRecovery(
  { n, quorum, lastCommitted }: EngineStatus,
  { kind, height }: NonNullable<EngineStatus["recovery"]>,
): Explanation {
  const missing = kind === "checkpoint" ? `the stable checkpoint of height ${height}` : `block ${height}`;
  const summary = `recovering: the database ends at height ${lastCommitted} and the journal of votes reaches further; this validator votes again once it has fetched ${missing}`;
  const details = [
    "its database was lost or put back from an older copy; it votes for nothing that it could not answer for",
    `if more than ${n - quorum} of ${n} validators are in this state or away, no block is made until enough of them have caught up`,
    "they fetch from any node that has the blocks, a full node too; if none has them, put back the newest copy of one node's data/db (never of a journal)",
  ];
  return { state: "recovering", ok: false, summary, details };
}

function explainNoQuorum(standing: Standing, { n, quorum }: EngineStatus, online: number): Explanation {
  const summary = `NO QUORUM: ${online} of ${n} validators online, need ${quorum} - the chain is safe but halted`;
  const away = [...standing.validators.keys()].filter((index) => !standing.validators[index]!.online);
  const details = [`not connected: ${listed(away.map((index) => named(standing, index)))}`];
  return {
    state: "no-quorum",
    ok: false,
    summary,
    details: [...details, "it goes on by itself when they return"],
  };
}

function explainSync({ current, target, targetVerified }: NonNullable<Standing["syncing"]>): Explanation {
  const summary = targetVerified
    ? `catching up: height ${current} of ${target}`
    : `catching up: height ${current}; a peer claims height ${target}, unverified`;
  return { state: "syncing", ok: false, summary, details: [] };
}

function explainViewChange(standing: Standing, engine: EngineStatus): Explanation {
  const { view, primary, quorum, n } = engine;
  const asking = engine.viewChanges.find((asked) => asked.view === view)?.from ?? [];
  const next = nextTry(standing, ["new-view"]) ?? nextTry(standing, ["resend"], "asks again");
  const enough = asking.length >= quorum;
  const parts = enough
    ? [`waiting for NEW-VIEW ${view} from ${named(standing, primary)}`]
    : [`${asking.length} of ${n} VIEW-CHANGEs for view ${view}`, missing(standing, asking), `need ${quorum}`];
  const details = leftBehind(engine)
    ? ["the others go on in a lower view; this node follows them and votes again at the next rotation"]
    : [];
  return { state: "view-change", ok: false, summary: joined([...parts, next]), details };
}

/** A quorum works on below the view that this replica has asked for (pbft.md 1.8, "no way back"). */
function leftBehind({ lastSeen, view, quorum, self }: EngineStatus): boolean {
  return lastSeen.filter((seen, i) => i !== self && seen.view < view && !seen.inViewChange).length >= quorum;
}

function explainNormal(standing: Standing, engine: EngineStatus): Explanation {
  if (engine.lastCommitted >= engine.highWatermark) return explainWindow(standing, engine);
  if (engine.waitingFor === undefined) return explainRest(standing);
  const height = engine.lastCommitted + 1n;
  const summary = joined([
    ...describeProgress(standing, engine, height),
    nextTry(standing, ["request", "new-view"]),
  ]);
  const details = [describeWait(engine.waitingFor), ...describePhase(engine, height)];
  if (isFresh(standing) && !lacksPrimary(standing, engine, height))
    return { state: "moving", ok: true, summary, details };
  return { state: "waiting", ok: false, summary, details };
}

function explainRest({ pool, height, headAgeMs }: Standing): Explanation {
  const state = pool.executable > 0 ? "moving" : "idle";
  const what = pool.executable > 0 ? "new transactions are on their way" : "nothing to agree on";
  return { state, ok: true, summary: `${what}: height ${height}, last block ${ago(headAgeMs)}`, details: [] };
}

/** Nobody can propose: what has only just come waits all the same. */
function lacksPrimary({ validators }: Standing, engine: EngineStatus, height: bigint): boolean {
  const slot = engine.slots.find((candidate) => candidate.height === height);
  return (slot?.phase ?? "idle") === "idle" && validators[engine.primary]?.online === false;
}

/** At H nothing may be proposed until a checkpoint is stable. */
function explainWindow(
  standing: Standing,
  { checkpoints, n, quorum, highWatermark }: EngineStatus,
): Explanation {
  const newest = checkpoints.at(-1);
  const parts =
    newest === undefined
      ? [`no CHECKPOINT received yet at the end of the window, height ${highWatermark}`]
      : [
          `${newest.from.length} of ${n} CHECKPOINTs for height ${newest.height}`,
          missing(standing, newest.from),
        ];
  const summary = joined([...parts, `need ${quorum} before height ${highWatermark + 1n}`]);
  return { state: "waiting", ok: isYoung(standing.headAgeMs), summary, details: [] };
}

/** What the next height has and lacks. */
function describeProgress(standing: Standing, engine: EngineStatus, height: bigint): (string | undefined)[] {
  const { view, primary, n, quorum } = engine;
  const slot = engine.slots.find((candidate) => candidate.height === height);
  switch (slot?.phase ?? "idle") {
    case "idle":
      return [`no proposal for height ${height} from ${named(standing, primary)}, primary of view ${view}`];
    case "committed":
      return [`height ${height} is agreed on in view ${view} and not executed here yet`];
    default: {
      const voters = votersOf(engine, slot!);
      const counted = `${voters.length} of ${n} votes for height ${height} in view ${view}`;
      return voters.length >= quorum ? [counted] : [counted, missing(standing, voters), `need ${quorum}`];
    }
  }
}

/** The primary's PRE-PREPARE is its vote (pbft.md 1.5). */
function votersOf(engine: EngineStatus, slot: EngineStatus["slots"][number]): readonly ValidatorId[] {
  return slot.phase === "prepared" ? slot.commits : [...new Set([engine.primary, ...slot.prepares])];
}

function describePhase(engine: EngineStatus, height: bigint): string[] {
  switch (engine.slots.find((slot) => slot.height === height)?.phase) {
    case "pre-prepared":
      return ["phase: pre-prepared; the votes are PREPAREs, and the primary's PRE-PREPARE"];
    case "prepared":
      return ["phase: prepared; the votes are COMMITs"];
    default:
      return [];
  }
}

function describeWait(waitingFor: NonNullable<EngineStatus["waitingFor"]>): string {
  switch (waitingFor.kind) {
    case "transaction":
      return "a transaction waits to be included";
    case "height":
      return `height ${waitingFor.height} is in agreement`;
    case "heartbeat":
      return "an empty block is due";
  }
}

/** How the node stands, whatever the verdict. */
function describeStanding(standing: Standing): string[] {
  const { engine, height, headAgeMs, pool, validators, timers } = standing;
  const lines = [
    `height ${height}, last block ${ago(headAgeMs)}; pool: ${pool.executable} executable, ${pool.queued} waiting for an earlier nonce`,
    ...describeClaim(standing),
  ];
  if (engine === undefined) return lines;
  const { view, primary, attempt } = engine;
  const tries =
    attempt === 0 ? "" : `; view changes without a quick commit since: ${attempt}, so timeouts are longer`;
  lines.push(`view ${view}, primary ${nameOf(standing, primary)}${tries}`);
  for (const asked of engine.viewChanges) {
    lines.push(
      `view ${asked.view} is asked for by ${listed(asked.from.map((index) => nameOf(standing, index)))}`,
    );
  }
  const heard = [...validators.keys()].map((index) => named(standing, index));
  lines.push(`validators: ${listed(heard)}`);
  for (const { name, dueInMs, lengthMs } of timers.filter((timer) => SHOWN_TIMERS.has(timer.name))) {
    lines.push(`${name} timer: due in ${duration(dueInMs)} of ${duration(lengthMs)}`);
  }
  return lines;
}

/** So far beyond what is believed a claim is worth a line; a block or two are on their way all the time. */
const CLAIM_MARGIN = 2n;

/** What a peer says of its head beyond all that this node could check. */
export function describeClaim({
  believedHeight,
  claimedHeight,
}: Pick<Standing, "believedHeight" | "claimedHeight">): string[] {
  if (claimedHeight <= believedHeight + CLAIM_MARGIN) return [];
  return [
    `a peer claims height ${claimedHeight}, unverified; ${believedHeight} is the highest that is verified here`,
  ];
}

const SHOWN_TIMERS: ReadonlySet<string> = new Set(["request", "new-view", "fairness", "empty"]);

/** Nobody has waited for long. */
function isFresh({ timers, headAgeMs }: Standing): boolean {
  const timer =
    timers.find(({ name }) => name === "request") ?? timers.find(({ name }) => name === "new-view");
  if (timer === undefined) return isYoung(headAgeMs);
  return timer.lengthMs - timer.dueInMs < Math.min(MOVING_MS, timer.lengthMs / 2);
}

function isYoung(ageMs: number): boolean {
  return ageMs < MOVING_MS;
}

/** When the first of these timers that runs is due. */
function nextTry({ timers }: Standing, names: readonly string[], words = "next try"): string | undefined {
  const running = names.map((name) => timers.find((timer) => timer.name === name));
  const timer = running.find((candidate) => candidate !== undefined);
  return timer === undefined ? undefined : `${words} in ${duration(timer.dueInMs)}`;
}

function missing(standing: Standing, voters: readonly ValidatorId[]): string | undefined {
  const absent = [...standing.validators.keys()].filter((index) => !voters.includes(index));
  return absent.length === 0 ? undefined : `missing ${listed(absent.map((index) => named(standing, index)))}`;
}

/** A validator with what explains its silence. */
function named(standing: Standing, index: ValidatorId): string {
  const reason = reasonOf(standing, index);
  return reason === undefined ? nameOf(standing, index) : `${nameOf(standing, index)} (${reason})`;
}

function reasonOf({ engine, validators }: Standing, index: ValidatorId): string | undefined {
  if (engine?.self === index) return "this node";
  const validator = validators[index];
  if (validator?.online === false) {
    return validator.awayMs === undefined ? "down" : `down ${duration(validator.awayMs)}`;
  }
  const seen = engine?.lastSeen[index];
  if (engine === undefined || seen === undefined) return undefined;
  if (seen.inViewChange) return `in view change to ${seen.view}`;
  if (seen.view !== engine.view) return `at view ${seen.view}`;
  return seen.height < engine.lastCommitted ? `at height ${seen.height}` : undefined;
}

function nameOf({ validators }: Standing, index: ValidatorId): string {
  return validators[index]?.name ?? `validator ${index}`;
}

function listed(words: readonly string[]): string {
  if (words.length > NAMES_MAX) {
    return `${words.slice(0, NAMES_MAX).join(", ")} and ${words.length - NAMES_MAX} more`;
  }
  if (words.length < 2) return words[0] ?? "nobody";
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("; ");
}

export function ago(ms: number): string {
  return `${duration(ms)} ago`;
}

/** 850 ms, 1.5 s, 42 s, 3 min 20 s, 2 h 5 min. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
