/**
 * A whole replica of a mined chain behind the node's own port: real ledger with branches, pool and miner control, no
 * network, no threads. Time stands still unless a test lets it pass; blocks come from `generate`, or from `rival`,
 * a chain of its own whose blocks are imported as a peer's would be.
 */
import type { Address } from "../../src/base/bytes.ts";
import type { LogFields } from "../../src/base/log.ts";
import type { Scheduler } from "../../src/base/scheduler.ts";
import type { Chain } from "../../src/chain/chain.ts";
import type { Genesis, GenesisLimits } from "../../src/chain/genesis/genesis.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import type { PowParameters } from "../../src/chain/genesis/pow-parameters.ts";
import type { Block, SealedBlock } from "../../src/chain/types/block.ts";
import { ReplicaApi } from "../../src/node/api/node-api.ts";
import { MinerControl } from "../../src/node/mining/miner-control.ts";
import type { MinerMachine } from "../../src/node/mining/threaded-miner.ts";
import { Replica } from "../../src/node/replica.ts";
import { WaitSlots, Waits } from "../../src/rpc/answers/waits.ts";
import { type CallContext, runMethod } from "../../src/rpc/jsonrpc/method.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";
import type { Kv } from "../../src/storage/kv.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { genesis as minedGenesis, parameters, solve } from "../chain/pow-fixtures.ts";
import { SETTINGS } from "../consensus/pbft/cluster.ts";
import { Ether, MemoryNetwork } from "../node/memory-network.ts";
import { VirtualTime } from "../p2p/virtual-time.ts";
import { alice, bob } from "./fake-node.ts";

export const DEPTH = 3;

/** A peer id each. */
let opened = 0;

export function genesisOf(changes: Partial<PowParameters> = {}): Genesis<PowParameters> {
  return {
    ...minedGenesis,
    consensus: { ...parameters, ...changes },
    accounts: [
      { address: alice.address, balance: 1_000_000n },
      { address: bob.address, balance: 500n },
    ],
  };
}

/** Solves nothing by itself: a test says what was found. */
export class FakeMachine implements MinerMachine {
  threads = 1;
  readonly hashLimit = undefined;
  job: { readonly block: Block; readonly solved: (block: Block) => void } | undefined;
  hashRate() {
    return 1_000;
  }
  async setThreads(count: number) {
    this.threads = count;
  }
  mine(block: Block, solved: (block: Block) => void) {
    this.job = { block, solved };
  }
  stop() {
    this.job = undefined;
  }
  /** Finds the nonce of what is being mined, as it is or as a test spoils it. */
  find(spoil: (block: Block) => Block = (block) => block): Block {
    const { block, solved } = this.job!;
    const found = solve(spoil(block)).block;
    solved(found);
    return found;
  }
}

export class MinedNode {
  /** How often calls offered everything else a turn. */
  pauses = 0;
  readonly genesis: Genesis<PowParameters>;
  readonly replica: Replica;
  readonly api: ReplicaApi;
  readonly machine: FakeMachine;
  readonly control: MinerControl;
  readonly time: VirtualTime;
  readonly scheduler: Scheduler;
  readonly lines: {
    readonly level: string;
    readonly message: string;
    readonly fields: LogFields | undefined;
  }[];
  readonly waits: Waits;
  /** What the replica called fatal; a test that expects none finds it empty. */
  readonly failures: readonly unknown[];

  private constructor(parts: {
    genesis: Genesis<PowParameters>;
    replica: Replica;
    time: VirtualTime;
    scheduler: Scheduler;
    lines: MinedNode["lines"];
    machine: FakeMachine;
    network: MemoryNetwork;
    failures: unknown[];
  }) {
    this.failures = parts.failures;
    this.genesis = parts.genesis;
    this.replica = parts.replica;
    this.time = parts.time;
    this.scheduler = parts.scheduler;
    this.lines = parts.lines;
    this.machine = parts.machine;
    const now = () => parts.scheduler.now();
    this.control = new MinerControl({ replica: parts.replica, machine: parts.machine, now });
    const info = {
      name: "m0",
      version: "0.1.0",
      mode: "miner",
      peerId: `m${++opened}`,
      startedAtMs: 0,
    } as const;
    const network = Object.assign(parts.network, { addresses: [], blocked: [], block: () => undefined });
    this.api = new ReplicaApi(
      {
        info,
        genesisJson: JSON.parse(formatGenesis(parts.genesis)),
        address: undefined,
        finalityDepth: DEPTH,
      },
      {
        replica: parts.replica,
        network,
        scheduler: parts.scheduler,
        renderMetrics: async () => "",
        log: { log: (level, _, message, fields) => parts.lines.push({ level, message, fields }) },
        mining: this.control,
      },
    );
    this.waits = new Waits({ api: this.api, scheduler: parts.scheduler });
    this.waits.start();
  }

