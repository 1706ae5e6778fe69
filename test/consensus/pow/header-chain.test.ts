/**
 * Goal: Bitcoin's real headers pass, and nothing else does: every altered byte is found at its height and named.
 * Method: the first 10,237 headers of mainnet, then branches mined here for the rules that they do not touch.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { showHash } from "../../../src/base/bytes.ts";
import type { PowParameters } from "../../../src/chain/genesis/pow-parameters.ts";
import { encodeHeader, HEADER_BYTES, type Header } from "../../../src/chain/types/block.ts";
import { BITCOIN } from "../../../src/consensus/pow/bitcoin.ts";
import { checkHeader, earliestTime } from "../../../src/consensus/pow/check-header.ts";
import { checkHeaders, decodeHeader, HeaderChain } from "../../../src/consensus/pow/header-chain.ts";
import type { HeaderState } from "../../../src/consensus/pow/header-state.ts";
import { dueAt, medianTimePast } from "../../../src/consensus/pow/time-bounds.ts";
import { branchAt, easyParameters, mine, mineBranch, pastOf } from "./branch.ts";
import { MAINNET, MAINNET_CHAINWORK, MAINNET_COUNT, MAINNET_LAST_HASH } from "./mainnet.ts";

function headerBytes(height: number): Uint8Array {
  return MAINNET.slice(height * HEADER_BYTES, (height + 1) * HEADER_BYTES);
}

function open<T>(verdict: { ok: true; value: T } | { ok: false; fault: { detail: string } }): T {
  if (!verdict.ok) throw new Error(verdict.fault.detail);
  return verdict.value;
}

/** A state every 500 headers, so that a check of one place does not begin at block 0. */
const STATES = new Map<number, HeaderState>();

beforeAll(() => {
  const chain = new HeaderChain(BITCOIN);
  for (let height = 0; height < MAINNET_COUNT; height++) {
    if (height > 0 && height % 500 === 0) STATES.set(height, chain.state);
    chain.add(headerBytes(height));
  }
});

