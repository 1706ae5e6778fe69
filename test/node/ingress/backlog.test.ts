/** Back-pressure on users: a few seconds of what the network commits may wait, and who comes beyond is told when to come again. */
import { expect, it } from "vitest";
import { BACKLOG_MIN, BACKLOG_MS_MAX, Backlog } from "../../../src/node/ingress/backlog.ts";

function setUp() {
  let nowMs = 1_000_000;
  let committed: (change: never) => void = () => undefined;
  const pool = { executable: 0 };
  const heads = {
    subscribe(listener: (change: never) => void) {
      committed = listener;
      return () => undefined;
    },
  };
  const backlog = new Backlog({ pool, events: { heads } }, () => nowMs);
  /** A block of so many after so long, which leaves so many. */
  const block = (count: number, afterMs: number, left: number) => {
    nowMs += afterMs;
    pool.executable = left;
    committed({ sealed: { block: { transactions: { length: count } } } } as never);
  };
  return { backlog, pool, block, pass: (ms: number) => (nowMs += ms) };
}

it("a backlog is bounded by nothing but the pool until it is known what the network commits", () => {
  const { backlog, pool } = setUp();
  pool.executable = 20_000;
  expect(backlog.refusal()).toBeUndefined();
  expect(backlog.retryAfterMs()).toBe(1_000);
});

it("a backlog is as much as is committed in three seconds, and half of it is waited for", () => {
  const { backlog, pool, block } = setUp();
  for (let i = 0; i < 10; i++) block(1_000, 500, 4_000);
  const max = 2 * BACKLOG_MS_MAX;
  pool.executable = max - 1;
  expect(backlog.refusal()).toBeUndefined();
  pool.executable = max;
  const fault = backlog.refusal();
  expect(fault?.code).toBe("MEMPOOL_FULL");
  expect(fault?.detail).toBe("6000 transactions wait and 2000 a second are committed; try again in 1500 ms");
  pool.executable = 20_000;
  expect(backlog.retryAfterMs()).toBe(5_000);
});

it("a backlog may always be a burst, on a slow network and on one that stands still, and falls as time passes without a block", () => {
  const { backlog, pool, block, pass } = setUp();
  for (let i = 0; i < 20; i++) block(1_000, 500, 4_000);
  pool.executable = 4_000;
  expect(backlog.refusal()).toBeUndefined();
  pass(60_000);
  expect(backlog.refusal()?.code).toBe("MEMPOOL_FULL");
  pool.executable = BACKLOG_MIN - 1;
  expect(backlog.refusal()).toBeUndefined();
  expect(backlog.retryAfterMs()).toBeGreaterThanOrEqual(500);
});

it("a backlog is measured while the network is busy, not by how little it was asked for", () => {
  const { backlog, pool, block } = setUp();
  for (let i = 0; i < 10; i++) block(1_000, 500, 4_000);
  for (let i = 0; i < 50; i++) block(1, 1_000, 0);
  pool.executable = 5_999;
  expect(backlog.refusal()).toBeUndefined();
  pool.executable = 6_000;
  expect(backlog.refusal()?.code).toBe("MEMPOOL_FULL");
});
