/**
 * The network of a siege: real node processes on loopback in a temporary folder, gone without a trace however the
 * siege ends. Four validators, or three miners of fixed difficulty. One more peer id is allowlisted: the hostile full
 * node's. It reads how much memory the processes take and what their metrics say; it attacks nobody.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { must } from "../../base/assert.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { compactOf } from "../../chain/types/target.ts";
import { homePaths } from "../../node/home/home.ts";
import { MINING_PROFILES } from "../../node/home/mining-profiles.ts";
import {
  DEVNET,
  MINED_DEVNET,
  planMinedNetwork,
  planNetwork,
  secretsFromSeed,
} from "../../node/home/network-plan.ts";
import { formatPeers, parsePeers } from "../../node/home/peers-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { RpcLine } from "../../tools/bench/rpc-line.ts";
import { Scrape } from "../../tools/bench/scrape.ts";
import type { SiegeMode, SiegeNode } from "../../tools/lab/siege/siege.ts";
import { type DevnetNode, type DevnetPlan, prepareDevnet } from "../devnet/devnet-plan.ts";
import { findPorts, inTemporaryFolder, TemporaryNetwork } from "../devnet/temporary-network.ts";
import { valueOrThrow } from "../exit.ts";

const NODES: Readonly<Record<SiegeMode, number>> = { alliance: 4, public: 3 };
const SEED = "siege";
/** Many, because one sender has few transactions in the pool at once. */
const ACCOUNTS = 40;
const BALANCE = 1_000_000_000n;
const BLOCK_TIME_MS = 500;
/**
 * How long all nodes may take to start and to connect: they need seconds on a free machine, but not every one is
 * free.
 */
const READY_MS_MAX = 180_000;
/** Hashes a second of each miner, a small part of one core, and expected hashes of a block: one each 0.7 s. */
const HASHES_OF_MINER = 30_000;
const BLOCK_HASHES = 60_000;
const METRICS_TRIES = 5;
const METRICS_MS_MAX = 5_000;
const METRICS_PAUSE_MS = 1_000;

export interface SiegeOptions {
  readonly mode: SiegeMode;
  readonly in: string | undefined;
  readonly keep: boolean;
}

export class SiegeNetwork extends TemporaryNetwork {
  readonly plan: DevnetPlan;
  readonly nodes: readonly DevnetNode[];
  /** Secret of the libp2p identity of the hostile full node. */
  readonly outsiderSeed: Uint8Array;
  readonly #lines: readonly RpcLine[];
  readonly #ended: Set<string>;
  readonly #memory = new Map<string, number>();
  /** The nodes that were ended on purpose. */
  readonly #replaced = new Set<number>();
  #pids: readonly (number | null)[] = [];

  private constructor(
    made: { readonly dir: string; readonly plan: DevnetPlan; readonly nodes: readonly DevnetNode[] },
    { mode, keep }: SiegeOptions,
    outsiderSeed: Uint8Array,
  ) {
    const { dir, plan, nodes } = made;
    const ended = new Set<string>();
    super({
      dir,
      keep,
      nodes,
      voters: mode === "alliance" ? nodes.length : 0,
      readyMsMax: READY_MS_MAX,
      // It is judged at the end, with the others.
      exited: (process) => {
        ended.add(process.node.name);
        return undefined;
      },
    });
    this.plan = plan;
    this.nodes = nodes;
    this.outsiderSeed = outsiderSeed;
    this.#lines = nodes.map((node) => new RpcLine(node.rpcUrl));
    this.#ended = ended;
  }

  /** Makes the folder with the homes; starts nothing. */
  static async make(options: SiegeOptions): Promise<SiegeNetwork> {
    const count = NODES[options.mode];
    const origin = { seed: SEED, validators: count, accounts: ACCOUNTS, balance: BALANCE };
    const plan = planOf(options.mode, count);
    const settings = {
      portBase: await findPorts(count),
      p2pPortBase: await findPorts(count),
      blockTimeMs: BLOCK_TIME_MS,
      emptyBlocksMs: 0,
      hashLimit: HASHES_OF_MINER,
      logLevel: undefined,
    };
    return inTemporaryFolder("quorate-siege-", options.in, (dir) => {
      const { nodes } = valueOrThrow(prepareDevnet(dir, origin, plan, settings));
      const outsiderSeed = secretsFromSeed(SEED)("node", "outsider");
      for (const node of nodes) allow(node, peerIdFromSeed(outsiderSeed));
      return new SiegeNetwork({ dir, plan, nodes }, options, outsiderSeed);
    });
  }

  override async start(): Promise<void> {
    await super.start();
    this.#pids = (await this.supervisor.report()).nodes.map(({ pid }) => pid);
  }

  /** Ends one node on purpose: another will act under its keys. */
  async replace(index: number): Promise<void> {
    this.#replaced.add(index);
    await this.supervisor.act(index, "kill");
  }

