/** Whole replicas that mine: forks, convergence, partitions, late and restarted nodes, liars. */

import { afterEach, describe, expect, it } from "vitest";
import type { Chain } from "../../src/chain/chain.ts";
import { branchesOf } from "../../src/chain/chain-mode.ts";
import { encodeSealedBlock, type SealedBlock } from "../../src/chain/types/block.ts";
import { encodePacket, MAIL_BLOCK } from "../../src/node/ingress/packet.ts";
import type { Network } from "../../src/node/ports.ts";
import {
  decodeBranchAnswer,
  decodeBranchQuestion,
  encodeBranchAnswer,
} from "../../src/p2p/sync/branch-wire.ts";
import { alice, bob, carol } from "../chain/fixtures.ts";
import { miner, openMinedChain, solve } from "../chain/pow-fixtures.ts";
import { lying, MinedCluster, type MinedClusterOptions } from "./pow-cluster.ts";

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
  // While they mine: two tips of equal work would stay as they are for ever afterwards.
  expect(await cluster.until(() => cluster.agree())).toBe(true);
  cluster.stopMining();
  expect(await cluster.until(() => cluster.agree())).toBe(true);
  const deepest = Math.max(...cluster.reorgs.get(2)!.map(({ abandoned }) => abandoned.length));
  expect(deepest).toBeGreaterThan(3);
  expect(branchesOf(cluster.replica(2).chain).isCanonical(heavier)).toBe(true);
  for (const node of [0, 1, 2, 3]) {
    expectSoundSupply(node);
    expect(cluster.replica(node).pool.hashes()).toEqual([]);
  }
});

it("what a lost branch had included is told anew by gossip, once, and mined by those who never heard of it", async () => {
  const publishers: number[] = [];
  build({
    seed: "told anew",
    nodes: 4,
    meanMs: (node) => (node < 2 ? 2_000 : 4_000),
    // Pools are not compared, and heads neither: what arrives, rumor brought.
    syncIntervalMs: 0,
    wrapNetwork: (node, network) => ({
      ...lying(network, () => undefined),
      publish: (topic, bytes) => {
        if (topic === "transactions") publishers.push(node);
        network.publish(topic, bytes);
      },
    }),
  });
  await cluster.start();
  cluster.ether.partition([2, 3]);
  const payments = [0n, 1n, 2n].map((nonce) => cluster.transfer(bob, nonce, carol.publicKey, 5n, 1n));
  for (const { bytes } of payments) expect(cluster.replica(2).submit(bytes).ok).toBe(true);
  await cluster.pass(60_000);
  expect([2, 3].map((node) => cluster.balance(node, carol.publicKey))).toEqual([15n, 15n]);
  expect(cluster.work(0)).toBeGreaterThan(cluster.work(2));
  expect(publishers).toEqual([2, 2, 2]);
  publishers.length = 0;
  for (const node of [2, 3]) cluster.miners.get(node)!.meanMs = Number.POSITIVE_INFINITY;
  const abandoned = cluster.headOf(2);
  cluster.ether.partition([]);
  expect(await cluster.until(() => cluster.balance(0, carol.publicKey) === 15n)).toBe(true);
  expect(cluster.headOf(2)).not.toBe(abandoned);
  expect(await cluster.until(() => cluster.agree())).toBe(true);
  // Each of the two that changed branches said it once, and the first transaction at both ends of what it said.
  expect(publishers.sort()).toEqual([2, 2, 2, 2, 3, 3, 3, 3]);
});

const [HEADS, BODIES, BLOCK_TRANSACTIONS] = [5, 6, 7];

/** Notes what a node asks for: the first byte of each question, and whom. */
function noting(network: Network, asked: { peer: string; question: Uint8Array }[]): Network {
  const noted = lying(network, () => undefined);
  return {
    ...noted,
    request: (peerId, bytes) => {
      asked.push({ peer: peerId, question: bytes });
      return network.request(peerId, bytes);
    },
  };
}

/** Bodies of other blocks than those asked for. */
async function shuffled(honest: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const answer = decodeBranchAnswer("bodies", await honest());
  if (!answer.ok) throw new Error(answer.fault.detail);
  return encodeBranchAnswer({ kind: "bodies", bodies: [...answer.value.bodies].reverse() });
}

function withoutBodies(question: Uint8Array): Uint8Array {
  const asked = decodeBranchQuestion(question);
  if (!asked.ok || asked.value.kind !== "bodies") throw new Error("not a question for bodies");
  return encodeBranchAnswer({ kind: "bodies", bodies: asked.value.hashes.map(() => new Uint8Array(0)) });
}

