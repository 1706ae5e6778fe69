/** A validator whose database was rolled back and whose journal of votes was not, as `quorate rollback` leaves it. */
import { describe, expect, it } from "vitest";
import { rebuildChain } from "../../../src/node/stored-chain/rebuild-chain.ts";
import { STAMP_KEY } from "../../../src/storage/database-keys.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { clusterAt, grow } from "../snapshot/snapshots.ts";

describe("a validator whose database was rolled back", () => {
  it("keeps its votes, takes part again when it has fetched what they rest on, and says nothing else meanwhile", async () => {
    const cluster = await clusterAt(5, { validators: 4 });
    const [, , , last] = cluster.replicas.values();
    cluster.replicas.delete(3);
    cluster.ether.nodes.delete(3);
    await last!.stop();
    const into = new MemoryKv();
    const rebuilt = await rebuildChain(cluster.genesis, 1n, { from: cluster.kv(3), into });
    expect(rebuilt).toMatchObject({ ok: true, value: 1 });
    expect(into.get(STAMP_KEY)).toEqual(cluster.kv(3).get(STAMP_KEY));
    cluster.disk(3).kv = into;
    await cluster.start(3);
    expect(cluster.replica(3).chain.head.summary.height).toBe(1n);
    expect(cluster.replica(3).engineStatus()).toMatchObject({ recovery: expect.anything() });
    expect(await cluster.until(() => cluster.heights().every((height) => height === 5n))).toBe(true);
    await grow(cluster, 7);
    expect(cluster.replica(3).engineStatus()?.recovery).toBeUndefined();
    expect(cluster.failures).toEqual([]);
    // With one of the others down, nothing is final without its votes.
    const [first] = cluster.replicas.values();
    cluster.replicas.delete(0);
    cluster.ether.nodes.delete(0);
    await first!.stop();
    await grow(cluster, 8);
    await cluster.stop();
  });
});
