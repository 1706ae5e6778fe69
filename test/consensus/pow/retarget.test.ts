/**
 * Goal: the bits of the next block are the rule's, also where numbers get odd. Method: known values of Bitcoin, rows
 * of the published ASERT vectors, and a second implementation in plain steps.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PowParameters } from "../../../src/chain/genesis/pow-parameters.ts";
import { compactOf, targetOf } from "../../../src/chain/types/target.ts";
import { type AsertSchedule, asertTarget } from "../../../src/consensus/pow/asert.ts";
import { BITCOIN } from "../../../src/consensus/pow/bitcoin.ts";
import { Lookback } from "../../../src/consensus/pow/lookback.ts";
import { expectedBits, referenceHeight, retargetBitcoin } from "../../../src/consensus/pow/retarget.ts";
import { medianTimePast } from "../../../src/consensus/pow/time-bounds.ts";
import { branchAt, easyParameters, pastOf } from "./branch.ts";

describe("Bitcoin's retarget", () => {
  test.each([
    ["its first rise, height 32256", 1261130161, 1262152739, 0x1d00ffff, 0x1d00d86a],
    ["held by the limit", 1231006505, 1233061996, 0x1d00ffff, 0x1d00ffff],
    ["clamped to a quarter", 1279008237, 1279297671, 0x1c05a3f4, 0x1c0168fd],
    ["clamped to four times", 1263163443, 1269211443, 0x1c387f6f, 0x1d00e1fd],
    ["height 556416", 1545175965, 1546275302, 0x17371ef4, 0x173218a5],
  ])("%s", (_, firstTime, lastTime, bits, expected) => {
    expect(retargetBitcoin({ firstTime, lastTime, bits })).toBe(expected);
  });

  test("is clamped the same when the last block is older than the first", () => {
    const backwards = retargetBitcoin({ firstTime: 2_000_000, lastTime: 1, bits: 0x1c05a3f4 });
    expect(backwards).toBe(0x1c0168fd);
  });

  test("spans one spacing less than it is compared with: blocks on schedule make it harder", () => {
    const times = Array.from({ length: 2_017 }, (_, i) => 1_300_000_000 + 600 * i);
    const marks = times.map((time) => ({ time, bits: 0x1b0404cb }));
    expect(expectedBits(BITCOIN, pastOf(marks.slice(0, 2_015)))).toBe(0x1b0404cb);
    const target = (targetOf(0x1b0404cb) * 2_015n) / 2_016n;
    expect(expectedBits(BITCOIN, pastOf(marks.slice(0, 2_016)))).toBe(compactOf(target));
    expect(expectedBits(BITCOIN, pastOf(marks))).toBe(0x1b0404cb);
  });

  test("multiplies first, and goes on from what the compact form has left", () => {
    const any = fc.tuple(
      fc.integer({ min: 0x1b010000, max: 0x1b7fffff }),
      fc.integer({ min: 1, max: 5_000_000 }),
    );
    fc.assert(
      fc.property(any, ([bits, seconds]) => {
        const actual = BigInt(Math.max(302_400, Math.min(4_838_400, seconds)));
        const naive = compactOf((targetOf(bits) * actual) / 1_209_600n);
        expect(retargetBitcoin({ firstTime: 1, lastTime: 1 + seconds, bits })).toBe(naive);
      }),
    );
  });

  test("never ends at a target of 0", () => {
    expect(retargetBitcoin({ firstTime: 0, lastTime: 0, bits: 0x01010000 })).toBe(0x01010000);
  });
});

/** aserti3-2d again: sign by hand, Horner's scheme, one doubling or halving at a time on a fraction never rounded. */
function naiveAsert({
  anchorTarget,
  timeSpan,
  heightSpan,
  spacing,
  halflife,
  powLimit,
}: AsertSchedule): bigint {
  const behind = BigInt(timeSpan) - BigInt(spacing) * (heightSpan + 1n);
  const size = ((behind < 0n ? -behind : behind) * 65_536n) / BigInt(halflife);
  let exponent = behind < 0n ? -size : size;
  let numerator = anchorTarget;
  let denominator = 65_536n;
  for (; exponent >= 65_536n && numerator <= powLimit * denominator; exponent -= 65_536n) numerator *= 2n;
  for (; exponent < 0n && denominator < 1n << 600n; exponent += 65_536n) denominator *= 2n;
  const fraction = exponent < 0n || exponent >= 65_536n ? 0n : exponent;
  const cubic = ((5_127n * fraction + 971_821_376n) * fraction + 195_766_423_245_049n) * fraction + 2n ** 47n;
  const target = (numerator * (65_536n + cubic / 2n ** 48n)) / denominator;
  return target < 1n ? 1n : target > powLimit ? powLimit : target;
}

