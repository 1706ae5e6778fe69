/**
 * The network of a live attack: real node processes on loopback in a temporary folder, gone without a trace however
 * the attack ends. Honest miners, and the attacker's two nodes: a follower that does not mine, and a miner that can be
 * cut off. Difficulty is fixed, and each miner is held to its share of a rate that leaves the machine free.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { formatGenesis } from "../../chain/genesis/genesis-file.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { compactOf } from "../../chain/types/target.ts";
import { formatConfigFile } from "../../node/home/config.ts";
import { createHome, homePaths, LOG_FILE } from "../../node/home/home.ts";
import { keyOfSeed } from "../../node/home/key-file.ts";
import { MINING_PROFILES } from "../../node/home/mining-profiles.ts";
import {
  MINED_DEVNET,
  type MinedPlan,
  planMinedNetwork,
  secretsFromSeed,
} from "../../node/home/network-plan.ts";
import { multiaddrOf } from "../../node/home/peers-file.ts";
import { readRpcToken } from "../../node/home/rpc-token.ts";
import { Client } from "../../sdk/client.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import type { DevnetNode } from "../devnet/devnet-plan.ts";
import { endOfLog } from "../devnet/devnet-supervisor.ts";
import { findPorts, inTemporaryFolder, TemporaryNetwork } from "../devnet/temporary-network.ts";
import { CliError, EXIT, valueOrThrow } from "../exit.ts";

/** Hashes a second of all miners together: a small part of one core. */
export const HASHES_OF_ALL = 200_000;
/**
 * How long four nodes may take to start and to connect: they need seconds on a free machine, but not every one is
 * free.
 */
const READY_MS_MAX = 300_000;
const EACH_PLANNED = "every node is a planned miner";
/** Expected hashes of a block: all together find one in two seconds. */
const BLOCK_HASHES = 400_000;
export const SPACING_SECONDS = BLOCK_HASHES / HASHES_OF_ALL;
const HONEST = 2;

export interface LiveOptions {
  readonly share: number;
  readonly seed: string;
  readonly in: string | undefined;
  readonly keep: boolean;
}

export interface LiveNode {
  readonly node: DevnetNode;
  readonly client: Client;
}

export class LiveNetwork extends TemporaryNetwork {
  readonly plan: MinedPlan;
  readonly honest: readonly LiveNode[];
  readonly follower: LiveNode;
  readonly secret: LiveNode;

  private constructor(dir: string, keep: boolean, plan: MinedPlan, nodes: readonly DevnetNode[]) {
    super({
      dir,
      keep,
      nodes,
      voters: 0,
      readyMsMax: READY_MS_MAX,
      exited: (ended) => {
        const words = ended.lastWords();
        const message = `${ended.node.name} ended by itself with ${ended.exitCode}`;
        const more = [...(words.length === 0 ? [] : ["it said:", ...words]), ...endOfLog(ended)];
        return new CliError(EXIT.broken, "NODE_EXITED", message, { more });
      },
    });
    this.plan = plan;
    const live = nodes.map((node) => ({
      node,
      client: new Client(node.rpcUrl, { token: () => readRpcToken(node.dir) }),
    }));
    this.honest = live.slice(0, HONEST);
    this.follower = must(live[HONEST], "the follower comes after the honest nodes");
    this.secret = must(live[HONEST + 1], "the secret node is the last");
  }

  /** Makes the folder with the homes; starts nothing. */
  static async make({ share, seed, in: parent, keep }: LiveOptions): Promise<LiveNetwork> {
    const consensus = liveMining();
    const plan = planMinedNetwork({ ...MINED_DEVNET, miners: HONEST + 2, consensus }, secretsFromSeed(seed));
    const names = [...Array.from({ length: HONEST }, (_, i) => `honest${i}`), "follower", "secret"];
    const [rpcBase, p2pBase] = [await findPorts(names.length), await findPorts(names.length)];
    return inTemporaryFolder("quorate-live-", parent, (dir) => {
      const nodes = names.map((name, index) => ({
        index,
        name,
        dir: join(dir, name),
        rpcPort: rpcBase + index,
        rpcUrl: `http://127.0.0.1:${rpcBase + index}`,
        p2pPort: p2pBase + index,
        peerId: must(plan.miners[index], EACH_PLANNED).peerId,
      }));
      for (const node of nodes) makeHome(node, nodes, plan, limitOf(node.name, share));
      return new LiveNetwork(dir, keep, plan, nodes);
    });
  }

  get all(): readonly LiveNode[] {
    return [...this.honest, this.follower, this.secret];
  }

  get miners(): readonly LiveNode[] {
    return [...this.honest, this.secret];
  }

  /** Makes the secret node hear only itself from now on. */
  async cutOff(): Promise<void> {
    await this.supervisor.partition([this.secret.node.name]);
  }

  async heal(): Promise<void> {
    await this.supervisor.partition([]);
  }

  /** Lines of a node's log that hold a word. */
  logLines({ node }: LiveNode, word: string): string[] {
    const text = readFileSync(homePaths(node.dir).logFile, "utf8");
    return text.split("\n").filter((line) => line.includes(word));
  }
}

function liveMining(): PowParameters {
  const bits = compactOf((1n << 256n) / BigInt(BLOCK_HASHES));
  return {
    ...MINING_PROFILES.regtest,
    powLimitBits: bits,
    startBits: bits,
    spacing: SPACING_SECONDS,
    retarget: { rule: "fixed" },
  };
}

/** Hashes a second, or undefined for a node that does not mine. */
function limitOf(name: string, share: number): number | undefined {
  if (name === "follower") return undefined;
  return Math.max(1, Math.round(HASHES_OF_ALL * (name === "secret" ? share : (1 - share) / HONEST)));
}

function makeHome(
  node: DevnetNode,
  nodes: readonly DevnetNode[],
  plan: MinedPlan,
  hashLimit: number | undefined,
): void {
  const member = must(plan.miners[node.index], EACH_PLANNED);
  const genesis: Genesis = plan.genesis;
  makeFolder(node.dir);
  const made = createHome(node.dir, {
    configText: formatConfigFile({
      name: node.name,
      mode: hashLimit === undefined ? "full" : "miner",
      "rpc.port": node.rpcPort,
      "p2p.host": "127.0.0.1",
      "p2p.port": node.p2pPort,
      "log.file": LOG_FILE,
      ...(hashLimit === undefined
        ? {}
        : { "mining.coinbase": hex0x(member.publicKey), "mining.hash_limit": hashLimit }),
    }),
    genesisJson: formatGenesis(genesis),
    peers: nodes
      .filter((other) => other !== node)
      .map(({ name, peerId, p2pPort }) => ({ name, peerId, multiaddr: multiaddrOf("127.0.0.1", p2pPort) })),
    nodeKey: keyOfSeed(member.nodeSeed),
    validatorKey: undefined,
  });
  valueOrThrow(made);
}
