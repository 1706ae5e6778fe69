/** Snapshots as files: written from a database, checked by the genesis alone, and gone on from by a node. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { hex } from "../../../src/base/bytes.ts";
import { readAccount } from "../../../src/chain/modules/accounts.ts";
import type { Certificates } from "../../../src/chain/rules.ts";
import type { CertifiedProof, SnapshotContext } from "../../../src/chain/snapshot/snapshot-check.ts";
import { encodeSection, SECTION } from "../../../src/chain/snapshot/snapshot-format.ts";
import { STATE_CHUNK_BYTES } from "../../../src/chain/snapshot/state-chunk.ts";
import { exportSnapshot } from "../../../src/node/snapshot/export-snapshot.ts";
import { importSnapshot } from "../../../src/node/snapshot/import-snapshot.ts";
import { sourceOver } from "../../../src/node/snapshot/read-snapshot.ts";
import { stateKey } from "../../../src/storage/database-keys.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import type { Cluster } from "../cluster.ts";
import { checked, clusterAt, contextOf, exported, grow } from "./snapshots.ts";

let running: Cluster | undefined;

afterEach(async () => {
  await running?.stop();
  expect(running?.failures ?? []).toEqual([]);
  running = undefined;
});

async function imported(context: SnapshotContext, bytes: Uint8Array): Promise<MemoryKv> {
  const kv = new MemoryKv();
  expect(await importSnapshot(context, { kv, source: sourceOver(bytes) })).toMatchObject({ ok: true });
  return kv;
}

describe("a small snapshot", () => {
  let context: SnapshotContext<CertifiedProof>;
  let bytes: Uint8Array;
  let kv: MemoryKv;

  beforeAll(async () => {
    const cluster = await clusterAt(3, { validators: 1 });
    await cluster.stop();
    context = contextOf(cluster.genesis);
    kv = cluster.kv(0);
    bytes = (await exported(context, kv)).bytes;
  });

  it("is checked by the genesis alone, and says what it is of", async () => {
    const read = await checked(context, bytes);
    const accounts = context.genesis.accounts.length;
    expect(read).toMatchObject({
      ok: true,
      value: { height: 3n, checkpoint: 2n, firstBlock: 3n, chunks: 1, bytes: bytes.length },
    });
    expect(read.ok && [read.value.accounts, read.value.entries]).toEqual([
      BigInt(accounts),
      BigInt(accounts),
    ]);
  });

  it("is refused when any one byte is changed, or missing at the end", async () => {
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      const read = await checked(context, changed);
      if (read.ok) expect.fail(`byte ${at} of ${bytes.length} says nothing`);
      if (at % 7 === 0) expect(await checked(context, bytes.subarray(0, at))).toMatchObject({ ok: false });
    }
    expect(await checked(context, new Uint8Array([...bytes, 0]))).toMatchObject({
      fault: { code: "malformed", detail: expect.stringContaining("bytes follow") },
    });
  });

  it("is refused in words that say why", async () => {
    const other = contextOf({ ...context.genesis, chainId: context.genesis.chainId + 1n });
    expect(await checked(other, bytes)).toMatchObject({ fault: { code: "wrong-genesis" } });
    const future = bytes.slice();
    future[9] = 5;
    expect(await checked(context, future)).toMatchObject({
      fault: {
        code: "wrong-format",
        detail: expect.stringContaining("format 5, this program reads formats 1 to 4"),
      },
    });
    expect(await checked(context, bytes.subarray(1))).toMatchObject({ fault: { code: "not-a-snapshot" } });
    expect(await checked(context, bytes.subarray(0, bytes.length - 30))).toMatchObject({
      fault: { code: "truncated", detail: expect.stringContaining("in the middle") },
    });
    const huge = Uint8Array.of(SECTION.block, 0x04, 0, 0, 1);
    expect(await checked(context, new Uint8Array([...bytes.subarray(0, 10), ...huge]))).toMatchObject({
      fault: { code: "malformed", detail: expect.stringContaining("67108865 bytes") },
    });
    const lastSections = bytes.subarray(0, bytes.length - 25);
    const strange = new Uint8Array([...lastSections, ...encodeSection(SECTION.chain, new Uint8Array(3))]);
    expect(await checked(context, strange)).toMatchObject({
      fault: { code: "malformed", detail: expect.stringContaining("out of place") },
    });
  });

  it("is refused with the seal of another block, or another chain's validators", async () => {
    const verifySeal = () => ({ code: "no-quorum", detail: "0 of 1" });
    const { proof } = context;
    const stranger = { ...context, proof: { ...proof, certificates: { ...proof.certificates, verifySeal } } };
    expect(await checked(stranger, bytes)).toMatchObject({
      fault: {
        code: "wrong-certificate",
        detail: expect.stringContaining("the certificate of block 3: 0 of 1"),
      },
    });
    const openCheckpoint: Certificates["openCheckpoint"] = (...given) => {
      const opened = proof.certificates.openCheckpoint(...given);
      return opened.ok ? { ok: true, value: { ...opened.value, hash: opened.value.stateRoot } } : opened;
    };
    const certificates = { ...proof.certificates, openCheckpoint };
    expect(await checked({ ...context, proof: { ...proof, certificates } }, bytes)).toMatchObject({
      fault: { code: "wrong-checkpoint", detail: expect.stringContaining("of another block") },
    });
  });

  it("is not made of a database that was changed, or that has no block", async () => {
    const damaged = new MemoryKv();
    await damaged.write(
      (await kv.entries({ from: new Uint8Array(0), to: Uint8Array.of(0xff) })).map(([key, value]) => {
        const isAccount = key[0] === stateKey(new Uint8Array(0))[0];
        return { kind: "put", key, value: isAccount ? value.map((byte) => byte ^ 1) : value };
      }),
      { sync: true },
    );
    expect((await exported(context, damaged)).facts).toMatchObject({
      fault: { code: "damaged-database", detail: expect.stringContaining("state chunk 1") },
    });
    const nothing = { kv: new MemoryKv(), scratch: new MemoryKv(), write: async () => undefined };
    expect(await exportSnapshot(context, nothing)).toMatchObject({ fault: { code: "no-blocks" } });
  });

  it("that is imported gives the same bytes again, and no database when it was refused", async () => {
    const again = await imported(context, bytes);
    expect(hex((await exported(context, again)).bytes)).toBe(hex(bytes));
    const broken = bytes.slice();
    broken[bytes.length - 60]! ^= 1;
    const half = new MemoryKv();
    const refused = await importSnapshot(context, { kv: half, source: sourceOver(broken) });
    expect(refused).toMatchObject({ ok: false, fault: { code: "wrong-chunk" } });
    expect((await exported(context, half)).facts).toMatchObject({ fault: { code: "no-blocks" } });
  });
});

describe("a state of many chunks", () => {
  it("is written in bounded pieces, each of which is checked alone, and the first wrong one is named", async () => {
    const cluster = await clusterAt(2, { validators: 1, bystanders: 3_500 });
    await cluster.stop();
    const context = contextOf(cluster.genesis);
    const { bytes, facts } = await exported(context, cluster.kv(0));
    expect(facts).toMatchObject({ ok: true, value: { height: 2n } });
    const chunks = facts.ok ? facts.value.chunks : 0;
    expect(chunks).toBeGreaterThan(3_500 / (STATE_CHUNK_BYTES / 55));
    expect(hex((await exported(context, await imported(context, bytes))).bytes)).toBe(hex(bytes));
    const changed = bytes.slice();
    const wrongIs = (chunk: number) => ({
      fault: { code: "wrong-chunk", detail: expect.stringContaining(`state chunk ${chunk}: `) },
    });
    changed[bytes.length - 100]! ^= 1;
    expect(await checked(context, changed)).toMatchObject(wrongIs(chunks));
    changed[bytes.length - 150_000]! ^= 1;
    expect(await checked(context, changed)).toMatchObject(wrongIs(chunks - 1));
  });
});

describe("a node that begins from a snapshot", () => {
  it("goes on by blocks to the state of the others, and says of older blocks that it lacks them", async () => {
    const cluster = await clusterAt(7, { full: 2 });
    running = cluster;
    const context = contextOf(cluster.genesis);
    const { bytes } = await exported(context, cluster.kv(0));
    cluster.disk(4).kv = await imported(context, bytes);
    await grow(cluster, 9);
    await cluster.start(4);
    expect(cluster.replica(4).chain.head.summary.height).toBe(7n);
    expect(await cluster.until(() => cluster.heights().every((height) => height === 9n))).toBe(true);
    await grow(cluster, 11);
    const roots = [...cluster.replicas.values()].map(({ chain }) => hex(chain.head.summary.stateRoot));
    expect(new Set(roots).size).toBe(1);
    const { chain } = cluster.replica(4);
    expect(chain.sealedBlockAt(3n)).toBeUndefined();
    expect(chain.store.firstHeight()).toBe(7n);
    // An old block that somebody sends contradicts nothing here.
    expect(await chain.importBlock(cluster.replica(0).chain.sealedBlockAt(3n)!)).toEqual({ kind: "known" });
    // Who asks this node for what it lacks asks others.
    await cluster.start(5);
    expect(await cluster.until(() => cluster.replica(5).chain.head.summary.height === 11n)).toBe(true);
    expect(cluster.replica(5).chain.sealedBlockAt(1n)).toBeDefined();
  });

  it("votes again as a validator whose database was lost: its journal is kept to", async () => {
    const cluster = await clusterAt(7, {});
    running = cluster;
    const context = contextOf(cluster.genesis);
    cluster.crash(3);
    await grow(cluster, 8);
    cluster.disk(3).kv = await imported(context, (await exported(context, cluster.kv(0))).bytes);
    await cluster.start(3);
    await grow(cluster, 9);
    cluster.crash(1);
    // Three of four are left: nothing is final without the vote of the one that imported.
    await grow(cluster, 11);
    const balances = [...cluster.replicas.values()].map(
      (replica) => readAccount(replica.chain.committed, cluster.people[1]!.publicKey)?.balance,
    );
    expect(new Set(balances).size).toBe(1);
    expect(cluster.replica(3).engineStatus()?.mode).not.toBe("halted");
  });

  it("recovers first when the snapshot is older than its votes", async () => {
    const cluster = await clusterAt(5, {});
    running = cluster;
    const context = contextOf(cluster.genesis);
    const old = await exported(context, cluster.kv(0));
    await grow(cluster, 11);
    cluster.crash(3);
    cluster.disk(3).kv = await imported(context, old.bytes);
    await cluster.start(3);
    await grow(cluster, 13);
    cluster.crash(2);
    await grow(cluster, 15);
    expect(cluster.replica(3).engineStatus()?.mode).not.toBe("halted");
  });
});
