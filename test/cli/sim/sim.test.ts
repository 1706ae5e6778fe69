/**
 * Goal: `quorate sim` says what ran, whether a rule broke, and how to see it again; a script can rely on its JSON and
 * its exit code. Method: the whole program in this process, its stdout collected.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { buildProgram, run } from "../../../src/cli/program.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

async function sim(...words: string[]): Promise<{ code: number; stdout: string }> {
  let stdout = "";
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      if (name === "stdout") stdout += String(chunk);
      return true;
    });
  }
  const all = ["sim", ...words];
  const code = await run(await buildProgram(all), all);
  vi.restoreAllMocks();
  return { code, stdout };
}

describe("quorate sim", () => {
  test("gives the same trace for the same seed, as one JSON object", async () => {
    const words = ["--seed", "3", "--nodes", "4", "--profile", "calm", "--json"];
    const [first, again] = [await sim(...words), await sim(...words)];
    const value = JSON.parse(first.stdout);
    expect(first.code).toBe(0);
    expect(Object.keys(value)).toEqual([
      "schedules",
      "violations",
      "traceHash",
      "seconds",
      "lostData",
      "failures",
    ]);
    expect(value).toMatchObject({ schedules: 1, violations: 0, failures: [] });
    expect(value.traceHash).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(again.stdout).traceHash).toBe(value.traceHash);
  });

  test("plays several seeds and sizes, and tells how fast", async () => {
    const { code, stdout } = await sim("--seed", "0", "--nodes", "4-5", "-k", "4", "--profile", "calm");
    expect(code).toBe(0);
    expect(stdout).toMatch(/✔ 4 schedules {2}n = 4-5 {2}violations 0/);
    expect(stdout).toMatch(/schedules\/s/);
  });

  test("ends with 1, the reason and a command when a rule breaks", async () => {
    // The journals of two of four are damaged, so they vote no more: that is beyond what PBFT survives.
    const words = ["--seed", "4", "--nodes", "4", "-k", "1", "--byzantine", "2", "--profile", "disk"];
    const { code, stdout } = await sim(...words, "--no-shrink", "--json");
    const { violations, failures } = JSON.parse(stdout);
    expect(code).toBe(1);
    // A schedule may break more than one rule.
    expect(failures).toHaveLength(1);
    expect(violations).toBeGreaterThanOrEqual(1);
    const [{ seed, reason }] = failures;
    expect(reason).toContain("liveness");
    expect(reason).toContain(`again: quorate sim --seed ${seed} --nodes 4 --byzantine 2 --profile disk`);
  });

  test("refuses a range that is none", async () => {
    const { code } = await sim("--seed", "0", "--nodes", "7-4");
    expect(code).toBe(2);
  });
});
