/**
 * `quorate lab attack51 --live`: one attempt to spend twice on real processes that really mine. The attacker pays the
 * merchant over its follower, mines the conflicting payment on a node that hears only itself, and heals the partition
 * when its branch is heavier. What it decides by is src/tools/lab/live-race.ts; the processes are lab-live-network.ts's.
 */
import { setTimeout as wait } from "node:timers/promises";
import { must } from "../../base/assert.ts";
import { hex0x, parseShownHash } from "../../base/bytes.ts";
import { RpcError } from "../../sdk/client.ts";
import { Wallet } from "../../sdk/wallet.ts";
import {
  decide,
  describeEnd,
  type HonestNode,
  type LiveEnd,
  type LiveRace,
  type LiveResult,
  type LiveSight,
  liveReport,
} from "../../tools/lab/live-race.ts";
import { raceFork } from "../../tools/lab/report/fork-picture.ts";
import { percent } from "../../tools/lab/report/report.ts";
import { BenchRun } from "../bench/bench-run.ts";
import { CliError, EXIT, Finished } from "../exit.ts";
import { type Output, showDuration, showRate } from "../output.ts";
import { table } from "../table.ts";
import { writeLabFiles } from "./lab-files.ts";
import { HASHES_OF_ALL, LiveNetwork, type LiveNode, SPACING_SECONDS } from "./lab-live-network.ts";

export interface LiveCommand extends LiveRace {
  readonly seed: number;
  readonly deadlineMs: number;
  readonly out: string;
  readonly in: string | undefined;
  readonly keep: boolean;
}

const POLL_MS = 100;
/** How long nodes may take to agree once nobody mines, which is a moment on a free machine. */
const AGREE_MS_MAX = 180_000;
/** How long the released branch may take to reach all honest nodes. */
const RELEASE_MS_MAX = 180_000;
const THREE_ACCOUNTS = "the plan has an attacker, a merchant and an accomplice";
const AMOUNT = 1_000n;

interface Header {
  readonly height: number;
  readonly hash: string;
}

export async function runLive(out: Output, command: LiveCommand): Promise<void> {
  const bench = new BenchRun(out);
  const started = performance.now();
  const played = await bench.complete(async () => {
    bench.stage("starting four nodes: two honest miners, the attacker's follower and its secret miner");
    const network = await LiveNetwork.make({ ...command, seed: `live ${command.seed}` });
    bench.add({ close: () => network.stop(), kill: () => network.kill() });
    await network.start();
    return Promise.race([new LiveAttack(bench, network, command).run(), network.failed]);
  });
  const tookMs = performance.now() - started;
  const { result, sights, fork, rates } = played;
  const { deadlineMs: _, out: dir, in: __, keep: ___, ...options } = command;
  const files = {
    results: { experiment: "attack51-live", options, result, hashRates: rates },
    rows: sights.map((sight) => ({ ...sight })),
    report: liveReport(command, result, { sights, fork, command: commandOf(command) }),
    timing: { seconds: Number((tookMs / 1_000).toFixed(3)) },
  };
  const report = writeLabFiles(dir, files);
  out.result({ ...files.results, report }, describe(out, command, result, rates, report));
  if (result.end === "deadline") throw new Finished(EXIT.timedOut);
}

interface Played {
  readonly result: LiveResult;
  readonly sights: readonly LiveSight[];
  readonly fork: Parameters<typeof liveReport>[2]["fork"];
  /** Hashes a second by node, at the decision. */
  readonly rates: Readonly<Record<string, number>>;
}

class LiveAttack {
  readonly #bench: BenchRun;
  readonly #network: LiveNetwork;
  readonly #command: LiveCommand;
  readonly #sights: LiveSight[] = [];
  #fork: Header = { height: 0, hash: "" };
  #payment = "";
  #conflict = "";

  constructor(bench: BenchRun, network: LiveNetwork, command: LiveCommand) {
    this.#bench = bench;
    this.#network = network;
    this.#command = command;
  }

