/** Re-executing a stored chain: passes as it is, and names the height of whatever was changed. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { verifyChain } from "../../../src/node/stored-chain/verify-chain.ts";
import { bodyKey, canonicalKey, receiptsKey, sealKey } from "../../../src/storage/database-keys.ts";
import { Cluster } from "../cluster.ts";

let cluster: Cluster;

beforeEach(async () => {
  cluster = new Cluster({ validators: 1 });
  await cluster.start();
  for (let nonce = 0n; nonce < 6n; nonce++) {
    cluster.replica(0).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
    await cluster.time.pass(50);
  }
});

afterEach(() => cluster.stop());

describe("verifying a stored chain", () => {
  it("finds a chain as this node made it in order", async () => {
    const seen: bigint[] = [];
    const report = await verifyChain(cluster.genesis, cluster.kv(0), (done) => seen.push(done));
    expect(report).toMatchObject({ height: cluster.heights()[0], transactions: 6, fault: undefined });
    expect(seen).toHaveLength(Number(report.height));
  });

  for (const [what, key] of [
    ["body", bodyKey],
    ["seal", sealKey],
    ["receipts", receiptsKey],
  ] as const) {
    it(`names the height at which a ${what} was changed`, async () => {
      const kv = cluster.kv(0);
      const at = key({ height: 2n, hash: cluster.replica(0).chain.store.hashAt(2n)! });
      const value = kv.get(at)!.slice();
      value[value.length - 1]! ^= 1;
      await kv.write([{ kind: "put", key: at, value }], { sync: true });
      expect((await verifyChain(cluster.genesis, kv)).fault).toMatchObject({ height: 2n });
    });
  }

  it("names a height without a block", async () => {
    await cluster.kv(0).write([{ kind: "delete", key: canonicalKey(3n) }], { sync: true });
    expect((await verifyChain(cluster.genesis, cluster.kv(0))).fault).toMatchObject({
      code: "missing",
      height: 3n,
    });
  });
});
