/**
 * What makes a transaction valid in a block: chain, module, payload, minimal fee, expiry, nonce, payable fee and
 * signature. One that fails makes its whole block invalid; what a module refuses afterwards (ModuleFault) only makes
 * a failed receipt. The pool applies the same rules with other tolerances (mempool/admission.ts). Decision 5.
 */
import { hex0x } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import type { Account } from "../modules/accounts.ts";
import { GOV } from "../modules/gov-declaration.ts";
import type { Module } from "../modules/module.ts";
import { BUILT_IN_MODULES, type ModuleSet } from "../modules/module-set.ts";
import { isCoinbase, type SignedTransaction } from "../types/transaction.ts";

export type TransactionFaultCode =
  | "TX_COINBASE"
  | "TX_WRONG_CHAIN"
  | "TX_UNKNOWN_MODULE"
  | "TX_BAD_PAYLOAD"
  | "TX_FEE_TOO_LOW"
  | "TX_SENDER_NOT_ALLOWED"
  | "TX_EXPIRED"
  | "TX_UNKNOWN_SENDER"
  | "TX_NONCE_MISMATCH"
  | "TX_INSUFFICIENT_FUNDS";

/** The parameters that validity depends on besides the state. */
export interface TransactionRules {
  readonly chainId: bigint;
  readonly minFee: bigint;
  /** Who may send, by the text of an account's bytes. Anybody may where this is undefined. */
  readonly senders?: ReadonlySet<string> | undefined;
  /** Whether the validators of the chain may change: only then there is a module for it. */
  readonly governs?: boolean;
  /** The modules of the chain. When left out they are those that every chain has. */
  readonly modules?: ModuleSet;
}

export interface CheckedCall {
  readonly module: Module;
  readonly call: unknown;
}

/** Everything but state and signature: chain, module, payload, fee, expiry. */
export function checkTransaction(
  tx: SignedTransaction,
  rules: TransactionRules,
  height: bigint,
): Verdict<CheckedCall, TransactionFaultCode> {
  if (isCoinbase(tx)) {
    return refuse(
      "TX_COINBASE",
      "a coinbase is the first transaction of a mined block and stands nowhere else",
    );
  }
  if (tx.chainId !== rules.chainId) {
    return refuse("TX_WRONG_CHAIN", `transaction is for chain ${tx.chainId}, this is chain ${rules.chainId}`);
  }
  const module = (rules.modules ?? BUILT_IN_MODULES).find(tx.module);
  if (module === undefined || (module.id === GOV && rules.governs !== true))
    return refuse("TX_UNKNOWN_MODULE", `no module ${tx.module} on this chain`);
  // Admission, building, judging and execution ask: what decodes is decoded once by each module.
  let checked = tx.checkedCall as CheckedCall | undefined;
  if (checked?.module !== module) {
    const call = module.decodeCall(tx.payload);
    // A later version of the module may have it: no fault of whoever passes it on.
    if (!call.ok && call.fault.code === "unknown-call") return refuse("TX_UNKNOWN_MODULE", call.fault.detail);
    if (!call.ok) return refuse("TX_BAD_PAYLOAD", call.fault.detail);
    checked = { module, call: call.value };
    tx.checkedCall = checked;
  }
  if (rules.senders?.has(tx.fromKey) === false)
    return refuse(
      "TX_SENDER_NOT_ALLOWED",
      `the account ${hex0x(tx.from)} has no role that lets it send on this chain`,
    );
  if (tx.fee < rules.minFee) {
    return refuse("TX_FEE_TOO_LOW", `fee ${tx.fee}, the chain's minimum is ${rules.minFee}`);
  }
  if (tx.validUntilHeight !== 0n && tx.validUntilHeight < height) {
    return refuse("TX_EXPIRED", `valid until height ${tx.validUntilHeight}, the next block is ${height}`);
  }
  return accept(checked);
}

/**
 * Nonce and fee against the state at which the transaction would run.
 * @param account the sender's
 */
export function validateTransaction(
  tx: SignedTransaction,
  account: Account | undefined,
): Fault<TransactionFaultCode> | undefined {
  if (account === undefined) return fault("TX_UNKNOWN_SENDER", "the sender has no account");
  if (tx.nonce !== account.nonce) {
    return fault("TX_NONCE_MISMATCH", `nonce ${tx.nonce}, the account expects ${account.nonce}`);
  }
  if (tx.fee > account.balance) {
    return fault("TX_INSUFFICIENT_FUNDS", `fee ${tx.fee}, the balance is ${account.balance}`);
  }
  return undefined;
}
