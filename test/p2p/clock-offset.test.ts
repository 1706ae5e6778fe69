/** Goal: a peer's clock is known to within half a round trip, whatever delays there are. Method: samples by hand. */
import { describe, expect, it } from "vitest";
import { ClockOffset } from "../../src/p2p/clock-offset.ts";

/** A peer whose clock is `offsetMs` ahead, asked with these delays there and back. */
function asked(clock: ClockOffset, atMs: number, offsetMs: number, thereMs: number, backMs: number): void {
  clock.add({ askedAtMs: atMs, theirsMs: atMs + thereMs + offsetMs, answeredAtMs: atMs + thereMs + backMs });
}

describe("the offset of a peer's clock", () => {
  it("is unknown before the first answer", () => {
    expect(new ClockOffset().best).toBeUndefined();
  });

  it("is taken from the sample with the least round trip, however lopsided the others are", () => {
    const clock = new ClockOffset();
    asked(clock, 0, 3_600_000, 4_000, 10);
    expect(Math.abs(clock.best!.offsetMs - 3_600_000)).toBeLessThanOrEqual(clock.best!.errorMs);
    asked(clock, 10_000, 3_600_000, 3, 1);
    asked(clock, 20_000, 3_600_000, 0, 900);
    expect(clock.best).toEqual({ offsetMs: 3_600_001, errorMs: 3 });
  });

  it("never lies by more than its error", () => {
    for (let seed = 1; seed < 200; seed++) {
      const clock = new ClockOffset();
      for (let i = 0; i < 12; i++)
        asked(clock, i * 1_000, -7_000, (seed * 37 * (i + 1)) % 500, (seed * 91 * (i + 2)) % 900);
      expect(Math.abs(clock.best!.offsetMs + 7_000)).toBeLessThanOrEqual(clock.best!.errorMs);
    }
  });

  it("follows a clock that is set, as soon as a sample contradicts what was known", () => {
    const clock = new ClockOffset();
    asked(clock, 0, 3_600_000, 1, 1);
    asked(clock, 30_000, 20, 5, 5);
    expect(clock.best).toEqual({ offsetMs: 20, errorMs: 6 });
  });

  it("takes no sample during which the own clock was set back", () => {
    const clock = new ClockOffset();
    clock.add({ askedAtMs: 5_000, theirsMs: 5_000, answeredAtMs: 1_000 });
    expect(clock.best).toBeUndefined();
  });

  it("forgets old samples, because clocks drift", () => {
    const clock = new ClockOffset();
    asked(clock, 0, 0, 1, 1);
    for (let i = 1; i <= 8; i++) asked(clock, i * 30_000, 30, 100, 100);
    expect(clock.best!.errorMs).toBe(101);
  });
});
