/** What a proposer takes from the pool: a quarter by arrival, the rest by fee, each sender's nonces in order. */
import { describe, expect, it } from "vitest";
import { selectTransactions } from "../../src/mempool/template.ts";
import { headOf, nameOf, sender, type TransferFields, transfer, worldOf } from "./world.ts";

const senders = [..."abcdefgh"].map(sender);
const head = headOf(senders, 1_000n);
const roomy = { maxBlockBytes: 100_000, maxBlockTransactions: 1_000 };
const size = transfer(senders[0]!).bytes.length;

type Spec = readonly [name: string, fields?: TransferFields];

function poolOf(...specs: readonly Spec[]) {
  const { pool } = worldOf(head);
  for (const [name, fields] of specs) {
    const [account, nonce] = name.split("/");
    const transaction = transfer(sender(account!), { nonce: Number(nonce), ...fields });
    expect(pool.add(transaction, 0)).toMatchObject({ ok: true });
  }
  return pool;
}

const names = (pool: ReturnType<typeof poolOf>, limits: Partial<typeof roomy> = {}, parent = head) =>
  selectTransactions(pool, parent, { ...roomy, ...limits }).map(nameOf);

describe("a block template", () => {
  it("is empty for an empty pool and for one without executable transactions", () => {
    expect(names(poolOf())).toEqual([]);
    expect(names(poolOf(["a/1"]))).toEqual([]);
  });

  it("takes a quarter by arrival, then the highest fees", () => {
    const pool = poolOf(
      ["a/0", { fee: 2 }],
      ["b/0", { fee: 3 }],
      ["c/0", { fee: 4 }],
      ["d/0", { fee: 50 }],
      ["e/0", { fee: 60 }],
    );
    expect(names(pool, { maxBlockTransactions: 4 })).toEqual(["a/0", "e/0", "d/0", "c/0"]);
    expect(names(pool, { maxBlockTransactions: 1 })).toEqual(["a/0"]);
    expect(names(pool, { maxBlockBytes: 2 * size })).toEqual(["a/0", "e/0"]);
    expect(names(pool)).toHaveLength(5);
  });

  it("always serves the longest waiting, whatever it pays", () => {
    const rich = senders.slice(1).map((_, i): Spec => [`${"bcdefgh"[i]}/0`, { fee: 500 }]);
    expect(names(poolOf(["a/0", { fee: 2 }], ...rich), { maxBlockTransactions: 2 })[0]).toBe("a/0");
  });

  it("keeps each sender's nonces in order and stops at a hole", () => {
    const pool = poolOf(
      ["a/2", { fee: 90 }],
      ["a/1", { fee: 3 }],
      ["b/0", { fee: 5 }],
      ["a/0", { fee: 9 }],
      ["a/4", { fee: 99 }],
    );
    expect(names(pool, { maxBlockTransactions: 100 })).toEqual(["b/0", "a/0", "a/1", "a/2"]);
    expect(names(pool, { maxBlockTransactions: 4 })).toEqual(["b/0", "a/0", "a/1", "a/2"]);
  });

  it("skips what uncommitted parents hold already, also where another's transaction used the nonce", () => {
    const pool = poolOf(["a/0"], ["a/1"], ["b/0"], ["c/0"], ["c/2"]);
    const parents = head
      .after([transfer(senders[0]!), transfer(senders[1]!)])
      .after([transfer(senders[2]!), transfer(senders[2]!, { nonce: 1, memo: "not ours" })]);
    expect(names(pool, {}, parents)).toEqual(["a/1", "c/2"]);
  });

  it("leaves out what the parent's state cannot pay", () => {
    const pool = poolOf(["a/0", { amount: 400 }], ["a/1", { amount: 400 }], ["b/0"]);
    expect(names(pool, {}, head.with(senders[0]!, { balance: 500n, nonce: 0n }))).toEqual(["a/0", "b/0"]);
    expect(names(pool, {}, head.with(senders[0]!, undefined))).toEqual(["b/0"]);
  });

  it("leaves out what has expired at the block's height, and what stands behind it", () => {
    const pool = poolOf(["a/0"], ["a/1", { validUntil: 6 }], ["a/2"], ["b/0", { validUntil: 7 }]);
    expect(names(pool)).toHaveLength(4);
    expect(names(pool, {}, head.after([], 6n))).toEqual(["a/0", "b/0"]);
  });

  it("passes over what does not fit and goes on with others", () => {
    const memo = "x".repeat(100);
    const pool = poolOf(["a/0"], ["b/0", { memo, fee: 90 }], ["b/1"], ["c/0", { fee: 5 }]);
    expect(names(pool, { maxBlockBytes: 2 * size + 99 })).toEqual(["a/0", "c/0"]);
  });

  it("does not change the pool", () => {
    const pool = poolOf(["a/0"], ["b/0"], ["a/1"]);
    const before = [pool.hashes(), pool.status()];
    expect(names(pool)).toEqual(names(pool));
    expect([pool.hashes(), pool.status()]).toEqual(before);
  });

  it("asks the parent's state only for the sender queues it needs", () => {
    const pool = poolOf(...[..."abcdefgh"].map((name): Spec => [`${name}/0`]));
    let asked = 0;
    const parent = {
      height: head.height,
      account: (address: Parameters<typeof head.account>[0]) => {
        asked++;
        return head.account(address);
      },
    };
    expect(selectTransactions(pool, parent, { ...roomy, maxBlockTransactions: 2 })).toHaveLength(2);
    expect(asked).toBeLessThanOrEqual(3);
  });
});
