/**
 * The miner with real threads on easy targets, and its parts (the search, the pace, the meter) without any. Threads
 * are closed by every test; nothing waits longer than for its condition.
 */
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { concatBytes, ZERO_HASH } from "../../../src/base/bytes.ts";
import { EXTRA_BYTES_MAX, MINER_RESTARTS_MAX } from "../../../src/base/limits.ts";
import {
  assembleBlock,
  BLANK_SUMMARY,
  type Block,
  bodyRootOf,
  hashHeader,
  type Summary,
} from "../../../src/chain/types/block.ts";
import { compactOf, meetsTarget } from "../../../src/chain/types/target.ts";
import {
  completeBlock,
  type MinerEvents,
  type MinerOptions,
  WorkerMiner,
} from "../../../src/node/mining/miner.ts";
import { HashMeter } from "../../../src/node/mining/miner-meter.ts";
import { Pace } from "../../../src/node/mining/miner-pace.ts";
import { EXTRA_NONCE_BYTES, NonceSearch, type Solution } from "../../../src/node/mining/miner-search.ts";
import { MiningKernel } from "../../../src/node/mining/mining-kernel.ts";

const EASIEST = 0x207fffff;
/** 2^12 hashes. */
const EASY = compactOf((1n << 244n) - 1n);
const HOPELESS = 0x03000001;
const TEMPLATE_TIME = 1_700_000_000;
const DEADLINE_MS = 15_000;

const summary: Summary = { ...BLANK_SUMMARY, chainId: 7n, height: 1n };

function template(bits: number, changes: Partial<Summary> = {}): Block {
  const fields = { version: 1, previousHash: ZERO_HASH, time: TEMPLATE_TIME, bits, nonce: 0 };
  return assembleBlock(fields, { ...summary, ...changes }, []);
}

describe("the miner", () => {
  const running: WorkerMiner[] = [];
  afterEach(async () => {
    for (const miner of running.splice(0)) await miner.close();
  });

  function start(options: MinerOptions, events: Partial<MinerEvents> = {}) {
    const solved: Block[] = [];
    const errors: Error[] = [];
    const miner = new WorkerMiner(options, {
      onSolved: (block) => solved.push(block),
      onError: (error) => errors.push(error),
      ...events,
    });
    running.push(miner);
    return { miner, solved, errors };
  }

  it("returns the whole block with a hash that meets the target", async () => {
    const { miner, solved, errors } = start({ threads: 2 });
    for (const bits of [EASIEST, EASY, EASY]) {
      const block = template(bits);
      miner.mine(block);
      expect(miner.mining).toBe(true);
      await until(() => solved.length > 0 || errors.length > 0);
      expect(errors).toEqual([]);
      const [found] = solved.splice(0);
      expect(meetsTarget(found!.hash, bits)).toBe(true);
      expect(found!.hash).toEqual(hashHeader(found!.header));
      expect(found!.header.bodyRoot).toEqual(bodyRootOf(found!.summary));
      expect(found!.summary).toEqual({ ...block.summary, extra: found!.summary.extra });
      expect(found!.header.time).toBe(TEMPLATE_TIME);
      expect(miner.mining).toBe(false);
      // Of the seconds until now: a stop for a moment is no events.
      expect(miner.hashRate()).toBeGreaterThan(0);
    }
    expect(miner.hashesTotal).toBeGreaterThan(0);
  });

  it("leaves a block for the one that replaces it", async () => {
    const { miner, solved, errors } = start({ threads: 1 });
    miner.mine(template(HOPELESS, { height: 1n }));
    await until(() => miner.hashesTotal > 0);
    miner.mine(template(EASIEST, { height: 2n }));
    await until(() => solved.length > 0);
    expect(solved.map((block) => block.summary.height)).toEqual([2n]);
    expect(errors).toEqual([]);
  });

  it("hashes nothing after it was stopped, and goes on with the next block", async () => {
    const { miner, solved } = start({ threads: 1 });
    miner.mine(template(HOPELESS));
    await until(() => miner.hashRate() > 0);
    miner.stop();
    expect(miner.mining).toBe(false);
    const total = await settled(() => miner.hashesTotal);
    miner.mine(template(EASIEST));
    await until(() => solved.length > 0);
    expect(miner.hashesTotal).toBeGreaterThan(total);
  });

  it("stays below its limit over all threads and jobs, and stops although it sleeps", async () => {
    const { miner, solved } = start({ threads: 2, hashLimit: 100 });
    miner.mine(template(HOPELESS));
    await until(() => miner.hashesTotal > 0);
    const startedMs = performance.now();
    const before = miner.hashesTotal;
    await until(() => {
      miner.mine(template(HOPELESS));
      return miner.hashesTotal >= before + 30;
    });
    // Threads that were late make up for a fifth of a second each.
    const allowed = 100 * ((performance.now() - startedMs) / 1_000 + 0.2);
    expect(miner.hashesTotal - before).toBeLessThanOrEqual(allowed + 2);
    miner.mine(template(EASIEST));
    await until(() => solved.length > 0);
  });

  it("starts a thread that died anew with the same block, at most a few times", async () => {
    const dying = () => new Worker("throw new Error('out of luck')", { eval: true });
    const { miner, errors, solved } = start({ threads: 1 }, { startWorker: dying });
    miner.mine(template(EASIEST));
    await until(() => errors.length > MINER_RESTARTS_MAX);
    expect(errors).toHaveLength(MINER_RESTARTS_MAX + 1);
    expect(errors[0]!.message).toBe("mining thread 0 died (out of luck), it is started anew");
    expect(errors.at(-1)!.message).toMatch(/did 3 times before: it stays away$/);
    expect(solved).toEqual([]);
  });

  it("ignores what a thread found for an earlier block", async () => {
    const echo = `
      const { parentPort } = require("node:worker_threads");
      parentPort.on("message", ({ number }) => {
        parentPort.postMessage({ job: number - 1, extra: new Uint8Array(8), time: 0, nonce: 0 });
        parentPort.postMessage({ job: -1 });
        parentPort.postMessage({ job: -2 });
      });`;
    let messages = 0;
    const { miner, solved } = start(
      { threads: 1 },
      {
        startWorker: () => {
          const worker = new Worker(echo, { eval: true });
          return worker.on("message", () => {
            messages += 1;
          });
        },
      },
    );
    miner.mine(template(EASIEST));
    await until(() => messages === 3);
    expect([solved.length, miner.mining]).toEqual([0, true]);
  });
});

