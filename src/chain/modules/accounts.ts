/**
 * Accounts in the state, and what adds to and takes from them. Amounts are u64; a result is checked before it is
 * written. An account with balance 0 and nonce 0 is not in the state; one with a nonce > 0 is never removed, or old
 * transactions could be replayed. Decision 5.
 */
import type { Address } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { type Account, decodeAccount, encodeAccount, U64_MAX } from "../state/account.ts";
import { accountKey } from "../state/state-keys.ts";
import type { StateReader, StateWriter } from "./module.ts";

export type { Account } from "../state/account.ts";

/** The account, or undefined when the state does not hold it. */
export function readAccount(state: StateReader, address: Address): Account | undefined {
  return readAccountAt(state, accountKey(address));
}

/** The same by `accountKey(address)`, for whoever reads and then writes. */
export function readAccountAt(state: StateReader, key: Uint8Array): Account | undefined {
  if (state.account !== undefined) return state.account(key);
  const value = state.get(key);
  return value === undefined ? undefined : decodeAccount(value);
}

/** Writes an account, or removes it when it is empty. */
export function writeAccount(state: StateWriter, address: Address, account: Account): void {
  writeAccountAt(state, accountKey(address), account);
}

export function writeAccountAt(state: StateWriter, key: Uint8Array, account: Account): void {
  if (account.balance === 0n && account.nonce === 0n) state.delete(key);
  else if (state.putAccount !== undefined) state.putAccount(key, account);
  else state.put(key, encodeAccount(account));
}

const NO_ACCOUNT: Account = { balance: 0n, nonce: 0n };

/** What came of a change of a balance. Its codes are words: the bank alone has the numbers that receipts carry. */
export type BalanceChange<Code extends "balance-overflow" | "insufficient-funds"> = Verdict<undefined, Code>;

const CHANGED = accept(undefined);

/** Adds to a balance, unless it would pass 2^64 - 1: then nothing changes. */
export function credit(
  state: StateWriter,
  address: Address,
  amount: bigint,
): BalanceChange<"balance-overflow"> {
  return creditAt(state, accountKey(address), amount);
}

/** The same by `accountKey(address)`. */
export function creditAt(
  state: StateWriter,
  key: Uint8Array,
  amount: bigint,
): BalanceChange<"balance-overflow"> {
  if (amount === 0n) return CHANGED;
  const account = readAccountAt(state, key) ?? NO_ACCOUNT;
  const balance = account.balance + amount;
  if (balance > U64_MAX) return refuse("balance-overflow", `balance ${balance} would pass 2^64 - 1`);
  writeAccountAt(state, key, { balance, nonce: account.nonce });
  return CHANGED;
}

/** Takes from a balance, unless it does not suffice: then nothing changes. */
export function debit(
  state: StateWriter,
  address: Address,
  amount: bigint,
): BalanceChange<"insufficient-funds"> {
  const key = accountKey(address);
  const account = readAccountAt(state, key) ?? NO_ACCOUNT;
  if (account.balance < amount) {
    return refuse("insufficient-funds", `balance ${account.balance}, ${amount} wanted`);
  }
  writeAccountAt(state, key, { balance: account.balance - amount, nonce: account.nonce });
  return CHANGED;
}
