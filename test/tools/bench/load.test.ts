/** The load against a node that is a function: what is outstanding, what is sent again, what is counted. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BenchLoad, type LoadOptions, type Refusal } from "../../../src/tools/bench/load.ts";
import type { LoadTransfer } from "../../../src/tools/bench/transfers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Request {
  readonly node: number;
  readonly ids: readonly string[];
  answer(refusals?: readonly Refusal[]): void;
}

function setUp(options: Partial<LoadOptions> = {}) {
  const requests: Request[] = [];
  const failures: unknown[] = [];
  let made = 0;
  const take = (_: number, count: number): LoadTransfer[] =>
    Array.from({ length: count }, () => ({ id: `${made++}`, bytes: new Uint8Array(1) }));
  const load = new BenchLoad(
    { nodes: 2, batch: 10, outstandingMax: 50, rate: undefined, ...options },
    {
      now: () => Date.now(),
      take,
      send: (node, transfers) =>
        new Promise((resolve) => {
          requests.push({
            node,
            ids: transfers.map(({ id }) => id),
            answer: (refusals = []) => resolve(refusals),
          });
        }),
      fail: (error) => failures.push(error),
    },
  );
  return { load, requests, failures };
}

describe("a load in a closed loop", () => {
  it("fills up to its bound in whole requests, nodes in turn", () => {
    const { load, requests } = setUp({ outstandingMax: 35 });
    load.start();
    expect(load.outstanding).toBe(30);
    expect(requests.map(({ node }) => node)).toEqual([0, 1, 0]);
    load.stop();
  });

  it("sends on when transfers become final, and times them from their sending", async () => {
    const { load, requests } = setUp();
    load.beginWindow();
    load.start();
    for (const request of requests.splice(0)) request.answer();
    await vi.advanceTimersByTimeAsync(40);
    const final = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    load.blockFinal([...final, "of somebody else"], Date.now());
    expect(load.outstanding).toBe(50);
    expect(load.figures()).toMatchObject({
      sent: 60,
      committed: 10,
      blocks: 1,
      latencyMs: { p50: 40, max: 40 },
    });
    load.stop();
  });

  it("sends again what was refused, with its first time", async () => {
    const { load, requests } = setUp({ batch: 2, outstandingMax: 2 });
    load.start();
    requests[0]!.answer([{ index: 1, code: "MEMPOOL_FULL" }]);
    await vi.advanceTimersByTimeAsync(60);
    expect(requests[1]).toMatchObject({ node: 0, ids: ["1"] });
    load.blockFinal(["0", "1"], Date.now());
    expect(load.figures()).toMatchObject({ refused: { MEMPOOL_FULL: 1 }, latencyMs: { max: 60 } });
    load.stop();
  });

  it("takes a duplicate for accepted", async () => {
    const { load, requests } = setUp({ batch: 2, outstandingMax: 2 });
    load.start();
    requests[0]!.answer([{ index: 0, code: "TX_DUPLICATE" }]);
    await vi.advanceTimersByTimeAsync(100);
    expect(requests).toHaveLength(1);
    expect(load.figures().refused).toEqual({});
    load.stop();
  });

  it("sends nothing new when it is stopped", async () => {
    const { load, requests } = setUp();
    load.start();
    load.stop();
    const sent = requests.length;
    load.blockFinal(
      requests.flatMap(({ ids }) => ids),
      Date.now(),
    );
    await vi.advanceTimersByTimeAsync(100);
    expect(requests).toHaveLength(sent);
    expect([load.outstanding, load.total]).toEqual([0, 50]);
  });
});

describe("a benchmark's load at a rate", () => {
  it("sends what is due and no more", async () => {
    const { load, requests } = setUp({ rate: 1_000, outstandingMax: 1_000 });
    load.start();
    for (let i = 0; i < 100; i++) {
      await vi.advanceTimersByTimeAsync(1);
      for (const request of requests.splice(0)) request.answer();
    }
    expect(load.total).toBe(100);
    load.stop();
  });

  it.each([
    { rate: 1_000, whole: 10 },
    { rate: 50, whole: 5 },
    { rate: 2, whole: 1 },
  ])(
    "sends whole requests, or what is due in a tenth of a second: $rate a second",
    async ({ rate, whole }) => {
      const { load, requests } = setUp({ rate, outstandingMax: 1_000 });
      load.start();
      const lengths = new Set<number>();
      for (let i = 0; i < 1_000; i++) {
        await vi.advanceTimersByTimeAsync(1);
        for (const { ids, answer } of requests.splice(0)) {
          lengths.add(ids.length);
          answer();
        }
      }
      expect(load.total).toBe(rate);
      expect([...lengths]).toEqual([whole]);
      load.stop();
    },
  );

  it("is held back by its bound", async () => {
    const { load } = setUp({ rate: 1_000, outstandingMax: 20 });
    load.start();
    await vi.advanceTimersByTimeAsync(100);
    expect(load.total).toBe(20);
    load.stop();
  });
});
