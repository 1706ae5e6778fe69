/**
 * Batches of transactions that came in one turn of the loop, from whatever peers, are judged together: signatures cost less
 * the more of them there are, and what is told of a change of the pool is told once. Each peer pays for what of its own
 * came to nothing. A peer of whose last batch something was refused is judged by itself, so that nobody makes the batches
 * of others dear by invalid signatures among them.
 */
import { must } from "../../base/assert.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import type { Relay } from "../../base/fault.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { P2pHandlers, ReceivedTransactions } from "../network-ports.ts";
import type { GossipBudgets } from "./gossip-budget.ts";

/** Transactions that are gathered at most. The kernel takes twice as many at once, and would keep votes waiting twice as long. */
export const JUDGED_TOGETHER_MAX = 256;
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
  readonly #apart = new Set<string>();
  #cancel: (() => void) | undefined;
  /** Another thread works on batches: what comes meanwhile is judged together after them. */
  #isAhead = false;
  #isStopped = false;

  constructor(ports: ReceivedBatchesPorts) {
    this.#ports = ports;
  }

  /** What each of a batch is worth; rejects when the judge fails. Keeps the envelopes without copying. */
  receive(batch: ReceivedTransactions): Promise<readonly Relay[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...batch, resolve, reject });
      this.#schedule();
    });
  }

  /** What still waits is passed on by nobody. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    ignore(this.#waiting.splice(0));
  }

  /** When the turn's other messages have come. */
  #schedule(): void {
    if (this.#cancel !== undefined || this.#isAhead || this.#waiting.length === 0) return;
    const immediate = setImmediate(() => {
      this.#cancel = undefined;
      this.#begin(this.#takeTogether());
      this.#schedule();
    });
    this.#cancel = () => clearImmediate(immediate);
  }

  #begin(batches: readonly Waiting[]): void {
    const ahead = this.#ports.ahead?.(batches);
    if (ahead === undefined) {
      this.#judge(batches, 0);
      return;
    }
    this.#isAhead = true;
    void ahead.then(({ computedMs }) => {
      this.#isAhead = false;
      if (this.#isStopped) return ignore(batches);
      this.#judge(batches, computedMs);
      this.#schedule();
    });
  }

  /** The longest waiting one, and what can be judged with it. */
  #takeTogether(): Waiting[] {
    const first = must(this.#waiting.shift(), "it is scheduled while one waits");
    if (this.#apart.has(first.peerId)) return [first];
    const taken = [first];
    let count = first.envelopes.length;
    this.#waiting = this.#waiting.filter((batch) => {
      const fits = count + batch.envelopes.length <= JUDGED_TOGETHER_MAX;
      if (!fits || this.#apart.has(batch.peerId)) return true;
      count += batch.envelopes.length;
      taken.push(batch);
      return false;
    });
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
    const count = batches.reduce((sum, { envelopes }) => sum + envelopes.length, 0);
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

function ignore(batches: readonly Waiting[]): void {
  for (const { envelopes, resolve } of batches) resolve(envelopes.map(() => "ignore"));
}