const POW_LIMIT = targetOf(0x1d00ffff);

describe("ASERT", () => {
  interface Run {
    readonly what: string;
    readonly anchor: { readonly height: string; readonly parentTime: number; readonly bits: string };
    readonly rows: readonly (readonly [string, number, string])[];
  }
  const file = new URL("../../vectors/asert/runs.json", import.meta.url);
  const vectors: { spacing: number; halflife: number; runs: Run[] } = JSON.parse(readFileSync(file, "utf8"));

  test.each(vectors.runs)("agrees with the published vectors: $what", ({ anchor, rows }) => {
    const { spacing, halflife } = vectors;
    for (const [height, time, bits] of rows) {
      const target = asertTarget({
        anchorTarget: targetOf(Number.parseInt(anchor.bits, 16)),
        timeSpan: time - anchor.parentTime,
        heightSpan: BigInt(height) - BigInt(anchor.height),
        spacing,
        halflife,
        powLimit: POW_LIMIT,
      });
      expect([height, compactOf(target)]).toEqual([height, Number.parseInt(bits, 16)]);
    }
  });

  const anySchedule: fc.Arbitrary<AsertSchedule> = fc.record({
    anchorTarget: fc.bigInt({ min: 1n, max: POW_LIMIT }),
    timeSpan: fc.oneof(
      fc.integer({ min: -0xffffffff, max: 0xffffffff }),
      fc.integer({ min: -50_000, max: 50_000 }),
    ),
    heightSpan: fc.bigInt({ min: 0n, max: 2_000n }),
    spacing: fc.integer({ min: 1, max: 600 }),
    halflife: fc.integer({ min: 1, max: 172_800 }),
    powLimit: fc.constant(POW_LIMIT),
  });

  test("equals a second implementation", () => {
    fc.assert(
      fc.property(anySchedule, (schedule) => {
        expect(asertTarget(schedule)).toBe(naiveAsert(schedule));
      }),
      { numRuns: 1_000 },
    );
  });

  test("follows 2^x within 0.02 %", () => {
    const near = fc.tuple(fc.integer({ min: -3_000, max: 3_000 }), fc.integer({ min: 300, max: 3_600 }));
    fc.assert(
      fc.property(near, ([late, halflife]) => {
        const anchorTarget = 1n << 200n;
        const schedule = { anchorTarget, heightSpan: 9n, spacing: 5, halflife, powLimit: POW_LIMIT };
        const target = asertTarget({ ...schedule, timeSpan: 50 + late });
        const ratio = Number(target) / Number(anchorTarget) / 2 ** (late / halflife);
        expect(Math.abs(ratio - 1)).toBeLessThan(0.0002 + 1 / 65_536 / halflife);
      }),
    );
  });

  test("truncates toward zero on both sides of the schedule", () => {
    const schedule = { anchorTarget: 1n << 200n, heightSpan: 0n, spacing: 5, powLimit: POW_LIMIT };
    // One second off a halflife of 65537 s or more is less than one step, early or late.
    for (const timeSpan of [4, 5, 6]) {
      expect(asertTarget({ ...schedule, timeSpan, halflife: 65_537 })).toBe(1n << 200n);
    }
  });

  test("ends at the limit and at 1 before any shift gets large", () => {
    const schedule = {
      anchorTarget: POW_LIMIT,
      heightSpan: 0n,
      spacing: 1,
      halflife: 1,
      powLimit: POW_LIMIT,
    };
    expect(asertTarget({ ...schedule, timeSpan: 0xffffffff })).toBe(POW_LIMIT);
    expect(asertTarget({ ...schedule, timeSpan: -0xffffffff })).toBe(1n);
    for (const halvings of [255, 256, 257]) {
      const both = [1 + halvings, 1 - halvings].map((timeSpan) => ({
        ...schedule,
        timeSpan,
        anchorTarget: 1n,
      }));
      for (const each of both) expect(asertTarget(each)).toBe(naiveAsert(each));
    }
  });
});

