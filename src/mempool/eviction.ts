/**
 * Who leaves a full pool for a newcomer, worked out before its signature is looked at and before anything moves, in
 * O(log n) for each one that leaves.
 *
 * First the queued ones, which pay nothing as long as they wait: whatever fee they offer counts for nothing. The sender
 * with the most of them gives the last, of several such senders the one whose last is the youngest. Only when none is
 * left, executable ones: the queue that holds the lowest fee gives its last, of several such queues the one whose last is
 * the youngest. A last transaction ranks no higher than the lowest fee before it, since it can run only after that one;
 * so a low fee cannot hide before a high one, and no queue gets a hole. How much a pool holds is config (mempool.* in
 * node/home/config-keys.ts); which order the next block takes is template.ts. Source: ADR 0012.
 */
import { must } from "../base/assert.ts";
import { IndexedHeap } from "./heap.ts";
import { lesser } from "./range-min.ts";
import { firstFrom, type QueueEntry, type SenderQueue } from "./sender-queue.ts";

export interface PoolBounds {
  readonly transactionsMax: number;
  readonly bytesMax: number;
  /** How many of these places transactions may take that wait for an earlier nonce. */
  readonly queuedMax: number;
  readonly queuedBytesMax: number;
}

/** What a plan reads of the pool. */
export interface Holdings {
  readonly size: number;
  readonly bytes: number;
  readonly queued: number;
  readonly queuedBytes: number;
  /** Sender queues with queued or with executable entries, the one that gives first first. */
  queuesByGap(): Iterator<SenderQueue, undefined>;
  queuesByPriority(): Iterator<SenderQueue, undefined>;
}

/** The place at which a newcomer would stand. */
export interface Arrival {
  readonly entry: QueueEntry;
  /** The sender's queue, if it has one, and the nonce that the next executable one must have. */
  readonly senderQueue: SenderQueue | undefined;
  readonly pendingNonce: bigint;
  /** What it takes the place of; that leaves anyway and is not among the victims. */
  readonly replaced: QueueEntry | undefined;
}

/**
 * Who leaves; or that it would have to wait where there is no room to wait, whatever it pays; or a fee with which it
 * would have stayed: the least such fee, or one more where it would not be its sender queue's last.
 */
export type EvictionPlan =
  | { readonly kind: "enters"; readonly victims: readonly QueueEntry[] }
  | { readonly kind: "queue-full" }
  | { readonly kind: "fee-too-low"; readonly leastFee: bigint };

const NOBODY: EvictionPlan = { kind: "enters", victims: [] };

export function planEviction(pool: Holdings, arrival: Arrival, bounds: PoolBounds): EvictionPlan {
  const isQueued = arrival.entry.transaction.nonce > arrival.pendingNonce;
  return isQueued ? planQueued(pool, arrival, bounds) : planExecutable(pool, arrival, bounds);
}

/** Orders sender queues with executable entries by who gives its last first. */
export function senderQueueGivesBefore(a: SenderQueue, b: SenderQueue): boolean {
  return hasLowerPriority(a.leastFee, lastOf(a.entries), b.leastFee, lastOf(b.entries));
}

/** Orders sender queues with queued entries by who gives its last first. */
export function queueGivesBefore({ queued: a }: SenderQueue, { queued: b }: SenderQueue): boolean {
  return isLonger(a.length, lastOf(a), b.length, lastOf(b));
}

function hasLowerPriority(feeA: bigint, lastA: QueueEntry, feeB: bigint, lastB: QueueEntry): boolean {
  return feeA !== feeB ? feeA < feeB : lastA.sequence > lastB.sequence;
}

function isLonger(lengthA: number, lastA: QueueEntry, lengthB: number, lastB: QueueEntry): boolean {
  return lengthA !== lengthB ? lengthA > lengthB : lastA.sequence > lastB.sequence;
}

/** What must still leave. */
interface Excess {
  count: number;
  bytes: number;
}

function isOver({ count, bytes }: Excess): boolean {
  return count > 0 || bytes > 0;
}

