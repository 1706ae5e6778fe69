/**
 * The network under a benchmark: a devnet of real node processes in a temporary folder on free ports, gone without a
 * trace when the benchmark ends, however it ends. It measures nothing.
 */

import { RpcLine } from "../../tools/bench/rpc-line.ts";
import { Scrape } from "../../tools/bench/scrape.ts";
import {
  type DevnetNode,
  type DevnetOrigin,
  type DevnetPlan,
  planDevnet,
  prepareDevnet,
} from "../devnet/devnet-plan.ts";
import { findPorts, inTemporaryFolder, TemporaryNetwork } from "../devnet/temporary-network.ts";
import { CliError, EXIT, valueOrThrow } from "../exit.ts";

export interface BenchNetworkOptions {
  readonly validators: number;
  readonly accounts: number;
  readonly blockTimeMs: number;
  /** Where the temporary folder is made. Left out, it is made in the system's place. */
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
  readonly #network: TemporaryNetwork;

  private constructor(dir: string, keep: boolean, plan: DevnetPlan, nodes: readonly DevnetNode[]) {
    this.dir = dir;
    this.plan = plan;
    this.nodes = nodes;
    this.lines = nodes.map((node) => new RpcLine(node.rpcUrl));
    this.#network = new TemporaryNetwork({
      dir,
      keep,
      nodes,
      voters: nodes.length,
      exited: (ended) => {
        const { node, exitCode } = ended;
        const words = ended.lastWords();
        const message = `${node.name} ended by itself with ${exitCode}${words.length === 0 ? "" : ":"}`;
        return new CliError(EXIT.broken, "NODE_EXITED", message, { more: words });
      },
    });
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
    return inTemporaryFolder("quorate-bench-", options.in, (dir) => {
      const { nodes } = valueOrThrow(prepareDevnet(dir, origin, plan, settings));
      return new BenchNetwork(dir, options.keep, plan, nodes);
    });
  }

  /** Rejects when a node ends by itself. */
  get failed(): Promise<never> {
    return this.#network.failed;
  }

  /** Resolves when every node is connected to all others. @throws CliError */
  start(): Promise<void> {
    return this.#network.supervisor.start();
  }

  scrape(): Promise<Scrape[]> {
    return Promise.all(this.lines.map(async (line) => Scrape.parse(await line.get("/metrics"))));
  }

  /** Stops the nodes and removes the folder; may be called again. */
  async stop(): Promise<void> {
    for (const line of this.lines) line.close();
    await this.#network.stop();
  }

  /** The same, without waiting for what the nodes do. */
  kill(): Promise<void> {
    return this.#network.kill();
  }
}
