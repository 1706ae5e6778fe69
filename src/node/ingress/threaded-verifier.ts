/**
 * The slow verifier over one worker thread, which starts with the first signature to judge and stays. Batches wait in line,
 * a bounded number of them. If the thread dies it is not started anew: what waits and what comes is left to whoever
 * asks, as on a node without threads. Port: node/ports.ts, "SlowSignatureVerifier".
 */
import { Worker } from "node:worker_threads";
import { SLOW_BATCHES_QUEUED_MAX } from "../../base/limits.ts";
import type { SignatureClaim } from "../../crypto/keys.ts";
import type { SlowSignatureVerifier } from "../ports.ts";
import type { SlowSignatureAnswer, SlowSignatureTask } from "./slow-signature-worker.ts";

type Verdicts = readonly boolean[] | undefined;

export interface SlowVerifierEvents {
  /** The thread died. This is called once. */
  readonly onError: (error: Error) => void;
  /** Starts the thread. Left out, it runs slow-signature-worker.ts. */
  readonly startWorker?: () => Worker;
}

export class ThreadedVerifier implements SlowSignatureVerifier {
  readonly #events: SlowVerifierEvents;
  readonly #waiting = new Map<number, (verdicts: Verdicts) => void>();
  #worker: Worker | undefined;
  #number = 0;
  #judged = 0;
  /** Closed, or its thread died. */
  #isOver = false;

  constructor(events: SlowVerifierEvents) {
    this.#events = events;
  }

  /** Signatures judged since the beginning. */
  get judged(): number {
    return this.#judged;
  }

  judge(claims: readonly SignatureClaim[]): Promise<Verdicts> {
    if (this.#isOver || this.#waiting.size >= SLOW_BATCHES_QUEUED_MAX) return Promise.resolve(undefined);
    this.#worker ??= this.#start();
    const number = this.#number++;
    this.#worker.postMessage({ number, claims: claims.map(copy) } satisfies SlowSignatureTask);
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
    worker.on("message", (answer: SlowSignatureAnswer) => this.#answered(answer));
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (code) => this.#died(code, cause));
    return worker;
  }

  #answered({ number, verdicts }: SlowSignatureAnswer): void {
    const resolve = this.#waiting.get(number);
    if (resolve === undefined) return; // closed meanwhile
    this.#waiting.delete(number);
    this.#judged += verdicts.length;
    resolve(verdicts);
  }

  #died(code: number, cause: unknown): void {
    if (this.#isOver) return;
    this.#end();
    const why = cause instanceof Error ? cause.message : `ended with code ${code}`;
    const then = "slow signatures are judged by the main thread from now on; restart the node";
    this.#events.onError(
      new Error(`the thread that verifies slow signatures died (${why}): ${then}`, { cause }),
    );
  }

  #end(): void {
    this.#isOver = true;
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}

/** Views take the memory that they look into with them to another thread: here that may be a body. */
function copy({ publicKey, message, signature }: SignatureClaim): SignatureClaim {
  return {
    publicKey: new Uint8Array(publicKey),
    message: new Uint8Array(message),
    signature: new Uint8Array(signature),
  };
}

/** What was built, from source too: Node 20 itself reads no TypeScript. */
const WORKER_FILE = new URL("../../../dist/node/ingress/slow-signature-worker.js", import.meta.url);

function startWorker(): Worker {
  return new Worker(WORKER_FILE);
}
