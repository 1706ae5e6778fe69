/** Whatever way an envelope comes, and however often, a node decodes, hashes and checks it once. */
import { afterEach, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { byteText } from "../../src/base/bytes.ts";
import { TransactionIndex } from "../../src/chain/types/known-transactions.ts";
import { decodeTransaction, type SignedTransaction } from "../../src/chain/types/transaction.ts";
import { verifyCounts } from "../../src/crypto/keys.ts";
import { Cluster } from "./cluster.ts";

let cluster: Cluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  expect(cluster?.failures ?? []).toEqual([]);
  cluster = undefined;
});

it("the object that came by RPC or gossip is the one that is executed, also where it comes in a proposal and again by gossip", async () => {
  const net = new Cluster();
  cluster = net;
  await net.start();
  const pooled = new Map<number, SignedTransaction[]>();
  const executed = new Map<number, SignedTransaction[]>();
  for (const [id, { events }] of net.replicas) {
    events.pool.subscribe((event) => {
      if (event.kind === "added") pooled.set(id, [...(pooled.get(id) ?? []), event.transaction]);
    });
    events.heads.subscribe(({ sealed }) =>
      executed.set(id, [...(executed.get(id) ?? []), ...sealed.block.transactions]),
    );
  }
  const before = { ...verifyCounts };
  const transfers = Array.from({ length: 8 }, (_, nonce) =>
    net.transfer(0, BigInt(nonce), net.people[1]!.publicKey),
  );
  for (const { bytes } of transfers) expect(net.replica(0).submit(bytes.slice()).ok).toBe(true);
  // The same again, as a client sends it that lost the answer.
  for (const { bytes } of transfers) expect(net.replica(0).submit(bytes.slice()).ok).toBe(false);
  const done = () => [...net.replicas.keys()].every((id) => executed.get(id)?.length === transfers.length);
  expect(await net.until(done)).toBe(true);
  for (const id of net.replicas.keys()) {
    const mine = must(pooled.get(id), "each pool had them");
    expect(mine).toHaveLength(transfers.length);
    for (const transaction of must(executed.get(id), "each node executed them")) {
      expect(mine.some((one) => one === transaction)).toBe(true);
    }
  }
  // Of each transfer one signature a node; the votes of few blocks come on top.
  const checks = verifyCounts.native + verifyCounts.batch - before.native - before.batch;
  const heights = Number(net.replica(0).chain.head.summary.height);
  expect(checks).toBeLessThanOrEqual(net.replicas.size * (transfers.length + 20 * heights));
});

it("an index finds an envelope by its bytes alone, and nothing that differs in any of them", () => {
  const net = new Cluster();
  const index = new TransactionIndex();
  const [first, second] = [0n, 1n].map((nonce) => net.transfer(0, nonce, net.people[1]!.publicKey));
  index.add(first!);
  index.add(second!);
  expect(index.find(first!.bytes.slice())).toBe(first);
  for (const at of [0, 30, first!.bytes.length - 64, first!.bytes.length - 1]) {
    const changed = first!.bytes.slice();
    changed[at]! ^= 1;
    expect(index.find(changed)).toBeUndefined();
  }
  expect(index.find(first!.bytes.subarray(1))).toBeUndefined();
  expect(index.find(new Uint8Array(3))).toBeUndefined();
  index.delete(first!);
  expect(index.find(first!.bytes)).toBeUndefined();
  expect(index.find(second!.bytes)).toBe(second);
});

it("an index keeps one of two envelopes whose signatures begin alike, and takes out only what it is told", () => {
  const net = new Cluster();
  const { bytes } = net.transfer(0, 0n, net.people[1]!.publicKey);
  const like = bytes.slice();
  like[like.length - 1]! ^= 1;
  const [first, second] = [bytes, like].map((each) => {
    const decoded = decodeTransaction(each, 1_000);
    if (!decoded.ok) throw new Error(decoded.fault.detail);
    return decoded.value;
  });
  const index = new TransactionIndex();
  index.add(first!);
  index.add(second!);
  index.delete(first!);
  expect(index.find(like)).toBe(second);
  expect(index.find(bytes)).toBeUndefined();
  expect(byteText(like)).not.toBe(byteText(bytes));
});
