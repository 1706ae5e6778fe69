/** Goal: a wrong clock is named, and the right one of two is not blamed where that can be known. */
import { describe, expect, it } from "vitest";
import { judgeClocks, withClocks } from "../../../src/rpc/explain/explain-clocks.ts";
import type { ClockStanding } from "../../../src/rpc/explain/standing.ts";

const HOUR_MS = 3_600_000;
const clock = (name: string, offsetMs: number, errorMs = 2) => ({ name, offsetMs, errorMs });
const calm = { state: "moving", ok: true, summary: "height 7", details: [] } as const;

function explained(changes: Partial<ClockStanding>) {
  return withClocks({ clocks: { measured: [], limitMs: 5_000, early: [], ...changes } }, calm);
}

describe("clocks in an explanation", () => {
  it("that agree to within their errors are no news", () => {
    expect(judgeClocks([], 5_000)).toEqual({ isHarmful: false, words: undefined });
    const slow = [clock("node1", 3), clock("node2", -900), clock("node3", 4_000, 3_500)];
    expect(judgeClocks(slow, 5_000)).toEqual({ isHarmful: false, words: undefined });
    expect(explained({ measured: slow })).toMatchObject({ state: "moving", ok: true, summary: "height 7" });
    expect(explained({ measured: slow }).details).toEqual([
      "clocks of 3 peers measured, the farthest node3: +4 s (to within 3.5 s)",
    ]);
  });

  it("of which one is an hour ahead are named in the first line, with a state that alerts", () => {
    const measured = [clock("node1", HOUR_MS), clock("node2", 1), clock("node3", -2)];
    expect(explained({ measured })).toMatchObject({
      state: "degraded",
      ok: false,
      summary: "CLOCK: the clock of node1 is 1 h 0 min ahead of this node's: one of them is wrong; height 7",
    });
  });

  it("convict the own one where most peers agree", () => {
    const measured = [clock("node1", -HOUR_MS), clock("node2", -HOUR_MS + 40), clock("node3", -HOUR_MS - 9)];
    expect(judgeClocks(measured, 5_000)).toEqual({
      isHarmful: true,
      words: "THIS NODE'S CLOCK is 1 h 0 min ahead of that of 3 of 3 peers: set it (NTP)",
    });
    const [one] = measured;
    expect(judgeClocks([one!], 5_000).words).toMatch(/^the clock of node1 is 1 h 0 min behind this node's/);
    expect(judgeClocks([clock("a", HOUR_MS), clock("b", -HOUR_MS)], 5_000).words).toMatch(
      /^the clock of a is/,
    );
  });

  it("that are off by less than half of what is allowed stand in the details alone", () => {
    const explanation = explained({ measured: [clock("node1", 1_500)] });
    expect(explanation).toMatchObject({ state: "moving", ok: true, summary: "height 7" });
    expect(explanation.details[0]).toContain("the clock of node1 is 1.5 s ahead of this node's");
  });

  it("are suspected by proposals from the future, also where none is measured", () => {
    const early = [{ name: "node2", count: 3, aheadMs: HOUR_MS, agoMs: 4_000 }];
    const explanation = explained({ early });
    expect(explanation).toMatchObject({ state: "degraded", ok: false });
    expect(explanation.summary).toMatch(
      /^CLOCK: proposals of node2 are 1 h 0 min ahead of this node's clock/,
    );
    expect(explanation.details).toContain(
      "3 proposals of node2 came from the future, the last 1 h 0 min ahead of this node's clock 4 s ago (5 s are allowed)",
    );
    expect(explained({ early: [{ ...early[0]!, agoMs: 2 * HOUR_MS }] })).toMatchObject({
      state: "moving",
      ok: true,
    });
  });
});
