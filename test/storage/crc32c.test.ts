import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { crc32c } from "../../src/storage/crc32c.ts";

describe("crc32c", () => {
  it("gives the sums of RFC 3720, B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  });

  it("gives the well-known check value, whole or in parts", () => {
    expect(crc32c(utf8("123456789"))).toBe(0xe3069283);
    expect(crc32c(utf8("1234"), utf8(""), utf8("56789"))).toBe(0xe3069283);
  });
});
