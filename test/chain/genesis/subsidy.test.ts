/** Goal: the subsidy is Bitcoin's curve, to the last unit and beyond the last halving. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { subsidyAt, totalSupply } from "../../../src/chain/genesis/subsidy.ts";
import { BITCOIN } from "../../../src/consensus/pow/bitcoin.ts";

test("the subsidy halves every 210,000 blocks and ends at nothing", () => {
  const at = [0n, 209_999n, 210_000n, 419_999n, 420_000n, 6_929_999n, 6_930_000n, 32n * 210_000n];
  expect(at.map((height) => subsidyAt(BITCOIN, height))).toEqual([
    5_000_000_000n,
    5_000_000_000n,
    2_500_000_000n,
    2_500_000_000n,
    1_250_000_000n,
    1n,
    0n,
    1n,
  ]);
  // A shift of a number would begin again at 32 and 64 halvings.
  for (const halvings of [33n, 63n, 64n, 65n, 1n << 40n])
    expect(subsidyAt(BITCOIN, halvings * 210_000n)).toBe(0n);
});

test("the subsidy sums up to 2,099,999,997,690,000 under Bitcoin's parameters", () => {
  expect(totalSupply(BITCOIN)).toBe(2_099_999_997_690_000n);
});

test("the subsidy sums up to what the blocks mint one by one", () => {
  const parameters = fc.record({
    subsidy: fc.bigInt({ min: 0n, max: 1_000n }),
    halvingInterval: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(parameters, (minting) => {
      let sum = 0n;
      for (let height = 0n; height < 64n * 20n; height++) sum += subsidyAt(minting, height);
      expect(totalSupply(minting)).toBe(sum);
    }),
  );
});
