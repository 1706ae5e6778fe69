/** The text of a value, made from its bytes, is the JSON of the value. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import {
  address,
  bool,
  bytes,
  choice,
  hash,
  height,
  list,
  option,
  struct,
  text,
  time,
  uint,
} from "../../../src/chain/modules/define-module.ts";
import { codecOfFields, PLAIN_VALUES } from "../../../src/chain/modules/value-codec.ts";
import { textOfFields } from "../../../src/chain/modules/value-text.ts";
import { decode } from "../../../src/codec/reader.ts";
import { Writer } from "../../../src/codec/writer.ts";

const seal = struct({ mark: bytes(4), isBig: bool, sizes: list(uint(16), 3) });
const FIELDS = {
  ...{ asset: hash, owner: address, label: text(64), since: height, at: time, grade: choice("low", "high") },
  ...{ small: uint(8), wide: uint(32), value: uint(64), last: option(address), seal, other: option(seal) },
};

const hexOf = (size: { minLength: number; maxLength: number }) => fc.uint8Array(size).map(hex0x);
const bytes32 = hexOf({ minLength: 32, maxLength: 32 });
const whole = (max: number) => fc.integer({ min: 0, max });
const sealed = fc.record({
  mark: hexOf({ minLength: 0, maxLength: 4 }),
  isBig: fc.boolean(),
  sizes: fc.array(whole(65_535), { maxLength: 3 }),
});
const value = fc.record({
  ...{ asset: bytes32, owner: bytes32, last: fc.option(bytes32), seal: sealed, other: fc.option(sealed) },
  label: fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\n", '"', "\\"), maxLength: 16 }),
  ...{ since: whole(Number.MAX_SAFE_INTEGER), at: whole(Number.MAX_SAFE_INTEGER) },
  grade: fc.constantFrom("low", "high"),
  ...{ small: whole(255), wide: whole(2 ** 32 - 1), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
});

it("the text of a value is what its JSON is written as, whatever stands in it", () => {
  const codec = codecOfFields(FIELDS);
  fc.assert(
    fc.property(value, (given) => {
      const writer = new Writer(512);
      codec.write(writer, given, "");
      const bytes = writer.finish();
      const read = decode(bytes, "value", (reader) => codec.read(reader, PLAIN_VALUES));
      const shown = decode(bytes, "value", textOfFields(FIELDS));
      expect(shown.ok && shown.value).toBe(JSON.stringify(codec.toJson(read.ok && read.value)));
    }),
    { numRuns: 50 },
  );
});

it("the text of a value is refused where the bytes are none of a value", () => {
  const [flags, nothing] = [{ is: bool, n: uint(16) }, {}];
  expect(decode(Uint8Array.of(2, 0, 0), "value", textOfFields(flags))).toMatchObject({ ok: false });
  expect(decode(Uint8Array.of(1, 0), "value", textOfFields(flags))).toMatchObject({ ok: false });
  expect(decode(new Uint8Array(0), "value", textOfFields(nothing))).toMatchObject({ ok: true, value: "{}" });
});