describe("the search for a nonce", () => {
  const kernel = new MiningKernel();

  function search(
    block: Block,
    options: { thread?: number; number?: number; now?: number; nonces?: number },
  ) {
    const { thread = 0, number = 1, now = 0, nonces } = options;
    return new NonceSearch(
      kernel,
      { number, header: block.header, summary: block.summary },
      { thread, now: () => now, ...(nonces === undefined ? {} : { nonces }) },
    );
  }

  function solve(own: NonceSearch, batch = 1_000): Solution {
    for (;;) {
      const { solution } = own.scan(batch);
      if (solution !== undefined) return solution;
    }
  }

  it("finds what completes the template", () => {
    const block = template(EASY);
    const solution = solve(search(block, { number: 5 }));
    expect(solution.job).toBe(5);
    const done = completeBlock(block, solution.extra, solution);
    expect(meetsTarget(done.hash, EASY)).toBe(true);
  });

  it("hashes another header for every thread, job and round", () => {
    const block = template(EASIEST);
    const extras = new Set<string>();
    for (const thread of [0, 1, 255]) {
      for (const number of [1, 2, 2 ** 32 - 1]) {
        const own = search(block, { thread, number, nonces: 4 });
        for (let scans = 0; scans < 60; scans++) {
          const { solution } = own.scan(4);
          if (solution !== undefined)
            extras.add(`${thread} ${number} ${Buffer.from(solution.extra).toString("hex")}`);
        }
      }
    }
    const distinct = new Set([...extras].map((line) => line.split(" ")[2]));
    expect(distinct.size).toBe(extras.size);
    expect(distinct.size).toBeGreaterThan(9);
  });

  it("rolls extra nonce and time when the nonces are spent, never to before the template", () => {
    const seconds = TEMPLATE_TIME + 100;
    const roll = (now: number) => {
      const own = search(template(HOPELESS), { now, nonces: 10 });
      expect(own.scan(100).tried).toBe(10);
      expect(own.scan(3).tried).toBe(3);
      return own;
    };
    roll(seconds * 1_000);
    const at = (now: number) => {
      const own = search(template(EASY), { now, nonces: 10 });
      return solve(own, 10).time;
    };
    expect(at(seconds * 1_000 + 999)).toBe(seconds);
    expect(at((TEMPLATE_TIME - 50) * 1_000)).toBe(TEMPLATE_TIME);
  });

  it("keeps what the template's extra says and needs 8 bytes behind it", () => {
    const extra = Uint8Array.of(1, 2, 3);
    const solution = solve(search(template(EASIEST, { extra }), {}));
    expect(solution.extra).toHaveLength(3 + EXTRA_NONCE_BYTES);
    expect(solution.extra.subarray(0, 3)).toEqual(extra);
    const full = concatBytes(new Uint8Array(EXTRA_BYTES_MAX - EXTRA_NONCE_BYTES + 1));
    expect(() => search(template(EASIEST, { extra: full }), {})).toThrow("room for the extra nonce");
  });
});

