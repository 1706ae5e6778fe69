/**
 * A long run on real processes: a devnet of four validators and three spare nodes under continuous load, whose members
 * change by votes: 4 to 7, each of the first four keys rotated in turn, back to 4. In each epoch a document is
 * anchored, and its receipt verified at the end from genesis.json alone. Exit code 1 when anything is not as it must be.
 *
 *   npm run build && npm run members [-- NEWCOMERS ROTATIONS]
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../src/sdk/client.ts";
import { COMMAND, Devnet, freePorts, type Outcome, quorate } from "../e2e/processes.ts";

const NEWCOMERS = Number(process.argv[2] ?? 3);
const ROTATIONS = Number(process.argv[3] ?? 4);
const NODES = 4 + NEWCOMERS;
/** A node that was just started again is not heard yet, and then the guard refuses the next change. */
const TRIES_MAX = 20;
/** For the end of an epoch, seven processes on two cores beside other work. */
const CHANGE_MS_MAX = 300_000;
const started = performance.now();
const problems: string[] = [];

function say(words: string): void {
  console.log(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

async function run(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await quorate(...args);
  if (code !== 0) problems.push(`quorate ${args.join(" ")} ended with ${code}: ${stderr}${stdout}`);
  return stdout.trim();
}

// The spare nodes need ports too, behind those of the four.
const p2p = String(await freePorts(NODES));
const options = [
  ...["--epoch-length", "64", "--spares", `${NEWCOMERS}`, "--empty-blocks", "100ms", "--accounts", "4"],
  ...["--p2p-port-base", p2p],
];
const net = await Devnet.start(4, options);
const out = mkdtempSync(join(tmpdir(), "quorate-members-"));
const documents: string[] = [];
let tries = 0;
let stopped = false;
let paid = 0;
/** The node was stopped while it was asked: what became of these, the balance tells. */
let unknown = 0;
const UNKNOWN_OUTCOME = 5;

/** One transfer after the other, each waited for until it is final. */
async function load(): Promise<void> {
  while (!stopped) {
    const { code, stderr } = await quorate(
      ...["tx", "transfer", "--devnet", net.dir, "--from", "alice", "--to", "bob", "--amount", "1"],
    );
    if (code === 0) paid++;
    else if (code === UNKNOWN_OUTCOME) unknown++;
    else problems.push(`a transfer failed: ${stderr}`);
  }
}

/** @returns whether there is a receipt */
async function anchor(): Promise<boolean> {
  // Each try has a document of its own: one whose outcome is unknown may be on the chain.
  const file = join(out, `document${++tries}.txt`);
  writeFileSync(file, `epoch document ${tries}\n`);
  const receipts = join(out, "receipts");
  const { code } = await quorate(
    ...["anchor", "add", file, "--devnet", net.dir, "--from", "carol", "--out", receipts],
  );
  if (code === 0) documents.push(file);
  return code === 0;
}

/** One document in each epoch, as soon as it has begun. A node that is started again meanwhile does not answer. */
async function anchorEach(client: Client): Promise<void> {
  for (let next = 0; !stopped; ) {
    const epoch = await client.call("gov_getMembership").then(
      (membership) => Number(membership.epoch),
      () => -1,
    );
    if (epoch >= next && (await anchor())) next = epoch + 1;
    else await new Promise((resolve) => setTimeout(resolve, 200)); // between two looks at real processes
  }
}

/** A change waits for the end of its epoch, longer than other commands. */
function devnet(verb: string, node: string): Promise<Outcome> {
  const args = [COMMAND, "devnet", verb, node, "--devnet", net.dir];
  const options = { timeout: CHANGE_MS_MAX, env: { ...process.env, CI: "1" } };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

async function change(verb: string, node: string): Promise<void> {
  for (let asked = 1; ; asked++) {
    const { code, stdout, stderr } = await devnet(verb, node);
    if (code === 0) {
      const times = asked === 1 ? "" : `, asked ${asked} times`;
      return say(`${verb} ${node}: ${stdout.trim().split("\n").at(0)}${times}`);
    }
    if (asked === TRIES_MAX) throw new Error(`quorate devnet ${verb} ${node} ended with ${code}: ${stderr}`);
    if (asked === 1) say(`${verb} ${node} is refused for now: ${stderr.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // between two questions to real processes
  }
}

const newcomers = Array.from({ length: NEWCOMERS }, (_, i) => `node${4 + i}`);

try {
  const client = new Client(net.rpcUrl(0));
  const working = Promise.all([load(), anchorEach(client)]);
  const keys = async () => (await client.call("gov_getMembership")).members.map(({ publicKey }) => publicKey);
  const first = await keys();
  for (const node of newcomers) await change("add", node);
  if ((await keys()).length !== NODES) problems.push(`${(await keys()).length} validators, not ${NODES}`);
  for (let i = 0; i < ROTATIONS; i++) await change("rotate", `node${i}`);
  for (const node of newcomers) await change("remove", node);
  const last = await keys();
  const kept = last.filter((key) => first.includes(key)).length;
  if (last.length !== 4 || kept !== 4 - ROTATIONS)
    problems.push(`${last.length} validators at the end, ${kept} of the first keys among them`);
  stopped = true;
  await working;
  const urls = Array.from({ length: NODES }, (_, i) => `http://127.0.0.1:${net.portBase + i}`);
  const { epochs, heights } = await checkSeals(client);
  say(
    `${epochs} epochs, ${heights} heights, each sealed by a quorum of its set; ${paid} transfers final, ${unknown} of unknown outcome`,
  );
  const { accounts } = JSON.parse(await run("devnet", "accounts", "--devnet", net.dir, "--json")) as {
    accounts: { name: string; address: string }[];
  };
  const bob = accounts.find(({ name }) => name === "bob")!.address;
  for (const url of urls) {
    const { balance } = await new Client(url).call("account_get", { address: bob });
    const received = Number(balance) - 1_000_000;
    if (received < paid || received > paid + unknown) {
      problems.push(`${url}: bob has ${balance} after ${paid} transfers and ${unknown} of unknown outcome`);
    }
  }
  await checkStates(urls, accounts);
  const genesis = join(net.dir, "genesis.json");
  const verified = await run(
    "anchor",
    "verify",
    ...documents,
    "--receipts",
    join(out, "receipts"),
    "--genesis",
    genesis,
  );
  say(`receipts verified from genesis alone:\n${verified}`);
  const anchored = [...verified.matchAll(/ block (\d+) /g)].map(([, height]) => Number(height));
  const all = await client.call("chain_getEpochs", {});
  for (const [epoch, { firstHeight }] of all.entries()) {
    const next = all[epoch + 1];
    const isIn = (height: number) =>
      height >= Number(firstHeight) && (next === undefined || height < Number(next.firstHeight));
    // The one that has only just begun may have no document yet.
    if (next !== undefined && !anchored.some(isIn)) problems.push(`no receipt of epoch ${epoch}`);
  }
} finally {
  stopped = true;
  await net.remove();
  rmSync(out, { recursive: true, force: true });
}

/** All nodes have one block, one state and the same balances at the lowest of their heights. */
async function checkStates(
  urls: readonly string[],
  accounts: readonly { readonly name: string; readonly address: string }[],
): Promise<void> {
  const clients = urls.map((url) => new Client(url));
  const heights = await Promise.all(clients.map(async (one) => (await one.call("chain_getHead")).height));
  const block = Math.min(...heights);
  const blocks = await Promise.all(clients.map((one) => one.call("chain_getBlock", { block })));
  const states = new Set(blocks.map((one) => `${one?.hash} ${one?.stateRoot}`));
  if (states.size !== 1) problems.push(`${states.size} states at height ${block}`);
  for (const { name, address } of accounts) {
    const all = await Promise.all(clients.map((one) => one.call("account_get", { address })));
    const balances = new Set(all.map(({ balance }) => balance));
    if (balances.size !== 1) problems.push(`${name} has ${[...balances].join(", ")}`);
  }
  say(`${urls.length} nodes, one state at height ${block}, equal balances of ${accounts.length} accounts`);
}

/** No height without a quorum of the set of its epoch. */
async function checkSeals(client: Client): Promise<{ epochs: number; heights: number }> {
  const epochs = await client.call("chain_getEpochs", {});
  const { height } = await client.call("chain_getHead");
  for (let at = 1; at <= height; at++) {
    const block = await client.call("chain_getBlock", { block: at });
    const epoch = epochs.findLast(({ firstHeight }) => Number(firstHeight) <= at)!;
    const n = epoch.validators.length;
    const needed = Math.ceil((n + Math.floor((n - 1) / 3) + 1) / 2);
    const commits = block !== null && "commits" in block.consensus ? block.consensus.commits.length : 0;
    if (commits < needed) problems.push(`block ${at}: ${commits} commits of ${n}`);
  }
  return { epochs: epochs.length, heights: height };
}

for (const problem of problems) console.log(`✖ ${problem}`);
console.log(problems.length === 0 ? "all as it must be" : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
