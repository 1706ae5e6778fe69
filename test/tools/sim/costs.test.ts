/**
 * What a block costs. Goal: the messages that leave are those of the paper, no more: n-1 PRE-PREPAREs, and from
 * each backup that is alive n-1 PREPAREs, from each replica n-1 COMMITs. One signature is made for each.
 */
import { describe, expect, it } from "vitest";
import { Cluster } from "../../../src/tools/sim/cluster.ts";
import { Costs } from "../../../src/tools/sim/costs.ts";
import { signatureWorld } from "../../../src/tools/sim/signatures.ts";
import { World } from "../../../src/tools/sim/world.ts";

const BLOCKS = 3;
const SETTINGS = {
  statusIntervalMs: 60_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 10_000,
  timeoutMaxMs: 60_000,
  resendIntervalMs: 60_000,
  fairnessTimeoutMs: 60_000,
};

/** Messages per block by type, and signatures per block, with `silent` validators that were never started. */
async function costOf(validators: number, silent: number): Promise<Record<string, number>> {
  const signatures = signatureWorld("ideal");
  const world = new World({ validators, accounts: 2, balance: 100n }, signatures);
  const costs = new Costs();
  const timing = { delayMsMin: 1, delayMsMax: 5, tail: 0, tailMs: 0, stepMs: 1, settledDelayMsMax: 5 };
  const options = { world, seed: 1, settings: SETTINGS, syncIntervalMs: 0, timing, gstMs: 0 };
  const cluster = new Cluster(options, [costs]);
  cluster.start(...Array.from({ length: validators - silent }, (_, id) => id));
  await cluster.time.run(100);
  const transfers = Array.from({ length: BLOCKS }, (_, i) => world.transfer(0, 1, 1n, BigInt(i)));
  const before = signatures.counts.signed;
  for (const transfer of transfers) {
    cluster.submit(0, transfer);
    await cluster.time.run(cluster.time.nowMs + 200);
  }
  expect(costs.height).toBe(BigInt(BLOCKS));
  const perBlock = (type: string) => (costs.messages.get(type)?.messages ?? 0) / BLOCKS;
  return {
    prePrepare: perBlock("pre-prepare"),
    prepare: perBlock("prepare"),
    commit: perBlock("commit"),
    signed: (signatures.counts.signed - before) / BLOCKS,
  };
}

describe("a block", () => {
  it("costs the textbook's count of messages, and one signature for each vote", async () => {
    for (const n of [4, 7, 10, 13]) {
      expect(await costOf(n, 0)).toEqual({
        prePrepare: n - 1,
        prepare: (n - 1) * (n - 1),
        commit: n * (n - 1),
        signed: 1 + (n - 1) + n,
      });
    }
  });

  it("costs less when four of thirteen are silent", async () => {
    expect(await costOf(13, 4)).toMatchObject({ prePrepare: 12, prepare: 96, commit: 108 });
  });
});
