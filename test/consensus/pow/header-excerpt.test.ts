/**
 * Goal: a piece of a chain is held to the chain's rules as far as it shows what they read, and no lowered difficulty
 * passes where it does. Method: honest chains cut anywhere are accepted; forged ones are mined for real, each rule's.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { showHash } from "../../../src/base/bytes.ts";
import type { PowParameters, RetargetParameters } from "../../../src/chain/genesis/pow-parameters.ts";
import { HEADER_BYTES, hashHeader } from "../../../src/chain/types/block.ts";
import { meetsTarget } from "../../../src/chain/types/target.ts";
import { BITCOIN } from "../../../src/consensus/pow/bitcoin.ts";
import { decodeHeader } from "../../../src/consensus/pow/header-chain.ts";
import { checkExcerpt, type ExcerptHeader } from "../../../src/consensus/pow/header-excerpt.ts";
import { lowestReadOf } from "../../../src/consensus/pow/retarget.ts";
import { easyParameters, mine, mineBranch } from "./branch.ts";
import { MAINNET } from "./mainnet.ts";

const EASIEST = 0x207fffff;
const INTERVAL = 10;

/** Sixteen hashes a block at first, two at the easiest. */
const parametersOf = (retarget: RetargetParameters, spacing: number): PowParameters => ({
  ...easyParameters(retarget, spacing),
  startBits: 0x200fffff,
});
const RULES = {
  fixed: parametersOf({ rule: "fixed" }, 600),
  asert: parametersOf({ rule: "asert", halflife: 300 }, 5),
  bitcoin: parametersOf({ rule: "bitcoin", interval: INTERVAL, timewarpGuard: true }, 600),
} as const;

/** An honest chain, a little off its schedule. */
class Honest {
  readonly parameters: PowParameters;
  readonly headers: readonly ExcerptHeader[];

  constructor(parameters: PowParameters, count: number) {
    const { spacing } = parameters;
    const times = Array.from({ length: count }, (_, i) => 1_000_000 + i * spacing + ((i * 7) % 5));
    this.parameters = parameters;
    this.headers = mineBranch(parameters, times).map((header) => ({ header, hash: hashHeader(header) }));
  }

  get chain() {
    return { parameters: this.parameters, genesisHash: this.headers[0]!.hash };
  }

  check(from: number, to = this.headers.length, forged: readonly ExcerptHeader[] = []) {
    return checkExcerpt(this.chain, BigInt(from), [...this.headers.slice(from, to), ...forged]);
  }

  /** Headers on the one at `height`, with these bits. */
  forge(height: number, bits: number, count = 1): ExcerptHeader[] {
    const forged: ExcerptHeader[] = [];
    let last = this.headers[height]!;
    for (let i = 0; i < count; i++) {
      const time = last.header.time + this.parameters.spacing;
      last = mine({ time, bits, previousHash: last.hash });
      forged.push(last);
    }
    return forged;
  }
}

const honest = {
  fixed: new Honest(RULES.fixed, 40),
  asert: new Honest(RULES.asert, 330),
  bitcoin: new Honest(RULES.bitcoin, 60),
};

describe.each(["fixed", "asert", "bitcoin"] as const)("an excerpt of a %s chain", (rule) => {
  const { headers, parameters } = honest[rule];

  test("is accepted wherever it is cut, and held throughout from what its rule reads", () => {
    const heights = fc.integer({ min: 1, max: headers.length - 1 });
    fc.assert(
      fc.property(heights, heights, (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const verdict = honest[rule].check(from, to + 1);
        if (!verdict.ok) throw new Error(verdict.fault.detail);
        const start = Number(lowestReadOf(parameters, BigInt(from), BigInt(to)));
        const whole = honest[rule].check(start, to + 1);
        if (!whole.ok) throw new Error(whole.fault.detail);
        expect(whole.value.slice(from - start)).not.toContain("no");
      }),
      { numRuns: 60 },
    );
  });

  test("from block 0 is held to the genesis throughout, and block 0 is the genesis's", () => {
    const verdict = honest[rule].check(0);
    expect(verdict.ok && new Set(verdict.value)).toEqual(new Set(["genesis"]));
    const other = { parameters, genesisHash: headers[1]!.hash };
    const fault = { code: "broken-link", height: 0n };
    expect(checkExcerpt(other, 0n, headers)).toMatchObject({ ok: false, fault });
  });

  test("is refused with a block 1 that stands on another block 0, even where that is not shown", () => {
    const other = { parameters, genesisHash: headers[1]!.hash };
    const fault = { code: "broken-link", height: 1n };
    expect(checkExcerpt(other, 1n, headers.slice(1, 5))).toMatchObject({ ok: false, fault });
  });

  test("is refused with a header that does not link or shows no work", () => {
    const [one, , three] = headers.slice(20);
    const cut = checkExcerpt(honest[rule].chain, 20n, [one!, three!]);
    expect(cut).toMatchObject({ ok: false, fault: { code: "broken-link", height: 21n } });
    let header = headers[21]!.header;
    while (meetsTarget(hashHeader(header), EASIEST)) header = { ...header, nonce: header.nonce + 1 };
    const hash = hashHeader(header);
    const idle = checkExcerpt(honest[rule].chain, 20n, [one!, { header, hash }]);
    expect(idle).toMatchObject({ ok: false, fault: { code: "high-hash", height: 21n } });
  });

  test("is refused below the easiest target, whatever else is known", () => {
    const easier = { ...parameters, powLimitBits: 0x200fffff };
    const chain = { parameters: easier, genesisHash: headers[0]!.hash };
    const forged = honest[rule].forge(25, EASIEST);
    const verdict = checkExcerpt(chain, 26n, forged);
    expect(verdict).toMatchObject({ ok: false, fault: { code: "easy-target", height: 26n } });
  });

  test("with lowered difficulty is refused at the first such header, and says so", () => {
    const [from, last] = { fixed: [20, 25], asert: [143, 200], bitcoin: [20, 25] }[rule] as [number, number];
    const verdict = honest[rule].check(from, last + 1, honest[rule].forge(last, EASIEST, 3));
    expect(verdict).toMatchObject({ ok: false, fault: { code: "wrong-bits", height: BigInt(last + 1) } });
    if (verdict.ok) return;
    expect(verdict.fault.detail).toMatch(
      new RegExp(
        `bits 207fffff, the ${rule} rule of the genesis asks for .*: the difficulty is lowered \\d+ times`,
      ),
    );
  });
});

