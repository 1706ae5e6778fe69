/** Turns of calls on virtual time: who runs next, what a client may take, and when the rest of the node has a turn. */
import { describe, expect, it } from "vitest";
import {
  type Caller,
  CallQueue,
  OPERATOR,
  RPC_CLIENT_MS,
  RPC_QUEUED_CALLS_MAX,
  RPC_QUEUED_MS_MAX,
  RPC_TOTAL_MS,
  RPC_TURN_MS_MAX,
} from "../../../src/rpc/budgets/call-queue.ts";

/** A queue whose calls take what they say, on a clock that moves when they do or when the queue sleeps. */
function setUp() {
  let nowMs = 0;
  let pauses = 0;
  let elsewhere = () => {};
  const done: string[] = [];
  const queue = new CallQueue({
    scheduler: {
      now: () => nowMs,
      after: (delayMs, task) => {
        let isLive = true;
        // Behind everything that is ready: virtual time passes only when nothing else happens.
        setImmediate(() => {
          if (!isLive) return;
          nowMs += delayMs;
          task();
        });
        return () => {
          isLive = false;
        };
      },
    },
    busyMs: () => nowMs,
    pause: async () => {
      pauses++;
      elsewhere();
    },
  });
  const call = (client: string, ms: number, isGone = () => false) =>
    queue.run({ client, isGone } satisfies Caller, () => {
      nowMs += ms;
      done.push(client);
    });
  const advance = (ms: number) => {
    nowMs += ms;
  };
  /** What the rest of the node does in each of its turns. */
  const during = (work: () => void) => {
    elsewhere = work;
  };
  return { call, done, pauses: () => pauses, now: () => nowMs, queue, advance, during };
}

describe("calls of JSON-RPC", () => {
  it("of clients are taken in turn, however many one has", async () => {
    const { call, done } = setUp();
    await Promise.all([...Array(5).fill("a"), "b", "c"].map((client) => call(client, 1)));
    expect(done.join("")).toBe("abcaaaa");
  });

  it("leave a turn to everything else after every few milliseconds", async () => {
    const { call, pauses } = setUp();
    await Promise.all(Array.from({ length: 20 }, () => call("a", 5)));
    expect(pauses()).toBeGreaterThanOrEqual(19);
    // As those of a batch, each after the answer to the one before.
    const before = pauses();
    for (let i = 0; i < 20; i++) await call("a", 2);
    expect(pauses() - before).toBeGreaterThanOrEqual(9);
  });

  it("that compute for long leave turns to everything else between their items, and pay for their own computing", async () => {
    const { call, queue, now, advance, pauses, during } = setUp();
    during(() => advance(100));
    let longest = 0;
    const long = queue.run({ client: "a", isGone: () => false }, async (pause) => {
      for (let item = 0, since = now(); item < 200; item++) {
        advance(1);
        longest = Math.max(longest, now() - since);
        const before = pauses();
        await pause();
        if (pauses() > before) since = now();
      }
    });
    await long;
    expect(longest).toBeLessThanOrEqual(RPC_TURN_MS_MAX);
    expect(pauses()).toBeGreaterThanOrEqual(200 / RPC_TURN_MS_MAX - 1);
    // 200 ms of its own, and none of the 5,000 that the rest of the node had meanwhile: more calls are paid for.
    during(() => undefined);
    const at = now();
    await call("a", RPC_CLIENT_MS.capacity - 250);
    await call("a", 1);
    expect(now() - at).toBe(RPC_CLIENT_MS.capacity - 249);
  });

  it("of one client take no more computing than its budget, and others are answered meanwhile", async () => {
    const { call, done, now } = setUp();
    const greedy = Array.from({ length: 30 }, () => call("a", 50));
    const other = call("b", 1).then(() => done.indexOf("b"));
    expect(await other).toBeLessThanOrEqual(1);
    await Promise.all(greedy);
    const refilledMs = (now() * RPC_CLIENT_MS.perSecond) / 1_000;
    expect(30 * 50).toBeLessThanOrEqual(RPC_CLIENT_MS.capacity + refilledMs + 50);
  });

  it("of all clients together take no more computing than theirs, and the operator's are run all the same", async () => {
    const { call, done, now } = setUp();
    const many = Array.from({ length: 60 }, (_, i) => call(`10.0.0.${i}`, 50));
    await Promise.race(many.slice(40));
    await call(OPERATOR, 1);
    expect(done.length).toBeLessThan(60);
    await Promise.allSettled(many);
    const ran = done.filter((client) => client !== OPERATOR).length;
    expect(ran * 50).toBeLessThanOrEqual(
      RPC_TOTAL_MS.capacity + (now() * RPC_TOTAL_MS.perSecond) / 1_000 + 50,
    );
  });

  it("are refused when they waited for too long, when too many wait, and when nobody waits for the answer", async () => {
    const { call, done, now } = setUp();
    const all = await Promise.allSettled(Array.from({ length: 100 }, () => call("a", 100)));
    const refused = all.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]!.reason).toMatchObject({
      code: "RATE_LIMIT",
      data: { retryAfterMs: expect.any(Number) },
    });
    expect(now()).toBeLessThan(2 * RPC_QUEUED_MS_MAX);
    const crowd = Array.from({ length: RPC_QUEUED_CALLS_MAX + 2 }, () => call("b", 0));
    expect((await Promise.allSettled(crowd)).filter(({ status }) => status === "rejected")).toHaveLength(2);
    const before = done.length;
    await expect(call("c", 1, () => true)).rejects.toMatchObject({ code: "RATE_LIMIT" });
    expect(done.length).toBe(before);
  });

  it("that wait for the disk do not keep others waiting for ever", async () => {
    const { call, queue } = setUp();
    let end = () => {};
    const stuck = queue.run({ client: "a", isGone: () => false }, () => new Promise<void>((r) => (end = r)));
    await call("b", 1);
    end();
    await stuck;
  });

  it("pay for what another thread has computed for them, and wait as if they had computed it", async () => {
    const { queue, now, call } = setUp();
    const caller: Caller = { client: "a", isGone: () => false };
    const owed = Array.from({ length: 8 }, () => queue.run(caller, () => undefined, 1, 250));
    await Promise.all(owed);
    await call("a", 0);
    // 2,000 ms are owed, of which 1,000 may be, and 250 a second are paid back.
    expect(now()).toBeGreaterThanOrEqual(4_000);
  });
});
