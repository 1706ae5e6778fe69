/**
 * One scene of a siege: a fresh network, blocks worth asking for, the attackers each on a thread of its own, and an
 * honest user who sends one transfer after the other to one node. What it saw is judged by src/lab/siege.ts.
 */
import { extname } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { hex0x } from "../base/bytes.ts";
import {
  attackersOf,
  type Scene,
  type SiegeSight,
  type SingleAttack,
  type Traffic,
  type TransferMs,
} from "../lab/siege.ts";
import { Client } from "../rpc/client.ts";
import { type ChainRef, Wallet } from "../rpc/wallet.ts";
import type { BenchRun } from "./benchrun.ts";
import { CliError, EXIT } from "./exit.ts";
import { SiegeNetwork } from "./siegenetwork.ts";
import type { FromAttacker, SiegeTask } from "./siegetask.ts";

/** The node that the honest user speaks to. */
const ENTRY = 1;
/** Whose keys the hostile validator has; its own process is ended for that. */
const HOSTILE_VALIDATOR = 3;
/** A transfer is waited for so long; the next one is sent after it. */
export const TRANSFER_WAIT_MS = 15_000;
const TRANSFER_PAUSE_MS = 100;
/** For an answer of a node, beyond what it is asked to wait. */
const ANSWER_MS_MAX = 10_000;
const MEMORY_MS = 100;
/** As the nodes measure theirs. */
const LOOP_RESOLUTION_MS = 10;
/** For an attacker to be under way, and to end when it is told; then its thread is ended. */
const BEGIN_MS_MAX = 30_000;
const END_MS_MAX = 5_000;
/** Transactions of each account that fill the blocks which are asked for. */
const FILL_EACH = 30;
const FILL_MS_MAX = 60_000;
const HEIGHTS = 4;
const MEMO = "m".repeat(100);

export interface SceneOptions {
  readonly seconds: number;
  readonly in: string | undefined;
  readonly keep: boolean;
}

export async function playScene(bench: BenchRun, scene: Scene, options: SceneOptions): Promise<SiegeSight> {
  const { mode, name } = scene;
  bench.stage(`${mode}, ${name}: starting nodes`);
  const network = await SiegeNetwork.make({ mode, in: options.in, keep: options.keep });
  const closer = { close: () => network.stop(), kill: () => network.kill() };
  bench.add(closer);
  await network.start();
  const attackers = attackersOf(mode, name);
  const isReplaced = attackers.includes("validator");
  const honest = network.nodes.filter(({ index }) => !(isReplaced && index === HOSTILE_VALIDATOR));
  const user = new HonestUser(network, mode === "alliance" ? "final" : "included");
  bench.stage(`${mode}, ${name}: filling blocks`);
  const heights = await user.fill();
  if (isReplaced) await network.replace(HOSTILE_VALIDATOR);
  const chain = await user.chain();
  await network.beginMeasuring(honest);
  const threads = attackers.map((attack) => new AttackerThread(taskOf(network, attack, chain, heights)));
  bench.add({ close: () => endAll(threads), kill: () => endAll(threads) });
  bench.stage(`${mode}, ${name}: ${options.seconds} s under attack`);
  const memory = setInterval(() => network.sampleMemory(), MEMORY_MS);
  try {
    await Promise.all(threads.map((thread) => thread.begun));
    const started = performance.now();
    const own = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
    own.enable();
    const transfers = await user.pay(chain, 1_000 * options.seconds, bench.signal);
    own.disable();
    const seconds = Number(((performance.now() - started) / 1_000).toFixed(3));
    const traffic = await Promise.all(threads.map((thread) => thread.end()));
    const nodes = await network.judge(honest);
    const ownLoopDelayP99Ms = own.percentile(99) / 1e6;
    return { ...scene, seconds, transfers, nodes, ownLoopDelayP99Ms, traffic: sumOf(attackers, traffic) };
  } finally {
    clearInterval(memory);
    await bench.close();
  }
}

function taskOf(
  network: SiegeNetwork,
  attack: SingleAttack,
  chain: ChainRef,
  heights: readonly number[],
): SiegeTask {
  const { plan, nodes, outsiderSeed } = network;
  const { genesis, members, accounts } = plan;
  const validator = attack === "validator" ? members[HOSTILE_VALIDATOR] : undefined;
  return {
    attack,
    peers: nodes.filter(({ index }) => validator === undefined || index !== HOSTILE_VALIDATOR),
    rpc: nodes.filter(({ index }) => index !== ENTRY),
    heights,
    chainId: chain.chainId,
    genesisHash: chain.genesisHash as SiegeTask["genesisHash"],
    limits: genesis.limits,
    validators: genesis.validators.map(({ publicKey }) => publicKey),
    identitySeed: validator?.nodeSeed ?? outsiderSeed,
    validatorSeed: validator?.seed,
    accountSeed: accounts[1]!.seed,
  };
}

/** All attackers' counts; where they count the same, each under its own name. */
function sumOf(attackers: readonly SingleAttack[], traffic: readonly Traffic[]): Traffic {
  const prefix = (i: number) => (attackers.length > 1 ? `${attackers[i]}: ` : "");
  return Object.fromEntries(
    traffic.flatMap((one, i) => Object.entries(one).map(([what, count]) => [`${prefix(i)}${what}`, count])),
  );
}

class HonestUser {
  readonly #network: SiegeNetwork;
  readonly #client: Client;
  readonly #wait: "final" | "included";

