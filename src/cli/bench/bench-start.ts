/**
 * `quorate bench start`: how long `quorate start` takes until the node answers, with a fresh home and with one that has a chain, and
 * how much memory it has then and after a load, beside a bare process of Node that listens. What the figures are:
 * docs/benchmarks.md.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { homePaths } from "../../node/home/home.ts";
import { RpcLine } from "../../tools/bench/rpc-line.ts";
import { Scrape } from "../../tools/bench/scrape.ts";
import { median } from "../../tools/bench/statistics.ts";
import type { Output } from "../output.ts";
import { makeNamedFolder } from "../output-folder.ts";
import { table } from "../table.ts";
import { short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";
import { measureThroughput } from "./bench-throughput.ts";
import { makeLoneHome, mineLone, startLoneNode } from "./lone-node.ts";

export interface BenchStartOptions {
  readonly blocks: number;
  readonly starts: number;
  readonly in?: string;
}

/** One start. */
interface Start {
  /** From spawning the process until it says that it answers. */
  readonly ms: number;
  /** Resident bytes a moment later. */
  readonly memory: number;
}

export interface StartRun {
  readonly bare: readonly Start[];
  readonly fresh: readonly Start[];
  /** Starts with the home that has a chain. */
  readonly chain: readonly Start[];
  /** Resident bytes of a lone validator after a load. */
  readonly loadedMemory: number;
  /** How many transfers a second that load committed. */
  readonly perSecond: number;
}

const SEEDS = { own: new Uint8Array(32).fill(3), other: new Uint8Array(32).fill(4) };
/** Time until a started process counts as idle. */
const IDLE_MS = 1_500;
/** A server that does nothing but tell its memory. */
const BARE = `const server = require("node:http").createServer((_, answer) => answer.end(String(process.memoryUsage.rss())));
server.listen(0, "127.0.0.1", () => process.send(server.address().port));`;
const LOAD = {
  ...{
    validators: 1,
    blockTime: 0,
    verificationThread: "auto",
    delay: 0,
    loss: 0,
    pipelineDepth: 1,
    runs: 1,
  },
  ...{ accounts: 400, seconds: 6, warmUp: 4, batch: 100, outstanding: 2_000 },
};

export async function runStart(out: Output, options: BenchStartOptions): Promise<void> {
  const bench = new BenchRun(out);
  const run = await bench.complete(() => measureStarts(bench, options));
  out.result(startResult(options, run), describeStart(out, options, run));
}

const msOf = (starts: readonly Start[]): number => median(starts.map(({ ms }) => ms));
const memoryOf = (starts: readonly Start[]): number => median(starts.map(({ memory }) => memory));

export function startResult(
  options: BenchStartOptions,
  { bare, fresh, chain, loadedMemory, perSecond }: StartRun,
) {
  return {
    name: "start",
    value: short(msOf(fresh)),
    unit: "ms from spawning to answering, a fresh home",
    limit: short(msOf(bare)),
    ratio: short(msOf(fresh) / msOf(bare)),
    withChain: short(msOf(chain)),
    memory: {
      bare: memoryOf(bare),
      idle: memoryOf(fresh),
      idleWithChain: memoryOf(chain),
      afterLoad: loadedMemory,
    },
    loadPerSecond: short(perSecond),
    options,
  };
}

export function describeStart(out: Output, options: BenchStartOptions, run: StartRun): readonly string[] {
  const { bare, fresh, chain, loadedMemory, perSecond } = run;
  const line = (name: string, ms: number | undefined, memory: number) => [
    name,
    ms === undefined ? "" : `${ms.toFixed(0)} ms`,
    ms === undefined ? "" : (ms / msOf(bare)).toFixed(2),
    `${(memory / 1e6).toFixed(0)} MB`,
    (memory / memoryOf(bare)).toFixed(2),
  ];
  const load = `after ${LOAD.seconds + LOAD.warmUp} s of load, ${Math.round(perSecond)} transfers a second`;
  return [
    out.style("bold", `quorate bench start · medians of ${options.starts} starts · node ${process.version}`),
    ...table(
      ["", "until it answers", "to the limit", "memory", "to the limit"],
      [
        line("a bare process of Node that listens (the limit)", msOf(bare), memoryOf(bare)),
        line("a fresh home", msOf(fresh), memoryOf(fresh)),
        line(`a home with ${options.blocks.toLocaleString("en")} empty blocks`, msOf(chain), memoryOf(chain)),
        line(`a lone validator ${load}`, undefined, loadedMemory),
      ],
    ),
  ];
}

async function measureStarts(bench: BenchRun, options: BenchStartOptions): Promise<StartRun> {
  const { blocks, starts, in: parent = tmpdir() } = options;
  makeNamedFolder("--in", parent);
  const dir = mkdtempSync(join(parent, "quorate-bench-"));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  const removal = { close: async () => remove(), kill: async () => remove() };
  bench.add(removal);
  const [fresh, long] = [join(dir, "fresh"), join(dir, "long")];
  for (const home of [fresh, long]) makeLoneHome(home, SEEDS.own, SEEDS.other);
  bench.stage(`mining ${blocks} empty blocks`);
  await mineLone(bench, homePaths(long).db, blocks);
  const found = { bare: [] as Start[], fresh: [] as Start[], chain: [] as Start[] };
  for (let turn = 1; turn <= starts; turn++) {
    bench.stage(`start ${turn} of ${starts}`);
    const home = join(dir, `fresh-${turn}`);
    cpSync(fresh, home, { recursive: true });
    found.bare.push(await startBare(bench));
    found.fresh.push(await startHome(bench, home));
    found.chain.push(await startHome(bench, long));
  }
  await bench.close();
  const { load, nodes } = await measureThroughput(
    bench,
    { ...LOAD, ...(options.in === undefined ? {} : { in: parent }) },
    "",
  );
  const { memory } = must(nodes[0], "the network has one node");
  return { ...found, loadedMemory: memory, perSecond: load.committed / load.seconds };
}

async function startHome(bench: BenchRun, dir: string): Promise<Start> {
  const started = performance.now();
  const node = await startLoneNode(bench, dir, []);
  const ms = performance.now() - started;
  await bench.pause(IDLE_MS);
  const line = new RpcLine(node.rpcUrl);
  const memory = Scrape.parse(await line.get("/metrics")).sum("process_resident_memory_bytes");
  line.close();
  await node.stop();
  return { ms, memory };
}

async function startBare(bench: BenchRun): Promise<Start> {
  const started = performance.now();
  const child = spawn(process.execPath, ["-e", BARE], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = async () => {
    child.kill("SIGKILL");
    await gone;
  };
  bench.add({ close: end, kill: end });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(Number(message)));
    child.once("exit", (code) => reject(new Error(`a bare process ended with ${code} before it listened`)));
  });
  const ms = performance.now() - started;
  await bench.pause(IDLE_MS);
  const line = new RpcLine(`http://127.0.0.1:${port}`);
  const memory = Number(await line.get("/"));
  line.close();
  await end();
  return { ms, memory };
}
