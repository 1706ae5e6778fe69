/**
 * The verifier over one worker thread, which starts with the first signature to judge and stays. Batches wait in line,
 * a bounded number of them. If the thread dies it is not started anew: what waits and what comes is left to whoever
 * asks, as on a node without threads. Port: node/ports.ts, "SignatureVerifier".
 */
import { Worker } from "node:worker_threads";
import { VERIFIER_BATCHES_QUEUED_MAX } from "../../base/limits.ts";
import type { BatchVerdicts, SignatureClaim } from "../../crypto/keys.ts";
import type { SignatureVerifier } from "../ports.ts";
import { packClaims } from "./packed-claims.ts";
import type { VerifierAnswer, VerifierTask } from "./verifier-worker.ts";

type Judged = BatchVerdicts | undefined;

export interface ThreadedVerifierEvents {
  /** The thread died. This is called once. */
  readonly onError: (error: Error) => void;
  /** Starts the thread. Left out, it runs verifier-worker.ts. */
  readonly startWorker?: () => Worker;
}

export class ThreadedVerifier implements SignatureVerifier {
  readonly #events: ThreadedVerifierEvents;
  readonly #waiting = new Map<number, (judged: Judged) => void>();
  #worker: Worker | undefined;
  #number = 0;
  #judged = 0;
  #batchMin = Number.POSITIVE_INFINITY;
  /** Closed, or its thread died. */
  #isOver = false;

  constructor(events: ThreadedVerifierEvents) {
    this.#events = events;
  }

  /** Signatures judged since the beginning. */
  get judged(): number {
    return this.#judged;
  }

  get batchMin(): number {
    return this.#isOver ? Number.POSITIVE_INFINITY : this.#batchMin;
  }

  /** Batches of so many and more are worth it. */
  judgeAheadFrom(batchMin: number): void {
    this.#batchMin = batchMin;
  }

  judge(claims: readonly SignatureClaim[]): Promise<Judged> {
    if (this.#isOver || this.#waiting.size >= VERIFIER_BATCHES_QUEUED_MAX) return Promise.resolve(undefined);
    this.#worker ??= this.#start();
    const number = this.#number++;
    const packed = packClaims(claims);
    this.#worker.postMessage({ number, packed } satisfies VerifierTask, [packed]);
    return new Promise((resolve) => this.#waiting.set(number, resolve));
  }

  /** Ends the thread; what waits is left to whoever asked. */
  async close(): Promise<void> {
    this.#end();
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = (this.#events.startWorker ?? startWorker)();
    let cause: unknown;
    worker.on("message", (answer: VerifierAnswer) => this.#answered(answer));
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (code) => this.#died(code, cause));
    return worker;
  }

  #answered({ number, verdicts, workUs }: VerifierAnswer): void {
    const resolve = this.#waiting.get(number);
    if (resolve === undefined) return; // closed meanwhile
    this.#waiting.delete(number);
    this.#judged += verdicts.length;
    resolve({ verdicts, workUs });
  }

  #died(code: number, cause: unknown): void {
    if (this.#isOver) return;
    this.#end();
    const why = cause instanceof Error ? cause.message : `ended with code ${code}`;
    const then = "the main thread judges all signatures from now on; restart the node";
    this.#events.onError(new Error(`the thread that verifies signatures died (${why}): ${then}`, { cause }));
  }

  #end(): void {
    this.#isOver = true;
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}

/** What was built, from source too: Node 20 itself reads no TypeScript. */
const WORKER_FILE = new URL("../../../dist/node/ingress/verifier-worker.js", import.meta.url);

function startWorker(): Worker {
  return new Worker(WORKER_FILE);
}