  constructor(network: SiegeNetwork, wait: "final" | "included") {
    this.#network = network;
    this.#client = new Client(network.nodes[ENTRY]!.rpcUrl, { timeoutMs: ANSWER_MS_MAX });
    this.#wait = wait;
  }

  chain(): Promise<ChainRef> {
    return this.#client.chain();
  }

  /** Makes a few large blocks. @returns the heights of the largest */
  async fill(): Promise<readonly number[]> {
    const chain = await this.#client.chain();
    const [, ...accounts] = this.#network.plan.accounts;
    for (let nonce = 0; nonce < FILL_EACH; nonce += FILL_EACH / 10) {
      const calls = accounts.flatMap(({ seed, address }) =>
        Array.from({ length: FILL_EACH / 10 }, (_, i) => {
          const order = { chain, nonce: nonce + i, to: address, amount: 1n, memo: MEMO };
          return {
            method: "tx_send" as const,
            params: { tx: hex0x(Wallet.fromSeed(seed).transfer(order).bytes) },
          };
        }),
      );
      for (let i = 0; i < calls.length; i += 100) await this.#client.batch(calls.slice(i, i + 100));
    }
    await this.#emptied();
    return this.#largest();
  }

  /** Transfers one after the other for so long; the last one is waited for. */
  async pay(chain: ChainRef, ms: number, signal: AbortSignal): Promise<readonly TransferMs[]> {
    const deadline = performance.now() + ms;
    const seen: TransferMs[] = [];
    for (let nonce = 0n; performance.now() < deadline && !signal.aborted; ) {
      const took = await this.#transfer(chain, nonce);
      seen.push(took);
      nonce = took === undefined ? await this.#nextNonce(nonce) : nonce + 1n;
      await wait(TRANSFER_PAUSE_MS);
    }
    return seen;
  }

  async #transfer(chain: ChainRef, nonce: bigint): Promise<TransferMs> {
    const [account, other] = this.#network.plan.accounts;
    const order = { chain, nonce, to: other!.address, amount: 1n };
    const tx = hex0x(Wallet.fromSeed(account!.seed).transfer(order).bytes);
    const started = performance.now();
    try {
      await this.#client.call("tx_send", { tx, wait: this.#wait, timeoutMs: TRANSFER_WAIT_MS });
      return performance.now() - started;
    } catch {
      return undefined;
    }
  }

  async #nextNonce(before: bigint): Promise<bigint> {
    try {
      return await this.#client.nextNonce(this.#network.plan.accounts[0]!.address);
    } catch {
      return before;
    }
  }

  async #emptied(): Promise<void> {
    const deadline = performance.now() + FILL_MS_MAX;
    const last = this.#network.plan.accounts.at(-1)!;
    while (BigInt((await this.#client.account(last.address)).nonce) < BigInt(FILL_EACH)) {
      if (performance.now() > deadline) {
        throw new CliError(
          EXIT.timedOut,
          "NOT_READY",
          "the blocks before the attack were not made in a minute",
        );
      }
      await wait(TRANSFER_PAUSE_MS);
    }
  }

  async #largest(): Promise<readonly number[]> {
    const { height } = await this.#client.call("chain_getHead");
    const from = Math.max(1, height - 99);
    const blocks = await this.#client.call("chain_getBlockRange", { from, to: height });
    const largest = [...blocks].sort((a, b) => b.txCount - a.txCount).slice(0, HEIGHTS);
    return largest.map((block) => block.height);
  }
}

class AttackerThread {
  /** Resolves when the attack is under way. */
  readonly begun: Promise<void>;
  readonly #worker: Worker;
  readonly #ended: Promise<Traffic>;

  constructor(task: SiegeTask) {
    const path = new URL(`./siegeworker${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
    const worker = new Worker(path, { workerData: task });
    this.#worker = worker;
    let begin: () => void = () => undefined;
    let end: (traffic: Traffic) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      worker.once("error", (error) =>
        reject(new Error(`the attacker failed: ${error.message}`, { cause: error })),
      );
      worker.once("exit", () => reject(new Error("the attacker ended by itself")));
    });
    failed.catch(() => undefined);
    worker.on("message", (message: FromAttacker) => {
      if (message.kind === "begun") begin();
      else end(message.traffic);
    });
    const began = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const ended = new Promise<Traffic>((resolve) => {
      end = resolve;
    });
    const late = wait(BEGIN_MS_MAX, undefined, { ref: false }).then(() => {
      throw new CliError(
        EXIT.timedOut,
        "NOT_READY",
        `the ${task.attack} attack did not begin in ${BEGIN_MS_MAX} ms`,
      );
    });
    late.catch(() => undefined);
    this.begun = Promise.race([began, failed, late]);
    this.begun.catch(() => undefined);
    this.#ended = Promise.race([ended, failed]);
    this.#ended.catch(() => undefined);
  }

  /** @returns what it did; empty when it does not say so in time */
  async end(): Promise<Traffic> {
    this.#worker.postMessage("stop");
    const late = wait(END_MS_MAX, {}, { ref: false });
    const traffic = await Promise.race([this.#ended, late]).catch(() => ({}));
    await this.#worker.terminate();
    return traffic;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

async function endAll(threads: readonly AttackerThread[]): Promise<void> {
  await Promise.all(threads.map((thread) => thread.terminate()));
}
