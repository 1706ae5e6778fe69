/**
 * One validator sends whatever is dear to judge, as fast as it can, while computing takes time: the other three go on
 * within three timer periods and compute little for it. What keeps them going is several rules together (cheap refusals
 * first, nothing after the first bad signature, connections read in turn); the budget of work is what bounds the
 * computing, which the last cases show by leaving it out.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { EngineSettings } from "../../../src/consensus/engine.ts";
import { WorkBudgets } from "../../../src/node/ingress/work-budget.ts";
import { adversaries } from "../../../src/tools/sim/adversary.ts";
import { Cluster } from "../../../src/tools/sim/cluster.ts";
import { OVERLOADS, type OverloadName } from "../../../src/tools/sim/schedule.ts";
import { signatureWorld } from "../../../src/tools/sim/signatures.ts";
import { COMPUTING } from "../../../src/tools/sim/simulated-processor.ts";
import { World } from "../../../src/tools/sim/world.ts";

const PERIOD_MS = 300;
const SETTINGS: EngineSettings = {
  statusIntervalMs: 200,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: PERIOD_MS,
  timeoutMaxMs: 8 * PERIOD_MS,
  resendIntervalMs: 200,
  fairnessTimeoutMs: 20_000,
};
const TIMING = { delayMsMin: 1, delayMsMax: 10, tail: 0, tailMs: 0, stepMs: 0.25, settledDelayMsMax: 10 };
const FAULTY = 3;
const FLOOD_FROM_MS = 300;
const FLOOD_MS = 3.3 * PERIOD_MS;

interface Outcome {
  /** Longest time between two commits at a correct validator, from the flood's beginning on, ms. */
  readonly longestMs: number;
  readonly commits: number;
  /** Part of the time that the busiest correct validator computed. */
  readonly busy: number;
}

const world = new World({ validators: 4, accounts: 4, balance: 1_000_000n }, signatureWorld("ideal"));

async function flooded(
  perSecond: number,
  load: OverloadName | undefined,
  floodMs = FLOOD_MS,
): Promise<Outcome> {
  const colluders = adversaries();
  const last = [0, 0, 0];
  let longestMs = 0;
  let commits = 0;
  const flood = { id: "a0", validator: FAULTY, kind: "overload", perSecond, atMs: FLOOD_FROM_MS } as const;
  const cluster: Cluster = new Cluster(
    {
      world,
      seed: `${load} ${perSecond}`,
      settings: SETTINGS,
      syncIntervalMs: 1_000,
      timing: TIMING,
      gstMs: 0,
      computing: COMPUTING,
      adversaries: [{ ...flood, untilMs: Number.MAX_SAFE_INTEGER, ...(load === undefined ? {} : { load }) }],
      misbehave: colluders.misbehave,
    },
    [
      colluders.observer,
      {
        committed: (node) => {
          if (node === FAULTY) return;
          commits++;
          longestMs = Math.max(longestMs, cluster.time.nowMs - last[node]!);
          last[node] = cluster.time.nowMs;
        },
      },
    ],
  );
  const { time } = cluster;
  cluster.start();
  await time.run(10);
  let nonce = 0n;
  const endMs = FLOOD_FROM_MS + floodMs;
  for (let i = 0; time.nowMs < endMs; i++) {
    cluster.submit(i % 3, world.transfer(0, 1, 1n, nonce++));
    await time.run(time.nowMs + 50);
  }
  for (const atMs of last) longestMs = Math.max(longestMs, endMs - atMs);
  const correct = cluster.nodes.filter(({ id }) => id !== FAULTY);
  const busy = Math.max(...correct.map(({ processor }) => processor!.busyMs)) / endMs;
  await cluster.stop();
  return { longestMs, commits, busy };
}

/** Dear enough to take most of a thread where nothing bounds them. */
const DEAREST: readonly (OverloadName | undefined)[] = ["false-seals", "late-flaw", "votes"];
const DEAREST_PER_SECOND = 5_000;

afterEach(() => vi.restoreAllMocks());

describe("three go on within three timer periods while the fourth overloads them", () => {
  for (const load of [...OVERLOADS, undefined]) {
    it(`with ${load ?? "everything in turn"}`, async () => {
      const perSecond = DEAREST.includes(load) ? DEAREST_PER_SECOND : 800;
      const { longestMs, commits, busy } = await flooded(perSecond, load);
      expect(longestMs).toBeLessThan(3 * PERIOD_MS);
      expect(commits).toBeGreaterThan(40);
      expect(busy).toBeLessThan(0.1);
    });
  }
});

describe("without the budget of work the same flood makes them compute many times as much", () => {
  for (const load of DEAREST) {
    it(`with ${load}`, async () => {
      vi.spyOn(WorkBudgets.prototype, "waitMs").mockReturnValue(0);
      const { busy } = await flooded(DEAREST_PER_SECOND, load, PERIOD_MS);
      expect(busy).toBeGreaterThan(0.15);
    });
  }
});
