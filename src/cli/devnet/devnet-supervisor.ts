/**
 * The devnet's one process above its nodes: takes the folder, starts a child a node, waits until the network is
 * ready, obeys the control socket and ends everything. Order of an end: control, nodes, lock.
 */

import { rmSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { type Lock, takeLock } from "../../node/home/lock.ts";
import { readRpcToken } from "../../node/home/rpc-token.ts";
import { Client } from "../../sdk/client.ts";
import { CliError, EXIT, valueOrThrow } from "../exit.ts";
import { isFree } from "../home/doctor-checks.ts";
import { makeNamedFolder } from "../output-folder.ts";
import {
  controlPath,
  type DevnetControl,
  type DevnetReport,
  type NodeAction,
  type NodeReport,
  serveControl,
} from "./devnet-control.ts";
import { devnetFlag } from "./devnet-dir.ts";
import { makeDevnetToken } from "./devnet-link.ts";
import { reportNode, votersNow } from "./devnet-monitor.ts";
import { NodeProcess } from "./devnet-nodes.ts";
import { cutOff, type Partition, parsePartition } from "./devnet-partition.ts";
import type { DevnetNode } from "./devnet-plan.ts";

/** How long all nodes may take to be ready, ms, unless another time is said. */
const READY_MS_MAX = 60_000;
const POLL_MS = 50;
const PROBE_MS = 1_500;
/** How long connections may take to end and to come back after an order; a paused node's may take longer. */
const SETTLE_MS_MAX = 3_000;
/** How long a node may take to carry out an order. */
const ORDER_MS = 5_000;
/** A restarted node that has not caught up by then is reported as it is. */
const CATCH_UP_MS_MAX = 15_000;

export function lockDevnet(dir: string): Lock {
  makeNamedFolder("--devnet", dir);
  const lock = takeLock(join(dir, "LOCK"));
  if (lock.ok) return lock.value;
  const flag = devnetFlag(dir);
  const message = `a devnet runs in ${dir} already (see it: quorate devnet status${flag}, end it: quorate devnet stop${flag}). ${lock.fault.detail}`;
  throw new CliError(EXIT.busy, "LOCKED", message);
}

export class Supervisor implements DevnetControl {
  readonly #dir: string;
  readonly #lock: Lock;
  readonly #processes: readonly NodeProcess[];
  readonly #readyMsMax: number;
  /** Names of those that vote, as far as is known. None where each node mines for itself. */
  #voters: readonly string[];
  readonly #votersChange: boolean;
  readonly #ended: Promise<void>;
  #end!: () => void;
  #partition: Partition | undefined;
  #server: Server | undefined;
  #token: ReturnType<typeof makeDevnetToken> | undefined;
  #stopping: Promise<void> | undefined;

  /** @param exited is told of a node that ended by itself */
  constructor(
    options: {
      readonly dir: string;
      readonly nodes: readonly DevnetNode[];
      /** How many nodes vote at first, which is 0 where each node mines for itself. */
      readonly voters: number;
      /** Whether others may vote later. */
      readonly votersChange?: boolean;
      readonly readyMsMax?: number;
    },
    ports: { readonly lock: Lock; readonly exited: (process: NodeProcess) => void },
  ) {
    this.#dir = options.dir;
    this.#lock = ports.lock;
    this.#readyMsMax = options.readyMsMax ?? READY_MS_MAX;
    this.#voters = options.nodes.slice(0, options.voters).map(({ name }) => name);
    this.#votersChange = options.votersChange === true;
    this.#processes = options.nodes.map((node) => new NodeProcess(node, ports.exited, options.dir));
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Resolves when the devnet has stopped, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Starts all nodes and waits until each is ready. @throws CliError; nothing is left running then. */
  async start(): Promise<void> {
    try {
      await checkPorts(this.#processes.map((process) => process.node));
      this.#token = makeDevnetToken(this.#dir);
      this.#server = await serveControl(this.#dir, this);
      for (const process of this.#processes) process.start();
      await this.#waitUntilReady();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** The explorer with all nodes side by side and the token for its buttons, which stays in the browser. */
  explorerUrl(): string {
    const [first, ...others] = this.#processes.map(({ node }) => node.rpcUrl);
    const ports = [first, ...others].map((url) => new URL(must(url, "a devnet has nodes")).port);
    return `${first}/explorer?nodes=${ports.join(",")}#/?token=${this.#token?.token}`;
  }

  nodes(): readonly Pick<NodeReport, "name" | "state" | "rpcUrl">[] {
    return this.#processes.map(({ node: { name, rpcUrl }, state }) => ({ name, state, rpcUrl }));
  }

  async report(): Promise<DevnetReport> {
    const nodes = await Promise.all(this.#processes.map((node) => this.#report(node)));
    if (this.#votersChange) this.#voters = (await votersNow(nodes)) ?? this.#voters;
    const partition = this.#partition?.map((group) => this.#namesOf(group)) ?? null;
    const [voters, quorum] = [this.#voters, this.#quorum ?? null];
    return { dir: this.#dir, pid: process.pid, quorum, voters, partition, nodes };
  }

  /** Nodes that must work together for the chain to move. Undefined where each mines for itself. */
  get #quorum(): number | undefined {
    return this.#voters.length > 0 ? quorumOf(this.#voters.length).quorum : undefined;
  }

  async act(index: number, action: NodeAction): Promise<NodeReport> {
    const target = this.#processes[index];
    if (target === undefined)
      throw new Error(`no node ${index}: there are 0 to ${this.#processes.length - 1}`);
    switch (action) {
      case "kill":
        await target.kill();
        break;
      case "pause":
        requireState(target, "running", "pause");
        target.pause();
        break;
      case "resume":
        requireState(target, "paused", "resume");
        target.resume();
        await this.#sendPartition(target);
        break;
      case "restart":
        await target.stop();
        target.start(this.#cutOffFrom(target));
        await this.#waitUntilCaughtUp(target);
        break;
    }
    return this.#report(target);
  }

  /** Killed nodes take their side when they are started, paused ones when they go on. */
  async partition(groups: readonly string[]): Promise<DevnetReport> {
    const names = this.#processes.map(({ node }) => node.name);
    this.#partition = groups.length === 0 ? undefined : valueOrThrow(parsePartition(groups, names));
    const running = this.#processes.filter((process) => process.state === "running");
    await Promise.all(running.map((process) => this.#sendPartition(process)));
    return this.#settled();
  }

  /** The report when every node sees whom it should, or as it is after a while. */
  async #settled(): Promise<DevnetReport> {
    const deadline = performance.now() + SETTLE_MS_MAX;
    for (;;) {
      const report = await this.report();
      const up = report.nodes.filter(({ height }) => height !== null);
      const isSettled = up.every(
        ({ name, peers, cutOffFrom }) =>
          peers === up.filter((other) => other.name !== name && !cutOffFrom.includes(other.name)).length,
      );
      if (isSettled || performance.now() > deadline) return report;
      await pause(POLL_MS);
    }
  }

  /** @throws Error when the node does not take it: its other side of each link may have, so say it and try again. */
  async #sendPartition(target: NodeProcess): Promise<void> {
    const { dir, rpcUrl } = target.node;
    const client = new Client(rpcUrl, { timeoutMs: ORDER_MS, token: () => readRpcToken(dir) });
    const away = cutOff(this.#partition, target.node.index).map((index) => this.#nodeAt(index).peerId);
    await client.call("devnet_setPartition", { blocked: away });
  }

  #cutOffFrom({ node }: NodeProcess): readonly string[] {
    return this.#namesOf(cutOff(this.#partition, node.index));
  }

  /** Whether there is somebody to catch up with, who goes on. */
  #isTogether(target: NodeProcess): boolean {
    const away = cutOff(this.#partition, target.node.index);
    const together = this.#processes.filter(
      ({ node, state }) => state === "running" && !away.includes(node.index),
    );
    return together.length >= (this.#quorum ?? Math.min(2, this.#processes.length));
  }

  #namesOf(indices: readonly number[]): readonly string[] {
    return indices.map((index) => this.#nodeAt(index).name);
  }

  #nodeAt(index: number): DevnetNode {
    return must(this.#processes[index], "a partition is of nodes of this devnet").node;
  }

  #report(target: NodeProcess): Promise<NodeReport> {
    return reportNode(target, this.#cutOffFrom(target));
  }

  /** Stops gracefully. It may be called again, and then waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** Kills all of it at once. */
  async kill(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
  }

  async #stopAll(): Promise<void> {
    this.#server?.close();
    await Promise.all(this.#processes.map((process) => process.stop()));
    rmSync(controlPath(this.#dir), { force: true });
    this.#token?.remove();
    this.#lock.release();
    this.#end();
  }

  async #waitUntilReady(): Promise<void> {
    const deadline = performance.now() + this.#readyMsMax;
    const peers = this.#processes.length - 1;
    for (const process of this.#processes) {
      while (!(await probe(process.node, `/ready?minPeers=${peers}`))) {
        this.#checkAllAlive();
        if (performance.now() > deadline) throw notReady(process, this.#readyMsMax);
        await pause(POLL_MS);
      }
    }
  }

  #checkAllAlive(): void {
    if (this.#stopping !== undefined) {
      throw new CliError(EXIT.broken, "INTERRUPTED", "stopped before all nodes were ready");
    }
    const dead = this.#processes.find((process) => process.state === "exited");
    if (dead !== undefined) throw startFailed(dead);
  }

  async #waitUntilCaughtUp(target: NodeProcess): Promise<void> {
    const deadline = performance.now() + CATCH_UP_MS_MAX;
    // One peer tells how far the others are.
    const minPeers = Math.min(1, this.#processes.length - 1);
    // Miners go on meanwhile: one block behind is level.
    const behind = this.#quorum === undefined ? 1 : 0;
    const caughtUp = `/ready?maxBlocksBehind=${behind}&minPeers=${minPeers}`;
    while (performance.now() < deadline && target.state === "running") {
      // Without a quorum on its side there is nothing to catch up with, and it is never ready.
      if (await probe(target.node, this.#isTogether(target) ? caughtUp : "/health")) return;
      await pause(POLL_MS);
    }
    if (target.state === "exited") throw startFailed(target);
  }
}

function requireState(target: NodeProcess, state: string, action: string): void {
  if (target.state === state) return;
  throw new Error(`cannot ${action} ${target.node.name}: it is ${target.state}; only a ${state} node can be`);
}

function startFailed(process: NodeProcess): CliError {
  const { node } = process;
  const [words, ...more] = process.lastWords();
  const [first, ...rest] = words === undefined ? endOfLog(process) : [words.replace(/^✖ /, ""), ...more];
  return new CliError(EXIT.broken, "NODE_EXITED", `${node.name} exited with ${process.exitCode}: ${first}`, {
    more: rest,
  });
}

function notReady(process: NodeProcess, limitMs: number): CliError {
  const [first, ...more] = endOfLog(process);
  const message = `${process.node.name} is not ready after ${limitMs / 1_000} s; the machine may be too busy: ${first}`;
  return new CliError(EXIT.timedOut, "NOT_READY", message, { more });
}

/** Where it is, and how it ends: a network in a temporary folder takes it away with it. */
export function endOfLog(process: NodeProcess): readonly string[] {
  const lines = process.logTail();
  const { logFile } = process;
  return lines.length === 0 ? [`nothing in ${logFile}`] : [`${logFile} ends with`, ...lines];
}

async function probe(node: DevnetNode, path: string): Promise<boolean> {
  try {
    const response = await fetch(`${node.rpcUrl}${path}`, { signal: AbortSignal.timeout(PROBE_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** All ports, before anything starts: a foreign process that answers on one would look like a node. */
async function checkPorts(nodes: readonly DevnetNode[]): Promise<void> {
  const first = must(nodes[0], "a devnet has nodes");
  for (const node of nodes) {
    for (const [flag, port] of [
      ["--port-base", node.rpcPort],
      ["--p2p-port-base", node.p2pPort],
    ] as const) {
      if (await isFree(port)) continue;
      const base = flag === "--port-base" ? first.rpcPort : first.p2pPort;
      const message = `port ${port} (${node.name}) is in use by another process: stop it, or try ${flag} ${base + 100}`;
      throw new CliError(EXIT.busy, "PORT_IN_USE", message);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
