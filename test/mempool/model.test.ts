/**
 * The pool against a naive one that keeps a list and searches it: after any sequence of arrivals, heads, reorgs and
 * waiting, both hold the same, the bounds hold, and what the template picks runs in order on the parent's state.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import type { SignedTransaction } from "../../src/chain/transaction.ts";
import type { Mempool } from "../../src/mempool/mempool.ts";
import { selectTransactions } from "../../src/mempool/template.ts";
import { costOf, genesis, headOf, nameOf, sender, type TestHead, transfer, worldOf } from "./world.ts";

const TRANSACTIONS_MAX = 9;
const BYTES_MAX = 1_900;
const GAP_MAX = 6;
const AGE_MS_MAX = 50;
const names = [..."abcde"];
const senders = names.map(sender);
const LIMITS = { maxBlockBytes: 1_500, maxBlockTransactions: 7 };

interface Held {
  readonly transaction: SignedTransaction;
  readonly order: number;
  readonly addedMs: number;
}

/** The naive pool. Every question is answered by looking at everything. */
class NaivePool {
  held: Held[] = [];
  head: TestHead;
  #order = 0;

  constructor(head: TestHead) {
    this.head = head;
  }

  lane(transaction: SignedTransaction): Held[] {
    const lane = this.held.filter((held) => hex(held.transaction.from) === hex(transaction.from));
    return lane.sort((x, y) => Number(x.transaction.nonce - y.transaction.nonce));
  }

  add(transaction: SignedTransaction, nowMs: number): string {
    const { nonce, fee, validUntilHeight } = transaction;
    const account = this.head.account(transaction.from);
    if (validUntilHeight !== 0n && validUntilHeight <= this.head.height) return "TX_EXPIRED";
    if (account === undefined) return "TX_UNKNOWN_SENDER";
    if (nonce < account.nonce) return "TX_NONCE_TOO_LOW";
    const lane = this.lane(transaction);
    let pending = account.nonce;
    while (lane.some((held) => held.transaction.nonce === pending)) pending++;
    if (nonce - pending > BigInt(GAP_MAX)) return "TX_NONCE_GAP";
    const occupant = lane.find((held) => held.transaction.nonce === nonce);
    const others = lane.filter((held) => held !== occupant);
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

  /** Puts a newcomer in and evicts down to the bounds; whether it stayed. */
  place(transaction: SignedTransaction, nowMs: number): boolean {
    const newcomer = { transaction, order: this.#order++, addedMs: nowMs };
    const lane = this.lane(transaction);
    const occupant = lane.find((held) => held.transaction.nonce === transaction.nonce);
    this.held = [...this.held.filter((held) => held !== occupant), newcomer];
    while (this.held.length > TRANSACTIONS_MAX || this.bytes() > BYTES_MAX) {
      const victim = this.victim();
      this.held = this.held.filter((held) => held !== victim);
    }
    return this.held.includes(newcomer);
  }

  bytes(): number {
    return this.held.reduce((sum, held) => sum + held.transaction.bytes.length, 0);
  }

  /** The last of a lane whose lowest fee is the pool's lowest; of several lanes the one with the youngest last. */
  victim(): Held {
    const lanes = senders.map(({ publicKey }) =>
      this.held
        .filter((held) => hex(held.transaction.from) === hex(publicKey))
        .sort((x, y) => Number(x.transaction.nonce - y.transaction.nonce)),
    );
    const worth = (lane: Held[]) => Math.min(...lane.map((held) => Number(held.transaction.fee)));
    const least = Math.min(...lanes.map(worth));
    const lasts = lanes.filter((lane) => worth(lane) === least).map((lane) => lane.at(-1)!);
    return lasts.reduce((x, y) => (x.order > y.order ? x : y));
  }

  moveTo(head: TestHead, nowMs: number): void {
    this.head = head;
    const nonceOf = (held: Held) => head.account(held.transaction.from)?.nonce ?? 0n;
    this.held = this.held.filter((held) => held.transaction.nonce >= nonceOf(held));
    for (const { publicKey } of senders) {
      for (;;) {
        const lane = this.lane({ from: publicKey } as SignedTransaction);
        const cost = lane.reduce((sum, held) => sum + costOf(held.transaction), 0n);
        const account = head.account(publicKey);
        if (lane.length === 0 || (account !== undefined && cost <= account.balance)) break;
        this.held = this.held.filter((held) => held !== lane.at(-1));
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
      for (const { transaction } of this.lane({ from: publicKey } as SignedTransaction)) {
        if (transaction.nonce !== next++) break;
        found.push(transaction);
      }
      return found;
    });
  }
}

const addStep = fc.record({
  do: fc.constant("add" as const),
  from: fc.nat(names.length - 1),
  ahead: fc.integer({ min: -1, max: GAP_MAX + 1 }),
  fee: fc.integer({ min: 2, max: 30 }),
  amount: fc.constantFrom(1, 1, 1, 40, 400),
  lifetime: fc.constantFrom(undefined, undefined, 0, 1, 3),
  memo: fc.constantFrom(undefined, "x".repeat(60), "y".repeat(110)),
});
const step = fc.oneof(
  { weight: 12, arbitrary: addStep },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("block" as const),
      count: fc.nat(5),
      foreign: fc.option(fc.nat(names.length - 1), { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("reorg" as const), depth: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(30) }) },
);

/** Runs the steps on both pools; `check` sees them after each. */
class Run {
  readonly naive: NaivePool;
  readonly pool: Mempool;
  readonly story: readonly string[];
  /** Codes of the refusals so far. */
  readonly refusals: string[] = [];
  #nowMs = 0;
  /** The chain so far: each head with the block that made it. */
  readonly #chain: { head: TestHead; block: readonly SignedTransaction[] }[];

