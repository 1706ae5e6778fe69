/**
 * One validator sends whatever is dearest to judge, as fast as it can, while computing takes time: the other three go
 * on. Without budgets of work most of these stop the chain for good.
 */
import { describe, expect, it } from "vitest";
import type { EngineSettings } from "../../src/consensus/engine.ts";
import { adversaries } from "../../src/sim/adversary.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { COMPUTING } from "../../src/sim/computing.ts";
import { OVERLOADS, type OverloadName } from "../../src/sim/schedule.ts";
import { signatureWorld } from "../../src/sim/signatures.ts";
import { World } from "../../src/sim/world.ts";

const PERIOD_MS = 1_000;
const SETTINGS: EngineSettings = {
  statusIntervalMs: 500,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: PERIOD_MS,
  timeoutMaxMs: 8 * PERIOD_MS,
  resendIntervalMs: 500,
  fairnessTimeoutMs: 20_000,
};
const TIMING = { delayMsMin: 1, delayMsMax: 10, tail: 0, tailMs: 0, stepMs: 0.25, settledDelayMsMax: 10 };
const FAULTY = 3;
const FLOOD_FROM_MS = 1_000;

interface Outcome {
  /** Longest time between two commits at a correct validator, from the flood's beginning on, ms. */
  readonly longestMs: number;
  readonly commits: number;
  /** Part of the time that the busiest correct validator computed. */
  readonly busy: number;
}

async function flooded(perSecond: number, load: OverloadName | undefined, seconds: number): Promise<Outcome> {
  const world = new World({ validators: 4, accounts: 4, balance: 1_000_000n }, signatureWorld("ideal"));
  const conspirators = adversaries();
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
      misbehave: conspirators.misbehave,
    },
    [
      conspirators.observer,
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
  const endMs = FLOOD_FROM_MS + seconds * 1_000;
  for (let i = 0; time.nowMs < endMs; i++) {
    cluster.submit(i % 3, world.transfer(0, 1, 1n, nonce++));
    await time.run(time.nowMs + 100);
  }
  for (const atMs of last) longestMs = Math.max(longestMs, endMs - atMs);
  const correct = cluster.nodes.filter(({ id }) => id !== FAULTY);
  const busy = Math.max(...correct.map(({ processor }) => processor!.busyMs)) / endMs;
  await cluster.stop();
  return { longestMs, commits, busy };
}

describe("three go on within three timer periods while the fourth overloads them", () => {
  for (const load of [...OVERLOADS, undefined]) {
    it(`with ${load ?? "everything in turn"}`, async () => {
      const { longestMs, commits, busy } = await flooded(1_000, load, 2);
      expect(longestMs).toBeLessThan(3 * PERIOD_MS);
      expect(commits).toBeGreaterThan(40);
      expect(busy).toBeLessThan(0.5);
    });
  }
});
