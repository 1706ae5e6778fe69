/**
 * Goal: no broken situation is called well. Method: whole replicas on virtual time with the API on top, as `quorate
 * explain` and /ready ask it.
 */
import { afterEach, expect, it } from "vitest";
import { ReplicaApi } from "../../src/node/api/node-api.ts";
import type { Replica } from "../../src/node/replica.ts";
import type { NodeApi } from "../../src/rpc/api.ts";
import { explainNode } from "../../src/rpc/explain/explain-node.ts";
import type { Explanation } from "../../src/rpc/explain/standing.ts";
import { findProbe } from "../../src/rpc/server/probes.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { MemoryNetwork } from "./memory-network.ts";

let cluster: Cluster;

afterEach(async () => {
  await cluster.stop();
  expect(cluster.failures).toEqual([]);
});

async function running(options: ClusterOptions = {}): Promise<void> {
  cluster = new Cluster(options);
  await cluster.start();
  for (const index of cluster.replicas.keys()) apiOf(index);
}

const apis = new WeakMap<Replica, NodeApi>();

/** Made once for each replica, because it remembers since when the head stands. */
function apiOf(index: number): NodeApi {
  const replica = cluster.replica(index);
  const known = apis.get(replica) ?? newApi(index, replica);
  apis.set(replica, known);
  return known;
}

function newApi(index: number, replica: Replica): NodeApi {
  const inMemory = cluster.ether.nodes.get(index)!;
  const others = () =>
    MemoryNetwork.prototype.peers.call(inMemory).filter(({ validator }) => validator !== index);
  const network = Object.assign(inMemory, {
    addresses: [],
    blocked: [],
    block: () => undefined,
    peers: others,
  });
  const mode = replica.self === undefined ? ("full" as const) : ("validator" as const);
  const info = { name: `node${index}`, version: "0", mode, peerId: network.peerId, startedAtMs: 0 };
  const options = { info, genesisJson: {}, address: undefined, expectsPeers: true };
  const ports = { replica, network, scheduler: cluster.time, renderMetrics: async () => "" };
  return new ReplicaApi(options, ports);
}

function explained(index: number): Promise<Explanation> {
  return explainNode(apiOf(index), cluster.time.now());
}

async function ready(index: number): Promise<unknown> {
  const probe = findProbe("/ready")!;
  const { status, body } = await probe({ api: apiOf(index), scheduler: cluster.time }, new URLSearchParams());
  return { status, ...(JSON.parse(body) as object) };
}

async function commit(count: number): Promise<void> {
  const from = cluster.heights()[0]!;
  for (let i = 0; i < count; i++) {
    const nonce = from + BigInt(i);
    cluster.replica(0).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
    expect(await cluster.until(() => cluster.heights().every((height) => height === nonce + 1n))).toBe(true);
  }
}

it("validators whose databases are lost and that nobody can help are neither well nor ready, at once and later", async () => {
  await running({ consensus: { checkpointInterval: 4, logWindow: 8 } });
  await commit(9);
  await cluster.time.pass(5_000);
  for (const index of [0, 1, 2, 3]) {
    cluster.crash(index);
    cluster.disk(index).kv = new MemoryKv();
  }
  await cluster.start();
  cluster.replica(0).submit(cluster.transfer(0, 0n, cluster.people[1]!.publicKey).bytes);
  for (const ms of [100, 20_000]) {
    await cluster.time.pass(ms);
    const { state, ok, summary } = await explained(0);
    expect({ state, ok }).toEqual({ state: "recovering", ok: false });
    expect(summary).toContain("NONE of the 3 connected peers has it");
    expect(await ready(0)).toMatchObject({ status: 503, ready: false, state: "recovering" });
  }
});

it("the loss of one validator of four is in the first line of the others, who are ready all the same", async () => {
  await running();
  await commit(1);
  cluster.crash(3);
  await cluster.time.pass(1_000);
  expect(await explained(0)).toMatchObject({
    state: "degraded",
    ok: false,
    summary: expect.stringMatching(/^ONE MORE FAILURE HALTS THE CHAIN: without node3/) as string,
  });
  expect(await ready(0)).toMatchObject({ status: 200, ready: true });
});

it("a validator that is connected and has stopped sending is missed after a while, and no longer when it is back", async () => {
  await running();
  await commit(1);
  const { deliver } = cluster.ether;
  cluster.ether.deliver = (from, to, receive) => {
    if (from !== 2) deliver.call(cluster.ether, from, to, receive);
  };
  expect(await explained(0)).toMatchObject({ state: "idle", ok: true });
  await cluster.time.pass(15_000);
  expect(await explained(0)).toMatchObject({
    state: "degraded",
    summary: expect.stringContaining("without node2 (connected, and silent for 1") as string,
  });
  cluster.ether.deliver = deliver;
  await cluster.time.pass(2_000);
  expect(await explained(0)).toMatchObject({ state: "idle", ok: true });
});

it("a follower of a halted chain whose transaction waits says so, and is not ready", async () => {
  await running({ full: 1 });
  await commit(1);
  cluster.crash(2);
  cluster.crash(3);
  cluster.replica(4).submit(cluster.transfer(0, 1n, cluster.people[1]!.publicKey).bytes);
  await cluster.time.pass(40_000);
  expect(await explained(4)).toMatchObject({ state: "waiting", ok: false });
  expect(await ready(4)).toMatchObject({ status: 503 });
  expect(await ready(0)).toMatchObject({ status: 503 });
});

it("a follower that is cut off from everybody is alone", async () => {
  await running({ full: 1 });
  cluster.ether.partition([4]);
  expect(await explained(4)).toMatchObject({ state: "alone", ok: false });
  expect(await ready(4)).toMatchObject({ status: 503, state: "alone" });
});
