/** What peers tell of their heads, and how much of it is believed. */
import { expect, it } from "vitest";
import { heightOfValidators } from "../../../src/node/ingress/believed-height.ts";

const HUGE = 2n ** 64n - 1n;
const peersAt = (...heights: readonly (bigint | undefined)[]) =>
  heights.map((height, validator) => ({ validator, height }));

it("the believed height is what f+1 validators tell: f liars move it nowhere", () => {
  expect(heightOfValidators(peersAt(HUGE, 7n, 9n), 4)).toBe(9n);
  expect(heightOfValidators(peersAt(HUGE, HUGE, 9n, 8n, 7n), 7)).toBe(9n);
  expect(heightOfValidators(peersAt(0n, 7n, 9n), 4)).toBe(7n);
  expect(heightOfValidators(peersAt(5n), 1)).toBe(5n);
});

it("the believed height is nothing while fewer validators have told theirs, whatever others tell", () => {
  const strangers = [HUGE, HUGE, HUGE].map((height) => ({ validator: undefined, height }));
  expect(heightOfValidators([...strangers, ...peersAt(3n, undefined)], 4)).toBeUndefined();
  expect(heightOfValidators([], 1)).toBeUndefined();
});

it("the believed height counts a validator once, however many connections it has", () => {
  const twice = [1, 2, 3].map(() => ({ validator: 2, height: HUGE }));
  expect(heightOfValidators(twice, 4)).toBeUndefined();
});
