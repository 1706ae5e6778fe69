/**
 * Goal: with its bound a node stores a branch if and only if it is heavy enough, without it every cheap one. Method:
 * a small chain whose difficulty has risen once, real headers over the wire's own messages.
 */
import { describe, expect, it } from "vitest";
import { chainLeast, runSpam, spamSteps } from "../../../../src/tools/lab/pow/spam.ts";
import { spamReport } from "../../../../src/tools/lab/report/spam-report.ts";

const OPTIONS = { chain: 240, rises: 1, lengths: [60, 700], seed: 3 };

describe("cheap headers", async () => {
  let steps = 0;
  const result = await runSpam(OPTIONS, async () => {
    steps++;
  });
  const find = (scene: string, bound: boolean, offered?: number) =>
    result.cases.find(
      (one) => one.scene === scene && one.bound === bound && one.offered === (offered ?? one.offered),
    )!;

  it("fill a node without the bound at two hashes each", () => {
    expect(find("young fork", false, 60)).toMatchObject({ stored: 60, isMatch: true });
    expect(find("young fork", false, 700).bytes).toBeGreaterThan(700 * 200);
    expect(find("young fork", false, 700).hashesPerStored).toBeLessThan(3);
  });

  it("are not stored with it until all its work has been done", () => {
    expect(find("young fork", true, 60)).toMatchObject({ stored: 0, bytes: 0, isMatch: true });
    // Here the honest chain is light: 700 headers of 2 hashes are worth storing, after reading them through.
    const heavy = find("young fork", true, 700);
    expect(heavy.work).toBeGreaterThan(heavy.needed);
    expect(heavy).toMatchObject({ stored: 700, isMatch: true });
  });

  it("are stored by a fresh node unless it knows a minimum chain work", () => {
    expect(find("fresh node", false).stored).toBe(60);
    expect(find("fresh node", true).stored).toBe(0);
  });

  it("cost the full price near the tip, where they are stored", () => {
    const near = find("fork near the tip", true);
    expect(near.stored).toBe(near.offered);
    expect(near.hashesPerStored).toBeGreaterThan(find("young fork", false, 700).hashesPerStored!);
  });

  it("are counted alike for the same seed, and reported with two pictures", async () => {
    expect(await runSpam(OPTIONS)).toEqual(result);
    expect(result.isMatch).toBe(true);
    expect(steps).toBe(spamSteps(OPTIONS));
    expect(OPTIONS.chain).toBeGreaterThanOrEqual(chainLeast(OPTIONS.rises));
    const page = spamReport(OPTIONS, result, "quorate lab spam");
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).not.toMatch(/NaN|undefined|Infinity|<script/);
  });
});
