/**
 * `quorate testnet --hosts` on four hosts, as far as one machine has them: each node in a network namespace of its own, and
 * on the only way between two of them a relay, which takes 50 ms in each direction, holds up one of a hundred segments
 * for as long as a retransmission takes, and cuts a connection now and then. Under transfers a host is replaced,
 * and each node is upgraded, one at a time. Exit code 1 when a chain differs or anything final is missing.
 * As root on Linux, with ip (iproute2); nothing leaves the namespaces, which are taken away at the end.
 *
 *   npm run build && npm run hosts [-- --seconds 30 --delay 50 --stalled 0.01 --cut 15 --old DIR]
 *
 * --seconds of load before, between and after; --cut: a connection is cut every so many seconds; --old: the folder of
 * the older release, built, that all begin with (see mixed.ts).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadKey } from "../../src/node/home/key-file.ts";
import { Client, Wallet } from "../../src/sdk/client.ts";
import { slowDown } from "../../src/tools/bench/slow-links.ts";
import { COMMAND, until } from "../e2e/processes.ts";

const SELF = fileURLToPath(import.meta.url);
const TSX = ["--import", "tsx", SELF];
const [P2P, RPC] = [30_300, 18_545];
const WAIT_MS = 300_000;
const HOSTS = [0, 1, 2, 3];

/** In the namespace between the hosts: each is reached at 10.88.I.1 and is at 10.77.I.2. */
function relay(delay: number, stalled: number, cutSeconds: number): void {
  const open = new Set<Socket>();
  for (const i of HOSTS) {
    createServer({ allowHalfOpen: true }, (from) => {
      const to = connect({ port: P2P, host: `10.77.${i}.2`, allowHalfOpen: true });
      slowDown(from, to, { delayMs: delay, loss: stalled });
      slowDown(to, from, { delayMs: delay, loss: stalled });
      open.add(from);
      from.once("close", () => open.delete(from));
    }).listen(P2P, `10.88.${i}.1`);
  }
  let cut = 0;
  setInterval(() => {
    const all = [...open];
    all[Math.floor(Math.random() * all.length)]?.destroy();
    cut += all.length > 0 ? 1 : 0;
    process.send?.({ cut });
  }, cutSeconds * 1_000);
  process.on("disconnect", () => process.exit());
}

type Order =
  | { readonly id: number; readonly call: readonly [string, object] }
  | { readonly id: number; readonly load: string };

interface Loaded {
  readonly hash: string;
  readonly tookMs: number;
}

/** On a host: asks its node, and sends one transfer after the other. */
function agent(): void {
  const url = `http://127.0.0.1:${RPC}`;
  const load = async (seed: string) => {
    const wallet = Wallet.fromSeed(Buffer.from(seed, "hex"));
    for (;;) {
      const client = new Client(url);
      const startMs = performance.now();
      try {
        const chain = await client.chain();
        const nonce = await client.nextNonce(wallet.address);
        const signed = wallet.transfer({ chain, nonce, to: wallet.address, amount: 1n });
        const { txHash } = await client.send(signed, { wait: "final", timeoutMs: 30_000 });
        process.send?.({ final: { hash: txHash, tookMs: performance.now() - startMs } });
      } catch {
        await pause(500); // what failed promised nothing
      } finally {
        client.close();
      }
      await pause(100); // a load on the chain, not on the machine
    }
  };
  process.on("message", async (order: Order) => {
    if ("load" in order) return void load(order.load);
    const client = new Client(url);
    const [method, params] = order.call;
    try {
      process.send?.({ id: order.id, result: await client.call(method as "node_status", params as never) });
    } catch (error) {
      process.send?.({ id: order.id, error: String(error) });
    } finally {
      client.close();
    }
  });
  process.on("disconnect", () => process.exit());
}

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly final?: Loaded;
}

function ip(...words: readonly string[]): void {
  execFileSync("ip", words, { stdio: "pipe" });
}

/** A namespace with a node, and what asks it from inside. */
class Host {
  readonly index: number;
  readonly hub: string;
  home: string;
  command: string;
  name = "";
  #generation = 0;
  #node: ChildProcess | undefined;
  #agent: ChildProcess | undefined;
  #asked = 0;
  #seed: string | undefined;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  output = "";

  constructor(
    index: number,
    { hub, home, command }: { readonly hub: string; readonly home: string; readonly command: string },
  ) {
    [this.index, this.hub, this.home, this.command] = [index, hub, home, command];
  }

