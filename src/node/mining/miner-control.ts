/**
 * The operator's hand on mining: start, stop, who is paid, work for miners outside, blocks on demand. It turns
 * orders into what the replica and its threads do, and counts what came of it; the engine decides what is mined.
 * Port: rpc/mining-api.ts, "MiningApi". Faults carry the codes of docs/rpc.md.
 */
import { must } from "../../base/assert.ts";
import { type Address, EMPTY, equalBytes, type Hash } from "../../base/bytes.ts";
import { type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { MINED_KEPT_MAX, MINING_THREADS_MAX } from "../../base/limits.ts";
import type { ImportResult } from "../../chain/chain.ts";
import type { Block } from "../../chain/types/block.ts";
import type { Generated, MiningApi, MiningStatus, WorkVerdict, WorkView } from "../../rpc/mining-api.ts";
import type { Replica } from "../replica.ts";
import { generateBlocks } from "./miner-generate.ts";
import { MinerWorks } from "./miner-work.ts";
import type { MinerMachine } from "./threaded-miner.ts";

export interface MinerControlPorts {
  readonly replica: Pick<Replica, "chain" | "pool" | "mining" | "orderMining" | "events">;
  readonly machine: MinerMachine;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

const NO_COINBASE = "say which account is paid: coinbase, or miner_setCoinbase first";

export class MinerControl implements MiningApi {
  readonly #ports: MinerControlPorts;
  readonly #works: MinerWorks;
  readonly #mined: { readonly hash: Hash; readonly height: bigint }[] = [];
  readonly #unsubscribe: () => void;
  #blocksMined = 0;
  #blocksRefused = 0;
  #lastRefused: MiningStatus["lastRefused"];
  /** How many stale blocks there were among those that are not in `#mined` any more. */
  #staleBefore = 0;
  #generating: Promise<unknown> | undefined;
  #isOver = false;

  constructor(ports: MinerControlPorts) {
    const { replica } = ports;
    this.#ports = ports;
    this.#works = new MinerWorks(this.#buildPorts());
    this.#unsubscribe = replica.events.ownBlocks.subscribe(({ block, refused }) =>
      this.#count(block, refused),
    );
  }

  status(): MiningStatus {
    const { replica, machine } = this.#ports;
    const { isOn, rewardTo } = replica.mining;
    return {
      mining: isOn,
      threads: machine.threads,
      hashrate: isOn ? machine.hashRate() : 0,
      hashLimit: machine.hashLimit,
      coinbase: rewardTo,
      blocksMined: this.#blocksMined,
      blocksRefused: this.#blocksRefused,
      lastRefused: this.#lastRefused,
      stale: this.#staleBefore + this.#mined.filter((block) => this.#isStale(block)).length,
    };
  }

  async start({
    threads,
    coinbase,
  }: {
    readonly threads?: number | undefined;
    readonly coinbase?: Address | undefined;
  }): Promise<Fault | undefined> {
    const { replica, machine } = this.#ports;
    if (threads !== undefined && (threads < 1 || threads > MINING_THREADS_MAX)) {
      return fault("MINER_THREADS", `${threads} threads, a miner has 1 to ${MINING_THREADS_MAX}`);
    }
    const refused = replica.orderMining({ isOn: true, rewardTo: coinbase ?? replica.mining.rewardTo });
    if (refused === undefined && threads !== undefined) await machine.setThreads(threads);
    return refused;
  }

  stop(): void {
    const { replica } = this.#ports;
    replica.orderMining({ ...replica.mining, isOn: false });
  }

  setCoinbase(rewardTo: Address): Fault | undefined {
    const { replica } = this.#ports;
    return replica.orderMining({ ...replica.mining, rewardTo });
  }

  async getWork(coinbase: Address | undefined): Promise<Verdict<WorkView>> {
    const rewardTo = coinbase ?? this.#ports.replica.mining.rewardTo;
    return rewardTo === undefined ? refuse("NO_COINBASE", NO_COINBASE) : this.#works.give(rewardTo);
  }

  submitWork({ workId, nonce, time }: Parameters<MiningApi["submitWork"]>[0]): Promise<WorkVerdict> {
    return this.#works.take(workId, nonce, time);
  }

  async generate(blocks: number, coinbase: Address | undefined): Promise<Generated> {
    const rewardTo = coinbase ?? this.#ports.replica.mining.rewardTo;
    if (rewardTo === undefined) return { hashes: [], fault: fault("NO_COINBASE", NO_COINBASE) };
    if (this.#generating !== undefined) {
      return { hashes: [], fault: fault("MINER_BUSY", "another miner_generate is at work; wait for it") };
    }
    const ports = { ...this.#buildPorts(), isOver: () => this.#isOver };
    const generating = generateBlocks(ports, blocks, rewardTo);
    this.#generating = generating;
    try {
      return await generating;
    } finally {
      this.#generating = undefined;
    }
  }

  /** Ends what is being generated, before the replica stops. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#unsubscribe();
    await this.#generating?.catch(() => undefined); // whoever asked for it hears of it
  }

  #buildPorts() {
    const { replica, now } = this.#ports;
    const isWithoutPool = () =>
      this.#lastRefused !== undefined && this.#lastRefused.height === replica.chain.head.summary.height + 1n;
    return { replica, now, isWithoutPool, importBlock: (block: Block) => this.#import(block) };
  }

  async #import(block: Block): Promise<ImportResult> {
    const result = await this.#ports.replica.chain.importBlock({ block, seal: EMPTY });
    if (result.kind === "imported") this.#count(block, undefined);
    if (result.kind === "invalid") this.#count(block, result.fault);
    return result;
  }

  #count({ hash, summary }: Block, refused: Fault | undefined): void {
    if (refused !== undefined) {
      this.#blocksRefused++;
      const { code, detail } = refused;
      this.#lastRefused = { hash, height: summary.height, code, detail };
      return;
    }
    this.#blocksMined++;
    this.#mined.push({ hash, height: summary.height });
    if (this.#mined.length <= MINED_KEPT_MAX) return;
    if (this.#isStale(must(this.#mined.shift(), "a list above its bound has a first block")))
      this.#staleBefore++;
  }

  /** Another block has its place. */
  #isStale({ hash, height }: { readonly hash: Hash; readonly height: bigint }): boolean {
    const at = this.#ports.replica.chain.store.hashAt(height);
    return at !== undefined && !equalBytes(at, hash);
  }
}
