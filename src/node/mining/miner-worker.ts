/**
 * A mining thread: hashes one job after the other until somebody writes another job's number into shared memory,
 * and tells the nonce that it found. Between two batches it looks at that number and, under a limit, sleeps on it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { Pace } from "./miner-pace.ts";
import { type MiningJob, NonceSearch } from "./miner-search.ts";
import { MiningKernel } from "./mining-kernel.ts";

export interface MinerWorkerTask {
  readonly thread: number;
  /** Hashes per second of this thread. With undefined it is as many as it can. */
  readonly hashLimit: number | undefined;
  /** Int32Array, one element: the number of the job to work on, as int32. */
  readonly current: SharedArrayBuffer;
  /** BigInt64Array, an element a thread: hashes since it started. */
  readonly hashes: SharedArrayBuffer;
}

const { thread, hashLimit, ...shared } = workerData as MinerWorkerTask;
const current = new Int32Array(shared.current);
const hashes = new BigInt64Array(shared.hashes);
const kernel = new MiningKernel();
// One for all jobs: a limit holds across them.
const pace = new Pace(hashLimit);

parentPort?.on("message", work);

function work(job: MiningJob): void {
  const number = job.number | 0;
  if (Atomics.load(current, 0) !== number) return;
  const search = new NonceSearch(kernel, job, { thread, now: Date.now });
  while (Atomics.load(current, 0) === number) {
    const restMs = pace.restMs(performance.now());
    // Woken early by a change of the job, or late.
    if (restMs > 0 && Atomics.wait(current, 0, number, restMs) !== "timed-out") return;
    const startMs = performance.now();
    const { tried, solution } = search.scan(pace.batch);
    pace.done(tried, startMs, performance.now());
    Atomics.add(hashes, thread, BigInt(tried));
    if (solution === undefined) continue;
    parentPort?.postMessage(solution);
    return;
  }
}
