/**
 * A mined chain inside a test: blocks on demand, or by themselves at a mean interval; branches, reorganisations and
 * payments that are undone, on virtual time. The replicas, their ledger with branches, pool, engine and repair are
 * the shipped ones; only the search for a nonce is as easy as can be.
 */
import { must } from "../base/assert.ts";
import { type Hash, hex0x, parseBytes32, showHash } from "../base/bytes.ts";
import type { BranchChange } from "../chain/chain.ts";
import { MINED_NETWORKS, planMinedNetwork, secretsFromSeed } from "../node/home/network-plan.ts";
import { MinerControl } from "../node/mining/miner-control.ts";
import type { Replica } from "../node/replica.ts";
import type { SimNode } from "../tools/sim/sim-node.ts";
import { BaseDevnet, heightOf, Refused } from "./devnet-base.ts";
import { MinedNodes } from "./mined-nodes.ts";
import type { NodeRpcOptions } from "./node-rpc.ts";
import { WAIT_MS } from "./shared-time.ts";

export interface MinedDevnetOptions {
  readonly consensus: "pow";
  /**
   * Nodes, from 1 to 100. By default 2, which is enough for two branches. Each can mine, and is paid to an
   * account of its own.
   */
  readonly nodes?: number;
  /** Accounts with a balance: alice, bob, carol and so on. By default there are 10. */
  readonly accounts?: number;
  /** What each of them has at genesis. By default it is 1,000,000. */
  readonly balance?: bigint;
  /** Decides how long messages take, and when blocks are found by themselves. It is 1 by default. */
  readonly seed?: number;
  /** The longest time that a message takes, ms. It is 10 by default. */
  readonly delayMsMax?: number;
  /**
   * Mean time between two blocks that all nodes together find by themselves, ms. Left out, only {@link
   * MinedDevnet.mine} mines.
   */
  readonly blockTimeMs?: number;
  /** Blocks until a coinbase can be spent. It is 10 by default. */
  readonly maturity?: number;
  /** Blocks on top after which JSON-RPC calls a block final. It is 6 by default. */
  readonly finalityDepth?: number;
}

/** A node left a branch for a heavier one. */
export interface ReorgSeen {
  readonly node: number;
  /** Height of the last common block. */
  readonly ancestorHeight: number;
  /** Hashes of blocks as they are shown, ascending. */
  readonly abandoned: readonly string[];
  readonly entered: readonly string[];
}

/** Where a transaction lies on a node's chain. */
export interface IncludedTransaction {
  readonly height: number;
  /** The transaction's position in the block, where the coinbase has 0. */
  readonly index: number;
  /** Blocks from its own to the head: 1 in the head itself. */
  readonly confirmations: number;
}

export class MinedDevnet extends BaseDevnet {
  /** The reorganisations of all nodes, as they happened. */
  readonly reorgs: readonly ReorgSeen[];
  readonly #nodes: MinedNodes;
  readonly #finalityDepth: number | undefined;
  readonly #controls = new WeakMap<Replica, MinerControl>();

  constructor(options: MinedDevnetOptions) {
    const { accounts = 10, balance = 1_000_000n, nodes: miners = 2, maturity } = options;
    const shape = MINED_NETWORKS.regtest;
    const consensus = { ...shape.consensus, ...(maturity === undefined ? {} : { maturity }) };
    const plan = planMinedNetwork(
      { ...shape, accounts, balance, miners, consensus },
      secretsFromSeed("simulation"),
    );
    const reorgs: ReorgSeen[] = [];
    const nodes = new MinedNodes(plan, options, {
      failed: (node, error) => this.failed(new Error(`node ${node} had to stop`, { cause: error })),
      reorganised: (node, change) => reorgs.push(showReorg(node, change)),
    });
    const paid = plan.miners.map(({ name, seed, publicKey: address }) => ({
      name,
      seed,
      address,
      balance: 0n,
    }));
    super(nodes, plan.genesis, [...plan.accounts, ...paid]);
    this.#nodes = nodes;
    this.reorgs = reorgs;
    this.#finalityDepth = options.finalityDepth;
  }

