/**
 * The runbook "A module that loads nowhere" (docs/operations.md, ADR 48.1) on real processes: four nodes vote a module in, whose file
 * two voters fetch by hand and one node by itself; then a version whose file loads on none of them. All stop behind one block with exit code 2;
 * a transition with the same members and `keep-module` bring the chain back, with the old version and what it wrote. Exit code 1 when it
 * is not so.
 *
 *   npm run build && npm run runbooks:module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { asHash, hex0x, utf8 } from "../../src/base/bytes.ts";
import { resolveKey } from "../../src/cli/tx/names.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { Client, Wallet } from "../../src/sdk/client.ts";
import { freePorts, quorate, until } from "../e2e/processes.ts";
import { HomeNode, WAIT_MS } from "./home-node.ts";

const started = performance.now();
const dir = mkdtempSync(join(tmpdir(), "quorate-unloadable-"));
const [port, p2p] = [await freePorts(8), await freePorts(8)];
const nodes = [0, 1, 2, 3].map(
  (i) =>
    new HomeNode(`node${i}`, { home: join(dir, "net", `node${i}`), rpcPort: port + i, p2pPort: p2p + i }),
);
const [node0] = nodes as [HomeNode];

function say(words: string): void {
  console.log(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

/** A command to its end. @throws when it ends otherwise */
async function command(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await quorate(...words);
  if (code === 0) return stdout.trim();
  throw new Error(`quorate ${words.slice(0, 3).join(" ")} ended with ${code}: ${stderr}${stdout}`);
}

const asOperator = (node: HomeNode) => ["--from", "operator", "--dir", node.home, "--rpc", node.url];

async function vote(proposal: string, force: readonly string[] = []): Promise<void> {
  for (const node of nodes.slice(1)) {
    const voted = await command("gov", "vote", proposal, "yes", ...force, ...asOperator(node));
    if (voted.includes("approved")) return;
  }
  throw new Error(`proposal ${proposal} was not approved`);
}

async function decide(...proposal: readonly string[]): Promise<void> {
  const words = await command("gov", "propose", ...proposal, ...asOperator(node0));
  const number = /proposal (\d+)/.exec(words)?.[1];
  if (number === undefined) throw new Error(words);
  await vote(number);
}

/** What `quorate gov propose module` refuses, since it looks into the file: a version by its hash alone. */
async function proposeUnseen(version: number, file: string): Promise<string> {
  const { key } = await resolveKey("operator", { dir: node0.home, devnet: join(dir, "none") });
  const wallet = Wallet.fromSeed(key.seed);
  const client = new Client(node0.url);
  const module = { name: "registry", number: 16, version, hash: asHash(sha256(utf8(file))) };
  const call = {
    kind: "propose",
    change: { kind: "module", module },
    isForced: true,
    note: utf8("unseen"),
  } as const;
  const [chain, nonce] = [await client.chain(), await client.nextNonce(wallet.address)];
  await client.send(wallet.govern({ chain, nonce, call }), { wait: "final" });
  const { proposals } = { proposals: await client.call("gov_getProposals") };
  return String(Math.max(...proposals.map(({ id }) => Number(id))));
}

async function register(asset: string, accepted: readonly string[] = []): Promise<string> {
  const words = ["registry.register", "--asset", asset, "--label", "a house", ...accepted];
  return command("tx", "call", ...words, ...asOperator(node0), "--json");
}

const running = async () => {
  const [one] = (await node0.call("gov_getMembership")).modules;
  return one === undefined
    ? "none"
    : `${one.version}${one.planned === null ? "" : ` and ${one.planned.version} planned`}`;
};
const epoch = async () => Number((await node0.call("gov_getMembership")).epoch);

