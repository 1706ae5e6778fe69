/** Goal: words of the command line mean one value or are refused. Method: tables. */
import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import { amount, duration, integer, list, rpcUrl } from "../../src/cli/arguments.ts";
import { parseParams } from "../../src/cli/query.ts";

describe("a duration", () => {
  test.each([
    ["0", 0],
    ["250", 250],
    ["500ms", 500],
    ["1s", 1_000],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["24h", 86_400_000],
  ])("%s is %i ms", (text, ms) => {
    expect(duration(text)).toBe(ms);
  });

  test.each(["", "s", "-1s", "1d", "25h", "1 s", "1e3"])("%j is refused", (text) => {
    expect(() => duration(text)).toThrow(InvalidArgumentError);
  });
});

test("an amount is a whole u64, its digits may be grouped", () => {
  expect(amount("1_000_000")).toBe(1_000_000n);
  expect(amount("18446744073709551615")).toBe(2n ** 64n - 1n);
  for (const bad of ["", "1.5", "-1", "0x10", "18446744073709551616", "_1", "1e6"]) {
    expect(() => amount(bad)).toThrow(InvalidArgumentError);
  }
});

test("an integer keeps its bounds", () => {
  expect(integer(0, 9)("9")).toBe(9);
  for (const bad of ["10", "-1", "1.0", "", "0x1", " 1"]) {
    expect(() => integer(0, 9)(bad)).toThrow(InvalidArgumentError);
  }
});

test("an RPC URL may leave out http:// and lose its last slash", () => {
  expect(rpcUrl("127.0.0.1:18546")).toBe("http://127.0.0.1:18546");
  expect(rpcUrl("https://node.example/")).toBe("https://node.example");
  for (const bad of ["ftp://x", "http://", "http://a b"])
    expect(() => rpcUrl(bad)).toThrow(InvalidArgumentError);
  expect(list("a,,b")).toEqual(["a", "b"]);
});

test("params of a method are one JSON value or name=value words", () => {
  expect(parseParams([])).toBeUndefined();
  expect(parseParams(['{"block":5}'])).toEqual({ block: 5 });
  expect(parseParams(["[5]"])).toEqual([5]);
  expect(parseParams(["block=5", "full=true", "hash=0xab", "path=a=b"])).toEqual({
    block: 5,
    full: true,
    hash: "0xab",
    path: "a=b",
  });
  for (const bad of [["{"], ["block"], ["=5"]]) expect(() => parseParams(bad)).toThrow();
});
