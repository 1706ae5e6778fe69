/**
 * The network under a benchmark: a devnet of real node processes in a temporary folder on free ports, gone without a
 * trace when the benchmark ends, however it ends. It measures nothing.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RpcLine } from "../../tools/bench/rpc-line.ts";
import { Scrape } from "../../tools/bench/scrape.ts";
import {
  type DevnetNode,
  type DevnetOrigin,
  type DevnetPlan,
  planDevnet,
  prepareDevnet,
} from "../devnet/devnet-plan.ts";
import { lockDevnet, Supervisor } from "../devnet/devnet-supervisor.ts";
import { CliError, EXIT, valueOrThrow } from "../exit.ts";
import { makeNamedFolder } from "../output-folder.ts";

export interface BenchNetworkOptions {
  readonly validators: number;
  readonly accounts: number;
  readonly blockTimeMs: number;
  /** Where the temporary folder is made; the system's place by default. */
  readonly in: string | undefined;
  /** Leave the folder, with the nodes' logs, when the run ends. */
  readonly keep: boolean;
}

/** Enough for every transfer of the longest load. */
const BALANCE = 1_000_000_000n;

export class BenchNetwork {
  readonly dir: string;
  readonly plan: DevnetPlan;
  readonly nodes: readonly DevnetNode[];
  readonly lines: readonly RpcLine[];
  readonly #supervisor: Supervisor;
  readonly #keep: boolean;
  /** Rejects when a node ends by itself. */
  readonly failed: Promise<never>;

  private constructor(dir: string, keep: boolean, plan: DevnetPlan, nodes: readonly DevnetNode[]) {
    this.#keep = keep;
    this.dir = dir;
    this.plan = plan;
    this.nodes = nodes;
    this.lines = nodes.map((node) => new RpcLine(node.rpcUrl));
    let fail: (error: Error) => void = () => undefined;
    this.failed = new Promise((_, reject) => {
      fail = reject;
    });
    this.failed.catch(() => undefined);
    const lock = lockDevnet(dir);
    this.#supervisor = new Supervisor(
      { dir, nodes, voters: nodes.length },
      {
        lock,
        exited: (ended) => {
          const { node, exitCode } = ended;
          const words = ended.lastWords();
          const message = `${node.name} ended by itself with ${exitCode}${words.length === 0 ? "" : ":"}`;
          fail(new CliError(EXIT.broken, "NODE_EXITED", message, { more: words }));
        },
      },
    );
  }

  /** Makes the folder with the homes; starts nothing. */
  static async make(options: BenchNetworkOptions): Promise<BenchNetwork> {
    const { validators, accounts, blockTimeMs } = options;
    const origin: DevnetOrigin = { seed: "bench", validators, accounts, balance: BALANCE };
    const plan = planDevnet(origin);
    const settings = {
      portBase: await findPorts(validators),
      p2pPortBase: await findPorts(validators),
      blockTimeMs,
      emptyBlocksMs: 0,
      logLevel: undefined,
    };
    const parent = options.in ?? tmpdir();
    makeNamedFolder("--in", parent);
    const dir = mkdtempSync(join(parent, "quorate-bench-"));
    try {
      const { nodes } = valueOrThrow(prepareDevnet(dir, origin, plan, settings));
      return new BenchNetwork(dir, options.keep, plan, nodes);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Resolves when every node is connected to all others. @throws CliError */
  start(): Promise<void> {
    return this.#supervisor.start();
  }

  scrape(): Promise<Scrape[]> {
    return Promise.all(this.lines.map(async (line) => Scrape.parse(await line.get("/metrics"))));
  }

  /** Stops the nodes and removes the folder; may be called again. */
  async stop(): Promise<void> {
    for (const line of this.lines) line.close();
    await this.#supervisor.stop();
    this.#remove();
  }

  /** The same at once. */
  async kill(): Promise<void> {
    await this.#supervisor.kill();
    this.#remove();
  }

  #remove(): void {
    if (!this.#keep) rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Ports below those that systems give to outgoing connections. */
const PORTS = { first: 20_000, last: 32_000 };
const TRIES = 100;

/** The first of `count` free ports in a row. Somebody may still take one before the nodes do. */
export async function findPorts(count: number): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const base = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first - count));
    const ports = Array.from({ length: count }, (_, k) => base + k);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return base;
  }
  throw new CliError(
    EXIT.busy,
    "PORT_IN_USE",
    `no ${count} free ports in a row from ${PORTS.first} to ${PORTS.last}`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
