/**
 * Which long messages are read on by their first bytes. That nothing which is wanted is refused, every cluster of these
 * tests shows (host.ts compares at each message); here is what is refused.
 */
import { expect, it } from "vitest";
import { sealedBlockBytesMax } from "../../../src/chain/types/block.ts";
import { viewChangeBytesMax } from "../../../src/chain/types/view-change-size.ts";
import { Bench } from "./bench.ts";

const LARGE = 70_000;

function rig() {
  const bench = new Bench(1, { length: 17 }).start();
  const { engine, fixture } = bench;
  const start = (message: ReturnType<Bench["vote"]>) =>
    fixture.consensus.verifier.encode(message).slice(0, 119);
  return { bench, fixture, start, awaits: engine.awaits.bind(engine) };
}

it("reads a proposal of the view's primary alone, inside the window, and no larger than a block can be", () => {
  const { bench, fixture, start, awaits } = rig();
  const proposal = start(bench.vote("pre-prepare", 0, bench.block(1)));
  expect(awaits(0, proposal, LARGE)).toBe(true);
  expect(awaits(2, proposal, LARGE)).toBe(false);
  expect(awaits(0, proposal, 600 + sealedBlockBytesMax(fixture.genesis.limits))).toBe(false);
  expect(awaits(0, proposal.slice(0, 50), LARGE)).toBe(false);
  expect(awaits(0, start(bench.vote("pre-prepare", 0, bench.block(17))), LARGE)).toBe(false);
  expect(awaits(2, start(bench.vote("pre-prepare", 2, bench.block(1), 2n)), LARGE)).toBe(false);
  bench.accept(1);
  expect(awaits(0, proposal, LARGE)).toBe(false);
});

it("reads a block that was asked for, and never a vote or a request for a view as long as a block", () => {
  const { bench, fixture, start, awaits } = rig();
  const { hash } = bench.block(1);
  expect(
    awaits(
      2,
      start(bench.sign({ type: "block", epoch: 0n, from: 2, hash }, { blockBytes: new Uint8Array(8) })),
      LARGE,
    ),
  ).toBe(false);
  expect(awaits(2, start(bench.vote("commit", 2, bench.block(1))), LARGE)).toBe(false);
  const asks = { type: "view-change", epoch: 0n, from: 2, view: 1n, stableCheckpoint: 0n } as const;
  const request = start(bench.sign({ ...asks, checkpoint: new Uint8Array(0), certified: [] }));
  const bytesMax = viewChangeBytesMax(4, fixture.genesis.consensus.logWindow);
  expect(awaits(2, request, bytesMax)).toBe(true);
  expect(awaits(2, request, bytesMax + 1)).toBe(false);
});
