/** Whole replicas that mine: forks, convergence, partitions, late and restarted nodes, liars. */
import { afterEach, describe, expect, it } from "vitest";
import { alice, bob, carol } from "../chain/fixtures.ts";
import { MinedCluster, type MinedClusterOptions } from "./powcluster.ts";

let cluster: MinedCluster;

function build(options: Partial<MinedClusterOptions> & Pick<MinedClusterOptions, "seed">): MinedCluster {
  cluster = new MinedCluster({ nodes: 3, meanMs: () => 3_000, ...options });
  return cluster;
}

afterEach(async () => {
  await cluster.stop();
  expect(cluster.failures).toEqual([]);
});

function expectSoundSupply(node: number): void {
  const { spendable, maturing } = cluster.supply(node);
  expect(spendable + maturing).toBe(cluster.issued(node));
}

describe("three miners", () => {
  it("fork now and then and converge on the heaviest tip, with all money accounted for", async () => {
    build({ seed: "three miners", delayMs: 150 });
    await cluster.start();
    expect(await cluster.until(() => cluster.height(0) >= 60n, 600_000)).toBe(true);
    cluster.stopMining();
    expect(await cluster.until(() => cluster.agree())).toBe(true);
    const found = [...cluster.miners.values()].reduce((sum, miner) => sum + miner.found, 0);
    expect(BigInt(found)).toBeGreaterThan(cluster.height(0));
    expect([...cluster.reorgs.values()].flat().length).toBeGreaterThan(0);
    for (const node of [0, 1, 2]) expectSoundSupply(node);
    expect(cluster.supply(0).maturing).toBe(150n);
  });

  it("include what users send, and pay its fees to whoever mined it", async () => {
    build({ seed: "transfers" });
    await cluster.start();
    for (let nonce = 0n; nonce < 8n; nonce++) {
      expect(
        cluster.replica(0).submit(cluster.transfer(alice, nonce, carol.publicKey, 10n, 2n).bytes).ok,
      ).toBe(true);
    }
    expect(
      await cluster.until(() => [0, 1, 2].every((node) => cluster.balance(node, carol.publicKey) === 80n)),
    ).toBe(true);
    cluster.stopMining();
    expect(await cluster.until(() => cluster.agree())).toBe(true);
    expect(cluster.balance(1, alice.publicKey)).toBe(1_000n - 80n - 16n);
    for (const node of [0, 1, 2]) expectSoundSupply(node);
  });
});

it("a net that was split agrees on the heavier half, and what the other half had included is mined again", async () => {
  build({ seed: "split", nodes: 4, meanMs: (node) => (node < 2 ? 3_000 : 6_000) });
  await cluster.start();
  expect(await cluster.until(() => cluster.height(0) >= 5n, 120_000)).toBe(true);
  expect(await cluster.until(() => cluster.agree(), 60_000)).toBe(true);
  cluster.ether.partition([2, 3]);
  const ours = cluster.transfer(alice, 0n, carol.publicKey, 7n, 1n);
  const theirs = cluster.transfer(bob, 0n, carol.publicKey, 11n, 1n);
  expect(cluster.replica(0).submit(ours.bytes).ok).toBe(true);
  expect(cluster.replica(2).submit(theirs.bytes).ok).toBe(true);
  await cluster.pass(60_000);
  expect(cluster.balance(0, carol.publicKey)).toBe(7n);
  expect(cluster.balance(2, carol.publicKey)).toBe(11n);
  expect(cluster.work(0)).toBeGreaterThan(cluster.work(2));
  const heavier = cluster.replica(0).chain.head;
  cluster.ether.partition([]);
  expect(
    await cluster.until(() => [0, 1, 2, 3].every((node) => cluster.balance(node, carol.publicKey) === 18n)),
  ).toBe(true);
  cluster.stopMining();
  expect(await cluster.until(() => cluster.agree())).toBe(true);
  const deepest = Math.max(...cluster.reorgs.get(2)!.map(({ abandoned }) => abandoned.length));
  expect(deepest).toBeGreaterThan(3);
  expect(cluster.replica(2).chain.branches!.isCanonical(heavier)).toBe(true);
  for (const node of [0, 1, 2, 3]) {
    expectSoundSupply(node);
    expect(cluster.replica(node).pool.hashes(Number.MAX_SAFE_INTEGER)).toEqual([]);
  }
});
