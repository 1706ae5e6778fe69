import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCursor, parseCursor, WHOLE_BLOCK } from "../../../src/chain/types/event-cursor.ts";

const HASH = "ab".repeat(32);

describe("The cursor of an event", () => {
  it("is read back from its text as it was", () => {
    const cursors = fc.record({
      height: fc.maxSafeNat(),
      index: fc.integer({ min: 0, max: WHOLE_BLOCK }),
      blockHash: fc
        .uint8Array({ minLength: 32, maxLength: 32 })
        .map((b) => `0x${Buffer.from(b).toString("hex")}`),
    });
    fc.assert(
      fc.property(cursors, (cursor) => {
        expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
      }),
    );
  });

  it("may have its hash without 0x and in capitals", () => {
    expect(parseCursor(`5:0:${HASH.toUpperCase()}`)).toEqual({ height: 5, index: 0, blockHash: `0x${HASH}` });
  });

  it.each([
    "",
    "5",
    "5:0",
    `5:0:0x${HASH}:`,
    `-1:0:0x${HASH}`,
    `05:0:0x${HASH}`,
    `5:4294967296:0x${HASH}`,
    `9007199254740992:0:0x${HASH}`,
    `5:0:0x${HASH.slice(2)}`,
  ])("is not %j", (text) => {
    expect(parseCursor(text)).toBeUndefined();
  });
});