  /** A new machine at the same address. */
  plug(): void {
    const { hub, index } = this;
    this.name = `${hub}-${index}-${this.#generation++}`;
    const link = `v${index}`;
    ip("netns", "add", this.name);
    ip("link", "add", "name", link, "netns", hub, "type", "veth", "peer", "name", "eth0", "netns", this.name);
    ip("-n", hub, "addr", "add", `10.77.${index}.1/24`, "dev", link);
    ip("-n", hub, "link", "set", link, "up");
    ip("-n", this.name, "addr", "add", `10.77.${index}.2/24`, "dev", "eth0");
    for (const device of ["lo", "eth0"]) ip("-n", this.name, "link", "set", device, "up");
    ip("-n", this.name, "route", "add", "default", "via", `10.77.${index}.1`);
    const words = ["netns", "exec", this.name, process.execPath, ...TSX, "--role", "agent"];
    this.#agent = spawn("ip", words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#agent.on("message", (answer: Answer) => {
      if (answer.final !== undefined) loaded.push({ ...answer.final, host: index, atMs: performance.now() });
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
    if (this.#seed !== undefined) this.load(this.#seed);
  }

  async unplug(): Promise<void> {
    await this.stop();
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent !== undefined && agent.exitCode === null) {
      const ended = new Promise((done) => agent.once("exit", done));
      agent.kill();
      await ended;
    }
    if (this.name === "") return;
    ip("-n", this.hub, "link", "del", `v${this.index}`);
    ip("netns", "del", this.name);
    this.name = "";
  }

  start(...options: readonly string[]): void {
    const words = [
      "netns",
      "exec",
      this.name,
      process.execPath,
      this.command,
      "start",
      "--dir",
      this.home,
      ...options,
    ];
    const child = spawn("ip", words, { env: { ...process.env, CI: "1" }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-100_000);
      });
    this.#node = child;
  }

  async stop(): Promise<void> {
    const child = this.#node;
    this.#node = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await ended;
  }

  load(seed: string): void {
    this.#seed = seed;
    this.#agent?.send({ id: 0, load: seed } satisfies Order);
  }

  async call<T>(method: string, params: object = {}): Promise<T> {
    if (this.#node === undefined || this.#node.exitCode !== null)
      throw new Error(`node${this.index} does not run: ${this.output.slice(-800)}`);
    const id = ++this.#asked;
    const answer = await new Promise<Answer>((done) => {
      this.#waiting.set(id, done);
      this.#agent?.send({ id, call: [method, params] } satisfies Order);
    });
    this.#waiting.delete(id);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result as T;
  }

  async height(): Promise<number> {
    return (await this.call<{ height: number }>("chain_getHead")).height;
  }
}

const loaded: (Loaded & { readonly host: number; readonly atMs: number })[] = [];

