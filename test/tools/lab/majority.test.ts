/**
 * Goal: hash power buys nothing where validators vote by name; only a key more than f does. Method: one double spend
 * by each tactic, and the table beside proof of work.
 */
import { expect, it } from "vitest";
import { runMajority, spendTwice, TACTICS } from "../../../src/tools/lab/majority.ts";
import { majorityReport } from "../../../src/tools/lab/report/majority-report.ts";

it("the attack of a majority fails with f keys by every tactic, while most races of proof of work are won", async () => {
  const options = { nodes: 4, keys: 1, shares: [0.7], confirmations: 2, races: 50, trials: 4, seed: 1 };
  const result = await runMajority(options);
  expect(result).toMatchObject({ wins: 0, trials: TACTICS.length, isMatch: true });
  expect(result.rows[0]!.pow.rate).toBeGreaterThan(0.8);
  expect(majorityReport(result, options, "x")).not.toMatch(/NaN|undefined|Infinity/);
});

it("the attack of a majority succeeds with one key more, on two replicas each", async () => {
  const outcome = await spendTwice({ nodes: 4, keys: 2, tactic: "twin", seed: "1" });
  expect(outcome).toEqual({ tactic: "twin", delivered: true, conflicting: true, won: true });
});
