/** Frames that are begun and not whole: a time for each and one bound for all of a peer, on virtual time. */
import { expect, it } from "vitest";
import { UnfinishedFrames } from "../../../src/p2p/transport/unfinished-frames.ts";
import { VirtualTime } from "../virtual-time.ts";

function rig() {
  const scheduler = new VirtualTime();
  const cut: number[] = [];
  const paused = new Set<number>();
  const frames = new UnfinishedFrames<number>(
    { bytesMax: 1_000, msMax: 100 },
    { scheduler, isPaused: (on) => paused.has(on), cutOff: (on) => cut.push(on) },
  );
  return { scheduler, cut, paused, frames };
}

it("the bound of unfinished frames cuts off a frame that is not whole in time, however slowly its bytes drip", async () => {
  const { scheduler, cut, frames } = rig();
  frames.changed(1, 1, false);
  for (let i = 0; i < 9; i++) {
    await scheduler.pass(10);
    frames.changed(1, 500, false);
  }
  expect(cut).toEqual([]);
  await scheduler.pass(20);
  expect(cut).toEqual([1]);
  expect(frames.bytes).toBe(0);
});

it("the bound of unfinished frames gives each frame a time of its own, and none while this side reads nothing", async () => {
  const { scheduler, cut, paused, frames } = rig();
  for (let i = 0; i < 5; i++) {
    frames.changed(1, 500, true);
    await scheduler.pass(60);
  }
  paused.add(1);
  await scheduler.pass(300);
  expect(cut).toEqual([]);
  frames.changed(1, 0, true);
  await scheduler.pass(300);
  expect(cut).toEqual([]);
  expect(scheduler.pending).toBe(0);
});

it("the bound of unfinished frames cuts off the oldest where all together announce too much, over fifty connections too", () => {
  const { cut, frames, scheduler } = rig();
  for (let on = 0; on < 50; on++) {
    frames.changed(on, 400, false);
    expect(frames.bytes).toBeLessThanOrEqual(1_000);
  }
  expect(cut).toEqual(Array.from({ length: 48 }, (_, on) => on));
  frames.stop();
  expect(scheduler.pending).toBe(0);
});