function say(words: string): void {
  console.log(`${(performance.now() / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

/** What became final since a moment, and how long it took. */
function figures(sinceMs: number): string {
  const of = loaded.filter(({ atMs }) => atMs >= sinceMs).map(({ tookMs }) => tookMs);
  of.sort((a, b) => a - b);
  const at = (share: number) => Math.round(of[Math.floor(share * (of.length - 1))] ?? 0);
  return `${of.length} transfers final in ${Math.round((performance.now() - sinceMs) / 1_000)} s, median ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}

async function level(hosts: readonly Host[], more: number): Promise<number> {
  const known = await Promise.all(hosts.map((host) => host.height().catch(() => 0)));
  const target = Math.max(...known) + more;
  for (const host of hosts)
    await until(
      async () => (await host.height()) >= target,
      `node${host.index} is at height ${target}`,
      WAIT_MS,
    );
  return target;
}

async function play(hosts: readonly Host[], seconds: number, upgraded: string): Promise<void> {
  const [, , , last] = hosts;
  if (last === undefined) throw new Error("four hosts");
  for (const host of hosts) host.start();
  const peersOf = async (host: Host) => (await host.call<unknown[]>("net_peers")).length;
  for (const host of hosts)
    await until(async () => (await peersOf(host)) === 3, `node${host.index} has its three peers`, WAIT_MS);
  say("four hosts, each connected with the three others");
  for (const host of hosts) {
    const key = loadKey(join(host.home, "keys", "operator.json"));
    if (!key.ok) throw new Error(key.fault.detail);
    host.load(Buffer.from(key.value.seed).toString("hex"));
  }
  const spell = async (what: string, work: () => Promise<unknown>) => {
    const fromMs = performance.now();
    await work();
    say(`${what}: ${figures(fromMs)}; height ${await level(hosts, 1)}`);
  };
  await spell("all run", () => pause(seconds * 1_000));
  await spell("node3 is on a new host", async () => {
    await last.unplug();
    const home = `${last.home}-moved`;
    cpSync(last.home, home, { recursive: true });
    rmSync(last.home, { recursive: true });
    last.home = home;
    last.plug();
    last.start("--moved");
    await level(hosts, 1);
  });
  for (const host of hosts)
    await spell(`node${host.index} was ${upgraded}`, async () => {
      await host.stop();
      host.command = COMMAND;
      host.start();
      await level(hosts, 1);
    });
  await spell("all run", () => pause(seconds * 1_000));
}

async function check(hosts: readonly Host[]): Promise<void> {
  const height = await level(hosts, 0);
  for (let at = 1; at <= height; at++) {
    const hashes = await Promise.all(
      hosts.map(async (host) => (await host.call<{ hash: string }>("chain_getHeader", { block: at })).hash),
    );
    if (new Set(hashes).size !== 1) throw new Error(`block ${at} differs: ${hashes.join(" ")}`);
  }
  for (const [i, { hash }] of loaded.entries()) {
    const host = hosts[i % hosts.length];
    const status = await host?.call<{ status: string }>("tx_get", { hash });
    if (status?.status !== "final") throw new Error(`${hash} was final, and is ${status?.status}`);
  }
  say(`✔ ${height} blocks are the same on four hosts; ${loaded.length} transfers were final and are`);
}

interface Settings {
  readonly old?: string | undefined;
  readonly seconds: string;
  readonly delay: string;
  readonly stalled: string;
  readonly cut: string;
}

async function main(values: Settings): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "quorate-hosts-"));
  const hub = `quorate${process.pid}`;
  const command = values.old === undefined ? COMMAND : resolve(values.old, "bin", "quorate.js");
  const addresses = HOSTS.map((i) => `10.88.${i}.1`);
  const out = join(dir, "net");
  const network = [
    "-n",
    "4",
    "--profile",
    "dev",
    "--min-fee",
    "0",
    "--epoch-length",
    "64",
    "--hosts",
    addresses.join(","),
  ];
  execFileSync(process.execPath, [command, "testnet", "--out", out, ...network], { stdio: "pipe" });
  const hosts = HOSTS.map((i) => {
    // A folder of its own, as it comes to a machine.
    const home = join(dir, `host${i}`);
    cpSync(join(out, `node${i}`), home, { recursive: true });
    return new Host(i, { hub, home, command });
  });
  let between: ChildProcess | undefined;
  let cut = 0;
  try {
    ip("netns", "add", hub);
    ip("-n", hub, "link", "set", "lo", "up");
    ip("netns", "exec", hub, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward");
    for (const address of addresses) ip("-n", hub, "addr", "add", `${address}/32`, "dev", "lo");
    const { delay, stalled, cut: cutEvery } = values;
    const options = ["--delay", delay, "--stalled", stalled, "--cut", cutEvery];
    const words = ["netns", "exec", hub, process.execPath, ...TSX, "--role", "relay", ...options];
    between = spawn("ip", words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    between.on("message", (told: { cut: number }) => {
      cut = told.cut;
    });
    for (const host of hosts) host.plug();
    await play(hosts, Number(values.seconds), values.old === undefined ? "started again" : "upgraded");
    await check(hosts);
    say(
      `${values.delay} ms in each direction, ${values.stalled} of the segments stalled, ${cut} connections cut`,
    );
    rmSync(dir, { recursive: true, force: true });
  } catch (error) {
    process.exitCode = 1;
    say(`✖ ${String(error)}; the homes are in ${dir}`);
    for (const host of hosts) say(`node${host.index}: ${host.output.slice(-600)}`);
  } finally {
    for (const host of hosts) await host.unplug().catch((error: unknown) => say(String(error)));
    between?.kill();
    ip("netns", "del", hub);
  }
}

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    role: text,
    old: text,
    seconds: { ...text, default: "30" },
    delay: { ...text, default: "50" },
    stalled: { ...text, default: "0.01" },
    cut: { ...text, default: "15" },
  },
});
if (values.role === "relay") relay(Number(values.delay), Number(values.stalled), Number(values.cut));
else if (values.role === "agent") agent();
else await main(values);
