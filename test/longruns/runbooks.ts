/**
 * The runbooks of docs/operations.md on real processes, by the commands that stand there: a network of four validators in homes of
 * `quorate testnet`, each started by `quorate start`. Every step says how long it took; exit code 1 when anything is not as it
 * must be.
 *
 *   npm run build && npm run runbooks [-- add rotate restore amnesia clock disk remove quorum guard]
 *                                  [--above 5000 --validators 1]
 *
 * --above: the chain has so many blocks before anything is done to it, made as fast as can be. --validators: 4 unless said,
 * which all but "add" need.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMAND, freePorts, quorate, until } from "../e2e/processes.ts";
import { HomeNode, WAIT_MS } from "./home-node.ts";

const started = performance.now();
const asked = process.argv.slice(2);
const option = (name: string, otherwise: number) =>
  asked.includes(name) ? Number(asked.splice(asked.indexOf(name), 2)[1]) : otherwise;
const above = option("--above", 0);
const validators = option("--validators", 4);
const dir = mkdtempSync(join(tmpdir(), "quorate-runbooks-"));
const port = await freePorts(12);
const p2p = await freePorts(12);
let problems = 0;

function say(words: string): void {
  console.log(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(what);
  return value;
}

const homeNode = (name: string, index: number) =>
  new HomeNode(name, { home: join(dir, "net", name), rpcPort: port + index, p2pPort: p2p + index });
const nodes = Array.from({ length: validators }, (_, i) => homeNode(`node${i}`, i));
const all = [...nodes];
const [node0, node1] = nodes as [HomeNode, HomeNode];

/** A command to its end. @throws when it ends otherwise */
async function command(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await quorate(...words);
  if (code !== 0)
    throw new Error(`quorate ${words.slice(0, 3).join(" ")} ended with ${code}: ${stderr}${stdout}`);
  return stdout.trim();
}

const asOperator = (node: HomeNode) => ["--from", "operator", "--dir", node.home, "--rpc", node.url];

/** A proposal of a newcomer that is not connected or level yet is not sent. @returns what the command says, or undefined */
async function voted(...words: readonly string[]): Promise<string | undefined> {
  const { code, stdout, stderr } = await quorate("gov", ...words);
  if (code === 0) return stdout;
  if (stderr.includes("not sent: the newcomer")) return undefined;
  throw new Error(`quorate gov ${words.slice(0, 2).join(" ")} ended with ${code}: ${stderr}`);
}

/** Proposes by the first and lets the next vote until it is approved. */
async function decide(
  proposal: () => readonly string[],
  by: readonly HomeNode[],
  force: readonly string[] = [],
): Promise<void> {
  const [first, ...others] = by as [HomeNode, ...HomeNode[]];
  const propose = () => voted("propose", ...proposal(), ...force, ...asOperator(first));
  const words = await until(propose, `${first.name} proposes`, WAIT_MS);
  if (others.length === 0) return;
  const number = must(/proposal (\d+)/.exec(words)?.[1], words);
  for (const voter of others) {
    // The command itself waits for a newcomer.
    const said = await command("gov", "vote", number, "yes", ...force, ...asOperator(voter));
    if (said.includes("approved")) return;
  }
  throw new Error(`proposal ${number} was not approved`);
}

const members = async () => (await node0.call("gov_getMembership")).members.map(({ name }) => name);

async function moves(by: HomeNode, blocks = 3): Promise<void> {
  const before = await by.height();
  await until(async () => (await by.height()) >= before + blocks, `${by.name} goes on`, WAIT_MS);
}

/** Whether its engine works in the epoch that runs: then it signs. @returns a block that it signed */
async function votes(node: HomeNode): Promise<number> {
  const works = async () => {
    const { consensus } = await node.call("node_status");
    return consensus !== null && consensus.type === "pbft" && consensus.mode !== "halted";
  };
  await until(works, `${node.name} votes`, WAIT_MS);
  const key = must(
    /0x[0-9a-f]{64}/.exec(readFileSync(join(node.home, "keys", "validator.json"), "utf8"))?.[0],
    "a key",
  );
  let signed = 0;
  const signs = async () => {
    const height = await node0.height();
    const { members: set } = await node0.call("gov_getMembership");
    const sorted = [...set].sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
    const index = sorted.findIndex(({ publicKey }) => publicKey === key);
    for (let at = height; at > height - 6; at--) {
      const block = await node0.call("chain_getBlock", { block: at });
      if (
        block !== null &&
        "commits" in block.consensus &&
        block.consensus.commits.some((one) => one.validator === index)
      ) {
        signed = at;
        return true;
      }
    }
    return false;
  };
  await until(signs, `${node.name} is among the signers`, WAIT_MS);
  return signed;
}

