/**
 * What a transfer costs all validators of a network, from the text of its JSON-RPC call to the durable block: processor
 * time of all threads of one process in which they run, on queues in place of libp2p. A busy machine changes it less
 * than rates, and since the validators share compiled code, few transfers suffice to warm it up.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { verifyCounts } from "../../crypto/keys.ts";
import { DEVNET, type NetworkPlan, planNetwork, secretsFromSeed } from "../../node/home/network-plan.ts";
import { CostNode } from "./cost-node.ts";
import { QueueNetworks } from "./queue-network.ts";
import { Transfers } from "./transfers.ts";

export interface CostOptions {
  readonly validators: number;
  /** Transfers that are measured. */
  readonly transfers: number;
  /** How many transfers come before those that are measured. */
  readonly warmUp: number;
  /** How many transfers are in one request. */
  readonly batch: number;
  readonly accounts: number;
  /** How many transfers are sent and not final at most. */
  readonly outstanding: number;
  /** Transfers of a block at most, as the genesis bounds them. */
  readonly perBlock: number;
  /** Heights in agreement at once at most, as the genesis says. */
  readonly pipelineDepth: number;
  /** The folder in which the databases are made. */
  readonly in?: string;
}

export interface CostRun {
  readonly transfers: number;
  readonly blocks: number;
  readonly seconds: number;
  /** Microseconds of processor time a transfer, over all validators. */
  readonly userUs: number;
  readonly systemUs: number;
  readonly memory: number;
  /** Checks of signatures a transfer, over all validators: one by one and in batches. */
  readonly checks: { readonly single: number; readonly together: number };
}

/** Calls that wait for one node's answers: it refuses more of a client. */
const CALLS_WAITING_MAX = 400;
const HAS_NODES = "the network has validators";
const BALANCE = 1_000_000_000n;

/** Is told when the transfers that are measured begin and end. */
export interface CostWatch {
  begins(): void;
  ends(): void;
}

