/** Whole numbers as text. Goal: one form, and nothing that some readers take for another number. */
import { expect, it } from "vitest";
import { isDecimal } from "../../src/base/decimal.ts";

it("a reader of amounts takes decimal digits without leading zeros, and no more of them than allowed", () => {
  expect(["0", "7", "10", "18446744073709551616"].filter((text) => !isDecimal(text))).toEqual([]);
  expect(isDecimal("100", 3)).toBe(true);
  expect(isDecimal("1000", 3)).toBe(false);
  const wrong = ["", "00", "010", "+1", "-1", "1e3", " 5", "5 ", "5\n", "1_0", "0x7", "٣", "1.0"];
  expect(wrong.filter((text) => isDecimal(text))).toEqual([]);
});
