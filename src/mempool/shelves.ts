/**
 * What the pool holds and every order in which it is asked for: by id, by hash, by sender and nonce, by worth, by
 * length of queue, by arrival, by expiry and by age, with its sums and its checksum. Putting in and taking out keep
 * all of them in step; who may enter and who must leave is mempool.ts.
 */
import { assert } from "../base/assert.ts";
import { type Address, byteText, type Hash } from "../base/bytes.ts";
import { laneGivesBefore, queueGivesBefore } from "./eviction.ts";
import { IndexedHeap } from "./heap.ts";
import { type Entry, Lane } from "./lane.ts";
import { LazyOrder } from "./lazyorder.ts";

/** What a lane adds to the pool's sums. */
interface Share {
  readonly executable: number;
  readonly queuedBytes: number;
}

const NOTHING: Share = { executable: 0, queuedBytes: 0 };

export class Shelves {
  readonly #byId = new Map<string, Entry>();
  readonly #byHash = new Map<string, Entry>();
  readonly #lanes = new Map<string, Lane>();
  /** The first lane gives its last executable entry when the pool is full and nothing is queued. */
  readonly #byWorth = new LazyOrder<Lane>(laneGivesBefore, isExecutable);
  /** The first lane gives its last queued entry before any executable one leaves. */
  readonly #byQueue = new LazyOrder<Lane>(queueGivesBefore, (lane) => lane.queued.length > 0);
  /** Lanes with an executable entry, by the arrival and by the fee of their first. */
  readonly #byArrival = new LazyOrder<Lane>((a, b) => arrivedBefore(a.first!, b.first!), isExecutable);
  readonly #byFee = new LazyOrder<Lane>((a, b) => paysMore(a.first!, b.first!), isExecutable);
  readonly #orders = [this.#byWorth, this.#byQueue, this.#byArrival, this.#byFee];
  readonly #byExpiry = new IndexedHeap<Entry>(expiresBefore);
  readonly #byAge = new IndexedHeap<Entry>((a, b) => a.addedMs < b.addedMs);
  /** What each lane has in the sums. */
  readonly #shares = new Map<Lane, Share>();
  readonly #checksum = new Uint8Array(32);
  #bytes = 0;
  #executable = 0;
  #queuedBytes = 0;

  get size(): number {
    return this.#byId.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get executable(): number {
    return this.#executable;
  }

  /** Those that wait for an earlier nonce. */
  get queued(): number {
    return this.#byId.size - this.#executable;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get lanes(): ReadonlyMap<string, Lane> {
    return this.#lanes;
  }

  /** Exclusive or of the hashes of all envelopes; a copy. */
  get checksum(): Hash {
    return this.#checksum.slice() as Hash;
  }

  entries(): IterableIterator<Entry> {
    return this.#byId.values();
  }

  byId(id: Uint8Array): Entry | undefined {
    return this.#byId.get(byteText(id));
  }

  byHash(hash: Uint8Array): Entry | undefined {
    return this.#byHash.get(byteText(hash));
  }

  lane(sender: Address): Lane | undefined {
    return this.#lanes.get(byteText(sender));
  }

  /** Lanes with an executable entry, the one that gives its last first first. */
  lanesByWorth(): Iterator<Lane, undefined> {
    return this.#byWorth.inOrder();
  }

  /** Lanes with a queued entry, the one that gives its last first first. */
  lanesByQueue(): Iterator<Lane, undefined> {
    return this.#byQueue.inOrder();
  }

  /** Lanes with an executable entry, the longest waiting first. */
  lanesByArrival(): Iterator<Lane, undefined> {
    return this.#byArrival.inOrder();
  }

  firstByArrival(): Lane | undefined {
    return this.#byArrival.top();
  }

  /** The lane whose last executable entry is worth least. */
  leastWorth(): Lane | undefined {
    return this.#byWorth.top();
  }

  /** The lane with the longest queue. */
  longestQueue(): Lane | undefined {
    return this.#byQueue.top();
  }

  /** Lanes with an executable entry, the highest fee of a first entry first. */
  lanesByFee(): Iterator<Lane, undefined> {
    return this.#byFee.inOrder();
  }

  /** The entry whose last height comes soonest, among those that have one. */
  soonestToExpire(): Entry | undefined {
    return this.#byExpiry.top();
  }

