/** The benchmarks as a user runs them, on the smallest network: figures, a right ledger, nothing left behind. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMAND, quorate, until } from "../processes.ts";

let dir: string;

describe("quorate bench", () => {
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "quorate-e2e-bench-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("measures throughput by default and leaves nothing behind", async () => {
    const words = [
      "--seconds",
      "1",
      "--warm-up",
      "0",
      "--accounts",
      "20",
      "--outstanding",
      "100",
      "--batch",
      "50",
    ];
    const { code, stdout } = await quorate("bench", "-n", "1", ...words, "--in", dir, "--json");
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      name: "throughput",
      runs: [{ audit: { ok: true, faults: [] }, refused: {} }],
    });
    expect(result.value).toBeGreaterThan(0);
    expect(result.ratio).toBeCloseTo(result.value / result.limit, 2);
    expect(code).toBe(0);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("stops its nodes and removes its folder on Ctrl-C", async () => {
    const child = spawn(process.execPath, [COMMAND, "bench", "latency", "-n", "1", "--in", dir], {
      stdio: "ignore",
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await until(async () => readdirSync(dir).length > 0, "the nodes' folder");
    child.kill("SIGINT");
    expect(await ended).toBe(70);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("refuses a load that the accounts cannot hold", async () => {
    const { code, stderr } = await quorate("bench", "--accounts", "4", "--outstanding", "1000");
    expect(code).toBe(2);
    expect(stderr).toContain("give more --accounts");
  });
});
