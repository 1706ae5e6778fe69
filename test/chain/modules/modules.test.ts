/** The installed modules and what their numbers mean for ever; and the bank's own answers to a change of a balance. */
import { describe, expect, it } from "vitest";
import { asAddress } from "../../../src/base/bytes.ts";
import { credit, debit, readAccount, writeAccount } from "../../../src/chain/modules/accounts.ts";
import { findDeclaration } from "../../../src/chain/modules/built-in-declarations.ts";
import { findOutcomes } from "../../../src/chain/modules/built-in-outcomes.ts";
import { findModule } from "../../../src/chain/modules/registry.ts";
import { StateOverlay } from "../../../src/chain/state/state-overlay.ts";
import { COINBASE_MODULE } from "../../../src/chain/types/transaction.ts";

const alice = asAddress(new Uint8Array(32).fill(1));

function stateWith(balance: bigint): StateOverlay {
  const state = new StateOverlay({ get: () => undefined });
  writeAccount(state, alice, { balance, nonce: 7n });
  return state;
}

describe("the set of modules", () => {
  // Stored transactions and receipts carry these numbers: a line here is added, never changed or taken away.
  it("is this one, with these numbers of modules and of their faults", () => {
    const bytes = Array.from({ length: 256 }, (_, byte) => byte);
    const installed = bytes.flatMap((id) => {
      const module = findModule(id);
      if (module === undefined) return [];
      // Whoever reads and executes nothing knows it by the same name.
      expect([findDeclaration(id)?.name, findOutcomes(id)?.name]).toEqual([module.name, module.name]);
      const faults = bytes.flatMap((code) => module.faultName(code) ?? []);
      return [`${id} is ${module.id} ${module.name}: ${faults.join(", ")}`];
    });
    expect(installed).toEqual([
      "1 is 1 bank: BANK_INSUFFICIENT_FUNDS, BANK_BALANCE_OVERFLOW",
      "2 is 2 anchor: ANCHOR_ALREADY_ANCHORED",
      "3 is 3 gov: GOV_NOT_A_VALIDATOR, GOV_UNKNOWN_PROPOSAL, GOV_DECIDED, GOV_ALREADY_VOTED, GOV_UNFIT, GOV_BAD_PROOF, GOV_EPOCH_FULL, GOV_TOO_MANY_OPEN",
    ]);
    expect(findModule(1)?.faultName(1)).toBe("BANK_INSUFFICIENT_FUNDS");
    expect(findModule(2)?.faultName(1)).toBe("ANCHOR_ALREADY_ANCHORED");
  });

  it("leaves number 0 to the coinbase, which is no module", () => {
    expect(COINBASE_MODULE).toBe(0);
    expect(findModule(COINBASE_MODULE)).toBeUndefined();
  });
});

describe("a change of a balance", () => {
  it("that takes more than there is answers so and changes nothing", () => {
    const state = stateWith(5n);
    expect(debit(state, alice, 6n)).toEqual({
      ok: false,
      fault: { code: "insufficient-funds", detail: "balance 5, 6 wanted" },
    });
    expect(debit(state, alice, 5n)).toMatchObject({ ok: true });
    expect(readAccount(state, alice)).toEqual({ balance: 0n, nonce: 7n });
  });

  it("that would pass 2^64 - 1 answers so and changes nothing", () => {
    const state = stateWith(2n ** 64n - 2n);
    expect(credit(state, alice, 2n)).toMatchObject({ ok: false, fault: { code: "balance-overflow" } });
    expect(readAccount(state, alice)?.balance).toBe(2n ** 64n - 2n);
    expect(credit(state, alice, 1n)).toMatchObject({ ok: true });
    expect(readAccount(state, alice)?.balance).toBe(2n ** 64n - 1n);
  });
});
