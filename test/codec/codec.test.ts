/** The canonical codec: round trips, caps, and refusals that name the byte. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, type Reader } from "../../src/codec/reader.ts";
import { Writer } from "../../src/codec/writer.ts";

describe("the codec", () => {
  it("reads back what it wrote, and refuses every shorter and every longer form", () => {
    const fields = fc.tuple(
      fc.nat(0xff),
      fc.nat(0xffff),
      fc.nat(0xffffffff),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.uint8Array({ maxLength: 255 }),
      fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 }),
    );
    fc.assert(
      fc.property(fields, ([a, b, c, d, e, f]) => {
        const bytes = new Writer(1)
          .u8(a)
          .u16(b)
          .u32(c)
          .u64(d)
          .bytes8(e)
          .list(f, (writer, item) => writer.bytes16(item))
          .finish();
        const read = (r: Reader) => [
          r.u8(),
          r.u16(),
          r.u32(),
          r.u64(),
          r.bytes8(255),
          r.list(10, (i) => i.bytes16(20)),
        ];
        expect(decode(bytes, "fields", read)).toEqual({ ok: true, value: [a, b, c, d, e, f] });
        expect(decode(bytes.subarray(0, -1), "fields", read).ok).toBe(false);
        expect(decode(Uint8Array.of(...bytes, 0), "fields", read).ok).toBe(false);
      }),
    );
  });

  it("gives each of several writers its own bytes, whichever of them grows, ends or is used further", () => {
    const steps = fc.array(
      fc.record({
        writer: fc.nat(3),
        kind: fc.constantFrom("write", "write", "finish", "begin"),
        length: fc.oneof(fc.nat(100), fc.nat(3_000), fc.nat(9_000)),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const begun = () => ({ writer: new Writer(4), expected: Buffer.alloc(0) });
        const writers = Array.from({ length: 4 }, begun);
        const finished: { readonly bytes: Uint8Array; readonly expected: Uint8Array }[] = [];
        for (const [value, { writer: at, kind, length }] of taken.entries()) {
          const one = writers[at]!;
          if (kind === "begin") writers[at] = { writer: new Writer(length), expected: Buffer.alloc(0) };
          else if (kind === "finish") finished.push({ bytes: one.writer.finish(), expected: one.expected });
          else {
            const bytes = Buffer.alloc(length, value + 1);
            one.writer.raw(bytes);
            one.expected = Buffer.concat([one.expected, bytes]);
          }
        }
        for (const { writer, expected } of writers) finished.push({ bytes: writer.finish(), expected });
        for (const { bytes, expected } of finished) expect(Buffer.compare(bytes, expected)).toBe(0);
      }),
    );
  });

  it("writes the header's integers little-endian and all others big-endian", () => {
    expect(new Writer().u32le(1).i32le(-2).u32(1).finish()).toEqual(
      Uint8Array.of(1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 1),
    );
  });

  it("says what was wrong and where", () => {
    const cases: readonly [Uint8Array, (r: Reader) => unknown, RegExp][] = [
      [Uint8Array.of(1), (r) => r.u16(), /2 bytes wanted at byte 0, only 1 left/],
      [Uint8Array.of(0, 0, 0, 9), (r) => r.list(8, (i) => i.u8()), /9 items where at most 8 are allowed/],
      [Uint8Array.of(5, 1), (r) => r.bytes8(4), /5 bytes where at most 4/],
      [Uint8Array.of(1, 2), (r) => r.u8(), /1 bytes left over at byte 1/],
      [Uint8Array.of(1), (r) => r.fail("unknown tag"), /unknown tag at byte 0/],
    ];
    for (const [bytes, read, detail] of cases) {
      expect(decode(bytes, "thing", read)).toMatchObject({
        ok: false,
        fault: { code: "malformed", detail: expect.stringMatching(detail) },
      });
    }
  });

  it("refuses a huge count before it allocates anything", () => {
    const bytes = new Writer().u32(0xffffffff).finish();
    expect(decode(bytes, "list", (r) => r.list(1_000, (i) => i.u8())).ok).toBe(false);
  });

  it("asserts the ranges of what it is asked to write", () => {
    expect(() => new Writer().u8(256)).toThrow(/out of range/);
    expect(() => new Writer().u64(-1n)).toThrow(/out of range/);
    expect(() => new Writer().u64(1n << 64n)).toThrow(/out of range/);
    expect(() => new Writer().i32le(2 ** 31)).toThrow(/out of range/);
  });
});