export async function measureCost(options: CostOptions, watch?: CostWatch): Promise<CostRun> {
  const folder = await mkdtemp(join(options.in ?? tmpdir(), "quorate-bench-"));
  const nodes: CostNode[] = [];
  try {
    const plan = planOf(options);
    const requests = requestsOf(plan, options);
    return await new Promise((resolve, reject) => {
      const run = async () => {
        const networks = new QueueNetworks();
        for (let self = 0; self < options.validators; self++) {
          nodes.push(await CostNode.open(plan, self, folder, networks.port(self), reject));
        }
        resolve(await new CostLoad(nodes, requests, options, watch).run());
      };
      run().catch(reject);
    });
  } finally {
    for (const node of nodes) await node.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function planOf({ validators, accounts, perBlock, pipelineDepth }: CostOptions): NetworkPlan {
  const options = { ...DEVNET, validators, accounts, balance: BALANCE };
  const plan = planNetwork(options, secretsFromSeed("bench"));
  const limits = { ...plan.genesis.limits, maxBlockTransactions: perBlock };
  const consensus = { ...plan.genesis.consensus, pipelineDepth };
  return { ...plan, genesis: { ...plan.genesis, limits, consensus } };
}

/** The calls of all requests, in turn for each node. */
function requestsOf({ genesis, accounts }: NetworkPlan, options: CostOptions): string[][] {
  const { validators, batch, warmUp, transfers, outstanding } = options;
  const chain = { chainId: genesis.chainId, genesisHash: computeGenesisHash(genesis) };
  const source = new Transfers(
    accounts.map(({ seed }) => seed),
    validators,
    chain,
  );
  // What is outstanding when the measuring begins was taken in before it: so as much comes in while the last blocks are made.
  const count = Math.ceil((warmUp + transfers + outstanding) / batch);
  return Array.from({ length: count }, (_, turn) => {
    return source
      .take(turn % validators, batch)
      .map(
        ({ bytes }, id) =>
          `{"jsonrpc":"2.0","id":${id},"method":"tx_send","params":{"tx":"${hex0x(bytes)}"}}`,
      );
  });
}

interface Mark {
  readonly cpu: NodeJS.CpuUsage;
  readonly atMs: number;
  readonly committed: number;
  readonly blocks: number;
  readonly checks: { readonly native: number; readonly batch: number };
}

/** Keeps so many transfers outstanding, through each node in turn, until all are final. */
class CostLoad {
  readonly #nodes: readonly CostNode[];
  readonly #requests: readonly (readonly string[])[];
  readonly #options: CostOptions;
  readonly #watch: CostWatch | undefined;
  /** How many requests each node has not answered yet. */
  readonly #unanswered: number[];
  #next = 0;
  #committed = 0;
  #blocks = 0;
  #begin: Mark | undefined;

  constructor(
    nodes: readonly CostNode[],
    requests: readonly (readonly string[])[],
    options: CostOptions,
    watch: CostWatch | undefined,
  ) {
    this.#watch = watch;
    this.#nodes = nodes;
    this.#requests = requests;
    this.#options = options;
    this.#unanswered = nodes.map(() => 0);
  }

  run(): Promise<CostRun> {
    return new Promise((resolve, reject) => {
      must(this.#nodes[0], HAS_NODES).replica.events.heads.subscribe(({ sealed }) => {
        this.#committed += sealed.block.transactions.length;
        this.#blocks++;
        if (this.#committed >= this.#options.warmUp) this.#begin ??= this.#markBegin();
        if (this.#committed >= this.#options.warmUp + this.#options.transfers) resolve(this.#figures());
        else this.#pump(reject);
      });
      this.#pump(reject);
    });
  }

  #pump(reject: (error: unknown) => void): void {
    const { batch, outstanding } = this.#options;
    while (this.#next < this.#requests.length) {
      if ((this.#next + 1) * batch - this.#committed > outstanding) return;
      const at = this.#next % this.#nodes.length;
      const unanswered = must(this.#unanswered[at], HAS_NODES);
      if (unanswered > 0 && (unanswered + 1) * batch > CALLS_WAITING_MAX) return;
      this.#unanswered[at] = unanswered + 1;
      this.#send(at, must(this.#requests[this.#next++], "the loop ends with the requests"), reject);
    }
  }

  #markBegin(): Mark {
    this.#watch?.begins();
    return this.#mark();
  }

  #send(at: number, calls: readonly string[], reject: (error: unknown) => void): void {
    const answered = (answer = "") => {
      this.#unanswered[at] = must(this.#unanswered[at], HAS_NODES) - 1;
      const error = answer.indexOf('"error"');
      if (error < 0) this.#pump(reject);
      else reject(new Error(`a transfer of ours is refused: ${answer.slice(error, error + 300)}`));
    };
    const request = calls.length === 1 ? calls.join() : `[${calls.join(",")}]`;
    must(this.#nodes[at], HAS_NODES).answer(request).then(answered).catch(reject);
  }

  #mark(): Mark {
    return {
      cpu: process.cpuUsage(),
      atMs: performance.now(),
      committed: this.#committed,
      blocks: this.#blocks,
      checks: { ...verifyCounts },
    };
  }

  #figures(): CostRun {
    const begin = must(this.#begin, "a run that ends has begun");
    const end = this.#mark();
    this.#watch?.ends();
    const transfers = end.committed - begin.committed;
    return {
      transfers,
      blocks: end.blocks - begin.blocks,
      seconds: (end.atMs - begin.atMs) / 1_000,
      userUs: (end.cpu.user - begin.cpu.user) / transfers,
      systemUs: (end.cpu.system - begin.cpu.system) / transfers,
      memory: process.memoryUsage.rss(),
      checks: {
        single: (end.checks.native - begin.checks.native) / transfers,
        together: (end.checks.batch - begin.checks.batch) / transfers,
      },
    };
  }
}