describe("mainnet's first 10,237 headers", () => {
  test("pass, with the known hash, work and retargets", () => {
    const chain = open(checkHeaders(MAINNET));
    expect(chain).toMatchObject({ count: MAINNET_COUNT, height: 10_236n, retargets: 5 });
    expect(chain.chainwork).toBe(MAINNET_CHAINWORK);
    expect(showHash(chain.hash)).toBe(MAINNET_LAST_HASH);
  });

  test("read and write as the same 80 bytes", () => {
    for (let height = 0; height < MAINNET_COUNT; height += 97) {
      expect(encodeHeader(open(decodeHeader(headerBytes(height))))).toEqual(headerBytes(height));
    }
    expect(decodeHeader(new Uint8Array(79)).ok).toBe(false);
    expect(decodeHeader(new Uint8Array(81)).ok).toBe(false);
  });

  test("have 49 blocks older than their parent, so that only the median can be the bound", () => {
    const times = Array.from({ length: MAINNET_COUNT }, (_, i) => open(decodeHeader(headerBytes(i))).time);
    const older = times.flatMap((time, i) => (i > 0 && time < times[i - 1]! ? [i] : []));
    expect(older).toHaveLength(49);
    expect(older.slice(0, 3)).toEqual([2_298, 2_513, 4_094]);
  });

  test("go on from a state as if the check had never stopped", () => {
    for (const at of [500, 6_000]) {
      const rest = open(checkHeaders(MAINNET.subarray(at * HEADER_BYTES), BITCOIN, STATES.get(at)));
      expect(rest).toMatchObject({
        count: MAINNET_COUNT - at,
        height: 10_236n,
        chainwork: MAINNET_CHAINWORK,
      });
      expect(rest.state).toEqual(open(checkHeaders(MAINNET)).state);
    }
  });

  test("show one altered byte at its height, by the rule that it breaks", () => {
    const place = fc.tuple(
      fc.integer({ min: 0, max: MAINNET_COUNT - 1 }),
      fc.integer({ min: 0, max: HEADER_BYTES - 1 }),
      fc.integer({ min: 1, max: 255 }),
    );
    fc.assert(
      fc.property(place, ([height, offset, flip]) => {
        const from = height < 500 ? 0 : height - (height % 500);
        const bytes = MAINNET.slice(from * HEADER_BYTES, (height + 12) * HEADER_BYTES);
        bytes[(height - from) * HEADER_BYTES + offset]! ^= flip;
        const verdict = checkHeaders(bytes, BITCOIN, STATES.get(from));
        expect(verdict).toMatchObject({
          ok: false,
          fault: { height: BigInt(height), code: code(height, offset) },
        });
      }),
      { numRuns: 150 },
    );
  });

  function code(height: number, offset: number): string {
    if (offset >= 4 && offset < 36) return "broken-link";
    if (offset < 72 || offset >= 76) return "high-hash";
    return height === 0 ? "wrong-start-bits" : "wrong-bits";
  }

  test("a missing, repeated or cut header is found too", () => {
    const cut = (from: number, to: number) => MAINNET.subarray(from * HEADER_BYTES, to * HEADER_BYTES);
    const gap = Buffer.concat([cut(0, 40), cut(41, 60)]);
    expect(checkHeaders(gap)).toMatchObject({ fault: { height: 40n, code: "broken-link" } });
    const twice = Buffer.concat([cut(0, 40), cut(39, 60)]);
    expect(checkHeaders(twice)).toMatchObject({ fault: { height: 40n, code: "broken-link" } });
    expect(checkHeaders(MAINNET.subarray(0, 401))).toMatchObject({
      fault: { height: 5n, code: "malformed" },
    });
    expect(checkHeaders(cut(1, 5))).toMatchObject({ fault: { height: 0n, code: "broken-link" } });
  });

  test("a chain with a fault takes no more", () => {
    const chain = new HeaderChain(BITCOIN);
    const fault = chain.add(headerBytes(1));
    expect(fault?.code).toBe("broken-link");
    expect(chain.add(headerBytes(0))).toBe(fault);
    expect(chain.count).toBe(0);
  });
});

describe("a state to go on from", () => {
  const state = (changes: Partial<HeaderState>) => ({ ...STATES.get(500)!, ...changes });

  test.each([
    ["no block before it", { height: 0n }],
    ["no work", { chainwork: 0n }],
    ["too few blocks", { recent: [] }],
    ["no block at the period's start", { reference: undefined }],
    ["bits that no block has", { recent: new Array(11).fill({ time: 1, bits: 0x1d010000 }) }],
  ])("with %s is refused", (_, changes) => {
    const verdict = checkHeaders(headerBytes(500), BITCOIN, state(changes));
    expect(verdict).toMatchObject({ ok: false, fault: { code: "bad-state" } });
  });

  test("that says one time twice and differently is refused", () => {
    const chain = open(checkHeaders(MAINNET.subarray(0, 2_020 * HEADER_BYTES)));
    const { reference, ...rest } = chain.state;
    const wrong = { ...rest, reference: { ...reference!, time: reference!.time + 1 } };
    expect(checkHeaders(headerBytes(2_020), BITCOIN, chain.state).ok).toBe(true);
    expect(checkHeaders(headerBytes(2_020), BITCOIN, wrong)).toMatchObject({ fault: { code: "bad-state" } });
  });
});

