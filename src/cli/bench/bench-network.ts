/**
 * The network under a benchmark: a devnet of real node processes in a temporary folder on free ports, gone without a
 * trace when the benchmark ends, however it ends. It measures nothing.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { must } from "../../base/assert.ts";
import { homePaths } from "../../node/home/home.ts";
import { formatPeers, multiaddrOf, parsePeers } from "../../node/home/peers-file.ts";
import { type Audit, audit } from "../../tools/bench/audit.ts";
import { RpcLine } from "../../tools/bench/rpc-line.ts";
import { Scrape } from "../../tools/bench/scrape.ts";
import { type LinkQuality, SlowLinks } from "../../tools/bench/slow-links.ts";
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
  /** Heights in agreement at once at most. Left out, it is as in a devnet. */
  readonly pipelineDepth?: number;
  /** The nodes' setting verification.thread. */
  readonly verificationThread: string;
  /** Of the connections between any two nodes. Left out, they are those of loopback. */
  readonly link?: LinkQuality;
  /** Where the temporary folder is made. Left out, it is made in the system's place. */
  readonly in: string | undefined;
  /** Leave the folder, with the nodes' logs, when the run ends. */
  readonly keep: boolean;
}

/** Enough for every transfer of the longest load. */
const BALANCE = 1_000_000_000n;

export class BenchNetwork extends TemporaryNetwork {
  readonly plan: DevnetPlan;
  readonly nodes: readonly DevnetNode[];
  readonly lines: readonly RpcLine[];
  readonly #links: SlowLinks | undefined;

  private constructor(
    {
      dir,
      keep,
      links,
    }: { readonly dir: string; readonly keep: boolean; readonly links: SlowLinks | undefined },
    plan: DevnetPlan,
    nodes: readonly DevnetNode[],
  ) {
    super({
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
    this.#links = links;
    this.plan = plan;
    this.nodes = nodes;
    this.lines = nodes.map((node) => new RpcLine(node.rpcUrl));
  }

  /** Makes the folder with the homes; starts nothing. */
  static async make(options: BenchNetworkOptions): Promise<BenchNetwork> {
    const { validators, accounts, blockTimeMs } = options;
    const origin: DevnetOrigin = { seed: "bench", validators, accounts, balance: BALANCE };
    const plan = deepened(planDevnet(origin), options.pipelineDepth);
    const p2pPortBase = await findPorts(validators);
    const settings = {
      portBase: await findPorts(validators),
      p2pPortBase,
      blockTimeMs,
      emptyBlocksMs: 0,
      logLevel: undefined,
    };
    const { delayMs, loss } = options.link ?? { delayMs: 0, loss: 0 };
    const p2pPorts = Array.from({ length: validators }, (_, i) => p2pPortBase + i);
    const isSlow = delayMs > 0 || loss > 0;
    const links = isSlow ? await SlowLinks.open(p2pPorts, { delayMs, loss }) : undefined;
    return inTemporaryFolder("quorate-bench-", options.in, (dir) => {
      const variables = { QUORATE_VERIFICATION_THREAD: options.verificationThread };
      const { nodes } = valueOrThrow(prepareDevnet(dir, origin, plan, settings, variables));
      if (links !== undefined) leadOver(links, nodes);
      return new BenchNetwork({ dir, keep: options.keep, links }, plan, nodes);
    });
  }

  scrape(): Promise<Scrape[]> {
    return Promise.all(this.lines.map(async (line) => Scrape.parse(await line.get("/metrics"))));
  }

  /** Whether so many transfers and no others are on the ledger of every node. */
  audit(transfers: number): Promise<Audit> {
    const { accounts, members } = this.plan;
    const addresses = [...accounts.map((account) => account.address), ...members.map((m) => m.publicKey)];
    const supply = accounts.reduce((sum, account) => sum + account.balance, 0n);
    return audit(this.lines, { addresses, supply, transfers });
  }

  override async stop(): Promise<void> {
    for (const line of this.lines) line.close();
    await super.stop();
    this.#links?.close();
  }

  override async kill(): Promise<void> {
    await super.kill();
    this.#links?.close();
  }
}

function deepened(plan: DevnetPlan, pipelineDepth: number | undefined): DevnetPlan {
  const { consensus } = plan.genesis;
  if (pipelineDepth === undefined || consensus.type !== "pbft") return plan;
  return { ...plan, genesis: { ...plan.genesis, consensus: { ...consensus, pipelineDepth } } };
}

/** Writes into each home that the others are where the slow ports are. */
function leadOver(links: SlowLinks, nodes: readonly DevnetNode[]): void {
  const portOf = new Map(
    nodes.map(({ peerId }, i) => [peerId, must(links.ports[i], "each node has a link")]),
  );
  for (const { dir } of nodes) {
    const path = homePaths(dir).peers;
    const peers = valueOrThrow(parsePeers(readFileSync(path, "utf8")));
    const slow = peers.map((peer) => ({
      ...peer,
      multiaddr: multiaddrOf(
        "127.0.0.1",
        must(portOf.get(peer.peerId), "all peers are nodes of the benchmark"),
      ),
    }));
    writeFileSync(path, formatPeers(slow));
  }
}
