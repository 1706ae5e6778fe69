/**
 * Waiting for a transaction to be in a block: one subscription to the node's events for all callers. It decides when
 * a wait ends (its block, a drop from the pool, time, the caller gone, the server stopping) and refuses to know
 * what the caller does then. Bounds: RPC_WAITS_MAX a connection, RPC_WAITS_TOTAL_MAX in all.
 */
import { must } from "../../base/assert.ts";
import { type Hash, hex } from "../../base/bytes.ts";
import { RPC_WAITS_MAX, RPC_WAITS_TOTAL_MAX } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { BlockEvent, NodeApi, NodeEvents } from "../api.ts";
import { CallError } from "../errors.ts";

export type WaitLevel = "included" | "final";

export type WaitOutcome =
  | { readonly kind: "block"; readonly events: BlockEvent; readonly index: number }
  | { readonly kind: "dropped"; readonly reason: NodeEvents["dropped"]["reason"] }
  | { readonly kind: "timeout" | "closed" };

/** A wait that has begun; `cancel` ends it as "closed". */
export interface Wait {
  readonly outcome: Promise<WaitOutcome>;
  cancel(): void;
}

/** The waits of one connection. */
export class WaitSlots {
  readonly #open = new Set<Wait>();
  #closed = false;

  get size(): number {
    return this.#open.size;
  }

  add(wait: Wait): void {
    if (this.#closed) wait.cancel();
    this.#open.add(wait);
    void wait.outcome.then(() => this.#open.delete(wait));
  }

  /** @throws CallError TOO_MANY_WAITS */
  check(): void {
    if (this.#open.size < RPC_WAITS_MAX) return;
    throw new CallError(
      "TOO_MANY_WAITS",
      `${RPC_WAITS_MAX} calls of this connection already wait for a block; nothing was sent. Use wait "accepted" and tx_get.`,
    );
  }

  /** The connection is gone: nobody will read the answers. */
  close(): void {
    this.#closed = true;
    for (const wait of this.#open) wait.cancel();
  }
}

type Resolve = (outcome: WaitOutcome) => void;

export class Waits {
  readonly #api: NodeApi;
  readonly #scheduler: Scheduler;
  /** Who waits for a transaction, by its txid in hex. */
  readonly #waiting = { included: new Map<string, Set<Resolve>>(), final: new Map<string, Set<Resolve>>() };
  readonly #unsubscribe: (() => void)[] = [];
  #count = 0;

  constructor(options: { readonly api: NodeApi; readonly scheduler: Scheduler }) {
    this.#api = options.api;
    this.#scheduler = options.scheduler;
  }

  start(): void {
    this.#unsubscribe.push(
      this.#api.subscribe("head", (events) => this.#blockArrived("included", events)),
      this.#api.subscribe("finalized", (events) => this.#blockArrived("final", events)),
      this.#api.subscribe("dropped", (events) => this.#dropped(events)),
    );
  }

  /** Ends every wait as "closed". */
  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const waiting of Object.values(this.#waiting)) {
      for (const resolves of [...waiting.values()])
        for (const resolve of [...resolves]) resolve({ kind: "closed" });
    }
  }

  /** @throws CallError TOO_MANY_WAITS when all places are taken: to be asked before the transaction is sent. */
  check(): void {
    if (this.#count < RPC_WAITS_TOTAL_MAX) return;
    throw new CallError(
      "TOO_MANY_WAITS",
      `${RPC_WAITS_TOTAL_MAX} calls wait for a block on this node; nothing was sent. Use wait "accepted" and tx_get.`,
    );
  }

  /** Begins a wait; the outcome never rejects. */
  begin(id: Hash, level: WaitLevel, timeoutMs: number): Wait {
    const key = hex(id);
    const waiting = this.#waiting[level];
    let end: Resolve = () => undefined;
    const outcome = new Promise<WaitOutcome>((resolve) => {
      end = (outcome) => {
        if (!waiting.get(key)?.delete(end)) return;
        if (waiting.get(key)?.size === 0) waiting.delete(key);
        this.#count--;
        cancelTimer();
        resolve(outcome);
      };
    });
    const cancelTimer = this.#scheduler.after(timeoutMs, () => end({ kind: "timeout" }));
    waiting.set(key, (waiting.get(key) ?? new Set()).add(end));
    this.#count++;
    return { outcome, cancel: () => end({ kind: "closed" }) };
  }

  #blockArrived(level: WaitLevel, events: BlockEvent): void {
    const waiting = this.#waiting[level];
    const { transactions } = events.sealed.block;
    for (let index = 0; index < transactions.length && waiting.size > 0; index++) {
      const resolves = waiting.get(
        hex(must(transactions[index], "a block has a receipt for each of its transactions").id),
      );
      for (const resolve of [...(resolves ?? [])]) resolve({ kind: "block", events, index });
    }
  }

  #dropped({ id, reason }: NodeEvents["dropped"]): void {
    for (const waiting of Object.values(this.#waiting)) {
      for (const resolve of [...(waiting.get(hex(id)) ?? [])]) resolve({ kind: "dropped", reason });
    }
  }
}
