/**
 * Every entry for input from outside against inputs that follow from a seed: at least ten thousand of each kind, fewer where one
 * input costs more than a decoder. `npm run fuzz` plays more of them (docs/fuzzing.md).
 */
import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { refuse } from "../../src/base/fault.ts";
import { decode } from "../../src/codec/reader.ts";
import { fuzz } from "./run.ts";
import { canonical, FuzzFailure, type FuzzTarget } from "./target.ts";
import { FUZZ_TARGETS } from "./targets.ts";

const SEED = "suite";

/** Kinds of which one input costs a tenth of a millisecond and more: what the suite gives them in all. */
const DEAR: Readonly<Record<string, number>> = {
  config: 2_000,
  genesis: 1_000,
  home: 3_000,
  keystore: 300,
  rpc: 2_500,
  websocket: 1_000,
};

describe.each(FUZZ_TARGETS.map((target) => ({ target, name: target.name })))("$name", ({ target }) => {
  it(`answers ${target.inSuite} inputs with a value or a documented fault`, async () => {
    const { failures, inputs, codes } = await fuzz(target, { seed: SEED, inputs: target.inSuite });
    expect(failures.map(({ reason }) => reason)).toEqual([]);
    expect(inputs).toBe(target.inSuite);
    // One that only refuses would reach nothing behind its first check.
    expect(codes.size).toBeGreaterThan(1);
  });
});

it("the fuzzer gives ten thousand inputs to each kind, or what is written down", () => {
  const sums = new Map<string, number>();
  for (const { name, inSuite } of FUZZ_TARGETS) {
    const kind = name.split(".")[0] ?? name;
    sums.set(kind, (sums.get(kind) ?? 0) + inSuite);
  }
  for (const [kind, inputs] of sums) expect([kind, inputs >= (DEAR[kind] ?? 10_000)]).toEqual([kind, true]);
});

describe("the fuzzer", () => {
  const target = (run: (input: Uint8Array) => string): FuzzTarget => ({
    name: "test",
    inSuite: 0,
    open: () => ({ form: "bytes", seeds: [utf8("abcdefgh".repeat(8))], words: [utf8("BUG")], run }),
  });

  it("finds an input that breaks its entry, and reduces it to what breaks it", async () => {
    const broken = target((input) => {
      if (Buffer.from(input).includes("BUG")) throw new RangeError("out of bounds");
      return "ok";
    });
    const { failures } = await fuzz(broken, { seed: 1, inputs: 2_000 });
    expect(failures.length).toBeGreaterThan(0);
    expect(Buffer.from(failures[0]!.reduced).toString()).toBe("BUG");
    expect(failures[0]!.reason).toContain("RangeError: out of bounds");
  });

  it("gives the same inputs for the same seed", async () => {
    const inputsOf = async (seed: number) => {
      const seen: string[] = [];
      await fuzz(
        target((input) => {
          seen.push(Buffer.from(input).toString("hex"));
          return "ok";
        }),
        { seed, inputs: 50 },
      );
      return seen;
    };
    expect(await inputsOf(1)).toEqual(await inputsOf(1));
    expect(await inputsOf(1)).not.toEqual(await inputsOf(2));
  });

  it("takes no second encoding, and passes a fault on", () => {
    const input = Uint8Array.of(5, 0);
    const read = decode(input, "number", (reader) => reader.u16());
    expect(() => canonical(input, read, () => Uint8Array.of(5))).toThrow(FuzzFailure);
    expect(canonical(input, refuse("malformed", "no"), () => input)).toBe("malformed");
  });
});
