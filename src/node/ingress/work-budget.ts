/**
 * What the mail of one validator may make this node compute for nothing. Each author has a token bucket in estimated
 * microseconds of the node's thread. What is judged is charged, message, bytes and signature checks, before it is
 * known to be of use; what was of use (a wanted vote, a block that was missing) is given back, because the engine's
 * window and the chain's progress bound it already. So a correct validator spends next to nothing however busy the
 * chain is, and a faulty one a small share. Whose budget is spent is not read until it has come back: a matter of
 * cost, never a verdict; STATUS and anti-entropy repair what was not read.
 * Source: docs/protocol.md, "Work"; docs/adr/0007-work-budgets.md.
 */
import {
  REFUSED_PER_SECOND_MAX,
  WORK_BURST_US,
  WORK_BURST_US_TOTAL,
  WORK_US_PER_SECOND,
  WORK_US_PER_SECOND_TOTAL,
} from "../../base/limits.ts";
import { type BucketShape, TokenBucket } from "../../base/token-bucket.ts";
import type { ValidatorId } from "../../consensus/engine.ts";

/** Taking in one message, and each byte of it: copying, decoding, hashing. */
const MESSAGE_US = 5;
const BYTE_US = 0.01;

/** What checks of signatures have cost so far: crypto/signature-meter.ts. */
export interface SpentMeter {
  readonly spentUs: number;
}

const REFUSALS = { capacity: REFUSED_PER_SECOND_MAX, perSecond: REFUSED_PER_SECOND_MAX };

export interface WorkPorts {
  readonly now: () => number;
  readonly meter: SpentMeter;
  /** How many validators there are. */
  readonly count: number;
}

/** The bucket of each of n validators, of which f can be faulty: together these get no more than the total. */
export function workShape(count: number): BucketShape {
  const faulty = Math.max(1, Math.floor((count - 1) / 3));
  return {
    capacity: Math.min(WORK_BURST_US, WORK_BURST_US_TOTAL / faulty),
    perSecond: Math.min(WORK_US_PER_SECOND, WORK_US_PER_SECOND_TOTAL / faulty),
  };
}

export class WorkBudgets {
  /** Microseconds charged and not given back, by author, since the start. */
  readonly wasted: number[] = [];
  /** Blocks and transactions by mail that were not looked at: the queue was full or the budget spent. */
  dropped = 0;
  readonly #ports: WorkPorts;
  readonly #buckets: TokenBucket[] = [];
  /** Refusals of consensus messages: a correct validator sends nothing that is refused. */
  readonly #refusals: TokenBucket[] = [];

  constructor(ports: WorkPorts) {
    this.#ports = ports;
    this.grow(ports.count);
  }

  /** There are so many authors from now on; those that came later have what a set of that size allows. */
  grow(count: number): void {
    const shape = workShape(count);
    while (this.#buckets.length < count) {
      this.#buckets.push(new TokenBucket(shape, this.#ports.now()));
      this.#refusals.push(new TokenBucket(REFUSALS, this.#ports.now()));
      this.wasted.push(0);
    }
  }

  /** Nothing more of this author is judged now. */
  isSpent(author: ValidatorId): boolean {
    return this.waitMs(author) > 0;
  }

  /** Milliseconds until it is looked at again. */
  waitMs(author: ValidatorId): number {
    const now = this.#ports.now();
    const work = this.#buckets[author]?.waitMs(0, now) ?? 0;
    return Math.max(work, this.#refusals[author]?.waitMs(1, now) ?? 0);
  }

  /** Opens the bill of a message that is going to be judged. */
  open(author: ValidatorId, bytes: number): Bill {
    return new Bill(this, author, MESSAGE_US + bytes * BYTE_US);
  }

  /** A message did not parse, was not its author's or had a bad signature somewhere. */
  noteRefused(author: ValidatorId): void {
    this.#refusals[author]?.charge(1, this.#ports.now());
  }

  charge(author: ValidatorId, us: number): void {
    this.#buckets[author]?.charge(us, this.#ports.now());
    this.wasted[author] = (this.wasted[author] ?? 0) + us;
  }

  refund(author: ValidatorId, us: number): void {
    this.#buckets[author]?.refund(us);
    this.wasted[author] = (this.wasted[author] ?? 0) - us;
  }

  get meter(): SpentMeter {
    return this.#ports.meter;
  }
}

/** What one message has cost its author. */
export class Bill {
  readonly #budgets: WorkBudgets;
  readonly #author: ValidatorId;
  /** What judging it has taken, given back or not. */
  workUs = 0;
  #chargedUs = 0;
  /** The part of it that signature checks took. */
  #checksUs = 0;

  constructor(budgets: WorkBudgets, author: ValidatorId, us: number) {
    this.#budgets = budgets;
    this.#author = author;
    this.charge(us);
  }

  /** Estimated beforehand, for work that is done later. */
  charge(us: number): void {
    this.workUs += us;
    this.#chargedUs += us;
    this.#budgets.charge(this.#author, us);
  }

  /** Runs `work`, which awaits nothing, at the author's expense. */
  judge<T>(work: () => T): T {
    const before = this.#budgets.meter.spentUs;
    const result = work();
    this.#checksUs += this.#budgets.meter.spentUs - before;
    this.charge(this.#budgets.meter.spentUs - before);
    return result;
  }

  /** What signature checks took so far, estimated. */
  get checksUs(): number {
    return this.#checksUs;
  }

  /** It was of use. */
  refund(us: number = this.#chargedUs): void {
    this.#chargedUs -= us;
    this.#budgets.refund(this.#author, us);
  }
}
