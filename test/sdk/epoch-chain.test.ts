import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hex0x } from "../../src/base/bytes.ts";
import { validatorsOf } from "../../src/chain/genesis/genesis.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { ReplicaMembership } from "../../src/node/api/membership-api.ts";
import { verifyChain } from "../../src/node/stored-chain/verify-chain.ts";
import { showSealedHead } from "../../src/rpc/schemas/show.ts";
import { Client } from "../../src/sdk/client.ts";
import { type EpochAnswer, type EpochLink, linksOf, ProvedSets, setFor } from "../../src/sdk/epoch-chain.ts";
import type { TrustedGenesis } from "../../src/sdk/trusted-genesis.ts";
import { NodeFetch } from "../../src/testing/node-fetch.ts";
import { NodeRpc } from "../../src/testing/node-rpc.ts";
import { SharedTime } from "../../src/testing/shared-time.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";
import { LyingFetch } from "./lying-fetch.ts";

let net: EpochNet;
let trusted: TrustedGenesis;
let links: EpochLink[];
/** What node 0 proved in the first epoch. */
let old: object;

beforeAll(async () => {
  net = new EpochNet({ seed: 3, nodes: 6, members: 4 });
  net.start();
  await net.until(() => net.height(5) >= 2n, 20_000);
  await net.until(() => net.height(0) >= 2n, 20_000);
  const { urls, fetch } = served();
  const path = `account/${address()}`;
  old = await new Client(urls[0]!, { fetch }).call("state_query", { path, prove: true });
  await net.decide(net.add(4), [0, 1, 2]);
  await net.until(() => net.governance.epoch >= 1n, 20_000);
  await net.decide(net.replace(1, 5), [0, 2, 3]);
  await net.until(() => net.governance.epoch >= 4n, 40_000);
  const { genesis, genesisHash } = net.world;
  trusted = { genesis, genesisHash, validators: validatorsOf(genesis) };
  const epochs = ReplicaMembership.of(net.first)!.epochs(0n, 100);
  const answer: EpochAnswer = epochs.map(({ validators, end }) => ({
    validators: validators.members.map(({ name, publicKey, account, peerId }) => {
      return { name, peerId, publicKey: hex0x(publicKey), account: hex0x(account) };
    }),
    end: end === undefined ? null : showSealedHead(end.head, end.seal),
  }));
  links = linksOf(answer);
});
afterAll(() => net.cluster.stop());

/** The nodes' JSON-RPC; time passes until they have answered. */
const served = () => {
  const time = new SharedTime(net.cluster.time);
  const rpcs = net.cluster.nodes.map(
    (node) => new NodeRpc({ node, genesis: net.world.genesis, mode: "validator", broken: fail }),
  );
  const run = (ms: number, done: () => boolean) => time.run(ms, done);
  const asker = new NodeFetch(rpcs.length, { rpcOf: (node) => rpcs[node], run });
  return { urls: asker.urls, fetch: asker.fetch.bind(asker) };
};
const fail = (error: unknown) => {
  throw error;
};
const address = () => hex0x(net.world.plan.accounts[0]!.address);

describe("the validators of a later epoch", () => {
  it("follow from genesis alone, and are those that the replicas have", () => {
    const sets = new ProvedSets(trusted);
    for (const link of links) expect(sets.extend(link).ok).toBe(true);
    expect(sets.newest).toBeGreaterThanOrEqual(4n);
    for (let epoch = 0n; epoch <= sets.newest; epoch++) {
      const theirs = net.first.consensus.changing?.epochs.setOf(epoch);
      expect(sets.setOf(epoch)?.hash).toEqual(theirs?.hash);
    }
    expect(sets.setOf(1n)?.members).toHaveLength(5);
  });

  it.each<[string, (given: EpochLink[]) => EpochLink[], RegExp]>([
    ["a link is left out", ([first, , ...rest]) => [first!, ...rest], /a head of epoch 2/],
    [
      "a member is another",
      ([first, ...rest]) => [{ ...first!, members: first!.members.slice(1) }, ...rest],
      /are not those/,
    ],
    [
      "a seal is of another block",
      ([first, second, ...rest]) => [{ ...first!, seal: second!.seal }, second!, ...rest],
      /certificate/,
    ],
  ])("do not where %s", (_, change, words) => {
    const found = setFor(trusted, 3n, change(links));
    expect(found.ok ? "" : found.fault.detail).toMatch(words);
  });

  it("are refused beyond the links that are there", () => {
    const found = setFor(trusted, 3n, links.slice(0, 2));
    expect(found.ok ? "" : found.fault.detail).toMatch(/proved up to epoch 2 only/);
  });
});

