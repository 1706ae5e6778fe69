/** Snapshots that are made while the chain goes on, kept as files, and answered about to peers. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { equalBytes } from "../../../src/base/bytes.ts";
import { SILENT } from "../../../src/base/log.ts";
import { KeptSnapshots } from "../../../src/node/snapshot/kept-snapshots.ts";
import { SnapshotMaker, snapshotDue } from "../../../src/node/snapshot/snapshot-maker.ts";
import { decodeSnapshotAnswer, encodeSnapshotQuestion } from "../../../src/p2p/sync/snapshot-wire.ts";
import type { Cluster } from "../cluster.ts";
import { checked, clusterAt, contextOf, grow } from "./snapshots.ts";

let dir: string;
let cluster: Cluster;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-maker-"));
});

afterEach(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A maker that follows a replica of the cluster; `lag` blocks are made while it writes. */
async function follow(index: number, interval: bigint) {
  const { replica, genesis } = { replica: cluster.replica(index), genesis: cluster.genesis };
  const kept = await KeptSnapshots.open(dir, genesis.limits);
  const pauses: (() => void)[] = [];
  const behind = { isFar: false };
  const maker = new SnapshotMaker(
    { interval, checkpointInterval: 2n, keptMax: 2 },
    {
      context: contextOf(genesis),
      kept,
      scheduler: {
        now: () => 7,
        after(_, task) {
          pauses.push(task);
          return () => undefined;
        },
      },
      log: SILENT,
      clock: () => 0,
      freeze: () => cluster.kv(index).freeze(),
      checkpointAt: (height) => replica.chain.store.checkpointAt(height),
      votes: () => replica.voting.votes,
      isFarBehind: () => behind.isFar,
    },
  );
  replica.events.heads.subscribe(({ sealed }) => maker.headChanged(sealed.block.summary.height));
  replica.events.engine.subscribe(({ event }) => {
    if (event.type === "checkpoint-stable") maker.checkpointStable(event.height);
  });
  const resume = () => {
    for (const next of pauses.splice(0)) next();
  };
  /** Lets the maker go on until it has made the snapshot of a height. */
  const made = (height: bigint) =>
    vi.waitFor(
      () => {
        resume();
        expect(maker.last?.height).toBe(height);
      },
      { timeout: 20_000, interval: 2 },
    );
  return { maker, kept, made, resume, behind };
}

