/**
 * Why the chain moves or does not, in plain words, as one validator sees it: a pure function from the engine's state
 * and what the node knows of its peers. Its words are for people and may change; `state` and `ok` are for alerts.
 * It judges by what this node knows: behind a partition two nodes tell two stories, and both are true.
 * Source: pbft.md 1.7-1.9.
 *
 * This folder: why the chain moves or does not, a file for each kind of reason, all pure: explain-node.ts alone asks the
 * node for the standing that they judge (standing.ts). Not here: the method (rpc/methods/explain.ts).
 */
import { must } from "../../base/assert.ts";
import type { EngineStatus } from "../../consensus/engine.ts";
import { explainValidator } from "./explain-agreement.ts";
import { withClocks } from "./explain-clocks.ts";
import { describeMembers, explainBarrier, explainCandidate, explainTransition } from "./explain-members.ts";
import {
  ago,
  describeClaim,
  describeTroubles,
  duration,
  type Explanation,
  explainBehind,
  explainSync,
  listed,
  named,
  nameOf,
  type Standing,
  whyAlone,
} from "./standing.ts";

export function explain(standing: Standing): Explanation {
  const { engine } = standing;
  const verdict =
    engine === undefined
      ? explainCandidate(standing, explainFollower(standing))
      : (explainBarrierOf(standing, engine) ?? explainValidator(standing, engine));
  const { details, ...judged } = withClocks(standing, explainTransition(standing, verdict));
  return { ...judged, details: [...details, ...describeStanding(standing)] };
}

/** Is asked only where nothing worse is to be said: without a quorum nobody signs a checkpoint either. */
function explainBarrierOf(standing: Standing, engine: EngineStatus): Explanation | undefined {
  const online = standing.validators.filter(({ online }) => online).length;
  if (engine.mode === "halted" || online < engine.quorum) return undefined;
  return explainBarrier(standing, engine);
}

function explainFollower(standing: Standing): Explanation {
  const { height, headAgeMs, peers, syncing, pool, emptyBlocksMs } = standing;
  const head = `height ${height}, last block ${ago(headAgeMs)}`;
  if (peers === 0) {
    const summary = `${whyAlone(standing)}; this node follows the chain and cannot hear of blocks (${head})`;
    return { state: "alone", ok: false, summary, details: [] };
  }
  if (syncing !== undefined) return explainSync(standing);
  const behind = explainBehind(standing);
  if (behind !== undefined) return behind;
  const waitMs = Math.min(pool.oldestMs ?? 0, headAgeMs);
  if (waitMs > WAITING_MS_MAX) {
    const summary = `a transaction has waited for ${duration(must(pool.oldestMs, "the wait is the age of a transaction"))} and no block came: the validators agree on none, or none reaches this node (${head})`;
    return { state: "waiting", ok: false, summary, details: [] };
  }
  if (
    emptyBlocksMs !== undefined &&
    height > 0n &&
    headAgeMs > EMPTY_MS_MIN + EMPTY_INTERVALS * emptyBlocksMs
  ) {
    const summary = `no block came for ${duration(headAgeMs)}, and an empty one is due every ${duration(emptyBlocksMs)}: the validators agree on none, or none reaches this node (${head})`;
    return {
      state: "waiting",
      ok: false,
      summary,
      details: ["a validator knows more: quorate explain --rpc URL"],
    };
  }
  const connected = `${peers} ${peers === 1 ? "peer" : "peers"} connected`;
  const summary = `this node follows the chain and does not vote: ${head}, ${connected}`;
  return { state: "no-engine", ok: true, summary, details: [] };
}

/** So long no transaction waits without any block on a chain that moves, a view change or two included. */
const WAITING_MS_MAX = 10_000;

/** So long an empty block that is due is late by no view changes. */
const EMPTY_MS_MIN = 30_000;
const EMPTY_INTERVALS = 5;

/** How the node stands, whatever the verdict. */
function describeStanding(standing: Standing): string[] {
  const { engine, height, headAgeMs, pool, validators, timers } = standing;
  const lines = [
    `height ${height}, last block ${ago(headAgeMs)}; pool: ${pool.executable} executable, ${pool.queued} waiting for an earlier nonce`,
    ...describeClaim(standing),
    ...describeMembers(standing),
    ...describeTroubles(standing),
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
  const connected = [...validators.keys()].map((index) => named(standing, index));
  lines.push(`validators: ${listed(connected)}`);
  for (const { name, dueInMs, lengthMs } of timers.filter((timer) => SHOWN_TIMERS.has(timer.name))) {
    lines.push(`${name} timer: due in ${duration(dueInMs)} of ${duration(lengthMs)}`);
  }
  return lines;
}

const SHOWN_TIMERS: ReadonlySet<string> = new Set(["request", "new-view", "fairness", "empty"]);
