/**
 * One sender's transactions in the pool. From the account's nonce on, without a hole, they are executable; behind
 * the first hole they are queued. Both are kept by ascending nonce. A sender queue knows its own sums and nothing of other
 * sender queues, bounds or prices. Whatever is asked of it at each arrival costs O(log n).
 */
import { assert, must } from "../base/assert.ts";
import type { Address } from "../base/bytes.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import { RangeMin } from "./range-min.ts";

/** A transaction in the pool. */
export interface QueueEntry {
  readonly transaction: SignedTransaction;
  /** Fee plus what the call spends of the sender's balance. */
  readonly cost: bigint;
  /** Order of arrival, unique in the pool. */
  readonly sequence: number;
  readonly addedMs: number;
  /** Whether it has been executable since it came in: from then on it is passed on to others. */
  wasExecutable: boolean;
  /** A block of the head's chain holds it. */
  isIncluded: boolean;
}

export function newEntry(
  transaction: SignedTransaction,
  cost: bigint,
  sequence: number,
  addedMs: number,
): QueueEntry {
  return { transaction, cost, sequence, addedMs, wasExecutable: false, isIncluded: false };
}

export class SenderQueue {
  readonly sender: Address;
  /** The key of the pool's map of sender queues. */
  readonly key: string;
  /** Nonces without a hole from the account's on. */
  readonly #executable: QueueEntry[] = [];
  /** Nonces above the first hole. */
  #queued: QueueEntry[] = [];
  #accountNonce: bigint;
  /** The last answer of {@link pendingNonce}, and with how many executable entries it was right; -1: none. */
  #pendingNonce = 0n;
  #pendingCount = -1;
  #cost = 0n;
  #queuedBytes = 0;
  /**
   * The fees of the executable ones. They are collected when first asked for, which a pool with room never
   * does.
   */
  #fees: RangeMin | undefined;
  #risen: QueueEntry[] = [];
  /** A bit for each of the pool's orders in which it has no place now (lazy-order.ts). */
  loose = 0;
  /** What the pool's sums have of it: pool-index.ts keeps it here. */
  readonly share = { executable: 0, queuedBytes: 0 };

  constructor(sender: Address, key: string, accountNonce: bigint) {
    this.sender = sender;
    this.key = key;
    this.#accountNonce = accountNonce;
  }

  /** The executable ones, by ascending nonce. */
  get entries(): readonly QueueEntry[] {
    return this.#executable;
  }

  /** Those behind a hole, by ascending nonce. */
  get queued(): readonly QueueEntry[] {
    return this.#queued;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isEmpty(): boolean {
    return this.#executable.length === 0 && this.#queued.length === 0;
  }

  /** How many entries are executable one after the other. */
  get executable(): number {
    return this.#executable.length;
  }

  /** What all entries together may take from the sender's balance. */
  get cost(): bigint {
    return this.#cost;
  }

  get accountNonce(): bigint {
    return this.#accountNonce;
  }

