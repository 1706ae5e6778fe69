/** Whole replicas in one process on virtual time: final everywhere, through crashes, absences and bad luck. */

import { afterEach, describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import { readAccount } from "../../src/chain/modules/accounts.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";

let cluster: Cluster;

afterEach(async () => {
  await cluster.stop();
  expect(cluster.failures).toEqual([]);
});

async function running(options: ClusterOptions = {}): Promise<Cluster> {
  cluster = new Cluster(options);
  await cluster.start();
  return cluster;
}

function balances(person: number): (bigint | undefined)[] {
  const { publicKey } = cluster.people[person]!;
  return [...cluster.replicas.values()].map(({ chain }) => readAccount(chain.committed, publicKey)?.balance);
}

/** All running replicas hold the same head. */
function level(height?: bigint): boolean {
  const heads = [...cluster.replicas.values()].map(({ chain }) => hex(chain.head.hash));
  return new Set(heads).size === 1 && (height === undefined || cluster.heights()[0] === height);
}

describe("four replicas", () => {
  it("make a transfer sent to one of them final on all", async () => {
    await running();
    const tx = cluster.transfer(0, 0n, cluster.people[1]!.publicKey, 5n);
    expect(cluster.replica(2).submit(tx.bytes)).toMatchObject({ ok: true });
    expect(await cluster.until(() => level(1n))).toBe(true);
    expect(balances(1)).toEqual([1_000_005n, 1_000_005n, 1_000_005n, 1_000_005n]);
    expect(await cluster.replica(3).chain.store.findTransaction(tx.id)).toMatchObject({ index: 0 });
  });

  it("go on without one backup, which catches up when it is back", async () => {
    await running();
    cluster.crash(3);
    for (let nonce = 0n; nonce < 20n; nonce++) {
      cluster.replica(1).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
      await cluster.time.pass(100);
    }
    expect(await cluster.until(() => balances(1).every((balance) => balance === 1_000_020n))).toBe(true);
    await cluster.start(3);
    expect(await cluster.until(() => level())).toBe(true);
    expect(balances(1)).toEqual([1_000_020n, 1_000_020n, 1_000_020n, 1_000_020n]);
  });

  it("stand still with two of four, and go on by themselves when a third is back", async () => {
    await running();
    cluster.crash(2);
    cluster.crash(3);
    cluster.replica(0).submit(cluster.transfer(0, 0n, cluster.people[1]!.publicKey).bytes);
    await cluster.time.pass(30_000);
    expect(cluster.heights()).toEqual([0n, 0n]);
    await cluster.start(3);
    expect(await cluster.until(() => level(1n))).toBe(true);
  });

  it("lose nothing that was final when all lose power, and never contradict a vote", async () => {
    await running();
    for (let round = 0; round < 5; round++) {
      const nonce = readAccount(cluster.replica(0).chain.committed, cluster.people[0]!.publicKey)!.nonce;
      for (let i = 0n; i < 5n; i++) {
        cluster.replica(0).submit(cluster.transfer(0, nonce + i, cluster.people[1]!.publicKey).bytes);
      }
      await cluster.time.pass(7 + 3 * round);
      const before = [...cluster.replicas.values()].map(({ chain }) => chain.head.summary.height);
      for (const index of [0, 1, 2, 3]) cluster.crash(index);
      await cluster.start();
      const after = [...cluster.replicas.values()].map(({ chain }) => chain.head.summary.height);
      for (const [i, height] of after.entries()) expect(height).toBeGreaterThanOrEqual(before[i]!);
      expect(await cluster.until(() => level())).toBe(true);
    }
    cluster
      .replica(0)
      .submit(
        cluster.transfer(
          0,
          cluster.replica(0).pool.pendingNonce(cluster.people[0]!.publicKey),
          cluster.people[1]!.publicKey,
        ).bytes,
      );
    const height = cluster.heights()[0]!;
    expect(await cluster.until(() => level() && cluster.heights()[0]! > height)).toBe(true);
  });

  it("fetch the chain again for one whose database was lost, which then votes on with its journal", async () => {
    await running({ consensus: { checkpointInterval: 2, logWindow: 4 } });
    const transfer = async (nonce: bigint) => {
      cluster.replica(1).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
      expect(await cluster.until(() => cluster.heights().some((height) => height > nonce))).toBe(true);
    };
    for (let nonce = 0n; nonce < 11n; nonce++) await transfer(nonce);
    cluster.crash(2);
    cluster.disk(2).kv = new MemoryKv();
    await cluster.start(2);
    expect(await cluster.until(() => level(11n))).toBe(true);
    for (let nonce = 11n; nonce < 15n; nonce++) await transfer(nonce);
    cluster.crash(3);
    for (let nonce = 15n; nonce < 20n; nonce++) await transfer(nonce);
    expect(cluster.replica(2).engineStatus()).toMatchObject({ mode: "normal", haltReason: undefined });
    expect(await cluster.until(() => level(20n))).toBe(true);
  });

  it("repair a backup that was cut off, whatever it missed", async () => {
    await running();
    cluster.ether.partition([2]);
    for (let nonce = 0n; nonce < 40n; nonce++) {
      cluster.replica(0).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
      await cluster.time.pass(50);
    }
    cluster.ether.partition([]);
    expect(await cluster.until(() => level())).toBe(true);
    expect(balances(1)).toEqual([1_000_040n, 1_000_040n, 1_000_040n, 1_000_040n]);
  });

  for (const pipelineDepth of [1, 2, 4, 8]) {
    it(`commit a stream of transfers with pipeline depth ${pipelineDepth}`, async () => {
      await running({ consensus: { checkpointInterval: 4, logWindow: 8, pipelineDepth } });
      for (let nonce = 0n; nonce < 30n; nonce++) {
        cluster.replica(0).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
        await cluster.time.pass(7);
      }
      expect(await cluster.until(() => balances(1).every((balance) => balance === 1_000_030n))).toBe(true);
      expect(level()).toBe(true);
      expect(cluster.heights()[0]!).toBeGreaterThan(4n);
    });
  }

  it("make checkpoints stable and keep their journals short", async () => {
    await running({ consensus: { checkpointInterval: 4, logWindow: 8 } });
    for (let nonce = 0n; nonce < 30n; nonce++) {
      cluster.replica(0).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
      await cluster.time.pass(60);
    }
    await cluster.time.pass(3_000);
    const { stableCheckpoint, lastCommitted } = cluster.replica(1).engineStatus()!;
    expect(lastCommitted - stableCheckpoint).toBeLessThan(8n);
    expect(await cluster.replica(1).chain.store.lastCheckpoint()).toBeDefined();
  });
});

describe("a full node", () => {
  it("follows the chain without a vote", async () => {
    await running({ validators: 4, full: 1 });
    for (let nonce = 0n; nonce < 5n; nonce++) {
      expect(
        cluster.replica(4).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes).ok,
      ).toBe(true);
      await cluster.time.pass(50);
    }
    expect(await cluster.until(() => balances(1).every((balance) => balance === 1_000_005n))).toBe(true);
    expect(cluster.replica(4).engineStatus()).toBeUndefined();
  });
});

describe("a chain of one validator", () => {
  it("commits by itself", async () => {
    await running({ validators: 1 });
    cluster.replica(0).submit(cluster.transfer(0, 0n, cluster.people[1]!.publicKey).bytes);
    expect(await cluster.until(() => level(1n))).toBe(true);
  });

  it("makes empty blocks as a heartbeat when asked", async () => {
    await running({ validators: 1, emptyBlocksMs: 1_000 });
    expect(await cluster.until(() => cluster.heights()[0]! >= 3n, 10_000)).toBe(true);
  });
});