describe("the pace of a mining thread", () => {
  it("holds any limit within a few hashes, however fast and uneven the thread", () => {
    const limits = fc.double({ min: 0.5, max: 5_000_000, noNaN: true });
    const speeds = fc.array(fc.double({ min: 100, max: 10_000, noNaN: true }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(limits, speeds, (limit, hashesPerMs) => {
        const pace = new Pace(limit);
        let now = 1_000;
        let hashes = 0;
        for (let i = 0; i < 300; i++) {
          now += pace.restMs(now);
          const { batch } = pace;
          const endMs = now + batch / hashesPerMs[i % hashesPerMs.length]!;
          pace.done(batch, now, endMs);
          hashes += batch;
          now = endMs;
        }
        // The last batch may still have to be rested for, and the first fifth of a second is a gift.
        expect(hashes - pace.batch).toBeLessThanOrEqual(
          (limit * (now - 1_000 + 200)) / 1_000 + 2 * pace.batch,
        );
        const reachable = Math.min(limit, Math.min(...hashesPerMs) * 1_000);
        expect(hashes).toBeGreaterThanOrEqual((0.95 * reachable * (now - 1_000)) / 1_000 - 1);
      }),
    );
  });

  it("grows a batch to what fits into ten milliseconds and never rests without a limit", () => {
    const pace = new Pace(undefined);
    for (let i = 0; i < 20; i++) {
      expect(pace.restMs(0)).toBe(0);
      pace.done(pace.batch, 0, pace.batch / 4_000);
    }
    expect(pace.batch).toBe(40_000);
    pace.done(pace.batch, 0, 40);
    expect(pace.batch).toBe(10_000);
  });
});

describe("the hash rate", () => {
  it("is that of the last ten seconds", () => {
    const meter = new HashMeter();
    expect(meter.rate(5, 100)).toBe(0);
    let hashes = 0;
    for (let second = 0; second <= 60; second++) {
      meter.read(hashes, second * 1_000);
      hashes += second < 40 ? 100 : 700;
    }
    expect(meter.rate(hashes - 700, 60_000)).toBe(700);
  });

  it("is nought when nobody has mined for seconds, and begins anew when somebody does", () => {
    const meter = new HashMeter();
    for (let second = 0; second <= 20; second++) meter.read(700 * second, second * 1_000);
    expect(meter.rate(14_000, 22_000)).toBeGreaterThan(0);
    expect(meter.rate(14_000, 24_000)).toBe(0);
    meter.read(14_000, 60_000);
    meter.read(14_500, 61_000);
    expect(meter.rate(15_000, 62_000)).toBe(500);
  });

  it("does not jump when mining stops for a moment with every block, though threads then catch up", () => {
    const limit = 100_000;
    const [pace, meter] = [new Pace(limit), new HashMeter()];
    const rates: number[] = [];
    let [hashes, now] = [0, 1_000];
    for (let block = 0; block < 200; block++, now += 100) {
      meter.read(hashes, now);
      for (const end = now + 120; now < end; now++) {
        while (pace.restMs(now) === 0) {
          const { batch } = pace;
          pace.done(batch, now, now + 0.5);
          hashes += batch;
        }
        rates.push(meter.rate(hashes, now));
      }
    }
    expect(Math.max(...rates)).toBeLessThan(1.25 * limit);
    const settled = rates.slice(-rates.length / 2);
    expect(Math.min(...settled)).toBeGreaterThan(0.95 * limit);
    expect(Math.max(...settled)).toBeLessThan(1.05 * limit);
  });
});

/** Waits for a condition, a look a turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The value once it has not changed for a while: longer than a batch. */
async function settled(value: () => number): Promise<number> {
  let last = value();
  let since = performance.now();
  await until(() => {
    if (value() !== last) since = performance.now();
    last = value();
    return performance.now() - since > 100;
  });
  return last;
}