  protected override rpcOptions(node: SimNode): Pick<NodeRpcOptions, "mode" | "mining" | "finalityDepth"> {
    const mining = this.#controlOf(node);
    return {
      mode: "miner",
      mining,
      ...(this.#finalityDepth === undefined ? {} : { finalityDepth: this.#finalityDepth }),
    };
  }

  /**
   * Mines blocks at once, one on the other, with what waits in the node's pool. Others hear of them as time passes:
   * {@link synced}.
   * @param to name or address of whom is paid; the node's own account by default
   * @returns their hashes, as they are shown @throws Refused when the node is down or cannot mine
   */
  async mine(
    blocks = 1,
    { node = this.firstUp(), to }: { readonly node?: number; readonly to?: string } = {},
  ): Promise<readonly string[]> {
    if (!Number.isSafeInteger(blocks) || blocks < 1)
      throw new RangeError(`${blocks} blocks: expected 1 or more`);
    const miner = this.node(node);
    if (miner.replica === undefined) throw new Refused("UNREACHABLE", `node ${node} is down`);
    const coinbase = to === undefined ? undefined : parseBytes32(this.addressOf(to));
    if (to !== undefined && coinbase === undefined)
      throw new RangeError(`${to}: expected 0x and 64 hex digits`);
    const mining = this.#controlOf(miner).generate(blocks, coinbase as never);
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    mining.then(end, end);
    await this.pass(WAIT_MS, () => isOver);
    const { hashes, fault } = await mining;
    if (fault !== undefined) throw new Refused(fault.code, fault.detail);
    return hashes.map(showHash);
  }

  /** Hash of a node's head, as it is shown. */
  head(node: number): string {
    return showHash(this.replica(node).chain.head.hash);
  }

  /** Lets time pass until all nodes that are up have one head. @throws Error when they have not, and says where they stand */
  async synced(withinMs: number = WAIT_MS): Promise<void> {
    const heads = () =>
      this.#nodes.nodes.filter(({ replica }) => replica !== undefined).map(({ id }) => this.head(id));
    if (await this.pass(withinMs, () => new Set(heads()).size <= 1)) return;
    throw new Error(`not on one branch after ${withinMs} ms: ${this.#describe()}`);
  }

  /**
   * Where a transaction lies on a node's chain now, or undefined when no block of it has it. A reorganisation
   * changes that.
   */
  async included(id: string, node: number = this.firstUp()): Promise<IncludedTransaction | undefined> {
    const hash = parseBytes32(id);
    if (hash === undefined)
      throw new RangeError(`${id}: expected the id of a transaction, 0x and 64 hex digits`);
    const { chain } = this.replica(node);
    const place = await chain.store.findTransaction(hash as Hash);
    if (place === undefined) return undefined;
    const height = chain.store.head(place.blockHash)?.summary.height;
    if (height === undefined || !isSame(chain.store.hashAt(height), place.blockHash)) return undefined;
    const confirmations = heightOf(this.replica(node)) - Number(height) + 1;
    return { height: Number(height), index: place.index, confirmations };
  }

  #controlOf(node: SimNode): MinerControl {
    const replica = must(node.replica, "the node is up");
    let control = this.#controls.get(replica);
    if (control === undefined) {
      const machine = this.#nodes.machineOf(node.id);
      control = new MinerControl({ replica, machine, now: () => node.clock.now() });
      this.#controls.set(replica, control);
    }
    return control;
  }

  #describe(): string {
    return this.#nodes.nodes
      .map(({ id, replica }) =>
        replica === undefined
          ? `node ${id} is down`
          : `node ${id} is at height ${heightOf(replica)}, ${this.head(id).slice(0, 18)}…`,
      )
      .join("; ");
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && hex0x(a) === hex0x(b);
}

function showReorg(node: number, { ancestor, abandoned, entered }: BranchChange): ReorgSeen {
  return {
    node,
    ancestorHeight: Number(ancestor.summary.height),
    abandoned: abandoned.map(({ block }) => showHash(block.hash)),
    entered: entered.map(({ block }) => showHash(block.hash)),
  };
}
