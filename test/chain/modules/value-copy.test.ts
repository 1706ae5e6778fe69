import { expect, it } from "vitest";
import { list, map, option, struct, text, uint } from "../../../src/chain/modules/define-module.ts";
import { codecOf } from "../../../src/chain/modules/value-codec.ts";
import { Writer } from "../../../src/codec/writer.ts";

it("the copier of values copies a value with all that stands in it, made by whoever will use it", () => {
  const type = struct({ a: list(struct({ n: uint(64) }), 3), b: option(text(4)), c: option(uint(8)) });
  const value = { a: [{ n: 1n }, { n: 2n }], b: null, c: 7 };
  const made: object[] = [];
  const keep = <T extends object>(one: T): T => {
    made.push(one);
    return one;
  };
  const copy = codecOf(type).copy(value, { object: () => keep({}), array: () => keep([]) });
  expect(copy).toEqual(value);
  expect(made).toHaveLength(4);
  expect(made).not.toContain(value.a[0]);
});

it("the copier of values writes 32 bytes of hex in either case, and nothing for what is none", () => {
  const { key } = map({ kind: "hash" }, uint(8));
  const written = (value: unknown) => {
    const writer = new Writer(40).u8(9);
    codecOf(key).write(writer, value, "the key");
    return writer.finish();
  };
  expect(written(`0x${"aB".repeat(32)}`)).toEqual(Uint8Array.of(9, ...new Array(32).fill(0xab)));
  for (const wrong of [
    `0x${"ab".repeat(31)}`,
    `0x${"ab".repeat(31)}a`,
    `0x${"ab".repeat(31)}ag`,
    `${"ab".repeat(33)}`,
    7,
  ]) {
    expect(() => written(wrong)).toThrow("the key: expected 0x and hex digits (32 bytes), found");
  }
});