  static async open(
    changes: Partial<PowParameters> = {},
    { limits = {}, kv = new MemoryKv() }: { limits?: Partial<GenesisLimits>; kv?: Kv } = {},
  ): Promise<MinedNode> {
    const opened = genesisOf(changes);
    const genesis = { ...opened, limits: { ...opened.limits, ...limits } };
    const failures: unknown[] = [];
    const time = new VirtualTime();
    // A day after block 0: blocks of any ten hours are in the past.
    const startMs = Number(genesis.timeMs) + 86_400_000 - time.now();
    const scheduler: Scheduler = {
      now: () => startMs + time.now(),
      after: (delayMs, run) => time.after(delayMs, run),
    };
    const machine = new FakeMachine();
    const lines: MinedNode["lines"] = [];
    const network = new MemoryNetwork(0, new Ether(time));
    const replica = await Replica.open(
      {
        genesis,
        signer: undefined,
        settings: { ...SETTINGS, emptyBlocksMs: undefined },
        syncIntervalMs: 0,
        pool: { transactionsMax: 1_000, bytesMax: 1_000_000 },
        mining: { isOn: false, rewardTo: undefined },
      },
      {
        kv,
        journal: undefined,
        network,
        miner: machine,
        scheduler,
        log: { log: (level, _, message, fields) => lines.push({ level, message, fields }) },
        jitter: () => 0,
        fatal: (error) => failures.push(error),
      },
    );
    await replica.start();
    return new MinedNode({ genesis, replica, time, scheduler, lines, machine, network, failures });
  }

  async stop(): Promise<void> {
    this.waits.stop();
    await this.control.close();
    await this.replica.stop();
  }

  get chain(): Chain {
    return this.replica.chain;
  }

  get chainRef() {
    return { chainId: this.genesis.chainId, genesisHash: computeGenesisHash(this.genesis) };
  }

  /** A method of the table, its params and its result checked by the schemas. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many methods
  async call(name: string, params: unknown = {}): Promise<any> {
    const method = METHOD_TABLE.get(name)!;
    const context: CallContext = {
      api: this.api,
      scheduler: this.scheduler,
      waits: this.waits,
      slots: new WaitSlots(),
      isLocal: true,
      subscriptions: undefined,
      pause: async () => {
        this.pauses++;
      },
      methods: METHOD_TABLE,
    };
    const result = await runMethod(method, context, params);
    return method.result.parse(JSON.parse(JSON.stringify(result)));
  }

  generate(blocks: number, to: Address = bob.address): Promise<string[]> {
    const coinbase = `0x${Buffer.from(to).toString("hex")}`;
    return this.call("miner_generate", { blocks, coinbase });
  }

  /** A chain that has only the blocks of this node up to `height`. */
  async rival(height: number): Promise<MinedNode> {
    const other = await MinedNode.open(this.genesis.consensus);
    for (let at = 1; at <= height; at++) await other.take(this.chain.sealedBlockAt(BigInt(at))!);
    return other;
  }

  async take(sealed: SealedBlock): Promise<void> {
    const result = await this.chain.importBlock(sealed);
    if (result.kind !== "imported") throw new Error(JSON.stringify(result, (_, v) => `${v}`));
  }

  /** Takes the blocks of another node from `height` on, up to its head. */
  async follow(other: MinedNode, height: number): Promise<void> {
    for (let at = BigInt(height); ; at++) {
      const sealed = other.chain.sealedBlockAt(at);
      if (sealed === undefined) return;
      await this.take(sealed);
    }
  }
}
