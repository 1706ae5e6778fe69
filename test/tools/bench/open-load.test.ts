/** Goal: an open load offers what its phase says, whatever is refused. Method: a node that is a function, false time. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OpenLoad } from "../../../src/tools/bench/open-load.ts";
import { type RpcRefusal, refusalsOf } from "../../../src/tools/bench/send-batch.ts";
import { SendingSeconds } from "../../../src/tools/bench/sending-seconds.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const FULL = { code: "MEMPOOL_FULL", number: -32005, retryAfterMs: 300 };

/** @param judge what a node refuses of a request, by the ids; it answers at once */
function setUp(accounts: number, judge: (ids: readonly string[]) => readonly RpcRefusal[] = () => []) {
  const requests: (readonly string[])[] = [];
  const failures: unknown[] = [];
  const made = new Map<number, number>();
  const load = new OpenLoad(
    { nodes: 2, accounts, batch: 10 },
    {
      now: () => Date.now(),
      take: (account) => {
        const nonce = made.get(account) ?? 0;
        made.set(account, nonce + 1);
        return { id: `${account}.${nonce}`, bytes: new Uint8Array(1) };
      },
      send: async (_, transfers) => {
        const ids = transfers.map(({ id }) => id);
        requests.push(ids);
        return judge(ids);
      },
      fail: (error) => failures.push(error),
    },
  );
  return { load, requests, failures, ids: () => requests.flat() };
}

describe("an open load", () => {
  it("offers its rate whatever becomes final, in requests that are filled or have waited", async () => {
    const { load, requests, ids, failures } = setUp(1_000);
    load.begin({ rate: 1_000, outstandingMax: 0 });
    await vi.advanceTimersByTimeAsync(1_000);
    load.stop();
    expect(ids().length).toBeGreaterThanOrEqual(985);
    expect(ids().length).toBeLessThanOrEqual(1_000);
    expect(requests.length).toBeLessThanOrEqual(110);
    expect(load.outstanding).toBe(ids().length);
    expect(load.figures()).toMatchObject({ withheld: 0, committed: 0, refusals: [] });
    expect(failures).toEqual([]);
  });

  it("offers what was refused again after the time that was told, and nothing of its account before", async () => {
    const at: [string, number][] = [];
    const start = Date.now();
    const { load } = setUp(1, (ids) => {
      for (const id of ids) at.push([id, Date.now() - start]);
      return at.length === 1 ? [{ index: 0, ...FULL }] : [];
    });
    load.begin({ rate: 100, outstandingMax: 0 });
    await vi.advanceTimersByTimeAsync(500);
    load.stop();
    const [first, second, third] = at;
    expect([first?.[0], second?.[0], third?.[0]]).toEqual(["0.0", "0.0", "0.1"]);
    expect(second![1] - first![1]).toBeGreaterThanOrEqual(300);
    expect(load.total).toBe(at.length - 1);
    const [refusals] = load.figures().refusals;
    expect(refusals).toMatchObject({ code: "MEMPOOL_FULL", count: 1, retryAfterMs: { count: 1, p50: 300 } });
    expect(load.figures().withheld).toBeGreaterThan(20);
  });

  it("keeps a number outstanding where it has no rate, and counts each phase for itself", async () => {
    const { load, ids } = setUp(100);
    load.begin({ rate: undefined, outstandingMax: 50 });
    await vi.advanceTimersByTimeAsync(50);
    expect([load.outstanding, load.counts.offered]).toEqual([50, 50]);
    load.blockFinal(ids().slice(0, 20), Date.now());
    await vi.advanceTimersByTimeAsync(5);
    expect([load.outstanding, load.counts.offered]).toEqual([50, 70]);
    load.begin({ rate: 100, outstandingMax: 0 });
    load.blockFinal(ids().slice(20, 70), Date.now());
    // Final in this phase, and sent in the last.
    expect(load.figures()).toMatchObject({ offered: 0, committed: 50, latencyMs: { count: 0 } });
    load.stop();
  });
});

describe("a refusal of transfers", () => {
  it("is read with its number and the time to wait, of each call or of the whole message", () => {
    const error = { code: -32005, message: "full", data: { code: "MEMPOOL_FULL", retryAfterMs: 300 } };
    const answers = [
      { id: 0, result: {} },
      { id: 1, error },
    ];
    expect(refusalsOf("url", JSON.stringify(answers), 2)).toEqual([{ index: 1, ...FULL }]);
    const limit = { ...error, data: { code: "RATE_LIMIT", retryAfterMs: 1_000 } };
    expect(refusalsOf("url", JSON.stringify({ id: null, error: limit }), 2)).toMatchObject([
      { index: 0, code: "RATE_LIMIT", retryAfterMs: 1_000 },
      { index: 1 },
    ]);
    const broken = JSON.stringify({ id: null, error: { code: -32700, message: "parse" } });
    expect(() => refusalsOf("url", broken, 2)).toThrow("url: parse");
  });
});

describe("seconds after an overload", () => {
  /** @param seconds by second: how late what was sent in it was final, or what else became of it */
  function secondsOf(...seconds: readonly (number | "refused" | "open")[]) {
    const record = new SendingSeconds();
    seconds.forEach((fate, i) => {
      const at = 1_000 * i + 10;
      record.sent(at);
      if (fate === "refused") record.refused(at);
      else if (fate !== "open") record.final(at, fate);
    });
    return record;
  }

  it.each([
    ["as before from the start", [90, 80, 100], 0],
    ["too late at first", [900, 400, 90, 80, 100], 2],
    ["refused once more", [90, "refused", 90, 80, 100], 2],
    ["not final yet", [90, 80, "open"], undefined],
    ["only two in a row", [90, 80, 101, 90, 80], undefined],
  ] as const)("are normal: %s", (_, seconds, from) => {
    expect(secondsOf(...seconds).normalFrom(100, 1_000 * seconds.length)).toBe(from);
  });

  it("are not judged before they are over", () => {
    const record = secondsOf(90, 80, 100);
    expect(record.normalFrom(100, 2_999)).toBeUndefined();
    expect(record.normalFrom(100, 3_000)).toBe(0);
  });
});
