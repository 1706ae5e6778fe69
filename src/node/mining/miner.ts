/**
 * Mining: hands a block to worker threads and returns it solved. One block at a time; a new one replaces it, which the
 * threads notice within a batch by looking into shared memory. It decides neither what is in a block nor when a
 * template is too old, and checks what a thread claims. Threads start with the first block and end with `close`.
 *
 * This folder: finding nonces: threads and the kernel, templates, work for miners outside, the operator's orders. Not
 * here: whether and on what to mine (consensus/pow).
 */
import { Worker } from "node:worker_threads";
import { assert, must } from "../../base/assert.ts";
import { MINER_RESTARTS_MAX, MINING_THREADS_MAX } from "../../base/limits.ts";
import { type Block, bodyRootOf, type Header, hashHeader } from "../../chain/types/block.ts";
import { meetsTarget } from "../../chain/types/target.ts";
import { HashMeter } from "./miner-meter.ts";
import type { MiningJob, Solution } from "./miner-search.ts";
import type { MinerWorkerTask } from "./miner-worker.ts";

/** The driver's port to mining. The simulator has one without threads. */
export interface MiningThreads {
  /** Works on this block until it is solved, replaced or stopped. Nonce, time and `extra` are the miner's to change. */
  mine(block: Block): void;
  stop(): void;
}

export interface MinerOptions {
  /** How many threads mine, from 1 to MINING_THREADS_MAX. */
  readonly threads: number;
  /** Hashes per second over all threads, above 0. With undefined it is as many as they can. */
  readonly hashLimit?: number | undefined;
}

export interface MinerEvents {
  /** The block of the last `mine` with a hash that meets its target. Nothing is mined until the next `mine`. */
  readonly onSolved: (block: Block) => void;
  /** A thread died. It was started anew unless it had died MINER_RESTARTS_MAX times. */
  readonly onError: (error: Error) => void;
  /** Starts a thread. Left out, it runs miner-worker.ts. */
  readonly startWorker?: (task: MinerWorkerTask) => Worker;
}

const READ_EVERY_MS = 1_000;

interface Thread {
  worker: Worker | undefined;
  restarts: number;
}

export class WorkerMiner implements MiningThreads {
  readonly #options: MinerOptions;
  readonly #events: MinerEvents;
  /** The number of the present job, which all threads watch. */
  readonly #current = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #hashes: BigInt64Array<SharedArrayBuffer>;
  readonly #meter = new HashMeter();
  #threads: readonly Thread[] = [];
  #block: Block | undefined;
  #number = 0;
  #reading: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: MinerOptions, events: MinerEvents) {
    const { threads, hashLimit } = options;
    assert(Number.isInteger(threads) && threads >= 1 && threads <= MINING_THREADS_MAX, "threads of a miner");
    assert(hashLimit === undefined || hashLimit > 0, "a limit of the hash rate is above 0");
    this.#options = options;
    this.#events = events;
    this.#hashes = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT * threads));
  }

  get threads(): number {
    return this.#options.threads;
  }

  /** Whether it works on a block now. */
  get mining(): boolean {
    return this.#block !== undefined;
  }

  /** Hashes of all threads since the beginning. */
  get hashesTotal(): number {
    return this.#hashes.reduce((sum, _, i) => sum + Number(Atomics.load(this.#hashes, i)), 0);
  }

  /** Hashes per second of all threads over the last ten seconds; 0 a few seconds after it was stopped for good. */
  hashRate(): number {
    return this.#meter.rate(this.hashesTotal, performance.now());
  }

  mine(block: Block): void {
    assert(!this.#closed, "a closed miner mines nothing");
    this.#startThreads();
    this.#block = block;
    this.#setJob();
    for (const { worker } of this.#threads) worker?.postMessage(this.#job(block));
    this.#readMeter();
    this.#reading ??= setInterval(() => this.#readMeter(), READ_EVERY_MS).unref();
  }

  stop(): void {
    this.#block = undefined;
    this.#setJob();
    clearInterval(this.#reading);
    this.#reading = undefined;
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    this.stop();
    await Promise.all(this.#threads.map(({ worker }) => worker?.terminate()));
  }

  /** Makes threads leave every earlier job within a batch. Those that sleep wake up. */
  #setJob(): void {
    this.#number = (this.#number + 1) >>> 0;
    Atomics.store(this.#current, 0, this.#number | 0);
    Atomics.notify(this.#current, 0);
  }

  #job({ header, summary }: Block): MiningJob {
    return { number: this.#number, header, summary };
  }

  #readMeter(): void {
    this.#meter.read(this.hashesTotal, performance.now());
  }

  #startThreads(): void {
    if (this.#threads.length > 0) return;
    this.#threads = Array.from({ length: this.threads }, () => ({ worker: undefined, restarts: 0 }));
    for (const index of this.#threads.keys()) this.#start(index);
  }

  #start(index: number): void {
    const { threads, hashLimit } = this.#options;
    const worker = (this.#events.startWorker ?? startWorker)({
      thread: index,
      hashLimit: hashLimit === undefined ? undefined : hashLimit / threads,
      current: this.#current.buffer,
      hashes: this.#hashes.buffer,
    });
    let cause: Error | undefined;
    worker.on("message", (solution: Solution) => this.#solved(solution));
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (code) => this.#died(index, new Error(`ended with code ${code}`, { cause })));
    must(this.#threads[index], "a thread keeps its number").worker = worker;
  }

  #died(index: number, { message, cause }: Error): void {
    if (this.#closed) return;
    const thread = must(this.#threads[index], "a thread keeps its number");
    thread.worker = undefined;
    const again = thread.restarts < MINER_RESTARTS_MAX;
    const why = cause instanceof Error ? cause.message : message;
    const then = again ? "it is started anew" : `and did ${thread.restarts} times before: it stays away`;
    if (again) {
      thread.restarts += 1;
      this.#start(index);
      if (this.#block !== undefined)
        must(this.#threads[index]?.worker, "the thread was started anew").postMessage(this.#job(this.#block));
    }
    this.#events.onError(new Error(`mining thread ${index} died (${why}), ${then}`, { cause }));
  }

  #solved({ job, extra, time, nonce }: Solution): void {
    // Another thread was faster, or the block was replaced while the message travelled.
    if (this.#block === undefined || job !== this.#number) return;
    const block = completeBlock(this.#block, extra, { time, nonce });
    assert(meetsTarget(block.hash, block.header.bits), "a mining thread found a hash that meets the target");
    this.#block = undefined;
    this.#setJob();
    this.#events.onSolved(block);
  }
}

/** The template with what a miner changes in it; hash and body root are computed anew. */
export function completeBlock(
  template: Block,
  extra: Uint8Array,
  fields: Pick<Header, "time" | "nonce">,
): Block {
  const summary = { ...template.summary, extra };
  const header = { ...template.header, ...fields, bodyRoot: bodyRootOf(summary) };
  return { ...template, hash: hashHeader(header), header, summary };
}

/** Threads run what was built, from source too, where the kernel lies: Node 20 itself reads no TypeScript. */
const WORKER_FILE = new URL("../../../dist/node/mining/miner-worker.js", import.meta.url);

function startWorker(task: MinerWorkerTask): Worker {
  return new Worker(WORKER_FILE, { workerData: task });
}
