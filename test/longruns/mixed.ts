/**
 * A network of two neighbouring releases on real processes: four validators of the older one, which are upgraded one
 * after the other under transfers, one that goes back, and newcomers of either release that fetch everything from the
 * other. Exit code 1 when anything is not as it must be.
 *
 *   git worktree add OLD TAG && (cd OLD && npm ci && npm run build)
 *   npm run build && npm run mixed -- --old OLD
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { COMMAND, freePorts, type Outcome, until } from "../e2e/processes.ts";
import { HomeNode, WAIT_MS } from "./home-node.ts";

const { values } = parseArgs({ options: { old: { type: "string" } } });
if (values.old === undefined) throw new Error("--old DIR: the folder of the older release, built");
const OLD = resolve(values.old, "bin", "quorate.js");
if (!existsSync(resolve(values.old, "dist")) || !existsSync(OLD)) {
  throw new Error(`${values.old}: no built release is there; in that folder: npm ci && npm run build`);
}

const started = performance.now();
const dir = mkdtempSync(join(tmpdir(), "quorate-mixed-"));
const [port, p2p] = [await freePorts(8), await freePorts(8)];
const nodes = [0, 1, 2, 3].map(
  (i) =>
    new HomeNode(`node${i}`, { home: join(dir, "net", `node${i}`), rpcPort: port + i, p2pPort: p2p + i }),
);
const [first, second, , last] = nodes as [HomeNode, HomeNode, HomeNode, HomeNode];
let sent = 0;

function say(words: string): void {
  console.log(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

/** A command of either release to its end. */
function run(command: string, ...words: readonly string[]): Promise<Outcome> {
  const options = { timeout: 60_000, env: { ...process.env, CI: "1" } };
  return new Promise((done) => {
    execFile(process.execPath, [command, ...words], options, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

async function must(command: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, ...words);
  if (code !== 0) throw new Error(`${words.slice(0, 2).join(" ")} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Whether the older release reads a home of the newer. One without `migrate --check` has an older format. */
async function readsAsItIs(home: string): Promise<boolean> {
  const { code, stdout } = await run(OLD, "migrate", "--check", "--json", "--dir", home);
  if (code !== 0) return false;
  const { possible, steps } = JSON.parse(stdout) as { possible: boolean; steps: readonly number[] };
  return possible && steps.length === 0;
}

/** A home that the newer release has migrated is refused by the older, until the copy is put back. */
async function goBack({ home, ports }: HomeNode): Promise<void> {
  const refused = await run(OLD, "start", "--dir", home, ...ports);
  if (refused.code !== 2 || !refused.stderr.includes("a newer release made it"))
    throw new Error(refused.stderr);
  say(`  the older release on a migrated home: ${refused.stderr.trim().split("\n")[0]}`);
  say(`  ${(await must(COMMAND, "migrate", "--back", "--dir", home)).trim()}`);
}

/** One transfer to its finality, by whichever release's command. */
async function transfer(by: HomeNode, command = COMMAND): Promise<void> {
  const words = [
    "--from",
    "operator",
    "--to",
    "operator",
    "--amount",
    "1",
    "--dir",
    by.home,
    "--rpc",
    by.url,
  ];
  await must(command, "tx", "transfer", ...words, "--wait", "final");
  sent++;
}

const hashAt = async (node: HomeNode, height: number) =>
  (await node.call("chain_getBlock", { block: height }))?.hash;

/** Everybody has the same block there. */
async function agree(height: number, among: readonly HomeNode[] = nodes): Promise<void> {
  const reached = async () =>
    (await Promise.all(among.map((node) => node.height()))).every((at) => at >= height);
  await until(reached, `all are at height ${height}`, WAIT_MS);
  const hashes = new Set(await Promise.all(among.map((node) => hashAt(node, height))));
  if (hashes.size !== 1) throw new Error(`block ${height} differs: ${[...hashes].join(" ")}`);
}

async function goOn(what: string): Promise<void> {
  const before = await first.height();
  for (const node of nodes) await transfer(node, node.command);
  await agree(before + 3);
  say(`✔ ${what}: height ${await first.height()}, ${sent} transfers final`);
}

/** A node that lost its database gets the whole chain from the others. */
async function fetchAnew(node: HomeNode, from: string): Promise<void> {
  const height = await (node === first ? second : first).height();
  await node.stop();
  rmSync(join(node.home, "data", "db"), { recursive: true });
  await node.start();
  await agree(height);
  say(`  ${node.name} lost its database and fetched ${await node.height()} blocks from nodes of the ${from}`);
}

async function upgrade(node: HomeNode): Promise<void> {
  await node.stop();
  node.command = COMMAND;
  await node.start();
}

try {
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
    "64",
  ];
  await must(OLD, "testnet", ...network, "--rpc-port", `${port}`, "--p2p-port", `${p2p}`);
  for (const node of nodes) {
    node.command = OLD;
    await node.start();
  }
  await goOn("four of the older release");
  for (const [index, node] of nodes.slice(1).entries()) {
    await upgrade(node);
    await goOn(`${index + 1} of the newer, ${3 - index} of the older`);
    if (index === 0) await fetchAnew(node, "older release");
    if (index === 2) await fetchAnew(first, "newer release");
  }
  const peers = await second.call("net_peers");
  say(
    `  node1 (newer) knows of the storage of ${peers.filter(({ storage }) => storage !== null).length} of ${peers.length} peers`,
  );
  await last.stop();
  last.command = OLD;
  if (await readsAsItIs(last.home)) say("  both releases have one database format: the older starts on it");
  else await goBack(last);
  await last.start();
  await goOn("one went back: 2 of the newer, 2 of the older");
  await upgrade(last);
  await upgrade(first);
  await goOn("four of the newer");
  const top = await first.height();
  for (let height = 1; height <= top; height++) await agree(height);
  say(`✔ ${top} blocks are the same at all four; ${sent} transfers were final`);
} catch (error) {
  process.exitCode = 1;
  say(`✖ ${String(error)}; the homes are in ${dir}`);
} finally {
  for (const node of nodes) await node.stop();
  if (process.exitCode !== 1) rmSync(dir, { recursive: true, force: true });
}
