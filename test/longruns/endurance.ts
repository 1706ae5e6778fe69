/**
 * Load on real processes while one thing after another goes wrong with one node at a time, drawn from a seed: killed,
 * restarted, paused (SIGSTOP), cut off, its disk full (a small file system of its own), its clock set. In the end: no
 * fork, nothing lost that was reported final, no unhandled rejection, memory and the disk of pruned nodes level. Exit
 * code 1 otherwise.
 *
 *   npm run build && npm run endurance -- --seconds 3600 --seed 1 [--out figures.json] [--faults "full disk,kill"]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { loadKey } from "../../src/node/home/key-file.ts";
import { Client, Wallet } from "../../src/sdk/client.ts";
import { median } from "../../src/tools/bench/statistics.ts";
import { Random } from "../../src/tools/sim/random.ts";
import { freePorts, quorate, until } from "../e2e/processes.ts";
import { HomeNode, WAIT_MS } from "./home-node.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3600" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
    /** Their names, with commas between; all if left out. */
    faults: { type: "string" },
  },
});
const SECONDS = Number(values.seconds);
const SAMPLE_MS = 5_000;
const PACE_MS = 50;
/** Memory may differ so much between the middle of a run and its end, bytes. */
const MEMORY_SLACK = 96 * 1024 * 1024;
/**
 * A pruned node keeps of each block its header, summary and certificate (761 bytes, docs/benchmarks.md); more than this for each
 * block of the time between, and the slack of files that are not yet written anew, and something is kept that should go.
 */
const BLOCK_BYTES_MAX = 1_000;
const DISK_SLACK = 4 * 1024 * 1024;
/** Of the node whose disk fills. */
const SMALL_DISK_MIB = 160;

const random = new Random(`endurance ${values.seed}`);
const started = performance.now();
const dir = mkdtempSync(join(tmpdir(), "quorate-endurance-"));
const port = await freePorts(8);
const p2p = port + 4;
const skew = join(dir, "skew.mjs");
const nodes = [0, 1, 2, 3].map(
  (i) =>
    new HomeNode(`node${i}`, { home: join(dir, "net", `node${i}`), rpcPort: port + i, p2pPort: p2p + i }),
);
const archive = nodes[0] as HomeNode;
const small = nodes[3] as HomeNode;
const problems: string[] = [];
const final: string[] = [];
const counts: Record<string, number> = {};
const samples: { atMs: number; node: string; memory: number; disk: number; height: number }[] = [];
let isOver = false;
/** The height at the last fault. */
let seenHeight = 0;
let hasSmallDisk = false;

const elapsedMs = () => performance.now() - started;

function say(words: string): void {
  console.log(`${(elapsedMs() / 1_000).toFixed(0).padStart(5)} s  ${words}`);
}

/** Follows a file with an offset in ms, so that the node's clock jumps while it runs. */
const SKEW = `import { readFileSync } from "node:fs";
const now = Date.now.bind(Date);
let offset = 0;
Date.now = () => now() + offset;
setInterval(() => { try { offset = Number(readFileSync(process.env.CLOCK_FILE, "utf8")); } catch {} }, 200).unref();
`;

function environmentOf(node: HomeNode): Record<string, string> {
  const clock = { NODE_OPTIONS: `--import=${skew}`, CLOCK_FILE: join(dir, `${node.name}.clock`) };
  // What is behind the newest snapshot is kept too: with one each 1,000 blocks that is no more.
  const pruned = {
    QUORATE_STORAGE_MODE: "pruned",
    QUORATE_STORAGE_KEEP_BLOCKS: "1000",
    QUORATE_SNAPSHOTS_INTERVAL: "1000",
  };
  return node === archive ? clock : { ...clock, ...pruned };
}

async function start(node: HomeNode): Promise<void> {
  checkOutput(node);
  await node.start([], environmentOf(node));
}

/** What no node may ever print. */
function checkOutput(node: HomeNode): void {
  const found = /.*(unhandled|uncaught|contradict|AssertionError|InvariantError).*/i.exec(node.output);
  if (found !== null) problems.push(`${node.name} said: ${found[0].slice(0, 400)}`);
}

function token(node: HomeNode): string {
  return readFileSync(join(node.home, "rpc.token"), "utf8").trim();
}

