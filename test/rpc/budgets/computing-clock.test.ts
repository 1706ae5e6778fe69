/** What a client pays for: computing, whatever else the machine does. */
import { describe, expect, it } from "vitest";
import { computingClock } from "../../../src/rpc/budgets/computing-clock.ts";

describe("the clock that clients pay by", () => {
  it("counts neither what the loop waits for a processor, nor what other threads do while it is idle", () => {
    let [loopMs, processorMs] = [1_000, 5_000];
    const read = computingClock(
      () => loopMs,
      () => processorMs,
    );
    const pass = (loop: number, processor: number) => {
      const before = read();
      loopMs += loop;
      processorMs += processor;
      return read() - before;
    };
    expect(pass(10, 10)).toBe(10);
    expect(pass(40, 10)).toBe(10); // others had the processor
    expect(pass(0, 20)).toBe(0); // the database's threads
    expect(pass(5, 9)).toBe(5);
    expect(pass(-1, 3)).toBe(0);
  });

  it("reads the processor only after five milliseconds of the loop, and never goes back for it", () => {
    let [loopMs, reads] = [0, 0];
    const read = computingClock(
      () => loopMs,
      () => {
        reads++;
        return 0; // others have the processor all the time
      },
    );
    loopMs = 0.5;
    expect(read()).toBe(0.5);
    loopMs = 4.9;
    expect(read()).toBe(4.9);
    expect(reads).toBe(1);
    loopMs = 10;
    expect(read()).toBe(4.9);
    expect(reads).toBe(2);
  });
});
