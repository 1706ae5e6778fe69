/**
 * The runbooks of docs/operations.md on real processes, by the commands that stand there: a network of four validators in homes of
 * `quorate testnet`, each started by `quorate start`. Every step says how long it took; exit code 1 when anything is not as it
 * must be.
 *
 *   npm run build && npm run runbooks [-- add rotate restore amnesia clock disk remove quorum]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type ResultOf } from "../../src/sdk/client.ts";
import { COMMAND, freePorts, quorate, until } from "../e2e/processes.ts";

const WAIT_MS = 150_000;
const ENVIRONMENT = {
  CI: "1",
  QUORATE_CONSENSUS_EMPTY_BLOCKS_MS: "150",
  QUORATE_CONSENSUS_REQUEST_TIMEOUT_MS: "1500",
};
const started = performance.now();
const asked = process.argv.slice(2);
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

/** One node's home and its process. */
class HomeNode {
  readonly name: string;
  home: string;
  readonly url: string;
  readonly ports: readonly string[];
  output = "";
  #process: ChildProcess | undefined;

  constructor(name: string, index: number) {
    this.name = name;
    this.home = join(dir, "net", name);
    this.url = `http://127.0.0.1:${port + index}`;
    this.ports = ["--rpc-port", `${port + index}`, "--p2p-port", `${p2p + index}`];
  }

  async start(options: readonly string[] = [], environment: Record<string, string> = {}): Promise<void> {
    await this.run(["start", "--dir", this.home, ...this.ports, ...options], environment);
  }

  /** Runs a command that is a node, until it answers. */
  async run(words: readonly string[], environment: Record<string, string> = {}): Promise<void> {
    this.output = "";
    const env = { ...process.env, ...ENVIRONMENT, ...environment };
    const child = spawn(process.execPath, [COMMAND, ...words], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-200_000);
      });
    const answers = async () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended: ${this.output.slice(-800)}`);
      return (await this.height().catch(() => undefined)) !== undefined;
    };
    const end = Date.now() + WAIT_MS;
    for (;;) {
      if (await answers()) return;
      if (Date.now() > end) throw new Error(`${this.name} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 100)); // between two looks at a real process
    }
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  call<M extends Parameters<Client["call"]>[0]>(method: M, params: object = {}): Promise<ResultOf<M>> {
    return new Client(this.url).call(method, params as never) as Promise<ResultOf<M>>;
  }

  async height(): Promise<number> {
    return (await this.call("chain_getHead")).height;
  }
}

const nodes = [0, 1, 2, 3].map((i) => new HomeNode(`node${i}`, i));
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

/** Proposes by the first and lets the next vote until it is approved. */
async function decide(
  proposal: readonly string[],
  by: readonly HomeNode[],
  force: readonly string[] = [],
): Promise<void> {
  const [first, ...others] = by as [HomeNode, ...HomeNode[]];
  const words = await command("gov", "propose", ...proposal, ...force, ...asOperator(first));
  const number = must(/proposal (\d+)/.exec(words)?.[1], words);
  for (const voter of others) {
    const voted = await command("gov", "vote", number, "yes", ...force, ...asOperator(voter));
    if (voted.includes("approved")) return;
  }
  throw new Error(`proposal ${number} was not approved`);
}

const members = async () => (await node0.call("gov_getMembership")).members.map(({ name }) => name);

async function moves(by: HomeNode, blocks = 3): Promise<void> {
  const before = await by.height();
  await until(async () => (await by.height()) >= before + blocks, `${by.name} goes on`, WAIT_MS);
}

/** Whether its engine works in the epoch that runs: then it signs. */
async function votes(node: HomeNode): Promise<void> {
  const works = async () => {
    const { consensus } = await node.call("node_status");
    return consensus !== null && consensus.type === "pbft" && consensus.mode !== "halted";
  };
  await until(works, `${node.name} votes`, WAIT_MS);
  const key = must(
    /0x[0-9a-f]{64}/.exec(readFileSync(join(node.home, "keys", "validator.json"), "utf8"))?.[0],
    "a key",
  );
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
      )
        return true;
    }
    return false;
  };
  await until(signs, `${node.name} is among the signers`, WAIT_MS);
}

const node4 = new HomeNode("node4", 4);

