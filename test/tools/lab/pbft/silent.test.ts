/** Goal: up to f silent validators are survived, one more halts the chain until one returns. Method: short runs. */
import { expect, it } from "vitest";
import { runSilent } from "../../../../src/tools/lab/pbft/silent.ts";
import { silentReport } from "../../../../src/tools/lab/report/pbft-report.ts";

it("a chain halts with one silent validator too many, says why, and goes on when one returns", async () => {
  const options = { nodes: 4, seed: 1, payMs: 2_000 };
  const runs = await runSilent(options);
  expect(runs.map(({ result }) => result.isMatch)).toEqual([true, true, true]);
  const [all, oneLess, tooFew] = runs.map(({ result }) => result);
  expect(oneLess!.latencyMsMax).toBeGreaterThan(all!.latencyMsMax!);
  expect(oneLess!.final).toBe(all!.final);
  expect(tooFew).toMatchObject({ finalWhileSilent: 0, pending: 0 });
  expect(tooFew!.explanation).toMatch(/^NO QUORUM: 2 of 4 validators online, need 3/);
  expect(tooFew!.recoveryMs).toBeGreaterThan(0);
  const page = silentReport(runs, options, "x");
  expect(page.match(/<svg /g)).toHaveLength(4);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});
