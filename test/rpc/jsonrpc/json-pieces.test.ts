/** JSON that is made in pieces: the same text as at once, with a pause offered between the items of what is long. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonInPieces } from "../../../src/rpc/jsonrpc/json-pieces.ts";

const never = () => Promise.resolve();

describe("JSON in pieces", () => {
  it("is the text that JSON.stringify makes", async () => {
    const long = fc.array(fc.oneof(fc.jsonValue(), fc.constant(undefined)), { maxLength: 80 });
    const value = fc.oneof(
      fc.jsonValue(),
      long,
      fc.record({ txs: long, size: fc.nat(), branch: fc.option(long, { nil: undefined }) }),
      fc.record({ block: fc.record({ txs: long }) }),
    );
    await fc.assert(
      fc.asyncProperty(value, async (any) => {
        expect(await jsonInPieces(any, never)).toBe(JSON.stringify(any));
      }),
      { numRuns: 200 },
    );
  });

  it("offers a pause after every few items of a list, wherever it stands", async () => {
    const items = Array.from({ length: 5_000 }, (_, i) => ({ i }));
    for (const value of [items, { txs: items }, { block: { txs: items } }]) {
      let pauses = 0;
      await jsonInPieces(value, async () => {
        pauses++;
      });
      expect(pauses).toBeGreaterThanOrEqual(5_000 / 16);
    }
  });
});
