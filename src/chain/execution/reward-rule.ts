/**
 * Who is paid for a block, which is all that execution sees of a chain's mode. Where blocks are final each fee goes
 * to the account that the block names, as its transaction is executed. Where the chain is forkable the first
 * transaction is a coinbase, which is executed last and mints subsidy and fees. Source: pow.md 2.7.
 */
import { assert, must } from "../../base/assert.ts";
import type { Address } from "../../base/bytes.ts";
import { accept, type Fault, type Verdict } from "../../base/fault.ts";
import type { StateWriter } from "../modules/module.ts";
import type { ConsensusRules, FinalRules, Proposal, Rewards } from "../rules.ts";
import type { BlockHead } from "../types/block.ts";
import type { Receipt } from "../types/receipt.ts";
import { COINBASE_BYTES, makeCoinbase, type SignedTransaction } from "../types/transaction.ts";
import { checkCoinbase, executeCoinbase, matureCoinbase } from "./coinbase.ts";

export interface RewardRule {
  /** Transactions at the front of a body that the mode puts there, and their bytes. */
  readonly coinbases: 0 | 1;
  readonly coinbaseBytes: number;
  /** Whether the front of the body at `height` is what the mode wants there. */
  check(transactions: readonly SignedTransaction[], height: bigint): Fault | undefined;
  /** The account that receives each fee at once, or undefined where the coinbase collects them. */
  feeRecipient(head: BlockHead): Address | undefined;
  /** What happens before the transactions of the block at `height`. */
  begin(state: StateWriter, height: bigint): void;
  /** The front of a body that is being built on what its other transactions pay. */
  mint(proposal: Proposal, height: bigint, fees: bigint): readonly SignedTransaction[];
  /** What happens after the transactions: the receipts of the front. @param first of the body */
  finish(state: StateWriter, first: SignedTransaction | undefined, fees: bigint): Verdict<readonly Receipt[]>;
}

export function rewardRuleOf(rules: ConsensusRules): RewardRule {
  return rules.kind === "final" ? feesToAccount(rules) : coinbaseOf(rules.rewards);
}

function feesToAccount(rules: FinalRules): RewardRule {
  return {
    coinbases: 0,
    coinbaseBytes: 0,
    check: () => undefined,
    feeRecipient: (head) => rules.feeRecipient(head),
    begin: () => undefined,
    mint: () => [],
    finish: () => accept([]),
  };
}

function coinbaseOf(rewards: Rewards): RewardRule {
  return {
    coinbases: 1,
    coinbaseBytes: COINBASE_BYTES,
    check: ([first], height) => checkCoinbase(first, height),
    feeRecipient: () => undefined,
    begin: (state, height) => matureCoinbase(state, height, rewards),
    mint({ rewardTo }, height, fees) {
      assert(rewardTo !== undefined, "who builds a block that mints says for whom");
      return [makeCoinbase(height, rewardTo, rewards.subsidyAt(height) + fees)];
    },
    finish(state, first, fees) {
      const coinbase = must(first, "a block that mints has a first transaction");
      const minted = executeCoinbase(state, coinbase, fees, rewards);
      return minted.ok ? accept([minted.value]) : minted;
    },
  };
}