const node4 = homeNode("node4", 4);

const RUNBOOKS: Record<string, () => Promise<void>> = {
  async add() {
    const text = await command("invite", "--rpc", node0.url);
    node4.home = join(dir, "bare");
    all.push(node4);
    const begun = performance.now();
    const after = () => `${((performance.now() - begun) / 1_000).toFixed(1)} s after "quorate join"`;
    await node4.run(["join", text, "--dir", node4.home, "--name", "node4", ...node4.ports]);
    await until(async () => (await node4.height()) >= (await node0.height()) - 1, "node4 is level", WAIT_MS);
    say(`      level at height ${await node4.height()}, ${after()}`);
    const file = join(node4.home, "propose.txt");
    await until(async () => readFileSync(file, "utf8").length > 0, "join says what to vote on", WAIT_MS);
    const proposal = () => {
      const words = readFileSync(file, "utf8").trim().split(" ");
      return words.slice(words.indexOf("add"), words.indexOf("--from"));
    };
    await decide(proposal, nodes);
    say(`      voted in at height ${await node0.height()}, ${after()}`);
    await until(async () => node4.output.includes("node4 is a validator"), "node4 is a validator", WAIT_MS);
    const signed = await votes(node4);
    say(`      signed block ${signed}, ${after()}`);
    // A receipt behind the first epochs leaves none out.
    if (above > 0) await anchorSkipping();
  },
  async rotate() {
    const rotation = ["keys", "rotate", "--dir", node1.home, "--rpc", node1.url];
    const { proposal } = JSON.parse(await command(...rotation, "--json")) as { proposal: number };
    // Those whose vote comes after the decision are refused.
    for (const { home, url } of nodes.filter((one) => one !== node1))
      await quorate("gov", "vote", `${proposal}`, "yes", "--from", "operator", "--dir", home, "--rpc", url);
    await command(...rotation, "--wait");
    await votes(node1);
  },
  async restore() {
    const node = must(nodes[2], "node2");
    await node.stop();
    const file = join(dir, "node2.backup");
    await command("backup", "--dir", node.home, "--out", file, "--with-keys");
    rmSync(node.home, { recursive: true });
    node.home = join(dir, "restored");
    await command("restore", file, "--dir", node.home);
    const refused = await quorate("start", "--dir", node.home, ...node.ports);
    if (refused.code !== 2 || !refused.stderr.includes("--recover-amnesia")) throw new Error(refused.stderr);
    await node.start(["--recover-amnesia"]);
    await votes(node);
  },
  async amnesia() {
    const node = must(nodes[3], "node3");
    await node.stop("SIGKILL");
    rmSync(join(node.home, "data", "journal"), { recursive: true });
    const refused = await quorate("start", "--dir", node.home, ...node.ports);
    if (refused.code !== 2 || !refused.stderr.includes("--recover-amnesia")) throw new Error(refused.stderr);
    await node.start(["--recover-amnesia"]);
    const silent = async () => node.output.includes("this key signs nothing before the next epoch");
    await until(silent, "its log says that it is silent", WAIT_MS);
    await votes(node);
    // And an ordinary start after it.
    await node.stop();
    await node.start();
    await votes(node);
  },
  async clock() {
    const skew = join(dir, "skew.mjs");
    writeFileSync(skew, "const now = Date.now.bind(Date);\nDate.now = () => now() + 3600000;\n");
    await node1.stop();
    await node1.start([], { NODE_OPTIONS: `--import=${skew}` });
    const said = async () => (await node1.call("consensus_explain")).summary.includes("THIS NODE'S CLOCK");
    await until(said, "explain says that the clock is wrong", WAIT_MS);
    await moves(node0);
    await node1.stop();
    await node1.start();
    await votes(node1);
  },
  async disk() {
    await node1.stop();
    const words = [COMMAND, "start", "--dir", node1.home, ...node1.ports];
    const limited = 'trap "" XFSZ; ulimit -f 0; exec "$@"';
    const child = spawn("sh", ["-c", limited, "sh", process.execPath, ...words], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    if (code !== 78 || !stderr.includes("the file may not grow further"))
      throw new Error(`${code}: ${stderr}`);
    await moves(node0);
    await node1.start();
    await votes(node1);
  },
  async remove() {
    const name = (await members()).includes("node4") ? "node4" : "node3";
    const voters = nodes.filter((node) => node.name !== name);
    await decide(() => ["remove", name], voters);
    await until(async () => !(await members()).includes(name), `${name} is no member`, WAIT_MS);
    await moves(node0);
    if (name === "node4") await node4.stop();
  },
  async quorum() {
    const gone = (await members()).slice(-2);
    const stays = all.filter((node) => !gone.includes(node.name) && node.name !== "node4");
    for (const node of all) if (!stays.includes(node)) await node.stop("SIGKILL");
    await standsStill();
    const change = gone.flatMap((name) => ["--remove", name]);
    const file = await makeTransition("transition.json", change, "both machines burnt");
    const refused = await quorate("start", "--dir", node0.home, ...node0.ports, "--transition", file);
    if (refused.code === 0) throw new Error("an unsigned transition was accepted");
    const id = await signTransition(file, stays);
    await goOnBy(file, stays);
    const document = join(dir, "document.txt");
    writeFileSync(document, "behind the break\n");
    const genesis = join(node0.home, "genesis.json");
    const add = ["anchor", "add", document, "--from", "operator", "--dir", node0.home, "--rpc", node0.url];
    await command(...add, "--accept-transition", id, "--out", join(dir, "receipts"));
    const verify = ["anchor", "verify", document, "--receipts", join(dir, "receipts"), "--genesis", genesis];
    const stranger = await quorate(...verify);
    if (stranger.code !== 1 || !stranger.stdout.includes("BREAK OF TRUST")) throw new Error(stranger.stdout);
    const accepted = await command(...verify, "--accept-transition", id);
    if (!accepted.includes("RESTS ON A BREAK OF TRUST")) throw new Error(accepted);
    // Kept in the home: a plain start goes on.
    await node0.stop();
    await node0.start();
    await moves(node0);
  },
  /** One of four is down and another is removed, against the warning; then one more is away. On a network of its own. */
  async guard() {
    for (const node of all) await node.stop();
    await begin("warned");
    const node2 = must(nodes[2], "node2");
    const seat = must(
      (await node0.call("gov_getMembership")).members.find(({ name }) => name === "node2"),
      "node2 has a seat",
    );
    await must(nodes[3], "node3").stop("SIGKILL");
    const remove = ["gov", "propose", "remove", "node2", ...asOperator(node0)];
    let words = "";
    const namesBoth = async () => {
      const { code, stderr } = await quorate(...remove);
      if (code === 0) throw new Error("the guard let it pass");
      words = stderr;
      return words.includes("without node2") && words.includes("not heard: node3");
    };
    await until(namesBoth, "the guard names both", WAIT_MS);
    say(`      refused: ${words.trim().replaceAll("\n", " / ")}`);
    await decide(() => ["remove", "node2"], [node0, node1, node2], ["--force"]);
    const isForced = (await node0.call("gov_getProposals")).some((one) => one.forced);
    if (!isForced) throw new Error("the chain does not say that it was forced");
    await until(async () => !(await members()).includes("node2"), "node2 is no member", WAIT_MS);
    await moves(node0, 5);
    await node1.stop("SIGKILL");
    await standsStill();
    const { summary, details } = await node0.call("consensus_explain");
    say(`      forced, one more away: ${summary}`);
    if (!details.some((line) => line.includes("quorate transition"))) throw new Error(details.join());
    const member = `node2:${seat.publicKey}:${seat.account}:${seat.peerId}`;
    const change = ["--remove", "node1", "--remove", "node3", "--add", member];
    const file = await makeTransition("warned.json", change, "removed one too many");
    await signTransition(file, [node0]);
    // Another file for the same height is refused by whoever has accepted the first.
    const second = await makeTransition("second.json", change, "the other operator's file");
    await signTransition(second, [node0]);
    await node2.stop();
    await node2.start(["--transition", file]);
    await node2.stop();
    const other = await quorate("start", "--dir", node2.home, ...node2.ports, "--transition", second);
    if (other.code === 0 || !other.stderr.includes("has accepted")) throw new Error(other.stderr);
    await goOnBy(file, [node0, node2]);
  },
};

/** Receipts that leave epochs out, of which only who asks for it believes one. */
async function anchorSkipping(): Promise<void> {
  const document = join(dir, "small.txt");
  writeFileSync(document, "behind many epochs\n");
  const genesis = join(node0.home, "genesis.json");
  const sizes = [];
  for (const skip of [[], ["--skip-epochs"]]) {
    const out = join(dir, ...["receipts", ...skip]);
    const add = ["anchor", "add", document, "--from", "operator", "--dir", node0.home, "--rpc", node0.url];
    await command(...add, "--out", out, ...skip);
    const [receipt] = readdirSync(out).filter((name) => name.endsWith(".receipt.json"));
    sizes.push(statSync(join(out, must(receipt, "a receipt"))).size);
    const verify = ["anchor", "verify", document, "--receipts", out, "--genesis", genesis];
    const plain = await quorate(...verify);
    if ((plain.code === 0) !== (skip.length === 0)) throw new Error(`${plain.code}: ${plain.stdout}`);
    await command(...verify, "--skip-epochs");
  }
  const { epoch } = await node0.call("gov_getMembership");
  say(`      behind ${epoch} epochs a receipt has ${sizes[0]} bytes, with --skip-epochs ${sizes[1]}`);
}

/** Until no block has come for ten times the usual. */
async function standsStill(): Promise<void> {
  let height = await node0.height();
  const stands = async () => {
    const before = height;
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // blocks come ten times as often
    height = await node0.height();
    return before === height;
  };
  await until(stands, "the chain stands", WAIT_MS);
}

/** @returns its path */
async function makeTransition(name: string, change: readonly string[], reason: string): Promise<string> {
  const file = join(dir, name);
  await command("transition", "make", "--out", file, ...change, "--reason", reason, "--rpc", node0.url);
  return file;
}

/** @returns its id */
async function signTransition(file: string, by: readonly HomeNode[]): Promise<string> {
  for (const node of by) await command("transition", "sign", file, ...asOperator(node));
  const shown = await command("transition", "show", file, "--rpc", node0.url, "--json");
  const { id, isComplete } = JSON.parse(shown) as { id: string; isComplete: boolean };
  if (!isComplete) throw new Error(`not complete: ${shown}`);
  return id;
}

/** Nothing final is lost by it. */
async function goOnBy(file: string, stays: readonly HomeNode[]): Promise<void> {
  const height = await node0.height();
  const before = must((await node0.call("chain_getBlock", { block: height }))?.hash, "the last block");
  for (const node of stays) {
    await node.stop();
    await node.start(["--transition", file]);
  }
  await until(async () => (await node0.height()) > height + 5, "the chain goes on", WAIT_MS);
  const kept = (await node0.call("chain_getBlock", { block: height }))?.hash;
  if (kept !== before) throw new Error("a final block was lost");
}

/** A new network of four. */
async function begin(name: string): Promise<void> {
  const out = join(dir, name);
  await command(
    ...[
      "testnet",
      "--out",
      out,
      "-n",
      `${validators}`,
      "--epoch-length",
      "32",
      "--profile",
      "dev",
      "--min-fee",
      "0",
    ],
    ...["--rpc-port", `${port}`, "--p2p-port", `${p2p}`],
  );
  for (const node of nodes) {
    node.home = join(out, node.name);
    await node.start([], above > 0 ? { QUORATE_CONSENSUS_EMPTY_BLOCKS_MS: "1" } : {});
  }
  await moves(node0);
}

/** Until the chain has so many blocks; from then on they come at the usual pace, by which proofs of possession hold. */
async function grow(): Promise<void> {
  await until(async () => (await node0.height()) >= above, `${above} blocks`, above * 1_000);
  for (const node of nodes) {
    await node.stop();
    await node.start();
  }
  await moves(node0);
  say(`the chain has ${await node0.height()} blocks`);
}

try {
  await begin("net");
  say(`a network of ${validators} validators runs`);
  if (above > 0) await grow();
  for (const [name, run] of Object.entries(RUNBOOKS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const begun = performance.now();
    try {
      await run();
      say(`✔ ${name}  ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    } catch (error) {
      problems++;
      say(`✖ ${name}  ${String(error)}`);
    }
  }
} finally {
  for (const node of all) await node.stop();
  if (problems === 0) rmSync(dir, { recursive: true, force: true });
}
say(problems === 0 ? "all as it must be" : `${problems} problems; the homes are in ${dir}`);
process.exitCode = problems === 0 ? 0 : 1;