describe("a light client that begins with genesis", () => {
  const client = (liars: LyingFetch, urls: readonly string[]) =>
    new Client(urls, { fetch: liars.fetch, genesis: formatGenesis(net.world.genesis) });

  it("proves a value under the validators of today, and names those", async () => {
    const liars = new LyingFetch(served());
    const answer = await client(liars, served().urls.slice(3)).account(address(), { level: "proven" });
    expect(answer.checked).toEqual(["validators", "certificate", "value"]);
    expect(BigInt(answer.height)).toBeGreaterThan(30n);
    // Of five, of whom one was added and one has another key.
    expect(answer.signers.length).toBeGreaterThanOrEqual(4);
  });

  it("reads the latest of the members of today, from whatever nodes it was given", async () => {
    const { urls, ...net_ } = served();
    const liars = new LyingFetch({ urls, ...net_ });
    const before = net.first.chain.head.summary.height;
    const answer = await client(liars, urls).account(address(), { level: "latest" });
    expect(BigInt(answer.height)).toBeGreaterThanOrEqual(before);
    // The node whose key was replaced is no member any more: asked alone with another it is too few.
    const read = client(liars, [urls[0]!, urls[1]!, urls[4]!]).account(address(), {
      level: "latest",
      timeoutMs: 1_000,
    });
    await expect(read).rejects.toThrow(/2 of the 3 validators answered that it takes of 5 \(epoch \d+\)/);
  });

  it("is not held in an old epoch by a member that still shows it", async () => {
    const { urls, ...net_ } = served();
    const liars = new LyingFetch({ urls, ...net_ });
    const state = { epoch: 0, self: 0, lastPrepared: 3 };
    liars.lie(0, "consensus_getState", (own) => ({ ...own, ...state }));
    liars.lie(0, "state_query", () => old);
    const before = net.first.chain.head.summary.height;
    const answer = await client(liars, urls).account(address(), { level: "latest" });
    expect(BigInt(answer.height)).toBeGreaterThanOrEqual(before);
    expect(answer.disbelieved).toEqual([]);
    // Alone it can still show what was: that is what proven means.
    const alone = await client(liars, [urls[0]!]).account(address(), { level: "proven" });
    expect(alone).toMatchObject({ height: 2, unchecked: ["freshness"] });
  });
});

describe("the guard against harmful proposals", () => {
  const harmsOf = (change: Parameters<EpochNet["propose"]>[1]) => {
    const guard = ReplicaMembership.of(net.cluster.replica(0)!)!;
    const found = guard.harms({ kind: "propose", change, isForced: false, note: new Uint8Array(0) });
    return found.ok ? found.value.join("; ") : found.fault.detail;
  };

  it("has nothing against a change that leaves a quorum of those that are heard", () => {
    expect(harmsOf(net.remove(4))).toBe("");
  });

  it("says of a proposal how it was decided, and not what became of it since", () => {
    const proposal = ReplicaMembership.of(net.first)!
      .proposals(9)
      .find(({ status }) => status === "approved")!.id;
    const vote = { kind: "vote", proposal, approves: true, isForced: false } as const;
    expect(ReplicaMembership.of(net.first)!.harms(vote)).toEqual({
      ok: false,
      fault: { code: "decided", detail: `proposal ${proposal} is approved` },
    });
  });

  it("tells of a vote whether it is only the newcomer who is awaited", async () => {
    const small = new EpochNet({ seed: 4, nodes: 5, members: 4 });
    try {
      small.start();
      await small.until(() => small.height(0) >= 1n, 20_000);
      const proof = small.add(4);
      small.cluster.crash(4);
      small.propose(0, proof);
      await small.until(() => small.openProposals.length > 0, 20_000);
      const { id: proposal } = small.openProposals[0]!;
      const vote = { kind: "vote", proposal, approves: true, isForced: false } as const;
      const guard = ReplicaMembership.of(small.first)!;
      expect(guard.harms(vote)).toMatchObject({ value: [expect.stringContaining("is not connected")] });
      expect(guard.awaitsNewcomer(vote)).toBe(true);
      expect(guard.awaitsNewcomer({ ...vote, approves: false })).toBe(false);
      small.cluster.crash(2);
      small.cluster.crash(3);
      expect(guard.awaitsNewcomer(vote)).toBe(false);
    } finally {
      await small.cluster.stop();
    }
  });

  it("names who is away, and by how many the next quorum would be missed", () => {
    net.cluster.crash(2);
    net.cluster.crash(3);
    const words = harmsOf(net.remove(4));
    expect(words).toMatch(/after this change 3 of 4 validators must agree, and of them 2 are heard now/);
    expect(words).toContain("node2");
    expect(words).toContain("node3");
    expect(words).toMatch(/at the end of this epoch/);
  });
});

it("a stored chain of several epochs is re-executed from genesis", async () => {
  const { disk } = net.cluster.node(0);
  const { kv } = disk.open({ on: true, act: () => true } as never);
  const report = await verifyChain(net.world.genesis, kv, undefined);
  expect(report.fault).toBeUndefined();
  expect(report.height).toBeGreaterThan(40n);
});

it("the genesis of a chain with epochs has them in its file and in its hash", () => {
  expect(JSON.parse(formatGenesis(net.world.genesis)).consensus.epochLength).toBe(16);
});
