/**
 * The pool against a naive one that keeps a list and searches it: after any sequence of arrivals, heads, reorgs and
 * waiting, both hold the same, the bounds hold, and what the template picks runs in order on the parent's state. It
 * runs in several profiles: one of everything, and one each for what an attacker would do: keep the pool full, send
 * what waits behind gaps, and send one long row.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import type { SignedTransaction } from "../../src/chain/types/transaction.ts";
import type { Mempool } from "../../src/mempool/mempool.ts";
import { selectTransactions } from "../../src/mempool/template.ts";
import { costOf, genesis, headOf, nameOf, sender, type TestHead, transfer, worldOf } from "./world.ts";

const GAP_MAX = 6;
const AGE_MS_MAX = 50;
const names = [..."abcde"];
const senders = names.map(sender);
const LIMITS = { maxBlockBytes: 1_500, maxBlockTransactions: 7 };

interface Profile {
  readonly name: string;
  readonly transactionsMax: number;
  readonly bytesMax: number;
  readonly queuedMax: number;
  readonly queuedBytesMax: number;
  readonly balance: bigint;
  readonly step: fc.Arbitrary<Step>;
  readonly runs: number;
  /** Ways out of the pool, and refusals, that the steps must have met. */
  readonly mustMeet: readonly string[];
}

interface Held {
  readonly transaction: SignedTransaction;
  readonly order: number;
  readonly addedMs: number;
}

/** The naive pool. Every question is answered by looking at everything. */
class NaivePool {
  held: Held[] = [];
  head: TestHead;
  /** Transactions that became executable for the first time after they had waited, as hashes. */
  promoted: string[] = [];
  readonly #profile: Profile;
  readonly #wereExecutable = new Set<string>();
  #order = 0;
  #isReturning = false;

  constructor(head: TestHead, profile: Profile) {
    this.head = head;
    this.#profile = profile;
  }

  senderQueue({ from }: Pick<SignedTransaction, "from">): Held[] {
    const senderQueue = this.held.filter((held) => held.transaction.from[0] === from[0]);
    return senderQueue.sort((x, y) => Number(x.transaction.nonce - y.transaction.nonce));
  }

  add(transaction: SignedTransaction, nowMs: number): string {
    const { nonce, fee, validUntilHeight } = transaction;
    const account = this.head.account(transaction.from);
    if (validUntilHeight !== 0n && validUntilHeight <= this.head.height) return "TX_EXPIRED";
    if (account === undefined) return "TX_UNKNOWN_SENDER";
    if (nonce < account.nonce) return "TX_NONCE_TOO_LOW";
    const senderQueue = this.senderQueue(transaction);
    if (nonce - this.pending(transaction) > BigInt(GAP_MAX)) return "TX_NONCE_GAP";
    const occupant = senderQueue.find((held) => held.transaction.nonce === nonce);
    const others = senderQueue.filter((held) => held !== occupant);
    const total = others.reduce((sum, held) => sum + costOf(held.transaction), costOf(transaction));
    if (total > account.balance) return "TX_INSUFFICIENT_FUNDS";
    if (occupant !== undefined) {
      if (hex(occupant.transaction.id) === hex(transaction.id)) return "TX_DUPLICATE";
      const old = occupant.transaction.fee;
      if (fee * 10n < old * 11n || fee < old + genesis.limits.minFee) return "TX_UNDERPRICED_REPLACEMENT";
    }
    const before = this.held;
    if (this.place(transaction, nowMs)) return "ok";
    this.held = before;
    return "MEMPOOL_FULL";
  }

  pending({ from }: Pick<SignedTransaction, "from">): bigint {
    const senderQueue = this.senderQueue({ from });
    let pending = this.head.account(from)?.nonce ?? 0n;
    while (senderQueue.some((held) => held.transaction.nonce === pending)) pending++;
    return pending;
  }

  isQueued({ transaction }: Held): boolean {
    return transaction.nonce > this.pending(transaction);
  }

