/** Goal: numbers that are not said follow from those that are. Method: the options alone, no network. */
import { expect, test } from "vitest";
import { settleAccounts } from "../../../src/cli/bench/bench-throughput.ts";

const load = { runs: 1, seconds: 15, warmUp: 5, batch: 100, outstanding: 2_000 };
const request = { ...load, blockTime: 0, verificationThread: "auto", delay: 0, loss: 0 };

test("a benchmark of any number of validators has accounts enough by default, the usual one 400", () => {
  for (let validators = 1; validators <= 64; validators++) {
    const { accounts } = settleAccounts({ ...request, validators });
    expect(accounts).toBe(validators <= 6 ? 400 : validators * 63);
  }
});

test("accounts that are too few are refused", () => {
  expect(() => settleAccounts({ ...request, validators: 7, accounts: 400 })).toThrow(
    "--outstanding 2000: 400 accounts can hold 1824; give more --accounts",
  );
});
