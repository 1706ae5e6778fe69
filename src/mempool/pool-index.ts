/**
 * What the pool holds and every order in which it is asked for: by id, by hash, by sender and nonce, by priority, by
 * length of queue, by arrival, by expiry and by age, with its sums. Putting in and taking out keep
 * all of them in step; who may enter and who must leave is mempool.ts.
 */
import { assert, must } from "../base/assert.ts";
import { type Address, byteText } from "../base/bytes.ts";
import { TransactionIndex } from "../chain/types/known-transactions.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import { queueGivesBefore, senderQueueGivesBefore } from "./eviction.ts";
import { IndexedHeap } from "./heap.ts";
import { LazyOrder } from "./lazy-order.ts";
import { type QueueEntry, SenderQueue } from "./sender-queue.ts";

/** Marks a sender queue that is in none of the four orders. */
const LOOSE_IN_ALL = 0b1111;

export class PoolIndex {
  /** All of them, in the order of their arrival. */
  readonly #byHash = new Map<string, QueueEntry>();
  /** Kept from when one is first asked for by its id: most nodes never are. */
  #byId: Map<string, QueueEntry> | undefined;
  readonly #byBytes = new TransactionIndex();
  readonly #senderQueues = new Map<string, SenderQueue>();
  /** The first sender queue gives its last executable entry when the pool is full and nothing is queued. */
  readonly #byPriority = new LazyOrder<SenderQueue>(0, senderQueueGivesBefore, isExecutable);
  /** The first sender queue gives its last queued entry before any executable one leaves. */
  readonly #byQueue = new LazyOrder<SenderQueue>(
    1,
    queueGivesBefore,
    (senderQueue) => senderQueue.queued.length > 0,
  );
  /** Sender queues with an executable entry, by the arrival and by the fee of their first. */
  readonly #byArrival = new LazyOrder<SenderQueue>(
    2,
    (a, b) => arrivedBefore(firstOf(a), firstOf(b)),
    isExecutable,
  );
  readonly #byFee = new LazyOrder<SenderQueue>(3, (a, b) => paysMore(firstOf(a), firstOf(b)), isExecutable);
  readonly #orders = [this.#byPriority, this.#byQueue, this.#byArrival, this.#byFee];
  readonly #byExpiry = new IndexedHeap<QueueEntry>(expiresBefore);
  #bytes = 0;
  #executable = 0;
  #queuedBytes = 0;

  get size(): number {
    return this.#byHash.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get executable(): number {
    return this.#executable;
  }

  /** Those that wait for an earlier nonce. */
  get queued(): number {
    return this.#byHash.size - this.#executable;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get senderQueues(): ReadonlyMap<string, SenderQueue> {
    return this.#senderQueues;
  }

  entries(): IterableIterator<QueueEntry> {
    return this.#byHash.values();
  }

  byId(id: Uint8Array): QueueEntry | undefined {
    if (this.#byId === undefined) {
      this.#byId = new Map();
      for (const entry of this.#byHash.values()) this.#byId.set(entry.transaction.idKey, entry);
    }
    return this.#byId.get(byteText(id));
  }

  byHash(hash: Uint8Array): QueueEntry | undefined {
    return this.#byHash.get(byteText(hash));
  }

  byBytes(envelope: Uint8Array): SignedTransaction | undefined {
    return this.#byBytes.find(envelope);
  }

  senderQueue(sender: Address): SenderQueue | undefined {
    return this.#senderQueues.get(byteText(sender));
  }

  /** @param fromKey of a transaction */
  senderQueueOf({ fromKey }: Pick<SignedTransaction, "fromKey">): SenderQueue | undefined {
    return this.#senderQueues.get(fromKey);
  }

  /** Whether it is here, with this signature or another. */
  entryOf(transaction: SignedTransaction): QueueEntry | undefined {
    return entryIn(this.senderQueueOf(transaction), transaction);
  }

  /** A block holds it: it leaves once its sender's account has moved. @returns its sender's queue, where there is one */
  noteIncluded(transaction: SignedTransaction): SenderQueue | undefined {
    const senderQueue = this.senderQueueOf(transaction);
    const entry = entryIn(senderQueue, transaction);
    if (entry !== undefined) entry.isIncluded = true;
    return senderQueue;
  }

  /** Sender queues with an executable entry, the one that gives its last first first. */
  queuesByPriority(): Iterator<SenderQueue, undefined> {
    return this.#byPriority.inOrder();
  }

  /** Sender queues with a queued entry, the one that gives its last first first. */
  queuesByGap(): Iterator<SenderQueue, undefined> {
    return this.#byQueue.inOrder();
  }

  /** Sender queues with an executable entry, the longest waiting first. */
  queuesByArrival(): Iterator<SenderQueue, undefined> {
    return this.#byArrival.inOrder();
  }

  firstByArrival(): SenderQueue | undefined {
    return this.#byArrival.top();
  }

  /** The sender queue that gives its last executable entry first. */
  lowestPriority(): SenderQueue | undefined {
    return this.#byPriority.top();
  }

  /** The sender queue with the longest queue. */
  longestQueue(): SenderQueue | undefined {
    return this.#byQueue.top();
  }

  /** Sender queues with an executable entry, the highest fee of a first entry first. */
  queuesByFee(): Iterator<SenderQueue, undefined> {
    return this.#byFee.inOrder();
  }

  /** The entry whose last height comes soonest, among those that have one. */
  soonestToExpire(): QueueEntry | undefined {
    return this.#byExpiry.top();
  }

  /** The one that came first. */
  oldest(): QueueEntry | undefined {
    return this.#byHash.values().next().value;
  }

  /** @param accountNonce for a sender queue that does not exist yet. */
  put(entry: QueueEntry, accountNonce: bigint): SenderQueue {
    const { transaction } = entry;
    const senderQueue = this.senderQueueOf(transaction) ?? this.#openQueue(transaction, accountNonce);
    this.#loosen(senderQueue);
    senderQueue.insert(entry);
    this.#enlist(entry);
    this.#count(senderQueue);
    return senderQueue;
  }

  /** Puts `entry` in the place of the one with its sender and nonce. */
  replace(old: QueueEntry, entry: QueueEntry): SenderQueue {
    const senderQueue = this.#senderQueueOf(old);
    this.#loosen(senderQueue);
    senderQueue.replace(old, entry);
    this.#clear(old);
    this.#enlist(entry);
    this.#count(senderQueue);
    return senderQueue;
  }

  /** @returns the sender queue it stood in. */
  take(entry: QueueEntry): SenderQueue {
    const senderQueue = this.#senderQueueOf(entry);
    this.#loosen(senderQueue);
    senderQueue.remove(entry);
    this.#clear(entry);
    this.#count(senderQueue);
    return senderQueue;
  }

  /** The sender's account moved to `nonce`: takes the entries below it, and returns them by ascending nonce. */
  moveAccount(senderQueue: SenderQueue, nonce: bigint): readonly QueueEntry[] {
    this.#loosen(senderQueue);
    const used = senderQueue.moveAccount(nonce);
    for (const entry of used) this.#clear(entry);
    this.#count(senderQueue);
    return used;
  }

  #senderQueueOf(entry: QueueEntry): SenderQueue {
    const senderQueue = this.senderQueueOf(entry.transaction);
    assert(senderQueue !== undefined, "an entry of the pool has a sender queue");
    return senderQueue;
  }

  /** Into everything but its sender queue. */
  #enlist(entry: QueueEntry): void {
    const { transaction } = entry;
    const { size } = this.#byHash;
    this.#byHash.set(transaction.hashKey, entry);
    assert(this.#byHash.size > size, "a transaction is in the pool once");
    this.#byId?.set(transaction.idKey, entry);
    this.#byBytes.add(transaction);
    if (transaction.validUntilHeight !== 0n) this.#byExpiry.add(entry);
    this.#bytes += transaction.bytes.length;
  }

  /** Removes an entry from everything but its sender queue. */
  #clear(entry: QueueEntry): void {
    const { transaction } = entry;
    this.#byHash.delete(transaction.hashKey);
    this.#byId?.delete(transaction.idKey);
    this.#byBytes.delete(transaction);
    if (transaction.validUntilHeight !== 0n) this.#byExpiry.remove(entry);
    this.#bytes -= transaction.bytes.length;
  }

  #openQueue({ from, fromKey }: SignedTransaction, accountNonce: bigint): SenderQueue {
    const senderQueue = new SenderQueue(from, fromKey, accountNonce);
    this.#senderQueues.set(senderQueue.key, senderQueue);
    return senderQueue;
  }

  /**
   * Is called before a sender queue changes: it leaves the orders, whose other members keep the keys they
   * were placed by.
   */
  #loosen(senderQueue: SenderQueue): void {
    if (senderQueue.loose === LOOSE_IN_ALL) return;
    for (const order of this.#orders) order.loosen(senderQueue);
  }

  /** Takes a sender queue that changed into the sums. An empty one is forgotten. */
  #count(senderQueue: SenderQueue): void {
    const { executable, queuedBytes } = senderQueue;
    const { share } = senderQueue;
    this.#executable += executable - share.executable;
    this.#queuedBytes += queuedBytes - share.queuedBytes;
    share.executable = executable;
    share.queuedBytes = queuedBytes;
    if (!senderQueue.isEmpty) return;
    this.#senderQueues.delete(senderQueue.key);
    for (const order of this.#orders) order.forget(senderQueue);
  }
}

/** The entry of a transaction among its sender's, whatever its signature: sender and nonce are in the id. */
export function entryIn(
  senderQueue: SenderQueue | undefined,
  { nonce, idKey }: SignedTransaction,
): QueueEntry | undefined {
  const entry = senderQueue?.at(nonce);
  return entry?.transaction.idKey === idKey ? entry : undefined;
}

function isExecutable(senderQueue: SenderQueue): boolean {
  return senderQueue.executable > 0;
}

/** The first entry of a queue in an order that only holds queues with an executable one. */
export function firstOf(senderQueue: SenderQueue): QueueEntry {
  return must(senderQueue.first, "a queue in an order of executable ones has a first");
}

export function arrivedBefore(a: QueueEntry, b: QueueEntry): boolean {
  return a.sequence < b.sequence;
}

/** The higher fee first, then the longer waiting. */
export function paysMore(a: QueueEntry, b: QueueEntry): boolean {
  if (a.transaction.fee !== b.transaction.fee) return a.transaction.fee > b.transaction.fee;
  return a.sequence < b.sequence;
}

function expiresBefore(a: QueueEntry, b: QueueEntry): boolean {
  return a.transaction.validUntilHeight < b.transaction.validUntilHeight;
}
