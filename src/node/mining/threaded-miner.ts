/**
 * The miner of a replica over worker threads, whose number can be changed while it works. It hands on what is solved
 * and counts hashes; what is worth mining, and for whom, is decided above. Port: node/ports.ts, "Miner".
 */
import type { Block } from "../../chain/types/block.ts";
import type { Miner } from "../ports.ts";
import { type MinerEvents, type MinerOptions, WorkerMiner } from "./miner.ts";

/** What the operator's orders need of a miner. */
export interface MinerMachine extends Miner {
  readonly threads: number;
  readonly hashLimit: number | undefined;
  /** The hashes per second that it tries now. */
  hashRate(): number;
  /** Takes effect at once; what is being mined goes on. */
  setThreads(count: number): Promise<void>;
}

interface Job {
  readonly block: Block;
  readonly solved: (block: Block) => void;
}

export class ThreadedMiner implements MinerMachine {
  readonly #events: Omit<MinerEvents, "onSolved">;
  #options: MinerOptions;
  #miner: WorkerMiner | undefined;
  #job: Job | undefined;
  /** The hashes of earlier sets of threads. */
  #hashesBefore = 0;
  #isClosed = false;

  /** Starts no thread: that is for the first block. */
  constructor(options: MinerOptions, events: Omit<MinerEvents, "onSolved">) {
    this.#options = options;
    this.#events = events;
  }

  get threads(): number {
    return this.#options.threads;
  }

  get hashLimit(): number | undefined {
    return this.#options.hashLimit;
  }

  hashRate(): number {
    return this.#miner?.hashRate() ?? 0;
  }

  /** Hashes of all threads since the beginning. */
  get hashesTotal(): number {
    return this.#hashesBefore + (this.#miner?.hashesTotal ?? 0);
  }

  mine(block: Block, solved: (block: Block) => void): void {
    if (this.#isClosed) return;
    this.#job = { block, solved };
    this.#miner ??= this.#create();
    this.#miner.mine(block);
  }

  stop(): void {
    this.#job = undefined;
    this.#miner?.stop();
  }

  async setThreads(count: number): Promise<void> {
    if (count === this.threads) return;
    const old = this.#miner;
    this.#options = { ...this.#options, threads: count };
    this.#hashesBefore = this.hashesTotal;
    this.#miner = undefined;
    const job = this.#job;
    if (job !== undefined) this.mine(job.block, job.solved);
    await old?.close();
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.stop();
    await this.#miner?.close();
  }

  #create(): WorkerMiner {
    const miner: WorkerMiner = new WorkerMiner(this.#options, {
      ...this.#events,
      onSolved: (block) => {
        // What an earlier set of threads found was asked of its successor again.
        if (miner !== this.#miner) return;
        const job = this.#job;
        this.#job = undefined;
        job?.solved(block);
      },
    });
    return miner;
  }
}
