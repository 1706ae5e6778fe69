/**
 * Why agreement moves or does not, as one validator sees it: the cases of explain.ts for a node that votes. Pure.
 * Source: pbft.md 1.7-1.9.
 */
import { must } from "../../base/assert.ts";
import type { EngineStatus, ValidatorId } from "../../consensus/engine.ts";
import { wayOut } from "./explain-members.ts";
import {
  ago,
  duration,
  type Explanation,
  explainBehind,
  explainSync,
  isSilent,
  joined,
  listed,
  named,
  type Standing,
} from "./standing.ts";

/** An item that has waited longer, or for half of its timeout, no longer counts as being worked on. */
const MOVING_MS = 2_000;

export function explainValidator(standing: Standing, engine: EngineStatus): Explanation {
  if (engine.mode === "halted") return explainHalt(engine);
  if (engine.recovery !== undefined) return explainRecovery(standing, engine, engine.recovery);
  const lost = missingValidators(standing);
  if (engine.n - lost.length < engine.quorum) return explainNoQuorum(standing, engine, lost);
  if (standing.syncing !== undefined) return explainSync(standing);
  const verdict =
    engine.mode === "view-change"
      ? explainViewChange(standing, engine)
      : (explainBehind(standing) ?? explainNormal(standing, engine));
  return verdict.ok ? withLosses(standing, engine, verdict, lost) : verdict;
}

/** Who cannot vote as far as this node sees: not connected, or connected and silent. */
function missingValidators(standing: Standing): ValidatorId[] {
  return [...standing.validators.keys()].filter(
    (index) => standing.validators[index]?.online === false || isSilent(standing, index),
  );
}

/** What works may be one failure away from a halt, or wait for a primary that is not there: that comes first. */
function withLosses(
  standing: Standing,
  { n, quorum, primary, view }: EngineStatus,
  verdict: Explanation,
  lost: readonly ValidatorId[],
): Explanation {
  if (lost.length === 0) return verdict;
  const names = listed(lost.map((index) => named(standing, index)));
  const left = n - lost.length;
  const count = `${left} of ${n} validators take part, need ${quorum}`;
  const { summary } = verdict;
  if (left === quorum) {
    const words = `ONE MORE FAILURE HALTS THE CHAIN: without ${names}, ${count}; ${summary}`;
    return { ...verdict, state: "degraded", ok: false, summary: words };
  }
  if (lost.includes(primary)) {
    const words = `the primary of view ${view} is missing, so the next transaction waits for a view change: without ${names}, ${count}; ${summary}`;
    return { ...verdict, state: "degraded", ok: false, summary: words };
  }
  return { ...verdict, summary: `${summary}; without ${names}, ${count}` };
}

function explainHalt({ haltReason }: EngineStatus): Explanation {
  const summary = `this validator has stopped voting: ${haltReason ?? "for a reason its log names"}`;
  const advice =
    "it counts as faulty until it is repaired; the others go on without it while they are a quorum";
  return { state: "halted", ok: false, summary, details: [advice] };
}

/** Its blocks are fetched from whoever has them; with too many in this state nobody makes new ones. */
function explainRecovery(
  { peers, claimedHeight, believedHeight }: Standing,
  { n, quorum, lastCommitted }: EngineStatus,
  { kind, height }: NonNullable<EngineStatus["recovery"]>,
): Explanation {
  const missing = kind === "checkpoint" ? `the stable checkpoint of height ${height}` : `block ${height}`;
  const highest = claimedHeight > believedHeight ? claimedHeight : believedHeight;
  const source =
    peers === 0
      ? "; no peer is connected that could send it"
      : highest < height
        ? `; NONE of the ${peers} connected peers has it (the highest is at ${highest}), so this goes on until one that has it is connected`
        : "";
  const summary = `recovering: the database ends at height ${lastCommitted} and the journal of votes reaches further; this validator votes again once it has fetched ${missing}${source}`;
  const details = [
    "its database was lost or put back from an older copy; it votes for nothing that it could not answer for",
    `if more than ${n - quorum} of ${n} validators are in this state or away, no block is made until enough of them have caught up`,
    "they fetch from any node that has the blocks, a full node too; if none has them, put back the newest copy of one node's data/db (never of a journal)",
  ];
  return { state: "recovering", ok: false, summary, details };
}

function explainNoQuorum(
  standing: Standing,
  { n, quorum }: EngineStatus,
  lost: readonly ValidatorId[],
): Explanation {
  const { validators } = standing;
  const away = lost.filter((index) => validators[index]?.online === false);
  const silent = lost.filter((index) => validators[index]?.online !== false);
  const online = silent.length === 0 ? "online" : "online and sending votes";
  const summary = `NO QUORUM: ${n - lost.length} of ${n} validators ${online}, need ${quorum} - the chain is safe but halted`;
  const lines = [
    ["not connected", away],
    ["connected, and stopped or hanging", silent],
  ] as const;
  const details = lines.flatMap(([words, indexes]) =>
    indexes.length === 0 ? [] : [`${words}: ${listed(indexes.map((index) => named(standing, index)))}`],
  );
  return {
    state: "no-quorum",
    ok: false,
    summary,
    details: [...details, ...wayOut(standing, n - quorum)],
  };
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
  if (isFresh(standing) && !lacksPrimary(standing, engine, height) && !isLeftWaiting(standing))
    return { state: "moving", ok: true, summary, details };
  return { state: "waiting", ok: false, summary, details };
}

function explainRest({ pool, height, headAgeMs }: Standing): Explanation {
  const head = `height ${height}, last block ${ago(headAgeMs)}`;
  if (pool.executable === 0) {
    return { state: "idle", ok: true, summary: `nothing to agree on: ${head}`, details: [] };
  }
  const waitMs = Math.min(pool.oldestMs ?? headAgeMs, headAgeMs);
  if (isYoung(waitMs)) {
    return { state: "moving", ok: true, summary: `new transactions are on their way: ${head}`, details: [] };
  }
  const summary = `a transaction has waited for ${duration(waitMs)} and is in no proposal: ${head}`;
  return { state: "waiting", ok: false, summary, details: [] };
}

/** Far past every timeout, whatever the timers say: they begin anew with each view and each block that is fetched. */
const LEFT_WAITING_MS = 60_000;

function isLeftWaiting({ pool, headAgeMs }: Standing): boolean {
  return Math.min(pool.oldestMs ?? 0, headAgeMs) > LEFT_WAITING_MS;
}

/** Nobody can propose: what has only just come waits all the same. */
function lacksPrimary({ validators }: Standing, engine: EngineStatus, height: bigint): boolean {
  const slot = engine.slots.find((candidate) => candidate.height === height);
  return (slot?.phase ?? "idle") === "idle" && validators[engine.primary]?.online === false;
}

/** Explains the end of the log window: at H nothing may be proposed until a checkpoint is stable. */
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
      const voters = votersOf(engine, must(slot, "only a slot has a phase besides idle"));
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