async function partition(node: HomeNode, blocked: readonly string[]): Promise<void> {
  const response = await fetch(node.url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token(node)}` },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "devnet_setPartition", params: { blocked } }),
  });
  const answer = (await response.json()) as { error?: unknown };
  if (answer.error !== undefined) throw new Error(JSON.stringify(answer.error));
}

const FAULTS: Record<string, (node: HomeNode, lastsMs: number) => Promise<void>> = {
  async kill(node, lastsMs) {
    await node.stop("SIGKILL");
    await pause(lastsMs);
    await start(node);
  },
  async restart(node) {
    await node.stop();
    await start(node);
  },
  async pause(node, lastsMs) {
    node.signal("SIGSTOP");
    await pause(lastsMs);
    node.signal("SIGCONT");
  },
  async partition(node, lastsMs) {
    await partition(
      node,
      nodes.filter((other) => other !== node).map(({ name }) => name),
    );
    await pause(lastsMs);
    await partition(node, []);
  },
  async clock(node, lastsMs) {
    const offset = random.pick([-1, 1]) * random.integer(1_000, 120_000);
    writeFileSync(join(dir, `${node.name}.clock`), `${offset}`);
    await pause(lastsMs);
    writeFileSync(join(dir, `${node.name}.clock`), "0");
  },
  async "full disk"(node, lastsMs) {
    const file = join(node.home, "filler");
    fill(file);
    await pause(lastsMs + 1_000);
    rmSync(file);
  },
};

/** Writes until nothing more fits. */
function fill(file: string): void {
  const block = Buffer.alloc(1024 * 1024);
  try {
    for (;;) writeFileSync(file, block, { flag: "a" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

/** A file system of its own for one home, where this user may mount one. */
function mountSmallDisk(): void {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SMALL_DISK_MIB}m`, "none", small.home], {
      stdio: "pipe",
    });
    hasSmallDisk = true;
  } catch (error) {
    say(`LEFT OUT: full disk. No small file system can be mounted here: ${String(error).split("\n")[0]}`);
  }
}

async function begin(): Promise<void> {
  const network = [
    "--out",
    join(dir, "net"),
    "-n",
    "4",
    "--profile",
    "dev",
    "--min-fee",
    "0",
    "--epoch-length",
    "512",
  ];
  const made = await quorate("testnet", ...network, "--rpc-port", `${port}`, "--p2p-port", `${p2p}`);
  if (made.code !== 0) throw new Error(made.stderr);
  writeFileSync(skew, SKEW);
  const aside = join(dir, "aside");
  execFileSync("cp", ["-a", small.home, aside]);
  mountSmallDisk();
  if (hasSmallDisk) execFileSync("cp", ["-a", `${aside}/.`, small.home]);
  for (const node of nodes) await start(node);
}

/** One transfer after the other from an account, at whichever node answers. */
async function load(wallet: Wallet, to: Wallet, first: number): Promise<void> {
  for (let at = first; !isOver; ) {
    const client = new Client((nodes[at] as HomeNode).url);
    try {
      const chain = await client.chain();
      const nonce = await client.nextNonce(wallet.address);
      const signed = wallet.transfer({ chain, nonce, to: to.address, amount: 1n });
      final.push((await client.send(signed, { wait: "final", timeoutMs: 15_000 })).txHash);
      await pause(PACE_MS);
    } catch {
      at = (at + 1) % nodes.length; // what failed promised nothing
      await pause(PACE_MS);
    } finally {
      client.close();
    }
  }
}

function sample(): void {
  for (const node of nodes) {
    if (node.pid === undefined) continue;
    try {
      const status = readFileSync(`/proc/${node.pid}/status`, "utf8");
      const memory = 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
      const disk = bytesIn(join(node.home, "data"));
      samples.push({ atMs: elapsedMs(), node: node.name, memory, disk, height: seenHeight });
    } catch {
      // it ended, or a file went, between two looks
    }
  }
}

function bytesIn(path: string): number {
  const info = statSync(path);
  if (!info.isDirectory()) return info.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

/** After a fault the network and the node are well again before the next one. */
async function recovers(node: HomeNode, what: string): Promise<void> {
  const target = Math.max(...(await Promise.all(nodes.map((one) => one.height().catch(() => 0))))) + 2;
  const isLevel = async () => {
    // A disk that fills faster than the node looks ends it with 78, as its operator's supervision is to expect.
    if (what === "full disk" && node.exitCode === 78) await start(node);
    return node.exitCode !== undefined || (await node.height()) >= target;
  };
  await until(isLevel, `${node.name} is at height ${target} after ${what}`, WAIT_MS);
  if (node.exitCode !== undefined) {
    throw new Error(`${node.name} ended with ${node.exitCode} after ${what}: ${node.output.slice(-1_000)}`);
  }
}

async function trouble(): Promise<void> {
  const asked = values.faults?.split(",") ?? Object.keys(FAULTS);
  const unknown = asked.find((kind) => FAULTS[kind] === undefined);
  if (unknown !== undefined)
    throw new Error(`--faults: ${unknown}; there are ${Object.keys(FAULTS).join(", ")}`);
  const kinds = asked.filter((kind) => hasSmallDisk || kind !== "full disk");
  while (elapsedMs() < SECONDS * 1_000) {
    const kind = random.pick(kinds);
    const node = kind === "full disk" ? small : random.pick(nodes);
    const lastsMs = random.integer(500, 8_000);
    say(`${kind} ${node.name} ${lastsMs} ms   height ${await highest()}, ${final.length} final`);
    await FAULTS[kind]?.(node, lastsMs);
    await recovers(node, kind);
    counts[kind] = (counts[kind] ?? 0) + 1;
    await pause(random.integer(200, 3_000));
  }
}

const highest = async () => {
  const heights = await Promise.all(nodes.map((node) => node.height().catch(() => 0)));
  seenHeight = Math.max(seenHeight, ...heights);
  return Math.max(...heights);
};

/** Asks again where a busy machine gave no answer: the run has ended, and what it showed is not to be lost. */
async function insisting<T>(ask: () => Promise<T>): Promise<T> {
  const end = elapsedMs() + WAIT_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (elapsedMs() > end) throw error;
      await pause(PACE_MS);
    }
  }
}

