/**
 * `quorate bench sync`: how fast a new node catches up with another one, both real processes with databases of their
 * own. The blocks are empty and mined beforehand at the easiest target. Beside it the limit of this machine: the
 * same blocks, as many at a time as a node fetches, by the chain's import into a database, without a network.
 * What the figures are: docs/benchmarks.md.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { BODIES_IN_FLIGHT_PER_PEER } from "../../base/limits.ts";
import { branchesOf } from "../../chain/chain-mode.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { homePaths } from "../../node/home/home.ts";
import { RpcLine } from "../../tools/bench/rpc-line.ts";
import type { Output } from "../output.ts";
import { makeNamedFolder } from "../output-folder.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";
import { makeLoneHome, mineLone, openLoneChain, startLoneNode } from "./lone-node.ts";

export interface SyncOptions {
  readonly blocks: number;
  readonly in?: string;
}

export interface SyncRun {
  readonly blocks: number;
  /** How long it took from the new node's first block to its last. */
  readonly syncSeconds: number;
  /** The new node's start, until its first block. */
  readonly firstBlockSeconds: number;
  /** The same blocks imported in this process. */
  readonly localSeconds: number;
}

const POLL_MS = 20;
/** Blocks that a peer is asked for at once. */
const BATCH = BODIES_IN_FLIGHT_PER_PEER;
const FLOOR_PER_SECOND = 1_500;
const GOAL_PER_SECOND = 4_000;
const SEEDS = { serving: new Uint8Array(32).fill(1), fresh: new Uint8Array(32).fill(2) };

export async function runSync(out: Output, options: SyncOptions): Promise<void> {
  const bench = new BenchRun(out);
  const run = await bench.complete(() => measure(bench, options));
  out.result(syncResult(options, run), describeSync(out, run));
}

function syncResult(options: SyncOptions, run: SyncRun) {
  const value = run.blocks / run.syncSeconds;
  const limit = run.blocks / run.localSeconds;
  return {
    name: "sync",
    value: short(value),
    unit: "empty blocks per second",
    limit: short(limit),
    ratio: short(value / limit),
    firstBlockSeconds: short(run.firstBlockSeconds),
    options,
  };
}

function describeSync(out: Output, run: SyncRun): readonly string[] {
  const strong = (text: string) => out.style("bold", text);
  const rate = run.blocks / run.syncSeconds;
  const limit = run.blocks / run.localSeconds;
  const mark = rate < FLOOR_PER_SECOND ? out.cross : out.tick;
  return [
    strong(`quorate bench sync · ${run.blocks} empty blocks · node ${process.version}`),
    row(
      "sync",
      `${strong(`${Math.round(rate)} blocks/s`)} between two processes (floor ${FLOOR_PER_SECOND}, goal ${GOAL_PER_SECOND}) ${mark}`,
    ),
    row(
      "local",
      `${Math.round(limit)} blocks/s without a network: ratio ${strong((rate / limit).toFixed(2))}`,
    ),
    row("start", `${run.firstBlockSeconds.toFixed(2)} s from the new node's start to its first block`),
  ];
}

async function measure(bench: BenchRun, { blocks, in: parent = tmpdir() }: SyncOptions): Promise<SyncRun> {
  makeNamedFolder("--in", parent);
  const dir = mkdtempSync(join(parent, "quorate-bench-"));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  bench.add({ close: async () => remove(), kill: async () => remove() });
  const [serving, fresh] = [join(dir, "serving"), join(dir, "fresh")];
  makeLoneHome(serving, SEEDS.serving, SEEDS.fresh);
  makeLoneHome(fresh, SEEDS.fresh, SEEDS.serving);
  bench.stage(`mining ${blocks} empty blocks`);
  const mined = await mineLone(bench, homePaths(serving).db, blocks);
  bench.stage("importing them without a network");
  const localSeconds = await importInto(join(dir, "local"), mined);
  const server = await startLoneNode(bench, serving, []);
  bench.stage("a new node catches up");
  const started = performance.now();
  const node = await startLoneNode(bench, fresh, [server.p2p]);
  const line = new RpcLine(node.rpcUrl);
  bench.add({ close: async () => line.close(), kill: async () => line.close() });
  const seen = await watch(bench, line, blocks);
  return {
    blocks: blocks - seen.first,
    syncSeconds: (seen.lastAtMs - seen.firstAtMs) / 1_000,
    firstBlockSeconds: (seen.firstAtMs - started) / 1_000,
    localSeconds: (localSeconds * (blocks - seen.first)) / blocks,
  };
}

async function importInto(db: string, blocks: readonly SealedBlock[]): Promise<number> {
  const { chain, close } = await openLoneChain(db);
  const started = performance.now();
  const branches = branchesOf(chain);
  for (let at = 0; at < blocks.length; at += BATCH) {
    const batch = blocks.slice(at, at + BATCH).map(({ block }) => block);
    await chain.enqueue(async () => {
      await branches.addHeads(batch);
      await branches.addBodies(batch);
    });
  }
  const seconds = (performance.now() - started) / 1_000;
  await close();
  return seconds;
}

interface Watched {
  /** Height when it was first seen above 0. */
  readonly first: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

async function watch(bench: BenchRun, line: RpcLine, target: number): Promise<Watched> {
  let first: Pick<Watched, "first" | "firstAtMs"> | undefined;
  for (;;) {
    const { height } = await line.read<{ height: number }>("node_status");
    const now = performance.now();
    if (height > 0) first ??= { first: height, firstAtMs: now };
    if (height >= target) return { ...must(first, "a target is above height 0"), lastAtMs: now };
    bench.show(`a new node catches up: ${height} of ${target}`);
    await bench.pause(POLL_MS);
  }
}