  async run(): Promise<Played> {
    await this.#agreeOnFork();
    await this.#pay();
    const started = performance.now();
    await this.#order("miner_start");
    const decision = await this.#race(started);
    const rates = await this.#rates();
    const branches = await this.#branches();
    const end = decision === "release" ? await this.#release() : decision;
    const seconds = (performance.now() - started) / 1_000;
    await this.#order("miner_stop");
    const honest = await Promise.all(this.#network.honest.map((node) => this.#judge(node)));
    const { publicBlocks, privateBlocks } = must(this.#sights.at(-1), "a race looks at least once");
    const depth = Math.max(...honest.flatMap(({ reorgs }) => reorgs.map((reorg) => reorg.depth)), 0);
    return {
      result: { end, seconds, publicBlocks, privateBlocks, depth, honest },
      sights: this.#sights,
      fork: raceFork(blockOf(this.#fork), branches, end === "won" ? "attacker" : "honest"),
      rates,
    };
  }

  /** A few common blocks, then all rest at one head, and the secret node is cut off. */
  async #agreeOnFork(): Promise<void> {
    const { all, follower } = this.#network;
    this.#bench.stage("mining the first blocks together");
    await this.#until(AGREE_MS_MAX, async () => (await headOf(follower)).height >= 2);
    await this.#order("miner_stop");
    await this.#until(AGREE_MS_MAX, async () => {
      const heads = await Promise.all(all.map(headOf));
      return new Set(heads.map(({ hash }) => hash)).size === 1;
    });
    await this.#network.cutOff();
    this.#fork = await headOf(follower);
    this.#bench.stage(`fork point: height ${this.#fork.height}; the attacker's miner is cut off`);
  }

  async #pay(): Promise<void> {
    const { plan, honest, follower, secret } = this.#network;
    const [attacker, merchant, accomplice] = plan.accounts;
    const wallet = Wallet.fromSeed(must(attacker, THREE_ACCOUNTS).seed);
    const chain = await follower.client.chain();
    const order = { chain, nonce: 0n, amount: AMOUNT };
    const payment = wallet.transfer({ ...order, to: must(merchant, THREE_ACCOUNTS).address });
    const conflict = wallet.transfer({ ...order, to: must(accomplice, THREE_ACCOUNTS).address });
    [this.#payment, this.#conflict] = [hex0x(payment.id), hex0x(conflict.id)];
    await follower.client.send(payment);
    await secret.client.send(conflict);
    const knows = async (node: LiveNode) => (await this.#find(node, this.#payment)) !== null;
    await this.#until(AGREE_MS_MAX, async () => (await Promise.all(honest.map(knows))).every(Boolean));
    this.#bench.stage(
      `${AMOUNT} paid to the merchant in public, and to the attacker's friend in secret: same nonce`,
    );
  }

  async #race(started: number): Promise<"release" | "gave-up" | "deadline"> {
    let last = "";
    for (;;) {
      const sight = await this.#look(started);
      const { confirmations: wanted } = this.#command;
      const payment =
        sight.confirmations < wanted ? `${sight.confirmations} of ${wanted} confirmations` : "delivered";
      const words = `public +${sight.publicBlocks}, private +${sight.privateBlocks}, ${payment}`;
      if (words !== last) {
        this.#sights.push(sight);
        this.#bench.stage(`${sight.seconds.toFixed(1)} s: ${words}`);
      }
      last = words;
      const decision = decide(this.#command, sight);
      if (decision === "release") return decision;
      if (decision === "give-up") return "gave-up";
      if (1_000 * sight.seconds > this.#command.deadlineMs) return "deadline";
      await this.#bench.pause(POLL_MS);
    }
  }

  async #look(started: number): Promise<LiveSight> {
    const { follower, secret } = this.#network;
    const [open, own, payment] = await Promise.all([
      headOf(follower),
      headOf(secret),
      this.#find(follower, this.#payment),
    ]);
    return {
      seconds: (performance.now() - started) / 1_000,
      publicBlocks: open.height - this.#fork.height,
      privateBlocks: own.height - this.#fork.height,
      confirmations: payment?.confirmations ?? 0,
    };
  }

  async #release(): Promise<LiveEnd> {
    const { honest, all } = this.#network;
    this.#bench.stage("heavier: the private branch is released");
    await this.#network.heal();
    const deadline = performance.now() + RELEASE_MS_MAX;
    while (performance.now() < deadline) {
      const places = await Promise.all(honest.map((node) => this.#find(node, this.#conflict)));
      if (places.every((place) => place !== null && place.status !== "pending")) return "won";
      // Once all are on one head, the race is over whoever won.
      const heads = new Set((await Promise.all(all.map(headOf))).map(({ hash }) => hash));
      const settled = await Promise.all(all.map((node) => this.#find(node, this.#payment)));
      if (heads.size === 1 && settled.every((place) => place !== null && place.status !== "pending"))
        return "lost";
      await this.#bench.pause(POLL_MS);
    }
    return "deadline";
  }

  async #branches() {
    const [honest, attacker] = await Promise.all([
      this.#blocksSinceFork(this.#network.follower),
      this.#blocksSinceFork(this.#network.secret),
    ]);
    return { honest, attacker };
  }

  async #blocksSinceFork(node: LiveNode) {
    const { height } = await headOf(node);
    if (height <= this.#fork.height) return [];
    const from = this.#fork.height + 1;
    const headers = await patiently(() => node.client.call("chain_getBlockRange", { from, to: height }));
    return headers.map(blockOf);
  }

  async #judge(node: LiveNode): Promise<HonestNode> {
    const [payment, conflict] = await Promise.all([
      this.#find(node, this.#payment),
      this.#find(node, this.#conflict),
    ]);
    const reorgs = await patiently(() => node.client.call("chain_getReorgs", {}));
    return {
      name: node.node.name,
      payment: placeOf(payment),
      conflict: placeOf(conflict),
      reorgs: reorgs.map(({ depth, entered, oldHead, newHead }) => ({ depth, entered, oldHead, newHead })),
      log: this.#network.logLines(node, "REORG"),
    };
  }

  async #rates(): Promise<Record<string, number>> {
    const rates: Record<string, number> = {};
    for (const { node, client } of this.#network.miners) {
      rates[node.name] = Math.round((await patiently(() => client.call("miner_status"))).hashrate);
    }
    return rates;
  }

  async #order(method: "miner_start" | "miner_stop"): Promise<void> {
    await Promise.all(this.#network.miners.map(({ client }) => patiently(() => client.call(method, {}))));
  }

  #find({ client }: LiveNode, hash: string) {
    return patiently(() => client.call("tx_get", { hash }));
  }

