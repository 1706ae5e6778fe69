/** What a replica does with transactions that wait for an earlier nonce, and with those that nobody takes. */
import { afterEach, expect, it } from "vitest";
import { POOL_AGE_CHECK_MS, POOL_AGE_MS_MAX } from "../../src/base/limits.ts";
import type { SignedTransaction } from "../../src/chain/types/transaction.ts";
import { PassedOn } from "../../src/node/ingress/passed-on.ts";
import { PoolAging } from "../../src/node/ingress/pool-aging.ts";
import { relayOfAdmission } from "../../src/node/ingress/rumors.ts";
import { VirtualTime } from "../p2p/virtual-time.ts";
import { Cluster } from "./cluster.ts";

let cluster: Cluster;

afterEach(async () => {
  await cluster.stop();
  expect(cluster.failures).toEqual([]);
});

const sizes = () => [...cluster.replicas.values()].map(({ pool }) => pool.size);
const transferOf = (nonce: bigint): SignedTransaction =>
  cluster.transfer(0, nonce, cluster.people[1]!.publicKey);

it("a transaction behind a gap stays at its node, and is told to the others once it can run", async () => {
  cluster = new Cluster();
  await cluster.start();
  const [first, second, third] = [0n, 1n, 2n].map(transferOf);
  for (const waiting of [third!, second!]) expect(cluster.replica(0).submit(waiting.bytes).ok).toBe(true);
  await cluster.time.pass(10_000);
  expect(sizes()).toEqual([2, 0, 0, 0]);
  expect(cluster.replica(1).submit(first!.bytes).ok).toBe(true);
  const isDone = () =>
    [...cluster.replicas.values()].every(({ chain }) => chain.store.hashAt(1n) !== undefined);
  expect(await cluster.until(() => isDone() && sizes().every((size) => size === 0))).toBe(true);
  for (const replica of cluster.replicas.values()) {
    expect(await replica.chain.store.findTransaction(third!.id)).toBeDefined();
  }
});

it("what waited behind another's nonce is told when a block uses that nonce", async () => {
  cluster = new Cluster();
  await cluster.start();
  cluster.ether.partition([0]);
  expect(cluster.replica(0).submit(transferOf(1n).bytes).ok).toBe(true);
  expect(cluster.replica(1).submit(transferOf(0n).bytes).ok).toBe(true);
  expect(await cluster.until(() => cluster.replica(1).chain.head.summary.height === 1n)).toBe(true);
  cluster.ether.partition([]);
  const { publicKey } = cluster.people[0]!;
  expect(await cluster.until(() => cluster.replica(2).pool.pendingNonce(publicKey) === 2n)).toBe(true);
});

it("a rumor of what waits is not passed on, nor one that is known with another signature", async () => {
  cluster = new Cluster({ full: 1 });
  await cluster.start(4);
  const { pool } = cluster.replica(4);
  const passedOn = new PassedOn();
  const relayOf = (envelope: Uint8Array) => relayOfAdmission(pool, passedOn, envelope, pool.add(envelope, 0));
  const [waiting, running] = [transferOf(1n), transferOf(0n)];
  expect(relayOf(waiting.bytes)).toBe("ignore");
  expect(relayOf(waiting.bytes)).toBe("ignore");
  expect(relayOf(running.bytes)).toBe("accept");
  expect(relayOf(running.bytes)).toBe("known");
  expect(relayOf(waiting.bytes)).toBe("accept");
  expect(relayOf(waiting.bytes)).toBe("known");
  const forged = running.bytes.slice();
  forged[forged.length - 1]! ^= 1;
  expect(relayOf(forged)).toBe("ignore");
  expect(relayOf(running.bytes.subarray(1))).toBe("reject");
});

it("the pool of a chain that stands still lets go of what is too old", async () => {
  cluster = new Cluster({ full: 1 });
  await cluster.start(4);
  const replica = cluster.replica(4);
  expect(replica.submit(transferOf(1n).bytes).ok).toBe(true);
  expect(replica.submit(transferOf(0n).bytes).ok).toBe(true);
  await cluster.time.pass(POOL_AGE_MS_MAX - 1_000);
  expect(replica.pool.size).toBe(2);
  await cluster.time.pass(POOL_AGE_CHECK_MS + 2_000);
  expect(replica.pool.size).toBe(0);
});

it("a replica that stops leaves no timer for the age of its pool", () => {
  const time = new VirtualTime();
  const aging = new PoolAging({ dropAged: () => undefined }, time);
  aging.start();
  expect(time.pending).toBe(1);
  aging.stop();
  expect(time.pending).toBe(0);
});