const RUNBOOKS: Record<string, () => Promise<void>> = {
  async add() {
    const text = await command("invite", "--rpc", node0.url);
    node4.home = join(dir, "bare");
    all.push(node4);
    await node4.run(["join", text, "--dir", node4.home, "--name", "node4", ...node4.ports]);
    const file = join(node4.home, "propose.txt");
    await until(async () => readFileSync(file, "utf8").length > 0, "join says what to vote on", WAIT_MS);
    const words = readFileSync(file, "utf8").trim().split(" ");
    await decide(words.slice(words.indexOf("add"), words.indexOf("--from")), nodes);
    await until(async () => node4.output.includes("node4 is a validator"), "node4 is a validator", WAIT_MS);
    await votes(node4);
  },
  async rotate() {
    const account = must(
      (await node0.call("gov_getMembership")).members.find(({ name }) => name === "node1")?.account,
      "node1 has a seat",
    );
    await command("keys", "new", "next", "--dir", node1.home);
    const key = must(
      /0x[0-9a-f]{64}/.exec(readFileSync(join(node1.home, "keys", "next.json"), "utf8"))?.[0],
      "a key",
    );
    const prove = [
      "gov",
      "prove",
      "next",
      "--account",
      account,
      "--dir",
      node1.home,
      "--rpc",
      node1.url,
      "--json",
    ];
    const { proof } = JSON.parse(await command(...prove)) as { proof: string };
    await decide(
      ["replace", "node1", "--key", key, "--proof", proof],
      [node1, ...nodes.filter((one) => one !== node1)],
    );
    const { epoch } = await node0.call("gov_getMembership");
    const isOver = async () => (await node0.call("gov_getMembership")).epoch !== epoch;
    await until(isOver, "the epoch ends", WAIT_MS);
    await node1.stop();
    renameSync(join(node1.home, "keys", "next.json"), join(node1.home, "keys", "validator.json"));
    await node1.start();
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
    const force = name === "node4" ? [] : ["--force"];
    await decide(["remove", name], voters, force);
    await until(async () => !(await members()).includes(name), `${name} is no member`, WAIT_MS);
    await moves(node0);
    if (name === "node4") await node4.stop();
  },
  async quorum() {
    const gone = (await members()).slice(-2);
    const stays = all.filter((node) => !gone.includes(node.name) && node.name !== "node4");
    for (const node of all) if (!stays.includes(node)) await node.stop("SIGKILL");
    let height = await node0.height();
    const stands = async () => {
      const before = height;
      await new Promise((resolve) => setTimeout(resolve, 3_000)); // blocks come ten times as often
      height = await node0.height();
      return before === height;
    };
    await until(stands, "the chain stands", WAIT_MS);
    const file = join(dir, "transition.json");
    const remove = gone.flatMap((name) => ["--remove", name]);
    await command(
      "transition",
      "make",
      "--out",
      file,
      ...remove,
      "--reason",
      "both machines burnt",
      "--rpc",
      node0.url,
    );
    const refused = await quorate("start", "--dir", node0.home, ...node0.ports, "--transition", file);
    if (refused.code === 0) throw new Error("an unsigned transition was accepted");
    for (const node of stays) await command("transition", "sign", file, ...asOperator(node));
    const shown = await command("transition", "show", file, "--rpc", node0.url, "--json");
    const { id, isComplete } = JSON.parse(shown) as { id: string; isComplete: boolean };
    if (!isComplete) throw new Error(`not complete: ${shown}`);
    const before = must((await node0.call("chain_getBlock", { block: height }))?.hash, "the last block");
    for (const node of stays) {
      await node.stop();
      await node.start(["--transition", file]);
    }
    await until(async () => (await node0.height()) > height + 5, "the chain goes on", WAIT_MS);
    const kept = (await node0.call("chain_getBlock", { block: height }))?.hash;
    if (kept !== before) throw new Error("a final block was lost");
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
};

try {
  await command(
    ...[
      "testnet",
      "--out",
      join(dir, "net"),
      "-n",
      "4",
      "--epoch-length",
      "32",
      "--profile",
      "dev",
      "--min-fee",
      "0",
    ],
    ...["--rpc-port", `${port}`, "--p2p-port", `${p2p}`],
  );
  for (const node of nodes) await node.start();
  await moves(node0);
  say("a network of four validators runs");
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
