/**
 * Validators that say nothing, one more from run to run: what it costs in throughput, latency and view changes, and
 * where the chain stops. With f of them it must go on; with one more it must halt, say why in the words of `explain`,
 * keep all that was final, and go on when one of them speaks again.
 * Source: pbft.md 1.1 (liveness), 1.7, 1.9.
 */
import type { EngineStatus, ValidatorId } from "../../../consensus/engine.ts";
import { explain } from "../../../rpc/explain/explain.ts";
import type { AdversarySpec } from "../../sim/schedule.ts";
import { noStep } from "../step.ts";
import { faultsSurvived, type Note, PbftCluster } from "./pbft-cluster.ts";

export interface SilentOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Virtual time that users pay for in each run, ms. */
  readonly payMs: number;
}

export interface SilentResult {
  /** How many say nothing. */
  readonly silent: number;
  readonly isBearable: boolean;
  /** Payments final while all were silent, and at the end. */
  readonly finalWhileSilent: number;
  readonly final: number;
  readonly pending: number;
  /** Final payments a second of virtual time, while all were silent. */
  readonly perSecond: number;
  /** The median time from arrival to final, ms of virtual time, of those that were final when the users had done paying. */
  readonly latencyMsMedian: number | undefined;
  readonly latencyMsMax: number | undefined;
  /** Views that were opened, planned rotations among them. */
  readonly views: number;
  /** Views that a correct validator asked for. */
  readonly asked: number;
  /** What `quorate explain` says at a correct validator when the silence had lasted as long as it would. */
  readonly explanation: string;
  /** Time from the first word of the returned one on, ms. Undefined when the chain never stopped, or never went on. */
  readonly recoveryMs: number | undefined;
  /** Up to f: all final. One more: nothing final until one returns, everything after. */
  readonly isMatch: boolean;
}

export interface SilentRun {
  readonly result: SilentResult;
  readonly notes: readonly Note[];
  readonly endMs: number;
  readonly returnMs: number | undefined;
}

const PAY_EVERY_MS = 50;
const SETTLE_MS = 60_000;
/** The moment at which the silent ones fall silent, ms. Before it the chain is seen to move. */
const QUIET_FROM_MS = 500;

/** Runs with 0 to f + 1 silent validators. */
/** How many runs there are, with a step after each. */
export function silentSteps({ nodes }: SilentOptions): number {
  return faultsSurvived(nodes) + 2;
}

export async function runSilent(options: SilentOptions, step = noStep): Promise<SilentRun[]> {
  const runs: SilentRun[] = [];
  for (let count = 0; count < silentSteps(options); count++) {
    runs.push(await runWith(options, count));
    await step();
  }
  return runs;
}

async function runWith({ nodes, seed, payMs }: SilentOptions, silent: number): Promise<SilentRun> {
  const isBearable = silent <= faultsSurvived(nodes);
  const pbftCluster = new PbftCluster({
    nodes,
    seed: `silent/${seed}/${silent}`,
    adversaries: silentOnes(silent, isBearable ? Number.MAX_SAFE_INTEGER : payMs),
    payUntilMs: payMs,
    payEveryMs: PAY_EVERY_MS,
  });
  await pbftCluster.runUntil(payMs);
  const whileSilent = pbftCluster.finalAtMs.filter((atMs) => atMs > QUIET_FROM_MS + PAY_EVERY_MS).length;
  const latencies = [...pbftCluster.latenciesMs].sort((a, b) => a - b);
  const explanation = explainAt(pbftCluster, nodes - 1);
  const pendingThen = pbftCluster.pending;
  await pbftCluster.runUntil(payMs + SETTLE_MS, () => pbftCluster.pending === 0);
  const resumed = pbftCluster.finalAtMs.find((atMs) => atMs > payMs);
  const { pending, notes } = pbftCluster;
  pbftCluster.end();
  const isHalted = whileSilent === 0 && pendingThen > 0;
  const asked = notes.filter(({ kind, node }) => kind === "view-change" && node >= silent);
  const result: SilentResult = {
    silent,
    isBearable,
    finalWhileSilent: whileSilent,
    final: pbftCluster.finalAtMs.length,
    pending,
    perSecond: round((1_000 * whileSilent) / (payMs - QUIET_FROM_MS)),
    latencyMsMedian: latencies[Math.floor(latencies.length / 2)],
    latencyMsMax: latencies.at(-1),
    views: new Set(notes.filter(({ kind }) => kind === "view").map(({ view }) => view)).size,
    asked: new Set(asked.map(({ view }) => view)).size,
    explanation,
    recoveryMs: isBearable || resumed === undefined ? undefined : round(resumed - payMs),
    isMatch: pending === 0 && (isBearable || isHalted),
  };
  const endMs = Math.max(payMs, notes.at(-1)?.atMs ?? 0);
  return { result, notes, endMs, returnMs: isBearable ? undefined : payMs };
}

/** The first validators, so that the first primary is among them; only the first of too many returns. */
function silentOnes(count: number, returnsAtMs: number): AdversarySpec[] {
  return Array.from({ length: count }, (_, validator): AdversarySpec => {
    const untilMs = validator === 0 ? returnsAtMs : Number.MAX_SAFE_INTEGER;
    return { id: `a${validator}`, validator, kind: "silent", atMs: QUIET_FROM_MS, untilMs };
  });
}

/** The words of `quorate explain` as a validator would give them; whom it has not heard for long counts as away. */
export function explainAt(pbftCluster: PbftCluster, at: ValidatorId): string {
  const replica = pbftCluster.cluster.replica(at);
  const engine = replica?.engineStatus();
  if (replica === undefined || engine === undefined) return "it has stopped";
  const online = onlineOf(pbftCluster, at, engine);
  const lastMs = Math.max(
    0,
    ...pbftCluster.commits.filter(({ node }) => node === at).map(({ atMs }) => atMs),
  );
  const { summary, details } = explain({
    engine,
    timers: replica.engineTimers(),
    validators: online.map((isOnline, validator) => ({
      name: pbftCluster.nameOf(validator),
      online: isOnline,
      awayMs: undefined,
      silentMs: undefined,
    })),
    height: engine.lastCommitted,
    headAgeMs: pbftCluster.cluster.time.nowMs - lastMs,
    syncing: undefined,
    believedHeight: 0n,
    claimedHeight: 0n,
    peers: online.filter(Boolean).length - 1,
    expectsPeers: true,
    troubles: [],
    clocks: { measured: [], limitMs: 0, early: [] },
    pool: { executable: pbftCluster.pending, queued: 0 },
  });
  return [summary, ...details].join("; ");
}

/** Who has been heard for less than some intervals of STATUS. */
function onlineOf(pbftCluster: PbftCluster, at: ValidatorId, engine: EngineStatus): boolean[] {
  const { nowMs } = pbftCluster.cluster.time;
  return Array.from({ length: engine.n }, (_, validator) => {
    const receivedAtMs = pbftCluster.receivedAtMs(at, validator);
    return validator === at || (receivedAtMs !== undefined && nowMs - receivedAtMs < AWAY_MS);
  });
}

const AWAY_MS = 1_000;

function round(value: number): number {
  return Number(value.toFixed(2));
}