let problem: unknown;
try {
  await command(
    ...["testnet", "--out", join(dir, "net"), "-n", "4", "--epoch-length", "32", "--profile", "dev"],
    ...["--min-fee", "0", "--rpc-port", `${port}`, "--p2p-port", `${p2p}`],
  );
  for (const node of nodes) await node.start();
  const source = resolve(import.meta.dirname, "../../examples/registry/registry.ts");
  await command("module", "build", source, "--out", join(dir, "built"));
  const bundled = readFileSync(join(dir, "built", "registry.js"), "utf8");
  mkdirSync(join(node0.home, "modules"), { recursive: true });
  writeFileSync(join(node0.home, "modules", "registry.js"), bundled);
  // Whoever votes reads it first; node3 gets it from its peers.
  const hash = hex0x(sha256(utf8(bundled)));
  for (const { home } of nodes.slice(1, 3))
    await command("module", "fetch", hash, "--rpc", node0.url, "--out", join(home, "modules"));
  await decide("module", join(dir, "built", "registry.js"));
  await until(async () => (await running()) === "1", "registry 1 runs", WAIT_MS);
  await register(`0x${"01".repeat(32)}`);
  say(`registry 1 voted in, fetched by two voters and by node3 itself, and called: epoch ${await epoch()}`);

  const broken = "this is no module";
  for (const node of nodes) {
    mkdirSync(join(node.home, "modules"), { recursive: true });
    writeFileSync(join(node.home, "modules", "registry-2.js"), broken);
  }
  const refused = await quorate(
    "gov",
    "propose",
    "module",
    join(node0.home, "modules", "registry-2.js"),
    ...asOperator(node0),
  );
  if (refused.code !== 2) throw new Error(`the command takes what it cannot load: ${refused.stdout}`);
  say(`gov propose refuses the file: ${refused.stderr.trim()}`);
  const proposal = await proposeUnseen(2, broken);
  const warned = await quorate("gov", "vote", proposal, "yes", ...asOperator(nodes[1] as HomeNode));
  if (warned.code === 0 || !warned.stderr.includes("does not load"))
    throw new Error(`the guard let it pass: ${warned.stdout}`);
  say(`gov vote warns: ${warned.stderr.trim().replaceAll("\n", " / ")}`);
  await vote(proposal, ["--force"]);
  say(`voted for with --force: registry ${await running()}, epoch ${await epoch()}`);
  await until(
    async () => nodes.every(({ exitCode }) => exitCode !== undefined),
    "all nodes have stopped",
    WAIT_MS,
  );
  const codes = nodes.map(({ exitCode }) => exitCode);
  if (codes.some((code) => code !== 2)) throw new Error(`exit codes ${codes.join(", ")}`);
  say(`all stopped with exit code 2: ${node0.output.trim().split("\n").slice(-3).join(" / ")}`);

  const file = join(dir, "t.json");
  await Promise.all(nodes.map((node) => node.start()));
  const height = await node0.height();
  const reason = "registry 2 loads nowhere";
  await command("transition", "make", "--out", file, "--reason", reason, "--rpc", node0.url);
  for (const node of nodes) await command("transition", "sign", file, ...asOperator(node));
  await Promise.all(nodes.map((node) => node.stop()));
  for (const node of nodes) await node.start(["--transition", file]);
  await until(async () => (await node0.height()) > height + 3, "the chain goes on", WAIT_MS);
  say(`goes on by the transition from height ${height}: registry ${await running()}, epoch ${await epoch()}`);
  await decide("keep-module", "registry");
  await until(async () => (await running()) === "1", "registry 2 is taken back", WAIT_MS);
  const before = await epoch();
  await until(async () => (await epoch()) > before, "the next epoch", WAIT_MS);
  // Whoever verifies is told the break's id.
  const shown = await command("transition", "show", file, "--rpc", node0.url, "--json");
  await register(`0x${"02".repeat(32)}`, ["--accept-transition", (JSON.parse(shown) as { id: string }).id]);
  const listed = await command("module", "state", "registry", "assets", "--rpc", node0.url, "--json");
  const { entries } = JSON.parse(listed) as { entries: readonly unknown[] };
  if (entries.length !== 2) throw new Error(`2 assets are expected: ${listed}`);
  for (const node of nodes)
    await until(async () => (await node.height()) >= (await node0.height()) - 2, "level", WAIT_MS);
  say(`registry ${await running()} in epoch ${await epoch()}, both assets are there`);
} catch (error) {
  problem = error;
  for (const node of nodes) say(`${node.name}: ${node.output.trim().split("\n").slice(-4).join("\n")}`);
} finally {
  for (const node of nodes) await node.stop("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}
say(problem === undefined ? "the chain goes on with the old version, and lost nothing" : `WRONG: ${problem}`);
process.exitCode = problem === undefined ? 0 : 1;
