/**
 * What callers send as integers. Goal: a text that means another number elsewhere (octal, signed, an exponent, spaces,
 * other digits) is refused by every method that takes an integer, never guessed. Method: whatever param takes "7".
 */
import { describe, expect, it } from "vitest";
import { METHOD_TABLE } from "../../../src/rpc/methods/method-table.ts";

const WRONG = [
  [
    "010",
    "00",
    "+1",
    "-1",
    "-0",
    "1e3",
    "1.0",
    "1_0",
    "1,0",
    " 5",
    "5 ",
    "5\n",
    "",
    "0b1",
    "0o7",
    "0x",
    "0X1",
  ],
  ["0x-1", "٣", "５", "Infinity", "9007199254740992", "0x20000000000000", 1.5, -1, true, null, [7], {}],
].flat();

const params = [...METHOD_TABLE.values()].flatMap((method) =>
  Object.entries(method.params.shape)
    .filter(([, schema]) => {
      const parsed = schema.safeParse("7");
      return parsed.success && parsed.data !== "7";
    })
    .map(([name, schema]) => ({ name: `${method.name}: ${name}`, schema })),
);

describe("an integer among the params", () => {
  it("is taken by methods of many kinds", () => {
    const names = params.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["chain_getBlock: block", "tx_send: timeoutMs"]));
    expect(names.length).toBeGreaterThan(8);
  });

  it.each(params)(
    "may be a number, decimal or 0x-hex and nothing that only looks like it, for $name",
    ({ schema }) => {
      const seven = schema.parse(7);
      expect(["7", "0x7", "0x07"].map((text) => schema.parse(text))).toEqual([seven, seven, seven]);
      expect(WRONG.filter((value) => schema.safeParse(value).success)).toEqual([]);
    },
  );
});
