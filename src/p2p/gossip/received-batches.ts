/**
 * Batches of transactions that came in one turn of the loop, from whatever peers, are judged together: signatures cost less
 * the more of them there are, and what is told of a change of the pool is told once. After many were judged the next ones
 * wait a little for others, so under load still more come together (docs/adr/0044-11). Each peer pays for what of its own
 * came to nothing. A peer of whose last batch something was refused is judged by itself, so that nobody makes the batches
 * of others dear by invalid signatures among them.
 */
import { must } from "../../base/assert.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import type { Relay } from "../../base/fault.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { P2pHandlers, ReceivedTransactions } from "../network-ports.ts";
import type { GossipBudgets } from "./gossip-budget.ts";

/** Transactions that are gathered at most. The kernel takes more at once, and would keep votes waiting longer. */
export const JUDGED_TOGETHER_MAX = 400;
/** How long the next ones wait after some were judged, ms for each of these; what is less than one is none. */
const WAIT_MS_PER_TRANSACTION = 0.25;
/** How long at most, ms. */
const WAIT_MS_MAX = 16;
/** Peers that are remembered to be judged by themselves. */
const APART_MAX = 1_024;

export interface ReceivedBatchesPorts {
  readonly budgets: GossipBudgets;
  readonly scheduler: Scheduler;
  /** What each transaction is worth, by batch and in its order. */
  judge(batches: readonly ReceivedTransactions[]): readonly (readonly Relay[])[];
  /** What another thread does for it before. Undefined where there is nothing to wait for. */
  readonly ahead?: P2pHandlers["transactionsAhead"] | undefined;
}

interface Waiting extends ReceivedTransactions {
  resolve(relays: readonly Relay[]): void;
  reject(error: unknown): void;
}

export class ReceivedBatches {
  readonly #ports: ReceivedBatchesPorts;
  #waiting: Waiting[] = [];
  /** Transactions in them, and in the batches that another thread works on. */
  #count = 0;
  #aheadCount = 0;
  readonly #apart = new Set<string>();
  #cancel: (() => void) | undefined;
  /** What is scheduled waits for others. */
  #isWaitingForOthers = false;
  /** Until then others are waited for, unless enough have come. */
  #dueMs = 0;
  /** Another thread works on batches: what comes meanwhile is judged together after them. */
  #isAhead = false;
  #isStopped = false;

  constructor(ports: ReceivedBatchesPorts) {
    this.#ports = ports;
  }

  /** Transactions that came and are not judged yet. */
  get count(): number {
    return this.#count + this.#aheadCount;
  }

  /** What each of a batch is worth; rejects when the judge fails. Keeps the envelopes without copying. */
  receive(batch: ReceivedTransactions): Promise<readonly Relay[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...batch, resolve, reject });
      this.#count += batch.envelopes.length;
      if (this.#count >= JUDGED_TOGETHER_MAX && this.#isWaitingForOthers) this.#unschedule();
      this.#schedule();
    });
  }

  /** What still waits is passed on by nobody. */
  stop(): void {
    this.#isStopped = true;
    this.#unschedule();
    this.#count = 0;
    ignore(this.#waiting.splice(0));
  }

  #unschedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** When the turn's other messages have come; under load, a little later. */
  #schedule(): void {
    if (this.#cancel !== undefined || this.#isAhead || this.#waiting.length === 0) return;
    // Not longer where the clock was set back.
    const waitMs = Math.min(this.#dueMs - this.#ports.scheduler.now(), WAIT_MS_MAX);
    const begin = () => {
      this.#cancel = undefined;
      this.#begin(this.#takeTogether());
      this.#schedule();
    };
    this.#isWaitingForOthers = waitMs > 0 && this.#count < JUDGED_TOGETHER_MAX;
    if (this.#isWaitingForOthers) {
      this.#cancel = this.#ports.scheduler.after(waitMs, begin);
      return;
    }
    const immediate = setImmediate(begin);
    this.#cancel = () => clearImmediate(immediate);
  }

  #begin(batches: readonly Waiting[]): void {
    const ahead = this.#ports.ahead?.(batches);
    if (ahead === undefined) {
      this.#judge(batches, 0);
      return;
    }
    this.#isAhead = true;
    this.#aheadCount = countOf(batches);
    void ahead.then(({ computedMs }) => {
      this.#isAhead = false;
      this.#aheadCount = 0;
      if (this.#isStopped) return ignore(batches);
      this.#judge(batches, computedMs);
      this.#schedule();
    });
  }

  /** The longest waiting one, and what can be judged with it. */
  #takeTogether(): Waiting[] {
    const first = must(this.#waiting.shift(), "it is scheduled while one waits");
    const taken = [first];
    let count = first.envelopes.length;
    const isApart = this.#apart.has(first.peerId);
    if (!isApart) {
      this.#waiting = this.#waiting.filter((batch) => {
        const fits = count + batch.envelopes.length <= JUDGED_TOGETHER_MAX;
        if (!fits || this.#apart.has(batch.peerId)) return true;
        count += batch.envelopes.length;
        taken.push(batch);
        return false;
      });
    }
    this.#count -= count;
    // What is left over has waited already, and nobody waits for the sake of a peer that is judged by itself.
    const waits = !isApart && this.#waiting.length === 0;
    const waitMs = waits ? Math.min(WAIT_MS_MAX, Math.floor(WAIT_MS_PER_TRANSACTION * count)) : 0;
    this.#dueMs = this.#ports.scheduler.now() + waitMs;
    return taken;
  }

  /** @param elsewhereMs what another thread has computed for them */
  #judge(batches: readonly Waiting[], elsewhereMs: number): void {
    const startMs = performance.now();
    let relays: readonly (readonly Relay[])[];
    try {
      relays = this.#ports.judge(batches);
    } catch (error) {
      for (const { reject } of batches) reject(error);
      return;
    }
    const count = countOf(batches);
    // What was computed for all together is charged as a share of each.
    const shareMs = (elsewhereMs + performance.now() - startMs) / count;
    for (const [i, { peerId, resolve }] of batches.entries()) {
      const own = must(relays[i], "each batch is judged");
      this.#charge(peerId, own, shareMs);
      resolve(own);
    }
  }

  #charge(peerId: string, relays: readonly Relay[], shareMs: number): void {
    const { budgets, scheduler } = this.#ports;
    const nowMs = scheduler.now();
    let [accepted, known, refused] = [0, 0, 0];
    for (const relay of relays) {
      if (relay === "accept") accepted++;
      else if (relay === "known") known++;
      else refused++;
    }
    budgets.passedOn(accepted);
    if (known > 0) budgets.known(peerId, known, known * shareMs, nowMs);
    for (let i = 0; i < refused; i++) budgets.refused(peerId, shareMs, nowMs);
    this.#apart.delete(peerId);
    if (refused === 0) return;
    if (this.#apart.size >= APART_MAX) dropOldest(this.#apart);
    this.#apart.add(peerId);
  }
}

function countOf(batches: readonly Waiting[]): number {
  return batches.reduce((sum, { envelopes }) => sum + envelopes.length, 0);
}

function ignore(batches: readonly Waiting[]): void {
  for (const { envelopes, resolve } of batches) resolve(envelopes.map(() => "ignore"));
}
