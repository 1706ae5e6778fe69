/** What was allocated is counted whatever collections freed in between. */
import { expect, it } from "vitest";
import { AllocationMeter, sumAllocated } from "../../../src/tools/bench/allocation-meter.ts";

it("adds up what was in use before each collection, less what was after the one before", () => {
  const collections = [
    { kind: "Scavenge", before: use(150), after: use(110), pauseUs: 300 },
    { kind: "IncrementalMarking", before: use(120), after: use(120), pauseUs: 100 },
    { kind: "MarkSweepCompact", before: use(170), after: use(90), pauseUs: 1_600 },
  ];
  expect(sumAllocated(use(100), collections, use(95))).toEqual({
    heap: 50 + 10 + 50 + 5,
    external: 500 + 100 + 500 + 50,
    young: 1,
    full: 1,
    pausedMs: 2,
  });
  expect(sumAllocated(use(100), [], use(130))).toMatchObject({ heap: 30, young: 0, full: 0, pausedMs: 0 });
});

it("counts what this process allocates, though it is freed meanwhile", () => {
  const meter = new AllocationMeter();
  let sum = 0;
  for (let i = 0; i < 5_000; i++) sum += new Array(1_000).fill(i).length;
  const { heap } = meter.stop();
  expect(sum).toBe(5_000_000);
  // Eight bytes an item; besides, whatever else this process does.
  expect(heap).toBeGreaterThan(40_000_000);
  expect(heap).toBeLessThan(60_000_000);
});

function use(heap: number) {
  return { heap, external: 10 * heap };
}
