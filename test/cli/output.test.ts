/** Goal: what people and scripts read has a fixed form. Method: pure functions. */
import { expect, test } from "vitest";
import { shorten, showDuration, toJson } from "../../src/cli/output.ts";

test("durations read as a person says them", () => {
  expect([0, 41.4, 999, 1_000, 2_310, 200_000].map(showDuration)).toEqual([
    "0 ms",
    "41 ms",
    "999 ms",
    "1.00 s",
    "2.31 s",
    "3 min 20 s",
  ]);
});

test("JSON shows a bigint as a decimal string, on one line", () => {
  expect(toJson({ amount: 2n ** 64n, list: [1n] })).toBe('{"amount":"18446744073709551616","list":["1"]}');
});

test("hex is cut in the middle only when that makes it shorter", () => {
  expect(shorten("0x1234")).toBe("0x1234");
  expect(shorten(`0x${"ab".repeat(32)}`)).toBe("0xababab…abab");
});