describe("difficulty in an excerpt", () => {
  test("of the fixed rule is held from the first header on", () => {
    const forged = honest.fixed.forge(20, EASIEST, 2);
    expect(checkExcerpt(honest.fixed.chain, 21n, forged)).toMatchObject({
      ok: false,
      fault: { code: "wrong-bits", height: 21n },
    });
  });

  test("of asert is not told without its anchor, and is from the next anchor on", () => {
    const before = honest.asert.check(200, 289);
    expect(before.ok && new Set(before.value)).toEqual(new Set(["no"]));
    const across = honest.asert.check(200, 300);
    // 288 is an anchor, told by the one at 144; 289 is the first that it tells.
    expect(across.ok && across.value.indexOf("excerpt")).toBe(89);
    const lowered = honest.asert.check(287, 301, honest.asert.forge(300, EASIEST));
    expect(lowered).toMatchObject({ ok: false, fault: { code: "wrong-bits", height: 301n } });
    const free = honest.asert.check(200, 251, honest.asert.forge(250, EASIEST));
    expect(free.ok && free.value.at(-1)).toBe("no");
  });

  test("of Bitcoin's rule stays within a period, and at its end follows from its times", () => {
    const { bitcoin } = honest;
    const verdict = bitcoin.check(20, 31);
    expect(verdict.ok && verdict.value).toEqual(["no", ...Array.from({ length: 10 }, () => "excerpt")]);
    const first = bitcoin.check(1, INTERVAL);
    expect(first.ok && new Set(first.value)).toEqual(new Set(["genesis"]));
    const exact = bitcoin.check(20, 30, bitcoin.forge(29, EASIEST));
    expect(exact).toMatchObject({ ok: false, fault: { code: "wrong-bits", height: 30n } });
  });

  test("of Bitcoin's rule changes by a factor of four at most where the period is not shown", () => {
    const { bitcoin } = honest;
    // The chain is near its schedule, at about 0x200fffff: 0x203fffff is four times easier, less what is cut off.
    const bits = bitcoin.headers[29]!.header.bits;
    const four = bits + 3 * (bits & 0x7fffff) - 16;
    const within = bitcoin.check(25, 30, bitcoin.forge(29, four));
    expect(within.ok && within.value.at(-1)).toBe("no");
    const beyond = bitcoin.check(25, 30, bitcoin.forge(29, four + 64));
    expect(beyond).toMatchObject({ ok: false, fault: { code: "wrong-bits", height: 30n } });
    if (!beyond.ok) expect(beyond.fault.detail).toMatch(/after 20.* a new period has from 20.* to 20/);
  });

  test("times are held to the median and to the timewarp rule where those blocks are shown", () => {
    const { bitcoin } = honest;
    const early = bitcoin.headers[15]!.header.time;
    const at = bitcoin.headers[25]!;
    const { bits } = at.header;
    const old = mine({ time: early, bits, previousHash: at.hash });
    expect(bitcoin.check(10, 26, [old])).toMatchObject({ ok: false, fault: { code: "time-too-old" } });
    expect(bitcoin.check(20, 26, [old]).ok).toBe(true);
    const end = bitcoin.headers[28]!;
    const time = bitcoin.headers[19]!.header.time + 1;
    const warped = mine({ time, bits: end.header.bits, previousHash: end.hash });
    expect(bitcoin.check(20, 29, [warped])).toMatchObject({ ok: false, fault: { code: "timewarp" } });
    expect(bitcoin.check(21, 29, [warped]).ok).toBe(true);
  });
});

test("any piece of mainnet is accepted, and a whole period tells the next one's bits", () => {
  const headers = Array.from({ length: MAINNET.length / HEADER_BYTES }, (_, i): ExcerptHeader => {
    const decoded = decodeHeader(MAINNET.subarray(i * HEADER_BYTES, (i + 1) * HEADER_BYTES));
    if (!decoded.ok) throw new Error(decoded.fault.detail);
    return { header: decoded.value, hash: hashHeader(decoded.value) };
  });
  const chain = { parameters: BITCOIN, genesisHash: headers[0]!.hash };
  expect(showHash(chain.genesisHash)).toMatch(/^0x000000000019d668/);
  const starts = fc.integer({ min: 0, max: headers.length - 1 });
  fc.assert(
    fc.property(starts, (start) => {
      const verdict = checkExcerpt(chain, BigInt(start), headers.slice(start, start + 300));
      expect(verdict.ok).toBe(true);
    }),
    { numRuns: 30 },
  );
  const period = checkExcerpt(chain, 4_032n, headers.slice(4_032, 6_049));
  expect(period.ok && period.value[2_016]).toBe("excerpt");
});
