/** Goal: what people and scripts read has a fixed form. Method: pure functions. */
import { expect, test } from "vitest";
import { shorten, showCount, showDuration, showRate, toJson } from "../../src/cli/output.ts";

test("durations read as a person says them", () => {
  expect([0, 41.4, 999, 1_000, 2_310, 200_000, 999.7, 59_996, 119_900].map(showDuration)).toEqual([
    "0 ms",
    "41 ms",
    "999 ms",
    "1.00 s",
    "2.31 s",
    "3 min 20 s",
    "1.00 s",
    "1 min 0 s",
    "2 min 0 s",
  ]);
});

test("counts have three digits, and the next unit where they are rounded up to it", () => {
  expect([0, 840, 999.7, 1_048_576, 999_600, 12_345].map(showCount)).toEqual([
    "0",
    "840",
    "1.00 k",
    "1.05 M",
    "1.00 M",
    "12.3 k",
  ]);
  expect([999.4, 999_600].map(showRate)).toEqual(["999 H/s", "1.00 MH/s"]);
});

test("JSON shows a bigint as a decimal string, on one line", () => {
  expect(toJson({ amount: 2n ** 64n, list: [1n] })).toBe('{"amount":"18446744073709551616","list":["1"]}');
});

test("hex is cut in the middle only when that makes it shorter", () => {
  expect(shorten("0x1234")).toBe("0x1234");
  expect(shorten(`0x${"ab".repeat(32)}`)).toBe("0xababab…abab");
});