  /** Reads how much memory each process takes now; where the system does not say, {@link judge} asks the node. */
  sampleMemory(): void {
    for (const [i, node] of this.nodes.entries()) {
      const bytes = residentBytes(this.#pids[i]);
      this.#noteMemory(node.name, bytes ?? 0);
    }
  }

  /** Processor time that the running nodes have taken so far. Undefined where the system does not say. */
  cpuSeconds(): number | undefined {
    let sum = 0;
    for (const [i, pid] of this.#pids.entries()) {
      if (this.#replaced.has(i)) continue;
      const seconds = processorSeconds(pid);
      if (seconds === undefined) return undefined;
      sum += seconds;
    }
    return sum;
  }

  /** Counts loop delays from now on. @param honest lists the nodes that are measured. */
  async beginMeasuring(honest: readonly DevnetNode[]): Promise<void> {
    this.#memory.clear();
    await Promise.all(
      honest.map((node) => must(this.#lines[node.index], "every node has a line").get("/metrics")),
    );
  }

  /** What became of the nodes since {@link beginMeasuring}. They may need a moment to answer. */
  async judge(honest: readonly DevnetNode[]): Promise<readonly SiegeNode[]> {
    return Promise.all(honest.map((node) => this.#judge(node)));
  }

  override async stop(): Promise<void> {
    for (const line of this.#lines) line.close();
    await super.stop();
  }

  async #judge(node: DevnetNode): Promise<SiegeNode> {
    const metrics = await this.#metrics(node);
    if (metrics !== undefined) this.#noteMemory(node.name, metrics.sum("process_resident_memory_bytes"));
    return {
      name: node.name,
      memoryMaxBytes: this.#memory.get(node.name) ?? 0,
      // The node clears its histogram whenever it is read: this is since beginMeasuring.
      loopDelayP99Ms:
        metrics === undefined ? undefined : 1_000 * metrics.sum("nodejs_eventloop_lag_p99_seconds"),
      hasEnded: this.#ended.has(node.name),
    };
  }

  async #metrics(node: DevnetNode): Promise<Scrape | undefined> {
    for (let tries = 1; tries <= METRICS_TRIES && !this.#ended.has(node.name); tries++) {
      try {
        const response = await fetch(`${node.rpcUrl}/metrics`, {
          signal: AbortSignal.timeout(METRICS_MS_MAX),
        });
        if (response.ok) return Scrape.parse(await response.text());
        throw new Error(`HTTP ${response.status}`);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, METRICS_PAUSE_MS));
      }
    }
    return undefined;
  }

  #noteMemory(name: string, bytes: number): void {
    this.#memory.set(name, Math.max(bytes, this.#memory.get(name) ?? 0));
  }
}

function planOf(mode: SiegeMode, count: number): DevnetPlan {
  const numbers = { accounts: ACCOUNTS, balance: BALANCE };
  const secrets = secretsFromSeed(SEED);
  if (mode === "alliance") {
    const { validators: members, ...rest } = planNetwork(
      { ...DEVNET, ...numbers, validators: count },
      secrets,
    );
    return { members, ...rest };
  }
  const { miners: members, ...rest } = planMinedNetwork(
    { ...MINED_DEVNET, ...numbers, miners: count, consensus: quickMining() },
    secrets,
  );
  return { members, operators: [], ...rest };
}

/** Fixed and easy, so that a transfer is mined within a second while nobody attacks. */
function quickMining(): PowParameters {
  const bits = compactOf((1n << 256n) / BigInt(BLOCK_HASHES));
  return {
    ...MINING_PROFILES.regtest,
    powLimitBits: bits,
    startBits: bits,
    spacing: 1,
    retarget: { rule: "fixed" },
  };
}

/** Allows that the hostile full node dials in. Nobody dials it. */
function allow(node: DevnetNode, peerId: string): void {
  const path = homePaths(node.dir).peers;
  const peers = valueOrThrow(parsePeers(readFileSync(path, "utf8")));
  writeFileSync(path, formatPeers([...peers, { name: "outsider", peerId }]));
}

/** The memory of a process in bytes, where the system says so (Linux). */
function residentBytes(pid: number | null | undefined): number | undefined {
  if (pid === null || pid === undefined) return undefined;
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kilobytes === undefined ? undefined : 1_024 * Number(kilobytes);
  } catch {
    return undefined;
  }
}

/** The kernel counts in hundredths of a second, whatever its own clock is. */
const TICKS_PER_SECOND = 100;
/** Fields 14 and 15 of proc_pid_stat(5), user and system time, counted from the one after the name in parentheses. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** The processor time of a process in seconds, where the system says so (Linux). */
function processorSeconds(pid: number | null | undefined): number | undefined {
  if (pid === null || pid === undefined) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
