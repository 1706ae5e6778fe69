/**
 * What the pool holds and every order in which it is asked for: by id, by hash, by sender and nonce, by worth, by
 * arrival, by expiry and by age, with its sums and its checksum. Putting in and taking out keep all of them in
 * step; who may enter and who must leave is mempool.ts.
 */
import { assert } from "../base/assert.ts";
import { type Address, byteText, type Hash } from "../base/bytes.ts";
import { givesBefore } from "./eviction.ts";
import { IndexedHeap } from "./heap.ts";
import { type Entry, Lane } from "./lane.ts";

export class Shelves {
  readonly #byId = new Map<string, Entry>();
  readonly #byHash = new Map<string, Entry>();
  readonly #lanes = new Map<string, Lane>();
  /** The first lane gives its last entry when the pool is full. */
  readonly #worst = new IndexedHeap<Lane>(givesBefore);
  /** Lanes with an executable entry, by the arrival and by the fee of their first. */
  readonly #byArrival = new IndexedHeap<Lane>((a, b) => arrivedBefore(a.first!, b.first!));
  readonly #byFee = new IndexedHeap<Lane>((a, b) => paysMore(a.first!, b.first!));
  readonly #byExpiry = new IndexedHeap<Entry>(expiresBefore);
  readonly #byAge = new IndexedHeap<Entry>((a, b) => a.addedMs < b.addedMs);
  /** The executable count of each lane as it is in the sum. */
  readonly #counted = new Map<Lane, number>();
  readonly #checksum = new Uint8Array(32);
  #bytes = 0;
  #executable = 0;

  get size(): number {
    return this.#byId.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get executable(): number {
    return this.#executable;
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

  /** All lanes, the one that gives its last entry first first. */
  lanesByWorth(): Iterator<Lane, undefined> {
    return this.#worst.inOrder();
  }

  /** Lanes with an executable entry, the longest waiting first. */
  lanesByArrival(): Iterator<Lane, undefined> {
    return this.#byArrival.inOrder();
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
  put(entry: Entry, accountNonce: bigint): void {
    const { transaction } = entry;
    assert(this.byId(transaction.id) === undefined, "a transaction is in the pool once");
    const lane = this.lane(transaction.from) ?? this.#openLane(transaction.from, accountNonce);
    lane.insert(entry);
    this.#byId.set(byteText(transaction.id), entry);
    this.#byHash.set(byteText(transaction.hash), entry);
    if (transaction.validUntilHeight !== 0n) this.#byExpiry.add(entry);
    this.#byAge.add(entry);
    this.#bytes += transaction.bytes.length;
    this.#toggle(transaction.hash);
    this.#sort(lane);
  }

  take(entry: Entry): void {
    const lane = this.lane(entry.transaction.from);
    assert(lane !== undefined, "an entry of the pool has a lane");
    lane.remove(entry);
    this.#clear(entry);
    this.#sort(lane);
  }

  /** The sender's account moved to `nonce`: takes the entries below it, and returns them by ascending nonce. */
  moveAccount(lane: Lane, nonce: bigint): readonly Entry[] {
    const used = lane.moveAccount(nonce);
    for (const entry of used) this.#clear(entry);
    this.#sort(lane);
    return used;
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

  /** Puts a lane whose entries or account changed where it now belongs in every order, and into the sums. */
  #sort(lane: Lane): void {
    if (lane.last === undefined) {
      this.#lanes.delete(lane.key);
      this.#worst.remove(lane);
    } else {
      this.#worst.update(lane);
    }
    if (lane.executable > 0) {
      this.#byArrival.update(lane);
      this.#byFee.update(lane);
    } else {
      this.#byArrival.remove(lane);
      this.#byFee.remove(lane);
    }
    this.#count(lane);
  }

  #count(lane: Lane): void {
    this.#executable += lane.executable - (this.#counted.get(lane) ?? 0);
    if (lane.last === undefined) this.#counted.delete(lane);
    else this.#counted.set(lane, lane.executable);
  }

  #toggle(hash: Hash): void {
    for (let i = 0; i < 32; i++) this.#checksum[i]! ^= hash[i]!;
  }
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
