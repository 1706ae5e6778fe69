/** Time lines of transactions: what is remembered, and for how long. */
import { expect, it } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { STAGED_TRANSACTIONS_MAX, TxStages } from "../../../src/node/api/tx-stages.ts";

const hash = (n: number) =>
  asHash(new Uint8Array(32).fill(n & 0xff).map((byte, i) => (i < 4 ? (n >> (8 * i)) & 0xff : byte)));
const vote = (type: "prepared" | "committed", of: number) =>
  ({ type, view: 0n, height: 1n, hash: hash(of) }) as const;

it("the record of stages keeps the first time of each stage of a block", () => {
  const stages = new TxStages();
  stages.engine({ type: "pre-prepare", from: 0, view: 0n, height: 1n, hash: hash(1) }, 10);
  stages.engine(vote("prepared", 1), 20);
  stages.engine({ type: "pre-prepare", from: 1, view: 1n, height: 1n, hash: hash(1) }, 30);
  stages.engine(vote("committed", 1), 40);
  stages.included(hash(1), 50);
  expect(stages.ofBlock(hash(1))).toEqual({ proposed: 10, prepared: 20, committed: 40, included: 50 });
  expect(stages.ofBlock(hash(2))).toEqual({});
});

it("the record of stages forgets the oldest transaction when it has too many", () => {
  const stages = new TxStages();
  for (let n = 0; n <= STAGED_TRANSACTIONS_MAX; n++) stages.pooled(hash(n), n, n - 1);
  expect(stages.ofTransaction(hash(0))).toBeUndefined();
  expect(stages.ofTransaction(hash(1))).toEqual({ received: 0, pooled: 1 });
  expect(stages.ofTransaction(hash(STAGED_TRANSACTIONS_MAX))).toEqual({
    received: STAGED_TRANSACTIONS_MAX - 1,
    pooled: STAGED_TRANSACTIONS_MAX,
  });
});

it("the record of stages tells of a transaction that came again when it came last, and nothing of one that never came", () => {
  const stages = new TxStages();
  stages.pooled(hash(1), 10, 9);
  stages.pooled(hash(2), 11);
  expect(stages.ofTransaction(hash(1))).toEqual({ received: 9, pooled: 10 });
  stages.pooled(hash(1), 20, 18);
  expect(stages.ofTransaction(hash(1))).toEqual({ received: 18, pooled: 20 });
  expect(stages.ofTransaction(hash(2))).toEqual({ received: 11, pooled: 11 });
  expect(stages.ofTransaction(hash(3))).toBeUndefined();
});

it("the record of stages forgets the oldest also once it has been asked, but for one that came again", () => {
  const stages = new TxStages();
  stages.pooled(hash(0), 1);
  stages.pooled(hash(1), 1);
  expect(stages.ofTransaction(hash(0))).toBeDefined();
  stages.pooled(hash(1), 2);
  for (let n = 2; n < STAGED_TRANSACTIONS_MAX; n++) stages.pooled(hash(n), 3);
  expect(stages.ofTransaction(hash(0))).toBeUndefined();
  expect(stages.ofTransaction(hash(1))).toEqual({ received: 2, pooled: 2 });
});