const hashAt = async (node: HomeNode, height: number) =>
  (await insisting(() => node.call("chain_getHeader", { block: height })))?.hash;

async function checkChains(): Promise<number> {
  const top = await highest();
  await until(
    async () => (await Promise.all(nodes.map((node) => node.height()))).every((height) => height >= top),
    `all are at height ${top}`,
    WAIT_MS,
  );
  for (let height = 1; height <= top; height++) {
    const hashes = new Set(await Promise.all(nodes.map((node) => hashAt(node, height))));
    if (hashes.size !== 1) problems.push(`FORK at height ${height}: ${[...hashes].join(" ")}`);
  }
  return top;
}

async function checkFinal(): Promise<void> {
  for (const hash of final) {
    const found = await insisting(() => archive.call("tx_get", { hash }));
    if (found === null || found.status !== "final") problems.push(`LOST: ${hash} was reported final`);
  }
}

/** The second third of the run against the last, by medians: the first is warming up. */
function growth() {
  const total = elapsedMs();
  return nodes.map(({ name }) => {
    const part = (from: number, to: number) =>
      samples.filter(({ node, atMs }) => node === name && atMs >= from * total && atMs < to * total);
    const [middle, end] = [part(1 / 3, 2 / 3), part(2 / 3, 1)];
    const of = (key: "memory" | "disk" | "height") =>
      [middle, end].map((list) => median(list.map((one) => one[key])) || 0) as [number, number];
    const [memory, disk, heights] = [of("memory"), of("disk"), of("height")];
    const blocks = heights[1] - heights[0];
    if (SECONDS >= 1_800 && memory[1] > memory[0] + MEMORY_SLACK) {
      problems.push(`${name}: memory grew from ${memory[0]} to ${memory[1]} bytes`);
    }
    if (SECONDS >= 1_800 && name !== archive.name) {
      if (disk[1] - disk[0] > BLOCK_BYTES_MAX * blocks + DISK_SLACK)
        problems.push(
          `${name}, pruned: its disk grew from ${disk[0]} to ${disk[1]} bytes in ${blocks} blocks`,
        );
    }
    return { node: name, memory, disk, blocks };
  });
}

// Interrupted, after home-node.ts has ended the nodes, which may not be gone yet.
process.on("exit", (code) => {
  if (code > 128 && hasSmallDisk) execFileSync("umount", ["-l", small.home]);
  if (code > 128) rmSync(dir, { recursive: true, force: true });
});

let height = 0;
try {
  await begin();
  const wallets = nodes.map((node) => {
    const key = loadKey(join(node.home, "keys", "operator.json"));
    if (!key.ok) throw new Error(key.fault.detail);
    return Wallet.fromSeed(key.value.seed);
  });
  const sampling = setInterval(sample, SAMPLE_MS);
  const loads = wallets.map((wallet, i) => load(wallet, wallets[(i + 1) % 4] as Wallet, i));
  try {
    await trouble();
  } finally {
    isOver = true;
    clearInterval(sampling);
    await Promise.all(loads);
  }
  height = await checkChains();
  await checkFinal();
} catch (error) {
  problems.push(String(error));
} finally {
  for (const node of nodes) {
    node.signal("SIGCONT");
    await node.stop();
    checkOutput(node);
    if (problems.length > 0) writeFileSync(join(dir, `${node.name}.output`), node.output);
  }
  if (hasSmallDisk) {
    if (problems.length > 0) execFileSync("cp", ["-a", small.home, join(dir, "small-disk")]);
    execFileSync("umount", [small.home]);
  }
}
const figures = {
  seed: values.seed,
  seconds: Math.round(elapsedMs() / 1_000),
  height,
  final: final.length,
  faults: counts,
  growth: growth(),
  problems,
};
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(figures, undefined, 2)}\n`);
say(`height ${height}, ${final.length} transfers final, faults ${JSON.stringify(counts)}`);
for (const { node, memory, disk, blocks } of figures.growth) {
  const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
  say(
    `  ${node}: memory ${mib(memory[0])} then ${mib(memory[1])} MiB, disk ${mib(disk[0])} then ${mib(disk[1])} MiB, ${blocks} blocks later`,
  );
}
for (const problem of problems) say(`✖ ${problem}`);
if (problems.length === 0) rmSync(dir, { recursive: true, force: true });
say(
  problems.length === 0
    ? "✔ no fork, nothing final lost, no unhandled rejection"
    : `${problems.length} problems; the homes are in ${dir}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
