/**
 * `quorate bench sync`: how fast a new node catches up with another one, both real processes with databases of their
 * own. The blocks are empty and mined beforehand at the easiest target. Beside it the limit of this machine: the
 * same blocks, as many at a time as a node fetches, by the chain's import into a database, without a network.
 * What the figures are: docs/benchmarks.md.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { must } from "../../base/assert.ts";
import { BODIES_IN_FLIGHT_PER_PEER } from "../../base/limits.ts";
import { Chain } from "../../chain/chain.ts";
import { branchesOf } from "../../chain/chain-mode.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import { formatGenesis } from "../../chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { createSigner } from "../../crypto/keys.ts";
import { formatConfigFile } from "../../node/home/config.ts";
import { createHome, homePaths, LOG_FILE } from "../../node/home/home.ts";
import { keyOfSeed } from "../../node/home/key-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import { openLevel } from "../../storage/level.ts";
import { easyGenesis, solve } from "../../tools/bench/easy-chain.ts";
import { RpcLine } from "../../tools/bench/rpc-line.ts";
import { valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { makeNamedFolder } from "../output-folder.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

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

const GENESIS = easyGenesis("bench-sync", []);

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
  makeHome(serving, SEEDS.serving, SEEDS.fresh);
  makeHome(fresh, SEEDS.fresh, SEEDS.serving);
  bench.stage(`mining ${blocks} empty blocks`);
  const mined = await mineInto(bench, homePaths(serving).db, blocks);
  bench.stage("importing them without a network");
  const localSeconds = await importInto(join(dir, "local"), mined);
  const server = await startNode(bench, serving, []);
  bench.stage("a new node catches up");
  const started = performance.now();
  const node = await startNode(bench, fresh, [server.p2p]);
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

function makeHome(dir: string, seed: Uint8Array, other: Uint8Array): void {
  const peers = [{ name: "other", peerId: peerIdFromSeed(other) }];
  const configText = formatConfigFile({ name: "bench", mode: "full" });
  const content = { configText, genesisJson: formatGenesis(GENESIS), peers, validatorKey: undefined };
  valueOrThrow(createHome(dir, { ...content, nodeKey: keyOfSeed(seed) }));
}

async function openChain(db: string): Promise<{ chain: Chain; close: () => Promise<void> }> {
  makeFolder(db);
  const kv = await openLevel(db);
  const genesisHash = computeGenesisHash(GENESIS);
  const { rules } = selectConsensus(GENESIS, genesisHash);
  const chain = await Chain.open(GENESIS, { kv, rules, signatures: new AcceptedSignatures(genesisHash) });
  return { chain, close: () => kv.close() };
}

async function mineInto(bench: BenchRun, db: string, count: number): Promise<SealedBlock[]> {
  const { chain, close } = await openChain(db);
  const rewardTo = createSigner(SEEDS.serving).publicKey;
  const mined: SealedBlock[] = [];
  for (let i = 0; i < count; i++) {
    bench.signal.throwIfAborted();
    const timeMs = GENESIS.timeMs + 1_000n * BigInt(i + 1);
    const order = { timeMs, proposer: 0, rewardTo };
    const block = must(
      chain.buildBlock(chain.head.hash, order, () => [], true),
      "the head is there to be built on",
    );
    const sealed = solve(block);
    await chain.importBlock(sealed);
    mined.push(sealed);
    if (i % 500 === 0) bench.show(`mining: ${i} of ${count} blocks`);
  }
  await close();
  return mined;
}

async function importInto(db: string, blocks: readonly SealedBlock[]): Promise<number> {
  const { chain, close } = await openChain(db);
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

interface StartedNode {
  readonly rpcUrl: string;
  readonly p2p: string;
}

async function startNode(bench: BenchRun, dir: string, peers: readonly string[]): Promise<StartedNode> {
  const binary = fileURLToPath(new URL("../../../bin/quorate.js", import.meta.url));
  const args = ["start", "--dir", dir, "--mode", "full", "--rpc-port", "0", "--p2p-port", "0", "--json"];
  args.push("--log-file", LOG_FILE);
  const child = spawn(process.execPath, [binary, ...args, ...peers.flatMap((peer) => ["--peer", peer])], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
  };
  bench.add({ close: () => end("SIGTERM"), kill: () => end("SIGKILL") });
  const { rpcUrl, p2pAddresses } = JSON.parse(await firstLine(child)) as {
    rpcUrl: string;
    p2pAddresses: readonly string[];
  };
  return { rpcUrl, p2p: must(p2pAddresses[0], "a node that runs listens on an address") };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    must(child.stdout ?? undefined, "its standard output is a pipe").on("data", (data: Buffer) => {
      text += data.toString();
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("exit", (code) => reject(new Error(`a node ended with ${code} before it was ready`)));
  });
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