describe("a header on its branch", () => {
  const fixed = easyParameters({ rule: "fixed" });
  const check = (
    parameters: PowParameters,
    times: readonly number[],
    time: number,
    changes: Partial<Header> = {},
  ) => {
    const past = pastOf(branchAt(parameters, times));
    const bits = branchAt(parameters, [...times, time]).at(-1)!.bits;
    const { header, hash } = mine({ time, bits, ...changes });
    return { past, fault: checkHeader(header, hash, parameters, past) };
  };

  test("must be later than the median of the eleven before, not later than its parent", () => {
    const times = [1, 2, 3, 4, 50, 60, 70, 80, 90, 100, 110, 120, 130];
    const { past, fault } = check(fixed, times, 70);
    expect(medianTimePast(past)).toBe(80);
    expect(fault?.code).toBe("time-too-old");
    expect(fault?.detail).toMatch(/70.*80/);
    expect(check(fixed, times, 80).fault?.code).toBe("time-too-old");
    expect(check(fixed, times, 81).fault).toBeUndefined();
  });

  test("has fewer blocks to look at near block 0: of an even number the later of the middle two", () => {
    expect([[5], [5, 9], [9, 5, 7], [1, 4, 2, 3]].map((times) => median(times))).toEqual([5, 9, 7, 3]);
  });

  function median(times: readonly number[]): number {
    return medianTimePast(pastOf(times.map((time) => ({ time, bits: 1 }))));
  }

  test("treats times as unsigned", () => {
    expect(check(fixed, [0x7ffffff0, 0x80000001], 0xffffffff).fault).toBeUndefined();
    expect(dueAt(0xffffffff, fixed)).toBe(0xffffffff - 7_200);
  });

  test("must have the bits of its ancestors, even if it meets harder ones", () => {
    expect(check(fixed, [1, 2], 9, { bits: 0x207ffffe }).fault?.code).toBe("wrong-bits");
  });

  describe("under the timewarp rules", () => {
    const guarded = (timewarpGuard: boolean) =>
      easyParameters({ rule: "bitcoin", interval: 4, timewarpGuard }, 600);
    const times = [10_000, 10_600, 11_200, 40_000];

    test("begins a period at most 600 s before its parent", () => {
      expect(check(guarded(true), times, 39_399).fault?.code).toBe("timewarp");
      expect(check(guarded(true), times, 39_400).fault).toBeUndefined();
      expect(check(guarded(false), times, 12_000).fault).toBeUndefined();
    });

    test("ends a period no earlier than it began", () => {
      const behind = [...times, 50_000, 20_000, 21_000];
      expect(check(guarded(true), behind, 49_999).fault?.code).toBe("timewarp");
      expect(check(guarded(true), behind, 50_000).fault).toBeUndefined();
      expect(check(guarded(false), behind, 49_999).fault).toBeUndefined();
    });

    test("is accepted from the earliest time on, and no second before", () => {
      const gaps = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 40 });
      fc.assert(
        fc.property(gaps, fc.boolean(), (each, guard) => {
          const branch: number[] = [1_000_000];
          for (const gap of each) {
            branch.push(earliestTime(guarded(guard), pastOf(branchAt(guarded(guard), branch))) + gap);
          }
          const earliest = earliestTime(guarded(guard), pastOf(branchAt(guarded(guard), branch)));
          expect(check(guarded(guard), branch, earliest).fault).toBeUndefined();
          expect(check(guarded(guard), branch, earliest - 1).fault?.code).toMatch(/^time/);
        }),
        { numRuns: 40 },
      );
    });
  });
});

describe("a chain of our own parameters", () => {
  test.each([
    easyParameters({ rule: "asert", halflife: 300 }, 5),
    easyParameters({ rule: "bitcoin", interval: 10, timewarpGuard: true }),
    easyParameters({ rule: "fixed" }),
  ])("runs through the same check: $retarget", (parameters) => {
    const { rule } = parameters.retarget;
    const times = Array.from({ length: 200 }, (_, i) => 1_000_000 + i * parameters.spacing);
    const headers = mineBranch(parameters, times);
    const bytes = Buffer.concat(headers.map(encodeHeader));
    const chain = open(checkHeaders(bytes, parameters));
    expect(chain.retargets).toBe({ asert: 197, bitcoin: 19, fixed: 0 }[rule]);
    const middle = open(checkHeaders(bytes.subarray(0, 90 * HEADER_BYTES), parameters));
    const rest = open(checkHeaders(bytes.subarray(90 * HEADER_BYTES), parameters, middle.state));
    expect(rest.state).toEqual(chain.state);
  });
});
