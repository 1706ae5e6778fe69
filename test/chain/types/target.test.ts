/**
 * Goal: bits, targets and work are Bitcoin's to the last odd case. Method: tables of known values, round trips, and
 * the byte-wise comparison against the one by bigints.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asHash, type Hash, hex, utf8 } from "../../../src/base/bytes.ts";
import {
  checkProofOfWork,
  compactOf,
  decodeCompact,
  difficultyOf,
  hashAsInteger,
  meetsTarget,
  showBits,
  targetOf,
  workOf,
  workOfTarget,
} from "../../../src/chain/types/target.ts";
import { sha256 } from "../../../src/crypto/hash.ts";

const anyBits = fc.integer({ min: 0, max: 0xffffffff });
const anyTarget = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), fc.integer({ min: 0, max: 255 }))
  .map(([number, shift]) => number >> BigInt(shift));

function hashOf(integer: bigint): Hash {
  return asHash(Uint8Array.from(Buffer.from(integer.toString(16).padStart(64, "0"), "hex")).reverse());
}

describe("compact bits", () => {
  test.each([
    [0x00000000, 0n, 0],
    [0x00123456, 0n, 0],
    [0x01003456, 0n, 0],
    [0x02000056, 0n, 0],
    [0x03000000, 0n, 0],
    [0x04000000, 0n, 0],
    [0x00923456, 0n, 0],
    [0x01803456, 0n, 0],
    [0x02800056, 0n, 0],
    [0x03800000, 0n, 0],
    [0x04800000, 0n, 0],
    [0x01123456, 0x12n, 0x01120000],
    [0x02123456, 0x1234n, 0x02123400],
    [0x03123456, 0x123456n, 0x03123456],
    [0x04123456, 0x12345600n, 0x04123456],
    [0x05009234, 0x92340000n, 0x05009234],
    [0x20123456, 0x123456n << 232n, 0x20123456],
    [0x1b0404cb, 0x404cbn << 192n, 0x1b0404cb],
    [0x1d00ffff, 0xffffn << 208n, 0x1d00ffff],
    [0x207fffff, 0x7fffffn << 232n, 0x207fffff],
    [0x2100ffff, 0xffffn << 240n, 0x2100ffff],
    [0x220000ff, 0xffn << 248n, 0x2100ff00],
    [0xff000000, 0n, 0],
  ])("%i decode to the known target and back to the shortest form", (bits, target, back) => {
    expect(decodeCompact(bits)).toEqual({ kind: "target", target });
    expect(compactOf(target)).toBe(back);
  });

  test.each([
    [0x04923456, 0x12345600n],
    [0x01fedcba, 0x7en],
    [0x03ffffff, 0x7fffffn],
  ])("%i are negative", (bits, magnitude) => {
    expect(decodeCompact(bits)).toEqual({ kind: "negative", magnitude });
    expect(() => targetOf(bits)).toThrow(RangeError);
  });

  test.each([0xff123456, 0x21010000, 0x22000100, 0x23000001])("%i overflow", (bits) => {
    expect(decodeCompact(bits)).toEqual({ kind: "overflow" });
    expect(checkProofOfWork(hashOf(0n), bits, 0x207fffff)?.code).toBe("bad-bits");
  });

  test("keep the highest bytes of a target and are a fixed point after that", () => {
    fc.assert(
      fc.property(anyTarget, (target) => {
        const kept = targetOf(compactOf(target));
        expect(kept).toBeLessThanOrEqual(target);
        expect((target - kept) << 15n).toBeLessThanOrEqual(target);
        expect(compactOf(kept)).toBe(compactOf(target));
      }),
    );
  });

  test("overflow exactly where the number has more than 256 bits", () => {
    fc.assert(
      fc.property(anyBits, (bits) => {
        const exponent = bits >>> 24;
        const wide = (BigInt(bits & 0x7fffff) << BigInt(8 * exponent)) >> 24n;
        expect(decodeCompact(bits).kind === "overflow").toBe(wide >> 256n !== 0n);
      }),
    );
  });

  test("are shown as eight digits", () => {
    expect([0x1d00ffff, 0x00123456, 0xff123456].map(showBits)).toEqual(["1d00ffff", "00123456", "ff123456"]);
  });
});

describe("the work of a target", () => {
  test.each([
    [0x1d00ffff, 4_295_032_833n],
    [0x207fffff, 2n],
    [0x1b0404cb, 70_040_908_352_512n],
    [0x17034219, 371_041_696_979_166_003_650_763n],
  ])("of %i is the known value", (bits, work) => {
    expect(workOf(bits)).toBe(work);
  });

  test("is the floor of 2^256 over the target and one", () => {
    fc.assert(
      fc.property(anyTarget, (target) => {
        const work = workOfTarget(target);
        expect(work * (target + 1n)).toBeLessThanOrEqual(1n << 256n);
        expect((work + 1n) * (target + 1n)).toBeGreaterThan(1n << 256n);
      }),
    );
  });

  test("is shown relative to Bitcoin's easiest", () => {
    expect(difficultyOf(0x1d00ffff)).toBe(1);
    expect(difficultyOf(0x1b0404cb)).toBeCloseTo(16_307.420938523983, 9);
    expect(difficultyOf(0x207fffff)).toBeCloseTo(4.6565423739069247e-10, 20);
  });
});

describe("the proof of work", () => {
  test("accepts a hash equal to the target and refuses one above, with both values", () => {
    const target = targetOf(0x1b0404cb);
    expect(checkProofOfWork(hashOf(target), 0x1b0404cb, 0x1d00ffff)).toBeUndefined();
    const fault = checkProofOfWork(hashOf(target + 1n), 0x1b0404cb, 0x1d00ffff);
    expect(fault?.code).toBe("high-hash");
    for (const value of [target, target + 1n]) expect(fault?.detail).toContain(value.toString(16));
  });

  test("refuses a target of 0, a negative one and one easier than the limit, whatever the hash", () => {
    const codes = [0x03000000, 0x04923456, 0x1d010000].map(
      (bits) => checkProofOfWork(hashOf(0n), bits, 0x1d00ffff)?.code,
    );
    expect(codes).toEqual(["bad-bits", "bad-bits", "easy-target"]);
  });

  test("compares bytes as the numbers compare", () => {
    const bitsInRange = fc
      .tuple(fc.integer({ min: 0, max: 34 }), fc.integer({ min: 0, max: 0x7fffff }))
      .map(([exponent, mantissa]) => ((exponent << 24) | mantissa) >>> 0);
    const near = fc.tuple(bitsInRange, fc.bigInt({ min: -2n, max: 2n }), anyTarget);
    fc.assert(
      fc.property(near, ([bits, offset, other]) => {
        const compact = decodeCompact(bits);
        fc.pre(compact.kind === "target");
        const close = compact.target + offset;
        for (const integer of [other, close < 0n || close >> 256n !== 0n ? 0n : close]) {
          const hash = hashOf(integer);
          expect(hashAsInteger(hash)).toBe(integer);
          expect(meetsTarget(hash, bits)).toBe(integer <= compact.target);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("in its simplest form: the first counter whose digest begins with four zeros", () => {
    const digest = (i: number) => hex(sha256(utf8(`geektime${i}`)));
    let i = 0;
    while (!digest(i).startsWith("0000")) i++;
    expect(i).toBe(35_023);
  });
});
