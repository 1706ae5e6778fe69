/** Pruned nodes in memory: what goes, what stays, what they answer, and how others get what they lack. */
import { describe, expect, it } from "vitest";
import { SILENT } from "../../../src/base/log.ts";
import { ReplicaApi } from "../../../src/node/api/node-api.ts";
import type { Replica } from "../../../src/node/replica.ts";
import { importSnapshot } from "../../../src/node/snapshot/import-snapshot.ts";
import { sourceOver } from "../../../src/node/snapshot/read-snapshot.ts";
import { checkStored } from "../../../src/node/stored-chain/check-stored.ts";
import { exportBlocks } from "../../../src/node/stored-chain/export-blocks.ts";
import { Pruner, type PruneSettings } from "../../../src/node/stored-chain/pruner.ts";
import { findBlock, findHead } from "../../../src/rpc/answers/block-selector.ts";
import { VirtualTime as SimulatedTime, SkewedClock } from "../../../src/tools/sim/time.ts";
import type { Cluster } from "../cluster.ts";
import { MinedCluster } from "../pow-cluster.ts";
import { clusterAt, contextOf, exported, grow } from "../snapshot/snapshots.ts";

/** Prunes a replica for so long. */
async function pruned(
  replica: Replica,
  cluster: Cluster | MinedCluster,
  settings: Partial<PruneSettings> = {},
  floor = () => 1_000n,
): Promise<void> {
  const { time } = cluster;
  const scheduler =
    time instanceof SimulatedTime ? new SkewedClock(time, Number(cluster.genesis.timeMs)) : time;
  const pruner = new Pruner(
    { keepBlocks: 3, keepMs: 0, ...settings },
    { chain: replica.chain, scheduler, log: SILENT, floor },
  );
  pruner.start();
  if (cluster instanceof MinedCluster) await cluster.pass(3_000);
  else await cluster.time.pass(3_000);
  await pruner.stop();
}

