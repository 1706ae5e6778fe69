/**
 * One sender's transactions in the pool, ordered by nonce. From the account's nonce on, without a hole, they are
 * executable; behind the first hole they are queued. A lane knows its own sums and nothing of other lanes, bounds
 * or prices.
 */
import { assert } from "../base/assert.ts";
import type { Address } from "../base/bytes.ts";
import type { SignedTransaction } from "../chain/transaction.ts";
import { IndexedHeap } from "./heap.ts";

/** A transaction in the pool. */
export interface Entry {
  readonly transaction: SignedTransaction;
  /** Fee plus what the call spends of the sender's balance. */
  readonly cost: bigint;
  /** Order of arrival, unique in the pool. */
  readonly sequence: number;
  readonly addedMs: number;
}

export class Lane {
  readonly sender: Address;
  /** The key of the pool's map of lanes. */
  readonly key: string;
  readonly #entries: Entry[] = [];
  #accountNonce: bigint;
  #executable = 0;
  #cost = 0n;
  /** The entry with the lowest fee first: a lane may be as long as the pool, and its least fee is asked all the time. */
  readonly #byFee = new IndexedHeap<Entry>((a, b) => a.transaction.fee < b.transaction.fee);

  constructor(sender: Address, key: string, accountNonce: bigint) {
    this.sender = sender;
    this.key = key;
    this.#accountNonce = accountNonce;
  }

  /** By ascending nonce. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** How many entries from the first on are executable one after the other. */
  get executable(): number {
    return this.#executable;
  }

  /** What all entries together may take from the sender's balance. */
  get cost(): bigint {
    return this.#cost;
  }

  /** The least fee in the lane: what its last transaction is worth, since it can run only after all others. */
  get leastFee(): bigint {
    return this.#byFee.top()?.transaction.fee ?? 0n;
  }

  get accountNonce(): bigint {
    return this.#accountNonce;
  }

  /** The nonce that the sender's next executable transaction must have. */
  get pendingNonce(): bigint {
    return this.#accountNonce + BigInt(this.#executable);
  }

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  get last(): Entry | undefined {
    return this.#entries[this.#entries.length - 1];
  }

  at(nonce: bigint): Entry | undefined {
    const entry = this.#entries[this.indexOf(nonce)];
    return entry?.transaction.nonce === nonce ? entry : undefined;
  }

  /** The index of the first entry whose nonce is not below `nonce`. */
  indexOf(nonce: bigint): number {
    let index = this.#entries.length;
    while (index > 0 && this.#entries[index - 1]!.transaction.nonce >= nonce) index--;
    return index;
  }

  insert(entry: Entry): void {
    const { nonce } = entry.transaction;
    const index = this.indexOf(nonce);
    assert(this.#entries[index]?.transaction.nonce !== nonce, "a lane holds a nonce once");
    assert(nonce >= this.#accountNonce, "a lane holds no nonce that was used");
    this.#entries.splice(index, 0, entry);
    this.#byFee.add(entry);
    this.#cost += entry.cost;
    this.#extendExecutable();
  }

  remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    assert(index >= 0, "only what is in the lane is removed from it");
    this.#entries.splice(index, 1);
    this.#byFee.remove(entry);
    this.#cost -= entry.cost;
    if (index < this.#executable) this.#executable = index;
  }

  /** The account moved: the entries below `nonce` leave, all at once. @returns them by ascending nonce. */
  moveAccount(nonce: bigint): readonly Entry[] {
    const used = this.#entries.splice(0, this.indexOf(nonce));
    for (const entry of used) {
      this.#byFee.remove(entry);
      this.#cost -= entry.cost;
    }
    this.#accountNonce = nonce;
    this.#executable = 0;
    this.#extendExecutable();
    return used;
  }

  #extendExecutable(): void {
    while (this.#entries[this.#executable]?.transaction.nonce === this.pendingNonce) this.#executable++;
  }
}

/** The least fee among `entries`; 0 for none. */
export function leastFeeOf(entries: readonly Entry[]): bigint {
  let least = entries[0]?.transaction.fee ?? 0n;
  for (const { transaction } of entries) if (transaction.fee < least) least = transaction.fee;
  return least;
}
