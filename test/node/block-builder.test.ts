/** When a primary builds: at once where little is to be done, a little later after a long block, and never twice for one order. */
import { describe, expect, it } from "vitest";
import type { Hash } from "../../src/base/bytes.ts";
import { BlockBuilder } from "../../src/node/block-builder.ts";
import { VirtualTime } from "../p2p/virtual-time.ts";

const PARENT = new Uint8Array(32) as Hash;

/** @param sizes transactions of the blocks, one after the other; none is left at the end */
function builder(sizes: number[], kind: "final" | "forkable" = "final") {
  const time = new VirtualTime();
  const built: (number | undefined)[] = [];
  const failures: unknown[] = [];
  /** One comes each millisecond, until somebody sets it. */
  const pool = { held: undefined as number | undefined, areComing: false };
  const chain = {
    mode: { kind },
    buildBlock: () => {
      const size = sizes.shift();
      if (size === -1) throw new Error("broken");
      return size === undefined ? undefined : { transactions: new Array(size).fill(0) };
    },
  };
  const made = new BlockBuilder({
    chain: chain as never,
    scheduler: time,
    template: () => [],
    held: () => pool.held ?? time.now(),
    areComing: () => pool.areComing,
    rewardTo: () => undefined,
    self: 0,
    built: (_, block) => built.push(block?.transactions.length),
    failed: (error) => failures.push(error),
  });
  const order = () => made.order({ parent: PARENT, allowEmpty: false });
  return { made, order, time, built, failures, pool };
}

describe("a primary", () => {
  it("builds at once after a short block", () => {
    const { order, built } = builder([1, 3, 0, 2]);
    for (let i = 0; i < 4; i++) order();
    expect(built).toEqual([1, 3, 0, 2]);
  });

  it("lets more come after a long one, in proportion to it and a quarter of a second at most, from when that was built", async () => {
    const { order, built, time } = builder([400, 5_000, 1, 1]);
    order();
    await time.pass(60);
    order();
    await time.pass(39);
    expect(built).toEqual([400]);
    await time.pass(1);
    expect(built).toEqual([400, 5_000]);
    order();
    await time.pass(249);
    expect(built).toHaveLength(2);
    await time.pass(1);
    order();
    expect(built).toEqual([400, 5_000, 1, 1]);
  });

  it("waits no longer once nothing comes any more: two looks 6 ms apart find the pool as it was", async () => {
    const { order, built, time, pool } = builder([1_000, 7]);
    order();
    order();
    await time.pass(60);
    expect(built).toEqual([1_000]);
    pool.held = 500;
    await time.pass(17);
    expect(built).toEqual([1_000]);
    order();
    await time.pass(1);
    expect(built).toEqual([1_000, 7]);
  });

  it("counts no quiet look while transactions are there that the pool has not been asked about", async () => {
    const { order, built, time, pool } = builder([1_000, 7]);
    order();
    order();
    pool.held = 500;
    pool.areComing = true;
    await time.pass(240);
    expect(built).toEqual([1_000]);
    pool.areComing = false;
    await time.pass(12);
    expect(built).toEqual([1_000, 7]);
  });

  it("waits once more after an agreement that took longer, while looks come late", async () => {
    const { order, built, time } = builder([400, 300]);
    order();
    await time.pass(120);
    order();
    for (let i = 0; i < 4; i++) await time.stall(20);
    expect(built).toEqual([400]);
    await time.stall(20);
    expect(built).toEqual([400, 300]);
    await time.pass(30);
    order();
    for (let i = 0; i < 3; i++) await time.stall(20);
    expect(built).toEqual([400, 300, undefined]);
    await time.stall(20);
    order();
    expect(built).toEqual([400, 300, undefined, undefined]);
  });

  it("waits no longer than two looks where processors are free, and not at all after a pause", async () => {
    const { order, built, time } = builder([1_000, 1_000, 1]);
    order();
    await time.pass(300);
    order();
    await time.pass(3);
    expect(built).toEqual([1_000]);
    await time.pass(1);
    expect(built).toEqual([1_000, 1_000]);
    await time.pass(1_001);
    order();
    expect(built).toEqual([1_000, 1_000, 1]);
  });

  it("waits once more, and not until the clock has caught up, when it is set back", async () => {
    const { order, built, time } = builder([1_000, 7]);
    order();
    order();
    await time.pass(100);
    time.setBack(10_000);
    await time.pass(251);
    expect(built).toEqual([1_000]);
    await time.pass(1);
    expect(built).toEqual([1_000, 7]);
  });

  it("builds for the last order alone where one waits, and for none after the stop", async () => {
    const { made, order, built, time } = builder([1_000, 7, 8]);
    order();
    order();
    order();
    await time.pass(1_000);
    expect(built).toEqual([1_000, 7]);
    const stopped = builder([1_000, 7]);
    stopped.order();
    stopped.order();
    stopped.made.stop();
    await stopped.time.pass(1_000);
    expect(stopped.built).toEqual([1_000]);
    made.stop();
  });

  it("says what a build that waited has thrown, and that there was nothing to build", async () => {
    const { order, built, failures, time } = builder([1_000, -1]);
    order();
    order();
    await time.pass(250);
    expect(failures).toHaveLength(1);
    order();
    expect(built).toEqual([1_000, undefined]);
  });

  it("waits for nothing where blocks are mined: a template is renewed for whoever mines", () => {
    const { order, built } = builder([1_000, 1_000], "forkable");
    order();
    order();
    expect(built).toEqual([1_000, 1_000]);
  });
});
