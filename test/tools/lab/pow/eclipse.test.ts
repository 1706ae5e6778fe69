/**
 * Goal: the book's defence keeps a node in touch where the naive book is cut off, and never lets an attacker have
 * more connections than groups. Method: one small trial of a day for a poor and for a rich attacker.
 */
import { describe, expect, it } from "vitest";
import { eclipseSteps, runEclipse } from "../../../../src/tools/lab/pow/eclipse.ts";
import { eclipseReport } from "../../../../src/tools/lab/report/eclipse-report.ts";

const OPTIONS = { seed: 5, trials: 1, groups: [3, 48], perGroup: 16, honest: 40, days: 1, restartHours: 8 };

describe("an attacker who fills a node's address book", async () => {
  let steps = 0;
  const result = await runEclipse(OPTIONS, async () => {
    steps++;
  });
  const [poorNaive, poor, richNaive, rich] = result.rows;

  it("never holds more connections of a defended node than it has groups", () => {
    expect(poor!.slotsMost).toBeLessThanOrEqual(3);
    expect(poorNaive!.slotsMost).toBeGreaterThan(3);
    expect(poor!.timeShare).toBe(0);
  });

  it("cuts a naive node off for long, a defended one for less", () => {
    expect(richNaive!.timeShare).toBeGreaterThan(0.3);
    expect(rich!.timeShare).toBeLessThan(richNaive!.timeShare / 2);
    expect(rich!.slotShare).toBeLessThan(richNaive!.slotShare);
    expect(result.isMatch).toBe(true);
  });

  it("is counted step by step, and reported with two pictures", () => {
    expect(steps).toBe(eclipseSteps(OPTIONS));
    const page = eclipseReport(OPTIONS, result, "quorate lab eclipse");
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).not.toMatch(/NaN|undefined|Infinity|<script/);
  });

  it("has the same luck for the same seed", async () => {
    const short = { ...OPTIONS, groups: [3], honest: 10 };
    expect(await runEclipse(short)).toEqual(await runEclipse(short));
  });
});
