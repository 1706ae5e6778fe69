/**
 * Whoever keeps the rules never meets the budget of work: nothing of it is dropped and no connection is read later
 * because of it, however much there is to catch up with, to agree on or to change views over.
 */
import { afterEach, expect, it, vi } from "vitest";
import type { EngineSettings } from "../../../src/consensus/engine.ts";
import { WorkBudgets } from "../../../src/node/ingress/work-budget.ts";
import { Cluster } from "../../../src/tools/sim/cluster.ts";
import { signatureWorld } from "../../../src/tools/sim/signatures.ts";
import { COMPUTING } from "../../../src/tools/sim/simulated-processor.ts";
import { World, type WorldOptions } from "../../../src/tools/sim/world.ts";

const SETTINGS: EngineSettings = {
  statusIntervalMs: 1_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 400,
  timeoutMaxMs: 3_200,
  resendIntervalMs: 200,
  fairnessTimeoutMs: 20_000,
};
const TIMING = { delayMsMin: 1, delayMsMax: 10, tail: 0, tailMs: 0, stepMs: 0.25, settledDelayMsMax: 10 };

let cluster: Cluster;
let world: World;
let nonce: bigint;
/** Longest time that anybody was not read, ms, as every question for it was answered. */
let longestWaitMs: number;

async function started(options: Partial<WorldOptions>): Promise<void> {
  const shape = { validators: 4, accounts: 2, balance: 1_000_000n, ...options };
  world = new World(shape, signatureWorld("ideal"));
  nonce = 0n;
  longestWaitMs = 0;
  const waitMs = WorkBudgets.prototype.waitMs;
  vi.spyOn(WorkBudgets.prototype, "waitMs").mockImplementation(function (this: WorkBudgets, author) {
    const wait = waitMs.call(this, author);
    longestWaitMs = Math.max(longestWaitMs, wait);
    return wait;
  });
  cluster = new Cluster({
    world,
    seed: "honest",
    settings: SETTINGS,
    syncIntervalMs: 1_000,
    timing: TIMING,
    gstMs: 0,
    computing: COMPUTING,
  });
  cluster.start();
  await cluster.time.run(10);
}

afterEach(async () => {
  await cluster.stop();
  vi.restoreAllMocks();
});

function submit(count: number, to: number): void {
  for (let i = 0; i < count; i++) cluster.submit(to, world.transfer(0, 1, 1n, nonce++));
}

const heightOf = (id: number) => Number(cluster.replica(id)?.chain.head.summary.height ?? -1n);

/** Until it holds, at most so long. */
async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const endMs = cluster.time.nowMs + limitMs;
  while (!condition() && cluster.time.nowMs < endMs) await cluster.time.run(cluster.time.nowMs + 20);
  expect(condition()).toBe(true);
}

function expectUnhindered(): void {
  expect(longestWaitMs).toBe(0);
  for (const { replica } of cluster.nodes) {
    expect(replica?.budgets.dropped ?? 0).toBe(0);
    expect(replica?.messageCounts()?.dropped ?? 0).toBe(0);
  }
}

it("a validator that was away for 60 blocks is brought up by mail", async () => {
  await started({});
  cluster.crash(3);
  for (let block = 1; block <= 60; block++) {
    submit(1, 1);
    await until(() => heightOf(1) >= block, 2_000);
  }
  cluster.start(3);
  await until(() => heightOf(3) >= 60, 10_000);
  expectUnhindered();
});

it("31 validators change views over one dead primary after another", async () => {
  await started({ validators: 31 });
  for (let block = 1; block <= 2; block++) {
    submit(1, 20);
    await until(() => heightOf(20) >= block, 2_000);
  }
  for (const dead of [0, 1]) cluster.crash(dead);
  submit(1, 20);
  await until(() => heightOf(20) >= 3, 20_000);
  expect(cluster.replica(20)!.engineStatus()!.view).toBeGreaterThanOrEqual(2n);
  expectUnhindered();
});

it("full blocks are agreed on in a pipeline", async () => {
  await started({ consensus: { pipelineDepth: 4 }, maxBlockTransactions: 40 });
  submit(240, 0);
  await until(() => heightOf(3) >= 6, 10_000);
  expectUnhindered();
});