  /** The nonce that the sender's next executable transaction must have. */
  get pendingNonce(): bigint {
    const count = this.#executable.length;
    if (count === this.#pendingCount) return this.#pendingNonce;
    this.#pendingCount = count;
    this.#pendingNonce = this.#accountNonce + BigInt(count);
    return this.#pendingNonce;
  }

  /** The first executable one. */
  get first(): QueueEntry | undefined {
    return this.#executable[0];
  }

  /** The last executable one. */
  get last(): QueueEntry | undefined {
    return this.#executable[this.#executable.length - 1];
  }

  /** What the last executable one is worth: the least fee up to it, since it can run only after all others. */
  get leastFee(): bigint {
    return this.leastFeeIn(0, this.#executable.length) ?? 0n;
  }

  /**
   * The least fee of the executable entries from index `from` up to and without `to`, or undefined when there
   * are none.
   */
  leastFeeIn(from: number, to: number): bigint | undefined {
    this.#fees ??= new RangeMin(this.#executable.map(({ transaction }) => transaction.fee));
    return this.#fees.least(from, to);
  }

  at(nonce: bigint): QueueEntry | undefined {
    if (nonce < this.#accountNonce) return undefined;
    if (nonce < this.pendingNonce) return this.#executable[Number(nonce - this.#accountNonce)];
    const entry = this.#queued[firstFrom(this.#queued, nonce)];
    return entry?.transaction.nonce === nonce ? entry : undefined;
  }

  /** The index among the executable ones of the first whose nonce is not below `nonce`. */
  indexOf(nonce: bigint): number {
    if (nonce <= this.#accountNonce) return 0;
    return nonce >= this.pendingNonce ? this.#executable.length : Number(nonce - this.#accountNonce);
  }

  /** Those that waited, and became executable for the first time since this was last asked. */
  takeRisen(): readonly QueueEntry[] {
    const risen = this.#risen;
    if (risen.length > 0) this.#risen = [];
    return risen;
  }

  insert(entry: QueueEntry): void {
    const { nonce } = entry.transaction;
    assert(nonce >= this.#accountNonce, "a sender queue holds no nonce that was used");
    assert(this.at(nonce) === undefined, "a sender queue holds a nonce once");
    this.#cost += entry.cost;
    if (nonce === this.pendingNonce) {
      entry.wasExecutable = true;
      this.#append(entry);
      this.#raiseQueued();
    } else {
      this.#queued.splice(firstFrom(this.#queued, nonce), 0, entry);
      this.#queuedBytes += lengthOf(entry);
    }
  }

  /** Puts `entry` in the place of the one with its nonce. */
  replace(old: QueueEntry, entry: QueueEntry): void {
    const { nonce, fee } = entry.transaction;
    assert(this.at(nonce) === old, "only what is in the sender queue is replaced");
    this.#cost += entry.cost - old.cost;
    if (nonce < this.pendingNonce) {
      const index = Number(nonce - this.#accountNonce);
      this.#executable[index] = entry;
      this.#fees?.set(index, fee);
      entry.wasExecutable = true;
    } else {
      this.#queued[firstFrom(this.#queued, nonce)] = entry;
      this.#queuedBytes += lengthOf(entry) - lengthOf(old);
    }
  }

  /** What stood behind it among the executable ones is queued from now on. */
  remove(entry: QueueEntry): void {
    const { nonce } = entry.transaction;
    assert(this.at(nonce) === entry, "only what is in the sender queue is removed from it");
    this.#cost -= entry.cost;
    if (nonce < this.pendingNonce) {
      this.#queueFrom(Number(nonce - this.#accountNonce) + 1);
      this.#executable.pop();
      this.#fees?.truncate(this.#executable.length);
    } else {
      this.#queued.splice(firstFrom(this.#queued, nonce), 1);
      this.#queuedBytes -= lengthOf(entry);
    }
  }

  /** The account moved, either way: the entries below `nonce` leave, all at once. @returns them by ascending nonce. */
  moveAccount(nonce: bigint): readonly QueueEntry[] {
    if (nonce < this.#accountNonce) this.#queueFrom(0);
    const run = this.#executable.splice(0, this.indexOf(nonce));
    this.#fees?.dropFront(run.length);
    const queued = this.#queued;
    const passed = queued.length === 0 ? queued : queued.splice(0, firstFrom(queued, nonce));
    for (const entry of passed) this.#queuedBytes -= lengthOf(entry);
    const used = passed.length === 0 ? run : run.concat(passed);
    for (const entry of used) this.#cost -= entry.cost;
    this.#accountNonce = nonce;
    this.#pendingCount = -1;
    this.#raiseQueued();
    return used;
  }

  #append(entry: QueueEntry): void {
    this.#executable.push(entry);
    this.#pendingNonce = entry.transaction.nonce + 1n;
    this.#pendingCount = this.#executable.length;
    this.#fees?.push(entry.transaction.fee);
  }

  #noteRisen(entry: QueueEntry): void {
    if (entry.wasExecutable) return;
    entry.wasExecutable = true;
    this.#risen.push(entry);
  }

  /** Those without a hole before them any more become executable. */
  #raiseQueued(): void {
    let count = 0;
    for (const entry of this.#queued) {
      if (entry.transaction.nonce !== this.pendingNonce) break;
      this.#append(entry);
      this.#noteRisen(entry);
      this.#queuedBytes -= lengthOf(entry);
      count++;
    }
    if (count > 0) this.#queued.splice(0, count);
  }

  /** The executable ones from `index` on are queued. */
  #queueFrom(index: number): void {
    const fallen = this.#executable.splice(index);
    if (fallen.length === 0) return;
    this.#fees?.truncate(index);
    for (const entry of fallen) this.#queuedBytes += lengthOf(entry);
    this.#queued = fallen.concat(this.#queued);
  }
}

/** The index of the first of `entries` whose nonce is not below `nonce`; they stand by ascending nonce. */
export function firstFrom(entries: readonly QueueEntry[], nonce: bigint): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = must(entries[middle], "the middle lies within the entries");
    if (entry.transaction.nonce < nonce) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lengthOf(entry: QueueEntry): number {
  return entry.transaction.bytes.length;
}
