/** Bytes as text: hex both ways, and block hashes shown reversed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes, hex, hex0x, parseHex, parseShownHash, showHash } from "../../src/base/bytes.ts";

describe("bytes", () => {
  it("survive hex with and without 0x, in either case", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(parseHex(hex(bytes))).toEqual(bytes);
        expect(hex(bytes)).toBe(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));
        expect(parseHex(hex0x(bytes).toUpperCase().replace("0X", "0x"))).toEqual(bytes);
      }),
    );
  });

  it("are not parsed from odd, foreign or padded text", () => {
    for (const text of ["0", "0x0", "0xgg", " 00", "00 ", "0x 00", "-1", "٠٠"])
      expect(parseHex(text)).toBeUndefined();
  });

  it("show a block hash reversed and read it back", () => {
    const hash = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(showHash(hash)).toBe(`0x${"1f1e1d1c1b1a19181716151413121110"}0f0e0d0c0b0a09080706050403020100`);
    expect(parseShownHash(showHash(hash))).toEqual(hash);
    expect(parseShownHash("0x00")).toBeUndefined();
  });

  it("compare lexicographically, shorter first", () => {
    expect(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBeLessThan(0);
    expect(compareBytes(Uint8Array.of(2), Uint8Array.of(1, 9))).toBeGreaterThan(0);
    expect(compareBytes(Uint8Array.of(7), Uint8Array.of(7))).toBe(0);
  });
});