describe("a pruned chain", () => {
  it("keeps headers, certificates, checkpoints and the newest bodies, and is checked without the others", async () => {
    const cluster = await clusterAt(9, { validators: 4 });
    const replica = cluster.replica(3);
    const { store } = replica.chain;
    const id = replica.chain.sealedBlockAt(2n)!.block.transactions[0]!.id;
    await pruned(replica, cluster);
    expect(store.lowestBody()).toBe(7n);
    const gone = store.hashAt(2n)!;
    expect([store.body(gone), store.receipts(gone), await store.findTransaction(id)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([store.head(gone), store.seal(gone)].includes(undefined)).toBe(false);
    expect(replica.chain.sealedBlockAt(7n)).toBeDefined();
    const report = await checkStored(cluster.genesis, cluster.kv(3));
    expect(report).toMatchObject({
      fault: undefined,
      headers: 9,
      certificates: 9,
      lowestBody: 7n,
      indexEntries: 3,
    });
    const write = async () => undefined;
    expect(await exportBlocks(cluster.genesis, {}, { kv: cluster.kv(3), write })).toMatchObject({
      ok: false,
      fault: { code: "not-here", detail: expect.stringContaining("from height 7 on") },
    });
    await cluster.stop();
  });

  it("is that of a validator which starts again and votes, while a follower gets what is pruned from an archive", async () => {
    const cluster = await clusterAt(9, { validators: 4, full: 2 });
    const [archive, follower] = [4, 5];
    await cluster.start(archive);
    expect(await cluster.until(() => cluster.replica(archive).chain.head.summary.height === 9n)).toBe(true);
    cluster.crash(archive);
    for (const validator of [0, 1, 2, 3]) await pruned(cluster.replica(validator), cluster);
    await grow(cluster, 10);
    cluster.crash(3);
    await cluster.start(3);
    await grow(cluster, 11);
    // Nobody has the first blocks any more: the follower says so.
    await cluster.start(follower);
    expect(await cluster.until(() => cluster.replica(follower).lowestOffered() === 7n)).toBe(true);
    expect(cluster.replica(follower).chain.head.summary.height).toBe(0n);
    await cluster.start(archive);
    expect(await cluster.until(() => cluster.replica(follower).chain.head.summary.height === 11n)).toBe(true);
    expect(cluster.replica(follower).lowestOffered()).toBeUndefined();
    await cluster.stop();
    expect(cluster.failures).toEqual([]);
  });

  it("lets a follower begin from the snapshot of a pruned validator where nobody has the first blocks", async () => {
    const cluster = await clusterAt(12, { validators: 4, full: 1 });
    const follower = 4;
    const { recentHeads } = cluster.replica(0).consensus;
    for (const validator of [0, 1, 2, 3])
      await pruned(cluster.replica(validator), cluster, { keepBlocks: recentHeads });
    cluster.crash(3);
    await cluster.start(3);
    await grow(cluster, 13);
    const context = contextOf(cluster.genesis);
    const { bytes, facts } = await exported(context, cluster.kv(3));
    expect(facts).toMatchObject({ ok: true, value: { height: 13n } });
    const begun = await importSnapshot(context, { kv: cluster.kv(follower), source: sourceOver(bytes) });
    expect(begun).toMatchObject({ ok: true });
    await cluster.start(follower);
    await grow(cluster, 14);
    expect(await cluster.until(() => cluster.replica(follower).chain.head.summary.height === 14n)).toBe(true);
    await cluster.stop();
    expect(cluster.failures).toEqual([]);
  });

  it("answers for a pruned block with the heights that it keeps, and shows its header", async () => {
    const cluster = await clusterAt(6, { validators: 1 });
    const replica = cluster.replica(0);
    await pruned(replica, cluster);
    const network = { peers: () => [], addresses: [], blocked: [], block: () => undefined };
    const info = { name: "a", version: "1", mode: "full" as const, peerId: "p", startedAtMs: 0 };
    const api = new ReplicaApi(
      { info, genesisJson: {}, address: undefined, storageMode: "pruned" },
      { replica, network, scheduler: cluster.time, renderMetrics: async () => "" },
    );
    expect(api.storage()).toEqual({ mode: "pruned", firstHeight: 1n, lowestBody: 4n });
    const hash = replica.chain.store.hashAt(2n)!;
    for (const selector of [
      { kind: "height", height: 2n },
      { kind: "hash", hash },
    ] as const) {
      await expect(findBlock(api, selector)).rejects.toMatchObject({
        code: "PRUNED",
        data: { height: 2, lowestBody: 4, head: 6 },
      });
      expect((await findHead(api, selector))?.summary.height).toBe(2n);
    }
    expect((await findBlock(api, { kind: "height", height: 4n }))?.block.summary.height).toBe(4n);
    await cluster.stop();
  });

  it("keeps bodies by age as well, never those that are still needed, and goes on where a crash left it", async () => {
    const cluster = await clusterAt(6, { validators: 1 });
    const replica = cluster.replica(0);
    await pruned(replica, cluster, { keepMs: 3_600_000 });
    expect(replica.chain.store.lowestBody()).toBe(1n);
    await pruned(replica, cluster, { keepBlocks: 1 }, () => 3n);
    expect(replica.chain.store.lowestBody()).toBe(3n);
    await pruned(replica, cluster, { keepMs: 1 });
    expect(replica.chain.store.lowestBody()).toBe(4n);
    cluster.crash(0);
    await cluster.start(0);
    await pruned(cluster.replica(0), cluster);
    expect(cluster.replica(0).chain.store.lowestBody()).toBe(4n);
    await grow(cluster, 7);
    await cluster.stop();
  });

  it("is mined on, and what has no undo data is never undone", async () => {
    const mined = new MinedCluster({ nodes: 2, meanMs: () => 1_000, seed: "pruned" });
    await mined.start();
    const reached = (height: bigint) => () => mined.replica(0).chain.head.summary.height >= height;
    expect(await mined.until(reached(12n))).toBe(true);
    await pruned(mined.replica(0), mined, { keepBlocks: 5 });
    const { store } = mined.replica(0).chain;
    const lowest = store.lowestBody();
    expect(lowest).toBeGreaterThan(7n);
    expect(store.undo(store.hashAt(lowest - 1n)!)).toBeUndefined();
    expect(store.undo(store.hashAt(lowest)!)).toBeDefined();
    await mined.stop(0);
    await mined.start(0);
    expect(await mined.until(reached(20n))).toBe(true);
    await mined.stop();
    expect((await checkStored(mined.genesis, mined.disk(0))).fault).toBeUndefined();
    expect(mined.failures).toEqual([]);
  });
});
