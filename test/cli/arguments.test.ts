/** Goal: words of the command line mean one value or are refused. Method: tables. */
import { Command, InvalidArgumentError } from "commander";
import { describe, expect, test, vi } from "vitest";
import { amount, duration, integer, list, memo, parsed, percent, rpcUrl } from "../../src/cli/arguments.ts";
import { parseParams } from "../../src/cli/chain/query.ts";
import { run } from "../../src/cli/program.ts";

describe("a word that an action reads", () => {
  test("is refused with its name and itself", () => {
    expect(() => parsed("minFee", integer(0, 9), "-5")).toThrow(
      'minFee: expected an integer from 0 to 9, found "-5"',
    );
    expect(parsed("minFee", integer(0, 9), "5")).toBe(5);
  });

  test("is never refused in silence", async () => {
    const program = new Command().exitOverride();
    program.command("do").action(() => void integer(0, 9)("-5"));
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    expect(await run(program, ["do"])).toBe(2);
    expect(write.mock.calls.join("")).toContain("expected an integer from 0 to 9.");
    write.mockRestore();
  });
});

test("a percentage is a number from 0 to 100, and becomes a share", () => {
  expect(["0", "1", "0.5", "100"].map(percent)).toEqual([0, 0.01, 0.005, 1]);
  for (const text of ["", "-1", "101", "1%", "1e1", ".5", "100.1"])
    expect(() => percent(text)).toThrow(InvalidArgumentError);
});

describe("a duration", () => {
  test.each([
    ["0", 0],
    ["500ms", 500],
    ["1s", 1_000],
    ["1.5s", 1_500],
    ["1.1m", 66_000],
    ["2m", 120_000],
    ["24h", 86_400_000],
  ])("%s is %i ms", (text, ms) => {
    expect(duration(text)).toBe(ms);
  });

  test.each(["", "s", "-1s", "1d", "25h", "1 s", "1e3", "30", "1.5", "1.5ms", "0.0001s", "01s"])(
    "%j is refused",
    (text) => {
      expect(() => duration(text)).toThrow(InvalidArgumentError);
    },
  );
});

test("a memo that lost text on its way, or is no text, is refused before it is signed", () => {
  for (const text of ["", "lunch", "Zoë", "😀"]) expect(memo(text)).toBe(text);
  for (const text of ["caf\ufffd", "\ufffd", "\ud83d", "x\ude00"]) {
    expect(() => memo(text)).toThrow(InvalidArgumentError);
    expect(() => memo(text)).toThrow("U+FFFD, which stands for text that was lost");
  }
});

test("an amount is a whole u64, its digits may be grouped", () => {
  expect(amount("1_000_000")).toBe(1_000_000n);
  expect(amount("18446744073709551615")).toBe(2n ** 64n - 1n);
  for (const bad of [
    "",
    "1.5",
    "-1",
    "0x10",
    "18446744073709551616",
    "_1",
    "1e6",
    "1,5",
    "1,000",
    "1_5",
    "1_0000",
    "010",
    "1 000",
  ]) {
    expect(() => amount(bad)).toThrow(InvalidArgumentError);
  }
});

test("an integer keeps its bounds", () => {
  expect(integer(0, 9)("9")).toBe(9);
  for (const bad of ["10", "-1", "1.0", "", "0x1", " 1", "09"]) {
    expect(() => integer(0, 9)(bad)).toThrow(InvalidArgumentError);
  }
});

test("an RPC URL may leave out http:// and lose its last slash", () => {
  expect(rpcUrl("127.0.0.1:18546")).toBe("http://127.0.0.1:18546");
  expect(rpcUrl("https://node.example/")).toBe("https://node.example");
  expect(rpcUrl("localhost:18545/quorate")).toBe("http://localhost:18545/quorate");
  expect(rpcUrl("[::1]:18545")).toBe("http://[::1]:18545");
  expect(rpcUrl("HTTPS://Node.Example:8443")).toBe("HTTPS://Node.Example:8443");
  for (const [bad, words] of [
    ["ftp://x", "expected a URL"],
    ["http://", "expected a URL"],
    ["http://a b", "expected a URL"],
    ["18545", "Is it the port of http://127.0.0.1:18545?"],
    ["user:pw@h:1", "need the scheme in front"],
    ["localhost", "The port is missing"],
    ["127.1:18545", '"127.1" would be read as 127.0.0.1'],
    ["http://18545", '"18545" would be read as 0.0.72.113'],
    ["http://0x7f.1:80", "would be read as 127.0.0.1"],
    ["http://h:1/?x=1", "has no meaning here"],
  ] as const)
    expect(() => rpcUrl(bad), bad).toThrow(words);
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