  /** Where each node is, for a message. */
  async #places(): Promise<string> {
    const { all } = this.#network;
    const heads = await Promise.all(all.map((node) => headOf(node).catch(() => undefined)));
    return all
      .map(({ node }, i) => `${node.name} ${heads[i] === undefined ? "is silent" : `at ${heads[i].height}`}`)
      .join(", ");
  }

  async #until(limitMs: number, condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await condition())) {
      if (performance.now() > deadline) {
        throw new CliError(
          EXIT.timedOut,
          "NOT_READY",
          `the nodes do not agree after ${showDuration(limitMs)}; the machine may be too busy: ${await this.#places()}`,
        );
      }
      await this.#bench.pause(POLL_MS);
    }
  }
}

async function headOf({ client }: LiveNode): Promise<Header> {
  const { height, hash } = await patiently(() => client.call("chain_getHead"));
  return { height, hash };
}

const TRIES = 3;
const RETRY_MS = 200;

/** A question again where a kept connection was closed just as it left; a node that is gone ends the run anyway. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof RpcError || tries === TRIES) throw error;
      await wait(RETRY_MS);
    }
  }
}

function blockOf({ height, hash }: Header) {
  return {
    hash: must(parseShownHash(hash), "a node shows hashes in their form"),
    summary: { height: BigInt(height) },
  };
}

type Place = { readonly status: string; readonly confirmations?: number | undefined } | null;

function placeOf(place: Place): string {
  if (place === null) return "gone";
  if (place.status === "pending") return "pending";
  const { confirmations = 0 } = place;
  return `in the chain, ${confirmations} ${confirmations === 1 ? "confirmation" : "confirmations"}`;
}

function describe(
  out: Output,
  race: LiveRace,
  result: LiveResult,
  rates: Readonly<Record<string, number>>,
  report: string,
): readonly string[] {
  const rows = result.honest.map(({ name, payment, conflict, reorgs }) => [
    name,
    payment,
    conflict,
    reorgs.map(({ depth, entered }) => `${depth} blocks undone, ${entered} entered`).join("; ") || "none",
  ]);
  const measured = Object.entries(rates).map(([name, rate]) => `${name} ${showRate(rate)}`);
  return [
    `${result.end === "deadline" ? out.cross : out.tick} ${describeEnd(race, result)}`,
    "",
    ...table(["node", "merchant's payment", "conflicting", "chain_getReorgs"], rows),
    "",
    ...result.honest.flatMap(({ name, log }) => log.map((line) => `  ${name}  ${line}`)),
    `  share ${percent(race.share)} of ${showRate(HASHES_OF_ALL)}, a block every ${SPACING_SECONDS} s; measured: ${measured.join(", ")}`,
    `  ${result.publicBlocks} public and ${result.privateBlocks} private blocks at the decision; ${showDuration(1_000 * result.seconds)}`,
    `  ${report}`,
  ];
}

function commandOf({ share, confirmations, giveUp, lead, seed }: LiveCommand): string {
  return `quorate lab attack51 --live --hashrate ${share} --confirmations ${confirmations} --give-up ${giveUp} --lead ${lead} --seed ${seed}`;
}
