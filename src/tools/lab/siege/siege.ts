/**
 * `lab siege`: what a network of real nodes must stand while it is attacked, and whether it did. The attacks, what is
 * demanded and the verdict; who attacks and who measures is the command's matter. Nothing here starts or asks anything.
 *
 * This folder: this file alone. Not here: the processes of a siege (cli/lab/siege-scene.ts).
 */

import { InvariantError } from "../../../base/assert.ts";

export const SIEGE_MODES = ["alliance", "public"] as const;
export type SiegeMode = (typeof SIEGE_MODES)[number];

/** Who attacks. "none" is the same measurement in peace. */
export const SIEGE_ATTACKS = [
  "none",
  "strangers",
  "full-node",
  "known-batches",
  "validator",
  "rpc-client",
  "web-page",
  "all",
] as const;
export type SiegeAttack = (typeof SIEGE_ATTACKS)[number];
export type SingleAttack = Exclude<SiegeAttack, "none" | "all">;

/** Nobody votes in public mode, and every stranger is a full node there. */
const SINGLES: Readonly<Record<SiegeMode, readonly SingleAttack[]>> = {
  alliance: ["strangers", "full-node", "known-batches", "validator", "rpc-client", "web-page"],
  public: ["strangers", "full-node", "known-batches", "rpc-client", "web-page"],
};

/** The attackers of an attack, at once. */
export function attackersOf(mode: SiegeMode, attack: SiegeAttack): readonly SingleAttack[] {
  if (attack === "none") return [];
  return attack === "all" ? SINGLES[mode] : SINGLES[mode].filter((one) => one === attack);
}

export interface SiegeScene {
  readonly mode: SiegeMode;
  readonly name: SiegeAttack;
}

/** What is played, in order; an attack that the mode does not know is left out. */
export function scenesOf(
  modes: readonly SiegeMode[],
  attacks: readonly SiegeAttack[],
): readonly SiegeScene[] {
  return modes.flatMap((mode) =>
    attacks
      .filter((name) => name === "none" || attackersOf(mode, name).length > 0)
      .map((name) => ({ mode, name })),
  );
}

/** What is demanded during every attack. */
export const SIEGE_LIMITS = {
  /** The most time from sending a transfer until it is final (alliance) or in a block (public). */
  transferMs: 5_000,
  /** Resident memory of any node. */
  memoryBytes: 512 * 1024 * 1024,
  /** 99th percentile of how late any node's event loop ran its timers. */
  loopDelayMs: 250,
} as const;

/** What was seen of one transfer. */
export interface SiegeTransfer {
  /** The time until it was final (alliance) or in a block (public), or until it failed. */
  readonly ms: number;
  /** The code of what kept it from that, such as RATE_LIMIT or WAIT_TIMEOUT, or undefined when it arrived. */
  readonly failure?: string;
}

/** Processor time during the attack, in seconds of one core. */
export interface SiegeProcessor {
  readonly cores: number;
  /** The processor time of the nodes together, in seconds. Undefined where the system does not say. */
  readonly nodes: number | undefined;
  /** The processor time of the attackers together, in seconds. Undefined when one did not say. */
  readonly attackers: number | undefined;
  /** The processor time of all processes of the machine. */
  readonly machine: number;
}

export interface SiegeNode {
  readonly name: string;
  /** Highest resident memory seen. */
  readonly memoryMaxBytes: number;
  /** How late its event loop ran timers, 99th percentile, ms. Undefined when it did not say, even after the attack. */
  readonly loopDelayP99Ms: number | undefined;
  /** Whether it ended by itself. */
  readonly hasEnded: boolean;
}

/** What the attackers did, by names such as "batches" or "gossip bytes". */
export type SiegeTraffic = Readonly<Record<string, number>>;

export interface SiegeSight extends SiegeScene {
  readonly seconds: number;
  readonly transfers: readonly SiegeTransfer[];
  readonly nodes: readonly SiegeNode[];
  /**
   * The same of the measuring process, which does next to nothing. It says how busy the machine was, and is
   * not judged.
   */
  readonly ownLoopDelayP99Ms: number;
  readonly processor: SiegeProcessor;
  readonly traffic: SiegeTraffic;
}

export interface SiegeResult extends SiegeScene {
  readonly transfers: number;
  /** Those that did not arrive, or took too long. */
  readonly transfersFailed: number;
  /** How many failed by which code. */
  readonly failures: Readonly<Record<string, number>>;
  /** The longest time. For a transfer that did not arrive it is the time until that was known. */
  readonly slowestMs: number;
  readonly medianMs: number;
  readonly memoryMaxBytes: number;
  readonly loopDelayP99Ms: number;
  readonly ownLoopDelayP99Ms: number;
  readonly seconds: number;
  readonly isMatch: boolean;
  /** Which demands were not met, in words; empty when all were. */
  readonly broken: readonly string[];
  readonly nodes: readonly SiegeNode[];
  readonly processor: SiegeProcessor;
  readonly traffic: SiegeTraffic;
}