  oldest(): Entry | undefined {
    return this.#byAge.top();
  }

  /** @param accountNonce for a lane that does not exist yet. */
  put(entry: Entry, accountNonce: bigint): Lane {
    const { transaction } = entry;
    const lane = this.lane(transaction.from) ?? this.#openLane(transaction.from, accountNonce);
    this.#loosen(lane);
    lane.insert(entry);
    this.#enlist(entry);
    this.#count(lane);
    return lane;
  }

  /** Puts `entry` in the place of the one with its sender and nonce. */
  replace(old: Entry, entry: Entry): Lane {
    const lane = this.#laneOf(old);
    this.#loosen(lane);
    lane.replace(old, entry);
    this.#clear(old);
    this.#enlist(entry);
    this.#count(lane);
    return lane;
  }

  /** @returns the lane it stood in. */
  take(entry: Entry): Lane {
    const lane = this.#laneOf(entry);
    this.#loosen(lane);
    lane.remove(entry);
    this.#clear(entry);
    this.#count(lane);
    return lane;
  }

  /** The sender's account moved to `nonce`: takes the entries below it, and returns them by ascending nonce. */
  moveAccount(lane: Lane, nonce: bigint): readonly Entry[] {
    this.#loosen(lane);
    const used = lane.moveAccount(nonce);
    for (const entry of used) this.#clear(entry);
    this.#count(lane);
    return used;
  }

  #laneOf(entry: Entry): Lane {
    const lane = this.lane(entry.transaction.from);
    assert(lane !== undefined, "an entry of the pool has a lane");
    return lane;
  }

  /** Into everything but its lane. */
  #enlist(entry: Entry): void {
    const { transaction } = entry;
    const id = byteText(transaction.id);
    assert(!this.#byId.has(id), "a transaction is in the pool once");
    this.#byId.set(id, entry);
    this.#byHash.set(byteText(transaction.hash), entry);
    if (transaction.validUntilHeight !== 0n) this.#byExpiry.add(entry);
    this.#byAge.add(entry);
    this.#bytes += transaction.bytes.length;
    this.#toggle(transaction.hash);
  }

  /** From everything but its lane. */
  #clear(entry: Entry): void {
    this.#byId.delete(byteText(entry.transaction.id));
    this.#byHash.delete(byteText(entry.transaction.hash));
    this.#byExpiry.remove(entry);
    this.#byAge.remove(entry);
    this.#bytes -= entry.transaction.bytes.length;
    this.#toggle(entry.transaction.hash);
  }

  #openLane(sender: Address, accountNonce: bigint): Lane {
    const lane = new Lane(sender, byteText(sender), accountNonce);
    this.#lanes.set(lane.key, lane);
    return lane;
  }

  /** Before a lane changes: it leaves the orders, whose other members keep the keys they were placed by. */
  #loosen(lane: Lane): void {
    for (const order of this.#orders) order.loosen(lane);
  }

  /** After a lane changed: into the sums. An empty one is forgotten. */
  #count(lane: Lane): void {
    const { executable, queuedBytes } = lane;
    const before = this.#shares.get(lane) ?? NOTHING;
    this.#executable += executable - before.executable;
    this.#queuedBytes += queuedBytes - before.queuedBytes;
    if (lane.isEmpty) {
      this.#lanes.delete(lane.key);
      this.#shares.delete(lane);
      for (const order of this.#orders) order.forget(lane);
    } else {
      this.#shares.set(lane, { executable, queuedBytes });
    }
  }

  #toggle(hash: Hash): void {
    for (let i = 0; i < 32; i++) this.#checksum[i]! ^= hash[i]!;
  }
}

function isExecutable(lane: Lane): boolean {
  return lane.executable > 0;
}

export function arrivedBefore(a: Entry, b: Entry): boolean {
  return a.sequence < b.sequence;
}

/** The higher fee first, then the longer waiting. */
export function paysMore(a: Entry, b: Entry): boolean {
  if (a.transaction.fee !== b.transaction.fee) return a.transaction.fee > b.transaction.fee;
  return a.sequence < b.sequence;
}

function expiresBefore(a: Entry, b: Entry): boolean {
  return a.transaction.validUntilHeight < b.transaction.validUntilHeight;
}