function planQueued(pool: Holdings, arrival: Arrival, bounds: PoolBounds): EvictionPlan {
  const { entry, senderQueue, replaced } = arrival;
  const [added, addedBytes] = growthOf(arrival);
  const excess = {
    count: added + Math.max(pool.size - bounds.transactionsMax, pool.queued - bounds.queuedMax),
    bytes: addedBytes + Math.max(pool.bytes - bounds.bytesMax, pool.queuedBytes - bounds.queuedBytesMax),
  };
  if (!isOver(excess)) return NOBODY;
  const others = senderQueue?.queued.filter((other) => other !== replaced) ?? [];
  const place = firstFrom(others, entry.transaction.nonce);
  const own = truncatedQueue([...others.slice(0, place), entry, ...others.slice(place)], 0);
  const victims: QueueEntry[] = [];
  for (const { last } of truncationsInOrder(
    pool.queuesByGap(),
    senderQueue,
    own,
    (queue) => truncatedQueue(queue.queued, 0),
    queueBefore,
  )) {
    if (last === entry) break;
    victims.push(last);
    excess.count--;
    excess.bytes -= lengthOf(last);
    if (!isOver(excess)) return { kind: "enters", victims };
  }
  return { kind: "queue-full" };
}

function planExecutable(pool: Holdings, arrival: Arrival, bounds: PoolBounds): EvictionPlan {
  const { entry: newcomer, senderQueue } = arrival;
  const [added, addedBytes] = growthOf(arrival);
  const excess = {
    count: pool.size + added - bounds.transactionsMax,
    bytes: pool.bytes + addedBytes - bounds.bytesMax,
  };
  if (!isOver(excess)) return NOBODY;
  const run = new ExtendedRun(arrival);
  const victims: QueueEntry[] = [];
  const give = (entry: QueueEntry) => {
    victims.push(entry);
    excess.count--;
    excess.bytes -= lengthOf(entry);
    return isOver(excess);
  };
  const behind = senderQueue === undefined ? undefined : truncatedQueue(senderQueue.queued, run.raised);
  for (const { last } of truncationsInOrder(
    pool.queuesByGap(),
    senderQueue,
    behind,
    (queue) => truncatedQueue(queue.queued, 0),
    queueBefore,
  )) {
    if (!give(last)) return { kind: "enters", victims };
  }
  let enters = true;
  let leastFee = 0n;
  for (const truncated of truncationsInOrder(
    pool.queuesByPriority(),
    senderQueue,
    truncatedRun(run, run.length),
    wholeRun,
    runBefore,
  )) {
    if (truncated.last === newcomer) {
      enters = false; // what it would have had to pay shows in who would leave next
      continue;
    }
    leastFee = truncated.leastFee + 1n;
    if (!give(truncated.last)) break;
  }
  return enters ? { kind: "enters", victims } : { kind: "fee-too-low", leastFee };
}

/** How many transactions and bytes the pool would grow by. */
function growthOf({ entry, replaced }: Arrival): [count: number, bytes: number] {
  return replaced === undefined ? [1, lengthOf(entry)] : [0, lengthOf(entry) - lengthOf(replaced)];
}

/** A sender's entries of one kind, truncated behind `last`. */
interface TruncatedQueue<C> {
  readonly last: QueueEntry;
  /** The queue without its last transaction, or undefined when that leaves nothing. */
  shorter(): C | undefined;
}

interface TruncatedByGap extends TruncatedQueue<TruncatedByGap> {
  readonly length: number;
}

interface TruncatedRun extends TruncatedQueue<TruncatedRun> {
  readonly leastFee: bigint;
}

/**
 * All truncated queues in the order in which they give their last: a queue's shorter one never comes before its longer one.
 * @param own the newcomer's sender queue as it would be, in the place of the sender queue as it is.
 */
function* truncationsInOrder<C extends TruncatedQueue<C>>(
  senderQueues: Iterator<SenderQueue, undefined>,
  senderQueue: SenderQueue | undefined,
  own: C | undefined,
  truncate: (senderQueue: SenderQueue) => C | undefined,
  before: (a: C, b: C) => boolean,
): Generator<C, undefined> {
  const nextOther = () => {
    let { value } = senderQueues.next();
    if (value !== undefined && value === senderQueue) value = senderQueues.next().value;
    return value === undefined ? undefined : truncate(value);
  };
  const truncations = new IndexedHeap<C>(before);
  if (own !== undefined) truncations.add(own);
  let fresh = nextOther();
  for (;;) {
    const truncated = truncations.top();
    if (fresh !== undefined && (truncated === undefined || before(fresh, truncated))) {
      truncations.add(fresh);
      fresh = nextOther();
    } else if (truncated !== undefined) {
      yield truncated;
      truncations.remove(truncated);
      const shorter = truncated.shorter();
      if (shorter !== undefined) truncations.add(shorter);
    } else {
      return undefined;
    }
  }
}