describe("a node that comes late", () => {
  const [LATE, LIAR, SILENT_NODE, HOLLOW] = [3, 4, 5, 6];

  it("catches up headers first from several peers at once, whatever some of them do", async () => {
    const asked: { peer: string; question: Uint8Array }[] = [];
    build({
      seed: "late",
      nodes: 7,
      meanMs: (node) => (node === 0 ? 400 : node === HOLLOW ? 300 : Number.POSITIVE_INFINITY),
      wrapNetwork: (node, network) => {
        if (node === LATE) return noting(network, asked);
        return lying(network, (question, honest) => {
          if (node === LIAR && question[0] === BODIES) return shuffled(honest);
          if (node === SILENT_NODE && question[0]! >= HEADS) return new Promise(() => undefined);
          if (node === HOLLOW && question[0] === BODIES) return Promise.resolve(withoutBodies(question));
          return undefined;
        });
      },
    });
    await cluster.start(HOLLOW);
    await cluster.pass(100_000);
    const hollow = cluster.height(HOLLOW);
    cluster.stopMining();
    await cluster.start(0);
    cluster.ether.partition([HOLLOW]);
    expect(await cluster.until(() => cluster.height(0) >= 300n, 300_000)).toBe(true);
    cluster.stopMining();
    cluster.copyDisk(0, 1, 2, LIAR, SILENT_NODE);
    await cluster.start(1, 2, LIAR, SILENT_NODE);
    cluster.ether.partition([HOLLOW]);
    expect(hollow).toBeGreaterThan(cluster.height(0));
    await cluster.start(LATE);
    const phases = new Set<string | undefined>();
    const isLevel = () => {
      phases.add(cluster.replica(LATE).syncProgress()?.phase);
      return cluster.height(LATE) === cluster.height(0);
    };
    expect(await cluster.until(isLevel, 120_000)).toBe(true);
    expect(cluster.headOf(LATE)).toBe(cluster.headOf(0));
    expect(phases).toContain("bodies");
    const servers = new Set(asked.filter(({ question }) => question[0] === BODIES).map(({ peer }) => peer));
    expect(servers.size).toBeGreaterThan(3);
    expect(cluster.faultsOf(LATE).every((fault) => fault.startsWith(`peer${LIAR}:`))).toBe(true);
    expect(cluster.faultsOf(LATE).length).toBeGreaterThan(0);
  });

  it("goes on where it was when it was restarted on the way", async () => {
    const asked: { peer: string; question: Uint8Array }[] = [];
    build({
      seed: "restart",
      nodes: 2,
      meanMs: (node) => (node === 0 ? 400 : Number.POSITIVE_INFINITY),
      wrapNetwork: (node, network) => (node === 1 ? noting(network, asked) : network),
    });
    await cluster.start(0);
    expect(await cluster.until(() => cluster.height(0) >= 300n, 300_000)).toBe(true);
    cluster.stopMining();
    await cluster.start(1);
    expect(await cluster.until(() => cluster.height(1) >= 100n)).toBe(true);
    const before = cluster.height(1);
    expect(before).toBeLessThan(200n);
    cluster.crash(1);
    asked.length = 0;
    await cluster.start(1);
    expect(cluster.height(1)).toBeGreaterThanOrEqual(before);
    expect(await cluster.until(() => cluster.height(1) === cluster.height(0))).toBe(true);
    const bodies = asked.flatMap(({ question }) => {
      const decoded = decodeBranchQuestion(question);
      return decoded.ok && decoded.value.kind === "bodies" ? decoded.value.hashes : [];
    });
    expect(BigInt(bodies.length)).toBeLessThanOrEqual(cluster.height(0) - before);
    expect(asked.some(({ question }) => question[0] === HEADS)).toBe(false);
  });
});

it("a node that lacks transactions of an announced block asks for these alone", async () => {
  const asked: { peer: string; question: Uint8Array }[] = [];
  build({
    seed: "lacking",
    nodes: 2,
    meanMs: (node) => (node === 0 ? 2_000 : Number.POSITIVE_INFINITY),
    syncIntervalMs: 0,
    wrapNetwork: (node, network) =>
      // The miner's transactions do not reach the other.
      node === 0
        ? {
            ...lying(network, () => undefined),
            publish: (topic, bytes) => topic === "blocks" && network.publish(topic, bytes),
          }
        : noting(network, asked),
  });
  await cluster.start();
  for (let nonce = 0n; nonce < 3n; nonce++) {
    expect(cluster.replica(0).submit(cluster.transfer(alice, nonce, bob.publicKey).bytes).ok).toBe(true);
  }
  expect(await cluster.until(() => cluster.height(1) >= 3n)).toBe(true);
  expect(cluster.balance(1, bob.publicKey)).toBe(503n);
  expect(new Set(asked.map(({ question }) => question[0]))).toEqual(new Set([1, BLOCK_TRANSACTIONS]));
});

describe("whole blocks that a peer mails without being asked", () => {
  /** Different `salt`, different block. */
  function mineNow(chain: Chain, salt: number): SealedBlock {
    const timeMs = cluster.genesis.timeMs + 1_000n * BigInt(1 + salt);
    const proposal = { timeMs, proposer: 0, rewardTo: miner };
    return solve(chain.buildBlock(chain.head.hash, proposal, () => [], true)!);
  }

  it("do not fill the store where their branch is far too light", async () => {
    build({ seed: "mailed blocks", nodes: 2, meanMs: () => Number.POSITIVE_INFINITY });
    await cluster.start();
    const { chain } = cluster.replica(0);
    const other = await openMinedChain({ genesis: cluster.genesis });
    const cheap = Array.from({ length: 20 }, (_, i) => mineNow(other, 1 + i));
    for (let i = 0; i < 150; i++) {
      const block = mineNow(chain, 0);
      await chain.importBlock(block);
      if (i < 100) await other.importBlock(block);
    }
    const near = mineNow(other, 30);
    for (const block of [...cheap, near]) {
      cluster.networks.get(1)!.mail(0, encodePacket(MAIL_BLOCK, encodeSealedBlock(block)));
    }
    await cluster.pass(1_000);
    await chain.settled();
    expect(cheap.filter(({ block }) => chain.store.head(block.hash) !== undefined)).toHaveLength(0);
    expect(chain.store.head(near.block.hash)).toBeDefined();
    expect(branchesOf(chain).tree.leaves()).toHaveLength(2);
  });
});