export function judgeSiege(sight: SiegeSight): SiegeResult {
  const { transferMs, memoryBytes, loopDelayMs } = SIEGE_LIMITS;
  const times = sight.transfers.map(({ ms }) => ms).sort((a, b) => a - b);
  const late = sight.transfers.filter(({ ms, failure }) => failure === undefined && ms > transferMs).length;
  const failures: Record<string, number> = {};
  for (const { failure } of sight.transfers) {
    if (failure !== undefined) failures[failure] = (failures[failure] ?? 0) + 1;
  }
  const memoryMaxBytes = Math.max(0, ...sight.nodes.map((node) => node.memoryMaxBytes));
  const delays = sight.nodes.flatMap(({ loopDelayP99Ms }) => loopDelayP99Ms ?? []);
  const loopDelayP99Ms = Math.max(0, ...delays);
  const ended = sight.nodes.filter(({ hasEnded }) => hasEnded).map(({ name }) => name);
  const silent = sight.nodes.filter((node) => !node.hasEnded && node.loopDelayP99Ms === undefined);
  const broken = [
    ...(times.length === 0 ? ["no transfer was sent"] : []),
    ...(late > 0 ? [`${late} of ${times.length} transfers took more than ${transferMs} ms`] : []),
    ...Object.entries(failures).map(([code, count]) => `${count} of ${times.length} transfers: ${code}`),
    ...(memoryMaxBytes > memoryBytes ? [`a node took ${memoryMaxBytes} bytes, at most ${memoryBytes}`] : []),
    ...(loopDelayP99Ms > loopDelayMs
      ? [`a node's loop was ${Math.round(loopDelayP99Ms)} ms late, at most ${loopDelayMs}`]
      : []),
    ...(ended.length > 0 ? [`${ended.join(", ")} ended`] : []),
    ...(silent.length > 0 ? [`${silent.map(({ name }) => name).join(", ")} gave no metrics afterwards`] : []),
  ];
  const { mode, name, seconds, nodes, ownLoopDelayP99Ms, processor, traffic } = sight;
  return {
    name,
    mode,
    transfers: times.length,
    transfersFailed: late + Object.values(failures).reduce((sum, count) => sum + count, 0),
    failures,
    slowestMs: times.at(-1) ?? 0,
    medianMs: times[Math.floor(times.length / 2)] ?? 0,
    memoryMaxBytes,
    loopDelayP99Ms,
    ownLoopDelayP99Ms,
    seconds,
    isMatch: broken.length === 0,
    broken,
    nodes,
    processor,
    traffic,
  };
}

/** A scene that did not take place: its network or its attackers did not begin. Nothing was measured. */
function failedScene({ mode, name }: SiegeScene, reason: string): SiegeResult {
  return {
    name,
    mode,
    transfers: 0,
    transfersFailed: 0,
    failures: {},
    slowestMs: 0,
    medianMs: 0,
    memoryMaxBytes: 0,
    loopDelayP99Ms: 0,
    ownLoopDelayP99Ms: 0,
    seconds: 0,
    isMatch: false,
    broken: [`it did not take place: ${reason}`],
    nodes: [],
    processor: { cores: 0, nodes: undefined, attackers: undefined, machine: 0 },
    traffic: {},
  };
}

/**
 * One scene after the other. One that throws is recorded as failed with its reason, and the others go on; only our own
 * contradictions, and an interrupt, end them all.
 */
export async function playScenes(
  scenes: readonly SiegeScene[],
  play: (scene: SiegeScene) => Promise<SiegeSight>,
  isInterrupted: () => boolean,
): Promise<readonly SiegeResult[]> {
  const results: SiegeResult[] = [];
  for (const scene of scenes) {
    try {
      results.push(judgeSiege(await play(scene)));
    } catch (error) {
      if (isInterrupted() || error instanceof InvariantError) throw error;
      results.push(failedScene(scene, error instanceof Error ? error.message : String(error)));
    }
  }
  return results;
}

/** Whether something was measured. */
export function tookPlace({ nodes }: SiegeResult): boolean {
  return nodes.length > 0;
}

export function siegeVerdict(results: readonly SiegeResult[]): string {
  const held = results.filter(({ isMatch }) => isMatch).length;
  const slowest = Math.max(0, ...results.map(({ slowestMs }) => slowestMs));
  if (held === results.length) {
    return `All ${held} scenes held: every transfer arrived within 5 s (the slowest took ${Math.round(slowest)} ms), no node took more than 512 MiB, no loop was late by more than 250 ms.`;
  }
  const words = results
    .filter(({ isMatch }) => !isMatch)
    .map(({ mode, name, broken }) => `${mode}, ${name}: ${broken.join("; ")}`);
  return `${results.length - held} of ${results.length} scenes did not hold. ${words.join(". ")}.`;
}