/** The queue from index `from` on. */
function truncatedQueue(
  entries: readonly QueueEntry[],
  from: number,
  to = entries.length,
): TruncatedByGap | undefined {
  if (to <= from) return undefined;
  const shorter = () => truncatedQueue(entries, from, to - 1);
  return { last: entryAt(entries, to - 1), length: to - from, shorter };
}

function queueBefore(a: TruncatedByGap, b: TruncatedByGap): boolean {
  return isLonger(a.length, a.last, b.length, b.last);
}

/** A row of executable entries. */
interface Run {
  readonly length: number;
  at(index: number): QueueEntry;
  /** The least fee of the first `length`, which are one or more. */
  leastFee(length: number): bigint;
}

function wholeRun(senderQueue: SenderQueue): TruncatedRun | undefined {
  const run = {
    length: senderQueue.executable,
    at: (i: number) => entryAt(senderQueue.entries, i),
    leastFee: (n: number) => must(senderQueue.leastFeeIn(0, n), "a run of one or more has a least fee"),
  };
  return truncatedRun(run, run.length);
}

function truncatedRun(run: Run, length: number): TruncatedRun | undefined {
  if (length === 0) return undefined;
  const shorter = () => truncatedRun(run, length - 1);
  return { last: run.at(length - 1), leastFee: run.leastFee(length), shorter };
}

function runBefore(a: TruncatedRun, b: TruncatedRun): boolean {
  return hasLowerPriority(a.leastFee, a.last, b.leastFee, b.last);
}

/** The executable entries of the newcomer's sender queue with the newcomer, and those whose hole it fills. */
class ExtendedRun implements Run {
  readonly length: number;
  /** How many queued ones become executable with the newcomer. */
  readonly raised: number;
  readonly #senderQueue: SenderQueue | undefined;
  readonly #newcomer: QueueEntry;
  /** The index of the newcomer in the run. */
  readonly #place: number;

  constructor({ entry, senderQueue, pendingNonce, replaced }: Arrival) {
    const { nonce } = entry.transaction;
    this.#senderQueue = senderQueue;
    this.#newcomer = entry;
    this.#place = senderQueue?.indexOf(nonce) ?? 0;
    this.raised = replaced === undefined ? withoutHole(senderQueue?.queued ?? [], pendingNonce + 1n) : 0;
    this.length = (senderQueue?.executable ?? 0) + (replaced === undefined ? 1 : 0) + this.raised;
  }

  at(index: number): QueueEntry {
    if (index === this.#place) return this.#newcomer;
    const queue = this.#senderQueue;
    return must(
      queue?.entries[index] ?? queue?.queued[index - this.#place - 1],
      "an index lies within its run",
    );
  }

  leastFee(length: number): bigint {
    const queue = this.#senderQueue;
    const before = queue?.leastFeeIn(0, Math.min(length, this.#place));
    if (length <= this.#place) return must(before, "a run of one or more has a least fee");
    let least = lesser(before, this.#newcomer.transaction.fee);
    if (queue !== undefined && this.#place < queue.executable)
      return lesser(queue.leastFeeIn(this.#place + 1, length), least);
    for (let i = this.#place + 1; i < length; i++) least = lesser(least, this.at(i).transaction.fee);
    return least;
  }
}

/** How many of `queued` follow one another from `nonce` on. */
function withoutHole(queued: readonly QueueEntry[], nonce: bigint): number {
  let count = 0;
  while (queued[count]?.transaction.nonce === nonce + BigInt(count)) count++;
  return count;
}

function entryAt(entries: readonly QueueEntry[], index: number): QueueEntry {
  return must(entries[index], "an index lies within its entries");
}

/** The last of the entries of a queue in an order that only holds queues with such entries. */
function lastOf(entries: readonly QueueEntry[]): QueueEntry {
  return entryAt(entries, entries.length - 1);
}

function lengthOf(entry: QueueEntry): number {
  return entry.transaction.bytes.length;
}
