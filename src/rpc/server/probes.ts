/**
 * The paths for machines that watch the node: /health (does it live), /ready (is it worth sending work to),
 * /version, /metrics. Ready means: in step with what this node has reason to believe of the chain (no peer's claim
 * makes it unready), enough peers, as a validator a quorum in reach, and no work that waits for minutes in vain.
 * The form of the query is Besu's: ?minPeers=3&maxBlocksBehind=2.
 */
import { must } from "../../base/assert.ts";
import { showHash } from "../../base/bytes.ts";
import { isDecimal } from "../../base/decimal.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { NodeApi } from "../api.ts";
import { explainNode } from "../explain/explain-node.ts";
import type { Explanation } from "../explain/standing.ts";
import { showCount, showWide } from "../schemas/show-numbers.ts";

export interface ProbePorts {
  readonly api: NodeApi;
  readonly scheduler: Scheduler;
}

export interface ProbeAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Milliseconds in which the database must answer. */
const STORE_MS_MAX = 2_000;
const BLOCKS_BEHIND_DEFAULT = 2;

/** Undefined when the path is not a probe's. */
export function findProbe(
  path: string,
): ((ports: ProbePorts, query: URLSearchParams) => ProbeAnswer | Promise<ProbeAnswer>) | undefined {
  switch (path) {
    case "/health":
      return probeHealth;
    case "/ready":
      return probeReadiness;
    case "/version":
      return probeVersion;
    case "/metrics":
      return probeMetrics;
    default:
      return undefined;
  }
}

async function probeHealth({ api, scheduler }: ProbePorts): Promise<ProbeAnswer> {
  let cancel = () => {};
  const late = new Promise<string>((resolve) => {
    cancel = scheduler.after(STORE_MS_MAX, () =>
      resolve(`the database gave no answer in ${STORE_MS_MAX} ms`),
    );
  });
  const answered = api.checkStore().then(
    () => undefined,
    () => api.symptoms().paused ?? "the database failed: see the node's log",
  );
  const reason = await Promise.race([answered, late]);
  cancel();
  return reason === undefined ? json(200, { healthy: true }) : json(503, { healthy: false, reason });
}

async function probeReadiness(ports: ProbePorts, query: URLSearchParams): Promise<ProbeAnswer> {
  const minPeers = parseCount(query.get("minPeers"), 0);
  const maxBlocksBehind = parseCount(query.get("maxBlocksBehind"), BLOCKS_BEHIND_DEFAULT);
  const known = ["minPeers", "maxBlocksBehind"];
  const unknown = [...query.keys()].find((key) => !known.includes(key));
  if (minPeers === undefined || maxBlocksBehind === undefined || unknown !== undefined) {
    return json(400, { error: `expected ?minPeers=<number>&maxBlocksBehind=<number>` });
  }
  const standing = standingOf(ports, BigInt(maxBlocksBehind));
  const explanation = await explainNode(ports.api, ports.scheduler.now());
  const canServe = standing.synced && standing.peers >= minPeers && standing.quorumReachable !== false;
  const ready = canServe && !isUseless(ports, explanation);
  return json(ready ? 200 : 503, {
    ready,
    ...standing,
    state: explanation.state,
    reason: explanation.summary,
  });
}

/** What is sent to this node cannot come about, whatever its peers and its height say. */
function isUseless({ api, scheduler }: ProbePorts, { state }: Explanation): boolean {
  const headAgeMs = scheduler.now() - api.headChangedAtMs();
  const waitMs = Math.min(api.symptoms().oldestMs ?? 0, headAgeMs);
  return USELESS.has(state) || waitMs > WORK_WAITS_MS_MAX;
}

const USELESS: ReadonlySet<Explanation["state"]> = new Set(["halted", "recovering", "no-quorum", "alone"]);
/** Longer than view changes take: work that waits so long without a block gets no further here. */
const WORK_WAITS_MS_MAX = 30_000;

function standingOf({ api, scheduler }: ProbePorts, behindMax: bigint) {
  const { height } = api.head().summary;
  const peers = api.peers();
  const best = peers.reduce((top, { height: theirs = 0n }) => (theirs > top ? theirs : top), 0n);
  const believed = api.believedHeight();
  const engine = api.engine();
  return {
    synced: api.syncing() === undefined && believed - height <= behindMax,
    height: showCount(height),
    verifiedHeight: showWide(believed),
    // What peers claim: shown, and nothing follows from it.
    bestPeerHeight: showWide(best),
    peers: peers.length,
    // A node that does not validate cannot tell: it need not know all validators.
    quorumReachable: engine === undefined ? null : isQuorumReachable(api),
    view: engine === undefined ? null : showCount(engine.view),
    lastCommitAgeMs: Math.max(0, scheduler.now() - api.headChangedAtMs()),
  };
}

function isQuorumReachable(api: NodeApi): boolean {
  const engine = must(api.engine(), "it is only asked where an engine runs");
  const online = new Set(api.peers().map((peer) => peer.validator));
  online.delete(undefined);
  if (engine.self !== undefined) online.add(engine.self);
  return engine.mode !== "halted" && online.size >= engine.quorum;
}

function probeVersion({ api }: ProbePorts): ProbeAnswer {
  const { version, chainId, genesisHash } = api.info();
  return json(200, {
    name: "quorate",
    version,
    nodeVersion: process.version,
    chainId: showWide(chainId),
    genesisHash: showHash(genesisHash),
  });
}

async function probeMetrics({ api }: ProbePorts): Promise<ProbeAnswer> {
  return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: await api.metrics() };
}

function json(status: number, value: unknown): ProbeAnswer {
  return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function parseCount(text: string | null, otherwise: number): number | undefined {
  if (text === null) return otherwise;
  return isDecimal(text, 9) ? Number(text) : undefined;
}
