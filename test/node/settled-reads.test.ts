/** Readings of the database beside a head that moves. */
import { describe, expect, it } from "vitest";
import { HeadMoves } from "../../src/chain/forks/head-moves.ts";
import { readSettled } from "../../src/node/settled-reads.ts";
import { VirtualTime } from "../p2p/virtual-time.ts";

const scheduler = new VirtualTime();

describe("A reading of the ledger", () => {
  it("is taken as it is when the head stands still", async () => {
    const moves = new HeadMoves();
    expect(await readSettled({ moves, scheduler }, () => 1)).toEqual({ value: 1 });
    await expect(
      readSettled({ moves, scheduler }, () => Promise.reject(new Error("no such block"))),
    ).rejects.toThrow("no such block");
  });

  it("waits for a move that is under way", async () => {
    const moves = new HeadMoves();
    let ledger = "old";
    moves.begin();
    const reading = readSettled({ moves, scheduler }, () => ledger);
    await Promise.resolve();
    ledger = "new";
    moves.end();
    expect(await reading).toEqual({ value: "new" });
  });

  it.each(["gives something", "fails"])("is repeated when a move interrupted it and it %s", async (what) => {
    const moves = new HeadMoves();
    let readings = 0;
    const value = await readSettled({ moves, scheduler }, async () => {
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
    expect(await readSettled({ moves, scheduler }, read)).toBeUndefined();
  });

  it("is given up when the disk does not answer", async () => {
    const moves = new HeadMoves();
    const time = new VirtualTime();
    moves.begin();
    const reading = readSettled({ moves, scheduler: time }, () => 1);
    await time.pass(2_000);
    expect(await reading).toBeUndefined();
  });

  it("fails with the write that failed, before it and after it", async () => {
    const moves = new HeadMoves();
    moves.begin();
    const reading = readSettled({ moves, scheduler }, () => 1);
    moves.fail(new Error("disk full"));
    await expect(reading).rejects.toThrow("disk full");
    await expect(readSettled({ moves, scheduler }, () => 1)).rejects.toThrow("disk full");
  });
});