  constructor() {
    const head = headOf(senders, 1_500n);
    this.naive = new NaivePool(head);
    const world = worldOf(head, {
      transactionsMax: TRANSACTIONS_MAX,
      bytesMax: BYTES_MAX,
      nonceGapMax: GAP_MAX,
      ageMsMax: AGE_MS_MAX,
    });
    this.pool = world.pool;
    this.story = world.story;
    this.#chain = [{ head, block: [] }];
  }

  get head(): TestHead {
    return this.naive.head;
  }

  add(wish: typeof addStep extends fc.Arbitrary<infer T> ? T : never): void {
    const signer = senders[wish.from]!;
    const nonce = Math.max(0, Number(this.pool.pendingNonce(signer.publicKey)) + wish.ahead);
    const fields = { nonce, fee: wish.fee, amount: wish.amount };
    const validUntil = wish.lifetime === undefined ? 0 : Number(this.head.height) + wish.lifetime;
    const memo = wish.memo === undefined ? {} : { memo: wish.memo };
    const transaction = transfer(signer, { ...fields, validUntil, ...memo });
    const verdict = this.pool.add(transaction.bytes, this.#nowMs);
    const expected = this.naive.add(transaction, this.#nowMs);
    expect(verdict.ok ? "ok" : verdict.fault.code, nameOf(transaction)).toBe(expected);
    if (!verdict.ok) this.refusals.push(verdict.fault.code);
    if (!verdict.ok && verdict.fault.code === "MEMPOOL_FULL")
      this.#payEnough(transaction, verdict.fault.detail);
  }

  /** The fee that the refusal names is enough for a sender who pays it in every transaction, and the least. */
  #payEnough(transaction: SignedTransaction, detail: string): void {
    const least = BigInt(/least fee that enters is (\d+)/.exec(detail)![1]!);
    const lane = this.naive.lane(transaction);
    if (lane.some((held) => held.transaction.fee < least)) return;
    const isLast = lane.every((held) => held.transaction.nonce <= transaction.nonce);
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
  }

  reorg(depth: number): void {
    const left = this.#chain.splice(Math.max(1, this.#chain.length - depth));
    const abandoned = left.flatMap(({ block }) => block);
    const base = this.#chain.at(-1)!.head;
    const head = base.after([], base.height + BigInt(left.length + 1));
    this.#chain.push({ head, block: [] });
    const returned = this.pool.headReplaced(head, abandoned, [], this.#nowMs);
    this.naive.moveTo(head, this.#nowMs);
    const back = abandoned.filter((transaction) => this.naive.add(transaction, this.#nowMs) === "ok");
    expect(returned).toBe(back.length);
  }

  wait(ms: number): void {
    this.#nowMs += ms;
    this.pool.dropAged(this.#nowMs);
    this.naive.moveTo(this.head, this.#nowMs);
  }

  check(): void {
    const { pool, naive } = this;
    const expected = naive.held.map(({ transaction }) => hex(transaction.hash)).sort();
    expect(pool.hashes().map(hex).sort()).toEqual(expected);
    expect(pool.size).toBeLessThanOrEqual(TRANSACTIONS_MAX);
    expect(pool.bytes).toBe(naive.bytes());
    expect(pool.bytes).toBeLessThanOrEqual(BYTES_MAX);
    expect(pool.executable).toBe(naive.executable().length);
    expect(pool.status().senders).toBe(new Set(naive.held.map((held) => hex(held.transaction.from))).size);
    expect(hex(pool.digest().checksum)).toBe(hex(xorOf(naive.held)));
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

function xorOf(held: readonly Held[]): Uint8Array {
  const sum = new Uint8Array(32);
  for (const { transaction } of held) for (let i = 0; i < 32; i++) sum[i]! ^= transaction.hash[i]!;
  return sum;
}

describe("the pool", () => {
  it("holds at every step what a naive pool holds, and its template runs in order", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
        const run = new Run();
        for (const wish of steps) {
          if (wish.do === "add") run.add(wish);
          else if (wish.do === "block") run.block(wish.count, wish.foreign);
          else if (wish.do === "reorg") run.reorg(wish.depth);
          else run.wait(wish.ms);
          run.check();
          run.checkTemplate();
        }
        const met = [...run.refusals, ...run.story.map((line) => line.split(" ")[0]!)];
        for (const what of met) seen.set(what, (seen.get(what) ?? 0) + 1);
      }),
      { numRuns: 50, interruptAfterTimeLimit: 15_000 },
    );
    // The steps must have reached what they are to test.
    for (const what of ["included", "stale", "replaced", "evicted", "expired", "aged", "MEMPOOL_FULL"]) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
    }
  });
});
