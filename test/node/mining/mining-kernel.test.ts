/** The kernel against SHA-256 of the project, which is node:crypto's: every nonce it finds, and every one it skips. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHex } from "../../../src/base/bytes.ts";
import { hashAsInteger, targetOf } from "../../../src/chain/types/target.ts";
import { sha256d } from "../../../src/crypto/hash.ts";
import { MiningKernel, NONCES } from "../../../src/node/mining/mining-kernel.ts";

const GENESIS = parseHex(
  `01000000${"00".repeat(32)}3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c`,
)!;
const GENESIS_NONCE = 2_083_236_893;
const NOTHING_MEETS = 0n;
const ALL_MEET = (1n << 256n) - 1n;

const kernel = new MiningKernel();

function withNonce(header: Uint8Array, nonce: number): Uint8Array {
  const copy = header.slice();
  new DataView(copy.buffer).setUint32(76, nonce, true);
  return copy;
}

function hashOf(header: Uint8Array, nonce: number): bigint {
  return hashAsInteger(sha256d(withNonce(header, nonce)));
}

/** The same scan, one hash after the other. */
function scanPlainly(header: Uint8Array, target: bigint, from: number, count: number): number | undefined {
  const end = Math.min(from + count, NONCES);
  for (let nonce = from; nonce < end; nonce++) if (hashOf(header, nonce) <= target) return nonce;
  return undefined;
}

const headers = fc.uint8Array({ minLength: 80, maxLength: 80 });
const nonces = fc.oneof(
  fc.integer({ min: 0, max: NONCES - 1 }),
  fc.integer({ min: NONCES - 9, max: NONCES - 1 }),
);

describe("the mining kernel", () => {
  it("finds the nonce of Bitcoin's block 0 from every place of a vector", () => {
    kernel.prepare(GENESIS, targetOf(0x1d00ffff));
    for (let before = 0; before < 9; before++) {
      expect(kernel.scan(GENESIS_NONCE - before, 100)).toBe(GENESIS_NONCE);
    }
    expect(kernel.scan(GENESIS_NONCE - 100, 100)).toBeUndefined();
    expect(kernel.scan(GENESIS_NONCE - 100, 101)).toBe(GENESIS_NONCE);
    expect(kernel.scan(GENESIS_NONCE + 1, 50_000)).toBeUndefined();
  });

  it("finds what one hash after the other finds, for any header, target and range", () => {
    const bits = fc.integer({ min: 244, max: 256 });
    const counts = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(headers, bits, nonces, counts, (header, targetBits, from, count) => {
        const target = (1n << BigInt(targetBits)) - 1n;
        kernel.prepare(header, target);
        expect(kernel.scan(from, count)).toBe(scanPlainly(header, target, from, count));
      }),
      { numRuns: 300 },
    );
  });

  it("lets a hash that equals the target pass, and none that is one above it", () => {
    fc.assert(
      fc.property(headers, nonces, (header, nonce) => {
        const hash = hashOf(header, nonce);
        kernel.prepare(header, hash);
        expect(kernel.scan(nonce, 1)).toBe(nonce);
        kernel.prepare(header, hash - 1n);
        expect(kernel.scan(nonce, 1)).toBeUndefined();
        kernel.prepare(header, hash + 1n);
        expect(kernel.scan(nonce, 1)).toBe(nonce);
      }),
      { numRuns: 100 },
    );
  });

  it("compares every byte of the target", () => {
    const hash = hashOf(GENESIS, 7);
    for (let bit = 0n; bit < 256n; bit++) {
      const target = hash ^ (1n << bit);
      kernel.prepare(GENESIS, target);
      expect(kernel.scan(7, 1)).toBe(target > hash ? 7 : undefined);
    }
  });

  it("finds the same nonces as node:crypto among thirty thousand", () => {
    const target = (1n << 246n) - 1n;
    kernel.prepare(GENESIS, target);
    const found: number[] = [];
    for (let from = 0; from < 30_000; from = found.at(-1)! + 1) {
      found.push(kernel.scan(from, 30_000 - from) ?? 30_000);
    }
    const plainly = Array.from({ length: 30_000 }, (_, nonce) => nonce);
    expect(found.slice(0, -1)).toEqual(plainly.filter((nonce) => hashOf(GENESIS, nonce) <= target));
    expect(found.length).toBeGreaterThan(10);
  });

  it("ends with the last nonce and does not begin anew", () => {
    kernel.prepare(GENESIS, ALL_MEET);
    expect(kernel.scan(NONCES - 1, 10)).toBe(NONCES - 1);
    kernel.prepare(GENESIS, NOTHING_MEETS);
    for (let left = 1; left < 10; left++) expect(kernel.scan(NONCES - left, NONCES - 1)).toBeUndefined();
    expect(kernel.scan(5, 0)).toBeUndefined();
  });

  it("ignores the nonce that the header brings", () => {
    kernel.prepare(withNonce(GENESIS, 0xffff_ffff), targetOf(0x1d00ffff));
    expect(kernel.scan(GENESIS_NONCE - 2, 4)).toBe(GENESIS_NONCE);
  });

  it("keeps two kernels apart", () => {
    const other = new MiningKernel();
    kernel.prepare(GENESIS, ALL_MEET);
    other.prepare(GENESIS, NOTHING_MEETS);
    expect([kernel.scan(0, 4), other.scan(0, 4)]).toEqual([0, undefined]);
  });
});