  /** Puts a newcomer in and evicts down to the bounds; whether it stayed. */
  place(transaction: SignedTransaction, nowMs: number): boolean {
    const newcomer = { transaction, order: this.#order++, addedMs: nowMs };
    const senderQueue = this.senderQueue(transaction);
    const occupant = senderQueue.find((held) => held.transaction.nonce === transaction.nonce);
    this.held = [...this.held.filter((held) => held !== occupant), newcomer];
    while (this.isFull() || (this.isQueued(newcomer) && this.isQueueFull())) {
      const victim = this.lastOfLongestQueue() ?? this.leastWorth();
      this.held = this.held.filter((held) => held !== victim);
      if (victim === newcomer && this.queued().length > 0) break;
    }
    return this.held.includes(newcomer);
  }

  isFull(): boolean {
    const { transactionsMax, bytesMax } = this.#profile;
    return this.held.length > transactionsMax || bytesOf(this.held) > bytesMax;
  }

  isQueueFull(): boolean {
    const { queuedMax, queuedBytesMax } = this.#profile;
    const queued = this.queued();
    return !this.#isReturning && (queued.length > queuedMax || bytesOf(queued) > queuedBytesMax);
  }

  queued(): Held[] {
    return this.held.filter((held) => this.isQueued(held));
  }

  bytes(): number {
    return bytesOf(this.held);
  }

  /** Of the sender with the most that wait; of several such senders, of the one whose last is the youngest. */
  lastOfLongestQueue(): Held | undefined {
    const queues = senders.map(({ publicKey }) =>
      this.senderQueue({ from: publicKey }).filter((held) => this.isQueued(held)),
    );
    const most = Math.max(...queues.map((queue) => queue.length));
    if (most === 0) return undefined;
    const lasts = queues.filter((queue) => queue.length === most).map((queue) => queue.at(-1)!);
    return lasts.reduce((x, y) => (x.order > y.order ? x : y));
  }

  /** The last of a sender queue whose lowest fee is the pool's lowest; of several sender queues the one with the youngest last. */
  leastWorth(): Held {
    const senderQueues = senders.map(({ publicKey }) =>
      this.senderQueue({ from: publicKey }).filter((held) => !this.isQueued(held)),
    );
    const worth = (senderQueue: Held[]) =>
      Math.min(...senderQueue.map((held) => Number(held.transaction.fee)));
    const least = Math.min(...senderQueues.map(worth));
    const lasts = senderQueues
      .filter((senderQueue) => worth(senderQueue) === least)
      .map((senderQueue) => senderQueue.at(-1)!);
    return lasts.reduce((x, y) => (x.order > y.order ? x : y));
  }

  /** Back from abandoned blocks: they may come in an order that leaves holes for a while. */
  takeBack(transactions: readonly SignedTransaction[], nowMs: number): number {
    this.#isReturning = true;
    const back = transactions.filter((transaction) => {
      const isBack = this.add(transaction, nowMs) === "ok";
      if (isBack && !this.isQueued({ transaction } as Held)) this.#wereExecutable.add(hex(transaction.hash));
      return isBack;
    });
    this.#isReturning = false;
    this.trim();
    return back.length;
  }

  /** What is queued, back to its bounds. */
  trim(): void {
    this.held = this.held.filter(
      ({ transaction }) => transaction.nonce <= this.pending(transaction) + BigInt(GAP_MAX),
    );
    while (this.isQueueFull()) {
      const victim = this.lastOfLongestQueue();
      this.held = this.held.filter((held) => held !== victim);
    }
  }

  /** Notes what became executable; with `newcomer` that one is no surprise. */
  settle(newcomer?: SignedTransaction): void {
    for (const { transaction } of this.held.filter((held) => !this.isQueued(held))) {
      const hash = hex(transaction.hash);
      if (this.#wereExecutable.has(hash)) continue;
      this.#wereExecutable.add(hash);
      if (newcomer === undefined || hex(newcomer.hash) !== hash) this.promoted.push(hash);
    }
    // What left and comes again is another arrival.
    const here = new Set(this.held.map(({ transaction }) => hex(transaction.hash)));
    for (const hash of this.#wereExecutable) if (!here.has(hash)) this.#wereExecutable.delete(hash);
  }

  moveTo(head: TestHead, nowMs: number): void {
    this.head = head;
    const nonceOf = (held: Held) => head.account(held.transaction.from)?.nonce ?? 0n;
    this.held = this.held.filter((held) => held.transaction.nonce >= nonceOf(held));
    for (const { publicKey } of senders) {
      for (;;) {
        const senderQueue = this.senderQueue({ from: publicKey });
        const cost = senderQueue.reduce((sum, held) => sum + costOf(held.transaction), 0n);
        const account = head.account(publicKey);
        if (senderQueue.length === 0 || (account !== undefined && cost <= account.balance)) break;
        this.held = this.held.filter((held) => held !== senderQueue.at(-1));
      }
    }
    this.held = this.held.filter(({ transaction, addedMs }) => {
      const inTime = transaction.validUntilHeight === 0n || transaction.validUntilHeight > head.height;
      return inTime && nowMs - addedMs <= AGE_MS_MAX;
    });
  }

  executable(): SignedTransaction[] {
    return senders.flatMap(({ publicKey }) => {
      const found: SignedTransaction[] = [];
      let next = this.head.account(publicKey)?.nonce ?? 0n;
      for (const { transaction } of this.senderQueue({ from: publicKey })) {
        if (transaction.nonce !== next++) break;
        found.push(transaction);
      }
      return found;
    });
  }
}

interface Wish {
  readonly do: "add";
  readonly from: number;
  readonly ahead: number;
  readonly fee: number;
  readonly amount: number;
  readonly lifetime: number | undefined;
  readonly memo: string | undefined;
}

type Step =
  | Wish
  | { readonly do: "block"; readonly count: number; readonly foreign: number | undefined }
  | { readonly do: "reorg"; readonly depth: number }
  | { readonly do: "wait"; readonly ms: number };

const ANY: { [K in Exclude<keyof Wish, "do">]: fc.Arbitrary<Wish[K]> } = {
  from: fc.nat(names.length - 1),
  ahead: fc.integer({ min: -1, max: GAP_MAX + 1 }),
  fee: fc.integer({ min: 2, max: 30 }),
  amount: fc.constantFrom(1, 1, 1, 40, 400),
  lifetime: fc.constantFrom(undefined, undefined, 0, 1, 3),
  memo: fc.constantFrom(undefined, "x".repeat(60), "y".repeat(110)),
};
const add = (fields: Partial<typeof ANY> = {}): fc.Arbitrary<Step> =>
  fc.record({ do: fc.constant("add" as const), ...ANY, ...fields });
const block = fc.record({
  do: fc.constant("block" as const),
  count: fc.nat(5),
  foreign: fc.option(fc.nat(names.length - 1), { nil: undefined }),
});
const reorg = fc.record({ do: fc.constant("reorg" as const), depth: fc.integer({ min: 1, max: 3 }) });
const wait = fc.record({ do: fc.constant("wait" as const), ms: fc.nat(30) });
const weighted = (...rows: [number, fc.Arbitrary<Step>][]): fc.Arbitrary<Step> =>
  fc.oneof(...rows.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const [small, forEver] = [fc.constant(1), fc.constant(undefined)];

const PROFILES: readonly Profile[] = [
  {
    name: "of everything",
    ...{ transactionsMax: 9, bytesMax: 1_900, queuedMax: 5, queuedBytesMax: 900, balance: 1_500n },
    step: weighted([12, add()], [2, block], [1, reorg], [2, wait]),
    runs: 24,
    mustMeet: ["included", "stale", "replaced", "evicted", "expired", "aged", "MEMPOOL_FULL", "promoted"],
  },
  {
    name: "always full of what can run",
    ...{ transactionsMax: 4, bytesMax: 700, queuedMax: 2, queuedBytesMax: 400, balance: 100_000n },
    step: weighted(
      [12, add({ ahead: fc.constantFrom(-1, 0, 0, 0, 0, 1), amount: small })],
      [1, block],
      [1, reorg],
    ),
    runs: 9,
    mustMeet: ["included", "replaced", "evicted", "MEMPOOL_FULL"],
  },
  {
    name: "full of gaps",
    ...{ transactionsMax: 8, bytesMax: 4_000, queuedMax: 6, queuedBytesMax: 1_500, balance: 100_000n },
    step: weighted(
      [
        8,
        add({ ahead: fc.integer({ min: 1, max: GAP_MAX + 1 }), amount: small, fee: fc.constantFrom(3, 99) }),
      ],
      [4, add({ ahead: fc.constant(0), amount: small })],
      [1, block],
      [1, reorg],
    ),
    runs: 9,
    mustMeet: ["evicted", "MEMPOOL_FULL", "TX_NONCE_GAP", "promoted"],
  },
  {
    name: "full of one sender's long row",
    ...{ transactionsMax: 14, bytesMax: 4_000, queuedMax: 8, queuedBytesMax: 2_000, balance: 100_000n },
    step: weighted(
      [16, add({ from: fc.constant(0), ahead: fc.constantFrom(-1, 0, 0, 0, 0, 0, 1), amount: small })],
      [2, add({ from: fc.constant(0), ahead: fc.integer({ min: -9, max: 0 }), lifetime: forEver })],
      [3, add({ amount: small, ahead: fc.constantFrom(0, 1) })],
      [1, block],
      [1, reorg],
    ),
    runs: 9,
    mustMeet: ["included", "evicted", "MEMPOOL_FULL", "promoted"],
  },
];

/** Runs the steps on both pools; `check` sees them after each. */
class Run {
  readonly naive: NaivePool;
  readonly pool: Mempool;
  readonly story: readonly string[];
  readonly promoted: readonly SignedTransaction[];
  /** Codes of the refusals so far. */
  readonly refusals: string[] = [];
  readonly #profile: Profile;
  #nowMs = 0;
  /** The chain so far: each head with the block that made it. */
  readonly #chain: { head: TestHead; block: readonly SignedTransaction[] }[];

  constructor(profile: Profile) {
    const head = headOf(senders, profile.balance);
    this.naive = new NaivePool(head, profile);
    const { transactionsMax, bytesMax, queuedMax, queuedBytesMax } = profile;
    const bounds = { transactionsMax, bytesMax, queuedMax, queuedBytesMax };
    const world = worldOf(head, { ...bounds, nonceGapMax: GAP_MAX, ageMsMax: AGE_MS_MAX });
    this.#profile = profile;
    this.pool = world.pool;
    this.story = world.story;
    this.promoted = world.promoted;
    this.#chain = [{ head, block: [] }];
  }

  get head(): TestHead {
    return this.naive.head;
  }

  add(wish: Wish): void {
    const signer = senders[wish.from]!;
    const nonce = Math.max(0, Number(this.pool.pendingNonce(signer.publicKey)) + wish.ahead);
    const fields = { nonce, fee: wish.fee, amount: wish.amount };
    const validUntil = wish.lifetime === undefined ? 0 : Number(this.head.height) + wish.lifetime;
    const memo = wish.memo === undefined ? {} : { memo: wish.memo };
    const transaction = transfer(signer, { ...fields, validUntil, ...memo });
    const verdict = this.pool.add(transaction.bytes, this.#nowMs);
    const expected = this.naive.add(transaction, this.#nowMs);
    expect(verdict.ok ? "ok" : verdict.fault.code, nameOf(transaction)).toBe(expected);
    this.naive.settle(transaction);
    if (!verdict.ok) this.refusals.push(verdict.fault.code);
    if (!verdict.ok && verdict.fault.code === "MEMPOOL_FULL")
      this.#payEnough(transaction, verdict.fault.detail);
  }

  /** The fee that the refusal names is enough for a sender who pays it in every transaction, and the least. */
  #payEnough(transaction: SignedTransaction, detail: string): void {
    if (transaction.nonce > this.naive.pending(transaction)) {
      expect(detail).toContain(`has to wait for nonce ${this.naive.pending(transaction)}`);
      return;
    }
    const least = BigInt(/least fee that enters is (\d+)/.exec(detail)![1]!);
    const senderQueue = this.naive.senderQueue(transaction);
    if (senderQueue.some((held) => held.transaction.fee < least)) return;
    const isLast = senderQueue.every((held) => held.transaction.nonce <= transaction.nonce);
    const before = this.naive.held;
    for (const fee of isLast ? [least - 1n, least] : [least - 2n, least]) {
      const enters = this.naive.place({ ...transaction, fee }, 0);
      expect(enters, `fee ${fee} where ${least} is the least`).toBe(fee === least);
      this.naive.held = before;
    }
  }

  block(count: number, foreign: number | undefined): void {
    const block = selectTransactions(this.pool, this.head, LIMITS).slice(0, count);
    if (foreign !== undefined) {
      const signer = senders[foreign]!;
      const nonce = Number(this.head.after(block).account(signer.publicKey)!.nonce);
      const spare = this.head.after(block).account(signer.publicKey)!.balance;
      if (spare >= 3n)
        block.push(transfer(signer, { nonce, fee: 2, amount: 1, memo: `other ${this.#chain.length}` }));
    }
    const head = this.head.after(block);
    this.#chain.push({ head, block });
    this.pool.headChanged(head, block, this.#nowMs);
    this.naive.moveTo(head, this.#nowMs);
    this.naive.trim();
    this.naive.settle();
  }

  reorg(depth: number): void {
    const left = this.#chain.splice(Math.max(1, this.#chain.length - depth));
    const abandoned = left.flatMap(({ block }) => block);
    const base = this.#chain.at(-1)!.head;
    const head = base.after([], base.height + BigInt(left.length + 1));
    this.#chain.push({ head, block: [] });
    const returned = this.pool.headReplaced(head, abandoned, [], this.#nowMs);
    this.naive.moveTo(head, this.#nowMs);
    expect(returned).toBe(this.naive.takeBack(abandoned, this.#nowMs));
    this.naive.settle();
  }

  wait(ms: number): void {
    this.#nowMs += ms;
    this.pool.dropAged(this.#nowMs);
    this.naive.moveTo(this.head, this.#nowMs);
    this.naive.trim();
    this.naive.settle();
  }

  check(): void {
    const { pool, naive } = this;
    const expected = naive.held.map(({ transaction }) => hex(transaction.hash)).sort();
    expect(pool.hashes().map(hex).sort()).toEqual(expected);
    const { transactionsMax, bytesMax, queuedMax, queuedBytesMax } = this.#profile;
    expect(pool.size).toBeLessThanOrEqual(transactionsMax);
    expect(pool.bytes).toBe(naive.bytes());
    expect(pool.bytes).toBeLessThanOrEqual(bytesMax);
    expect(pool.executable).toBe(naive.executable().length);
    const queued = naive.queued();
    expect(pool.status()).toMatchObject({ queued: queued.length, queuedBytes: bytesOf(queued) });
    expect(queued.length).toBeLessThanOrEqual(queuedMax);
    expect(bytesOf(queued)).toBeLessThanOrEqual(queuedBytesMax);
    expect(this.promoted.map(({ hash }) => hex(hash)).sort()).toEqual(naive.promoted.toSorted());
    const dear = naive.executable().filter((transaction) => this.#floor(transaction) >= 9n);
    expect(pool.offered(this.#nowMs, 9n).map(hex).sort()).toEqual(dear.map(({ hash }) => hex(hash)).sort());
    expect(pool.status().senders).toBe(new Set(naive.held.map((held) => hex(held.transaction.from))).size);
    expect(pool.hashes().map(hex).sort()).toEqual(
      naive.held.map((held) => hex(held.transaction.hash)).sort(),
    );
  }

  /** The least fee of the sender's transactions up to this one. */
  #floor(transaction: SignedTransaction): bigint {
    const before = this.naive
      .senderQueue(transaction)
      .filter((held) => held.transaction.nonce <= transaction.nonce);
    return before.reduce((least, { transaction: { fee } }) => (fee < least ? fee : least), transaction.fee);
  }

  /** The template runs transaction by transaction, keeps the limits, and serves the oldest if it fits at all. */
  checkTemplate(): void {
    const parent = this.head;
    const block = selectTransactions(this.pool, parent, LIMITS);
    expect(block.length).toBeLessThanOrEqual(LIMITS.maxBlockTransactions);
    expect(block.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(LIMITS.maxBlockBytes);
    let state = parent;
    for (const transaction of block) {
      const account = state.account(transaction.from)!;
      expect(transaction.nonce).toBe(account.nonce);
      expect(costOf(transaction)).toBeLessThanOrEqual(account.balance);
      const { validUntilHeight } = transaction;
      expect(validUntilHeight === 0n || validUntilHeight > parent.height).toBe(true);
      state = state.after([transaction], parent.height);
    }
    const executable = this.naive.executable();
    expect(block.length > 0).toBe(executable.length > 0);
    const heads = this.naive.held.filter(
      ({ transaction }) => transaction.nonce === parent.account(transaction.from)?.nonce,
    );
    if (heads.length > 0) {
      const oldest = heads.reduce((x, y) => (x.order < y.order ? x : y));
      expect(hex(block[0]!.id)).toBe(hex(oldest.transaction.id));
    }
  }
}

function bytesOf(held: readonly Held[]): number {
  return held.reduce((sum, { transaction }) => sum + transaction.bytes.length, 0);
}

describe("a pool", () => {
  it.each(PROFILES)(
    "$name holds at every step what a naive pool holds, and its template runs in order",
    (profile) => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(fc.array(profile.step, { minLength: 30, maxLength: 80 }), (steps) => {
          const run = new Run(profile);
          for (const wish of steps) {
            if (wish.do === "add") run.add(wish);
            else if (wish.do === "block") run.block(wish.count, wish.foreign);
            else if (wish.do === "reorg") run.reorg(wish.depth);
            else run.wait(wish.ms);
            run.check();
            run.checkTemplate();
          }
          const met = [...run.refusals, ...run.story.map((line) => line.split(" ")[0]!)];
          if (run.promoted.length > 0) met.push("promoted");
          for (const what of met) seen.set(what, (seen.get(what) ?? 0) + 1);
        }),
        { numRuns: profile.runs, interruptAfterTimeLimit: 15_000 },
      );
      // The steps must have reached what they are to test.
      for (const what of profile.mustMeet) expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
    },
  );
});