describe("ASERT on a branch", () => {
  const T = 5;
  const dev: PowParameters = {
    ...easyParameters({ rule: "asert", halflife: 300 }, T),
    powLimitBits: 0x1e0fffff,
    startBits: 0x1e00ffff,
  };
  const NOW = 1_800_000_000;

  /** Block 0 a year ago, the others from now on, so many seconds apart. */
  function timesWith(gaps: readonly number[]): number[] {
    let time = NOW;
    return [NOW - 31_536_000, NOW, ...gaps.map((gap) => (time += gap))];
  }

  test("a year-old genesis does not matter: on schedule the bits never change", () => {
    const marks = branchAt(dev, timesWith(new Array(400).fill(T)));
    expect(new Set(marks.map(({ bits }) => bits))).toEqual(new Set([0x1e00ffff]));
  });

  test("blocks 1 and 2 take the start's bits, block 3 answers to block 2", () => {
    const slow = branchAt(dev, timesWith([305, T, T]));
    expect(slow.map(({ bits }) => bits).slice(0, 3)).toEqual([0x1e00ffff, 0x1e00ffff, 0x1e00ffff]);
    // 300 s late is one halflife: twice the target.
    expect(targetOf(slow[3]!.bits)).toBe(2n * targetOf(0x1e00ffff));
  });

  test("a new anchor changes nothing at the change", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 30 }), { minLength: 300, maxLength: 300 }), (gaps) => {
        const times = timesWith(gaps);
        const marks = branchAt(dev, times);
        for (const height of [145, 289]) {
          const old = height - 145 || 1;
          const byOldAnchor = asertTarget({
            anchorTarget: targetOf(marks[old]!.bits),
            timeSpan: times[height - 1]! - (old === 1 ? times[1]! - T : times[old - 1]!),
            heightSpan: BigInt(height - 1 - old),
            spacing: T,
            halflife: 300,
            powLimit: targetOf(dev.powLimitBits),
          });
          const ratio = Number(targetOf(marks[height]!.bits)) / Number(byOldAnchor);
          expect(Math.abs(ratio - 1)).toBeLessThan(0.001);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("a night without blocks is forgotten at a new anchor", () => {
    const gaps = [...new Array(100).fill(T), 8 * 3_600, ...new Array(400).fill(2)];
    const bits = branchAt(dev, timesWith(gaps)).map((mark) => mark.bits);
    expect(bits[103]).toBe(dev.powLimitBits);
    // Blocks much too fast pay off the 8 hours only after 9,600 of them; the anchors at 144 and 288 forget them.
    const harder = bits.findIndex((each, height) => height > 103 && each !== dev.powLimitBits);
    expect(harder).toBeGreaterThan(103);
    expect(harder).toBeLessThanOrEqual(290);
    expect(targetOf(bits[400]!)).toBeLessThan(targetOf(dev.powLimitBits) / 2n);
  });

  test("is a matter of the start's bits alone under the fixed rule", () => {
    const marks = branchAt(easyParameters({ rule: "fixed" }), [5, 1, 9_000, 2]);
    expect(new Set(marks.map(({ bits }) => bits))).toEqual(new Set([0x207fffff]));
  });
});

describe("the lookback of retargets", () => {
  test.each([
    easyParameters({ rule: "bitcoin", interval: 5, timewarpGuard: true }),
    easyParameters({ rule: "bitcoin", interval: 40, timewarpGuard: false }),
    easyParameters({ rule: "asert", halflife: 300 }, 5),
    easyParameters({ rule: "fixed" }),
  ])("tells the rules what the whole branch tells them, also after a state: $retarget", (parameters) => {
    const gaps = fc.array(fc.integer({ min: -700, max: 1_500 }), { minLength: 300, maxLength: 300 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 299 }), (each, cut) => {
        let time = 1_000_000;
        const marks = branchAt(
          parameters,
          each.map((gap) => (time += gap)),
        );
        let past = new Lookback(parameters);
        for (const [i, mark] of marks.entries()) {
          past.add(mark);
          if (i === cut) past = Lookback.before(parameters, past.height + 1n, past.recent, past.reference);
          const whole = pastOf(marks.slice(0, i + 1));
          expect(expectedBits(parameters, past)).toBe(expectedBits(parameters, whole));
          expect(medianTimePast(past)).toBe(medianTimePast(whole));
          const reference = referenceHeight(parameters, whole.height + 1n);
          if (reference !== undefined)
            expect(past.headerAt(reference)).toMatchObject(whole.headerAt(reference));
        }
      }),
      { numRuns: 4 },
    );
  });
});
