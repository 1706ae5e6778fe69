/**
 * The usual token bucket: an amount that is spent at will and comes back evenly with time, up to a capacity. A bucket
 * may be charged below zero: what was done must be paid for, and until it is nothing more is taken. The unit is the
 * caller's (bytes, messages, microseconds of computing). Pure: the time is handed in.
 */
import { dropOldest } from "./drop-oldest.ts";

export interface BucketShape {
  /** What a bucket that has rested for long holds. */
  readonly capacity: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #shape: BucketShape;
  #left: number;
  #atMs: number;

  constructor(shape: BucketShape, nowMs: number) {
    this.#shape = shape;
    this.#left = shape.capacity;
    this.#atMs = nowMs;
  }

  /** What is left. When it is below zero, so much is owed. */
  left(nowMs: number): number {
    // A clock that was set back refills nothing, and time counts on from where it stands now.
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#left = Math.min(this.#shape.capacity, this.#left + (passedMs * this.#shape.perSecond) / 1_000);
    return this.#left;
  }

  /** Takes `amount` if there is that much. @returns whether it was taken */
  take(amount: number, nowMs: number): boolean {
    if (this.left(nowMs) < amount) return false;
    this.#left -= amount;
    return true;
  }

  /** Takes `amount` whatever is left; the bucket may owe afterwards. */
  charge(amount: number, nowMs: number): void {
    this.left(nowMs);
    this.#left -= amount;
  }

  /** Gives back what was charged for nothing, up to the capacity. */
  refund(amount: number): void {
    this.#left = Math.min(this.#shape.capacity, this.#left + amount);
  }

  /** Milliseconds until `amount` is there; Infinity if it never is. */
  waitMs(amount: number, nowMs: number): number {
    const lacking = amount - this.left(nowMs);
    if (lacking <= 0) return 0;
    return amount > this.#shape.capacity
      ? Number.POSITIVE_INFINITY
      : (lacking * 1_000) / this.#shape.perSecond;
  }
}

/**
 * One bucket for each of many (peers, addresses, clients). Beyond `countMax` the one that was used longest ago is
 * forgotten, which makes it full again: a bound on memory must not be smaller than the number of those who can come
 * at once.
 */
export class TokenBuckets<K> {
  readonly #shape: BucketShape;
  readonly #countMax: number;
  /** Buckets in the order of their last use. */
  readonly #buckets = new Map<K, TokenBucket>();

  constructor(shape: BucketShape, countMax: number) {
    this.#shape = shape;
    this.#countMax = countMax;
  }

  get size(): number {
    return this.#buckets.size;
  }

  of(key: K, nowMs: number): TokenBucket {
    const known = this.#buckets.get(key);
    const bucket = known ?? new TokenBucket(this.#shape, nowMs);
    if (known !== undefined) this.#buckets.delete(key);
    else if (this.#buckets.size >= this.#countMax) dropOldest(this.#buckets);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
