/** Goal: the phases of a block are measured apart. Method: events with times of their own. */
import { expect, it } from "vitest";
import { PhaseClock } from "../../../src/node/metrics/readings.ts";

it("the clock of phases measures from the proposal to prepared, and from there to the commit, each height by itself", () => {
  const seen: [string, number][] = [];
  const clock = new PhaseClock((phase, ms) => seen.push([phase, ms]));
  clock.note("pre-prepare", 1n, 100);
  clock.note("pre-prepare", 2n, 110);
  clock.note("prepared", 1n, 130);
  clock.note("committed", 1n, 150);
  clock.note("prepared", 2n, 160);
  clock.note("committed", 2n, 155);
  clock.note("committed", 3n, 170);
  expect(seen).toEqual([
    ["prepare", 30],
    ["commit", 20],
    ["prepare", 50],
  ]);
});
