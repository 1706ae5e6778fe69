/** Readings of the database beside a head that moves. */
import { describe, expect, it } from "vitest";
import { HeadMoves } from "../../src/chain/headmoves.ts";

describe("A reading of the ledger", () => {
  it("is taken as it is when the head stands still", async () => {
    const moves = new HeadMoves();
    expect(await moves.read(() => 1)).toEqual({ value: 1 });
    await expect(moves.read(() => Promise.reject(new Error("no such block")))).rejects.toThrow(
      "no such block",
    );
  });

  it("waits for a move that is under way", async () => {
    const moves = new HeadMoves();
    let ledger = "old";
    moves.begin();
    const reading = moves.read(() => ledger);
    await Promise.resolve();
    ledger = "new";
    moves.end();
    expect(await reading).toEqual({ value: "new" });
  });

  it.each(["gives something", "fails"])("is repeated when a move interrupted it and it %s", async (what) => {
    const moves = new HeadMoves();
    let readings = 0;
    const value = await moves.read(async () => {
      if (++readings > 1) return "whole";
      moves.begin();
      await Promise.resolve();
      moves.end();
      if (what === "fails") throw new Error("half of each");
      return "torn";
    });
    expect(value).toEqual({ value: "whole" });
  });

  it("is given up when moves come during each of several", async () => {
    const moves = new HeadMoves();
    const read = () => {
      moves.begin();
      moves.end();
    };
    expect(await moves.read(read)).toBeUndefined();
  });

  it("fails with the write that failed, before it and after it", async () => {
    const moves = new HeadMoves();
    moves.begin();
    const reading = moves.read(() => 1);
    moves.fail(new Error("disk full"));
    await expect(reading).rejects.toThrow("disk full");
    await expect(moves.read(() => 1)).rejects.toThrow("disk full");
  });
});
