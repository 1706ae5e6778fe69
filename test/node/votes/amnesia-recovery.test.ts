/** Goal: a key without its votes is told a way back that exists: by an epoch, by vote, or by a transition. */
import { expect, test } from "vitest";
import { createValidatorSet } from "../../../src/chain/types/validator-set.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { checkRecoverable } from "../../../src/node/votes/amnesia-recovery.ts";

const { genesis } = planNetwork(DEVNET, secretsFromSeed("amnesia"));

test.each([
  [4, undefined],
  [3, "3 validators tolerate no fault, .*: replace its key by vote"],
  [
    2,
    "with 2 of 2 needed no vote passes without it: the operators give its seat another key by a transition",
  ],
  [1, "with 1 of 1 needed no vote passes without it"],
])("a key of %i validators that lost its votes is told a way back that exists", (count, words) => {
  const check = () => checkRecoverable(createValidatorSet(0n, genesis.validators.slice(0, count)));
  if (words === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(new RegExp(words));
});