describe("a snapshot of a running node", () => {
  it("is of the checkpoint, with its certificate, although blocks follow while it is written", async () => {
    cluster = await clusterAt(1, {});
    const { kept, made, maker } = await follow(0, 4n);
    await grow(cluster, 7);
    await made(4n);
    const context = contextOf(cluster.genesis);
    const read = await checked(context, readFileSync(kept.newest!.path));
    expect(read).toMatchObject({ ok: true, value: { height: 4n, checkpoint: 4n, firstBlock: 4n } });
    expect(
      equalBytes(kept.newest!.stateRoot, cluster.replica(0).chain.sealedBlockAt(4n)!.block.summary.stateRoot),
    ).toBe(true);
    expect(maker.last).toMatchObject({ madeAtMs: 7, longestPauseMs: 0 });
    await maker.stop();
  });

  it("is made by a follower too, which has no certificate of a checkpoint", async () => {
    cluster = await clusterAt(1, { validators: 1, full: 1 });
    await cluster.start(1);
    const { kept, made, maker } = await follow(1, 2n);
    await grow(cluster, 2);
    expect(await cluster.until(() => cluster.replica(1).chain.head.summary.height === 2n)).toBe(true);
    await made(2n);
    const read = await checked(contextOf(cluster.genesis), readFileSync(kept.newest!.path));
    expect(read).toMatchObject({ ok: true, value: { height: 2n, checkpoint: undefined } });
    await maker.stop();
  });

  it("is not made while most of the chain is still to be fetched", async () => {
    cluster = await clusterAt(1, { validators: 1 });
    const { made, maker, behind } = await follow(0, 2n);
    behind.isFar = true;
    await grow(cluster, 5);
    behind.isFar = false;
    await grow(cluster, 6);
    await made(6n);
    await maker.stop();
    expect(readdirSync(dir)).toEqual(["6.snapshot"]);
  });

  it("takes the place of the oldest, and what a process left unfinished is taken away", async () => {
    cluster = await clusterAt(1, { validators: 1 });
    const { made, maker } = await follow(0, 2n);
    for (const height of [2, 4, 6]) {
      await grow(cluster, height);
      await made(BigInt(height));
    }
    await maker.stop();
    writeFileSync(join(dir, "8.snapshot.partial"), "half");
    writeFileSync(join(dir, "10.snapshot"), "no snapshot");
    const again = await KeptSnapshots.open(dir, cluster.genesis.limits);
    expect(readdirSync(dir).sort()).toEqual(["10.snapshot", "4.snapshot", "6.snapshot"]);
    expect(again.newest?.height).toBe(6n);
  });

  it("is given up when the node stops, and leaves nothing", async () => {
    cluster = await clusterAt(1, { validators: 1 });
    const { maker, resume } = await follow(0, 2n);
    await grow(cluster, 2);
    let isStopped = false;
    const stopping = maker.stop().then(() => {
      isStopped = true;
    });
    await vi.waitFor(
      () => {
        resume();
        expect(isStopped).toBe(true);
      },
      { timeout: 20_000, interval: 2 },
    );
    await stopping;
    expect(readdirSync(dir)).toEqual([]);
  });

  it("is answered about piece by piece, and of one that is gone nothing comes", async () => {
    cluster = await clusterAt(1, { validators: 1, bystanders: 2_500 });
    const { kept, made, maker } = await follow(0, 2n);
    await grow(cluster, 2);
    await made(2n);
    await maker.stop();
    const file = readFileSync(kept.newest!.path);
    const list = decodeSnapshotAnswer("list", await kept.answer(encodeSnapshotQuestion({ kind: "list" }))!);
    const { headHash, headBytes, chunks } = kept.newest!;
    expect(list).toMatchObject({
      value: { offers: [{ height: 2n, headHash, chunks, bytes: BigInt(file.length) }] },
    });
    const ask = async (question: Parameters<typeof encodeSnapshotQuestion>[0]) =>
      decodeSnapshotAnswer(question.kind, await kept.answer(encodeSnapshotQuestion(question))!);
    const head = await ask({ kind: "head", headHash, offset: 10 });
    expect(head).toMatchObject({
      value: { bytes: headBytes, piece: new Uint8Array(file.subarray(10, headBytes)) },
    });
    const paths = kept.newest!.places.map(({ from }) => from);
    expect(paths.length).toBeGreaterThan(1);
    const path = new Uint8Array(32).fill(0xff) as typeof headHash;
    const { offset, length } = kept.newest!.places.at(-1)!;
    const last = await ask({ kind: "chunk", headHash, path });
    expect(last).toMatchObject({ value: { chunk: new Uint8Array(file.subarray(offset, offset + length)) } });
    expect(await ask({ kind: "chunk", headHash: path, path })).toMatchObject({
      value: { chunk: new Uint8Array(0) },
    });
    await kept.prune(0);
    expect(await ask({ kind: "head", headHash, offset: 0 })).toMatchObject({ value: { bytes: 0 } });
    expect(kept.answer(Uint8Array.of(1))).toBeUndefined();
    await expect(kept.answer(Uint8Array.of(17))).rejects.toThrow();
  });
});

describe("the schedule of snapshots", () => {
  it.each([
    [10n, 4n, [12n, 20n, 32n, 40n]],
    [4n, 4n, [4n, 8n, 12n, 16n, 20n, 24n, 28n, 32n, 36n, 40n]],
    [0n, 4n, []],
  ])(
    "of an interval of %s with checkpoints at each %s is the first checkpoint behind each multiple",
    (interval, k, due) => {
      const heights = Array.from({ length: 41 }, (_, i) => BigInt(i));
      expect(heights.filter((h) => snapshotDue({ interval, checkpointInterval: k }, h) === h)).toEqual(due);
    },
  );

  it("of a mined chain is each multiple, once so many blocks stand on it, and not long after", () => {
    const schedule = { interval: 100n, checkpointInterval: 1n, depth: 6n };
    const due = [5n, 6n, 105n, 106n, 107n, 170n, 171n, 206n].map((height) => snapshotDue(schedule, height));
    expect(due).toEqual([undefined, undefined, undefined, 100n, 100n, 100n, undefined, 200n]);
  });
});
