/**
 * Accounts and transfers. Amounts are u64; a result is checked before it is written. An account with balance 0 and
 * nonce 0 is not in the state (a transfer of 0 creates none); one with a nonce > 0 is never removed, or old
 * transactions could be replayed. A self-transfer reads the balance after the debit. Decision 5.
 *
 *   payload: to 32 | amount u64 | memo u8+bytes (at most 128, UTF-8)
 *   event 1 "transferred": from 32 | to 32 | amount u64
 */
import { assert } from "../../base/assert.ts";
import { type Address, asAddress, EMPTY, hex0x, parseUtf8, text } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { MEMO_BYTES_MAX } from "../../base/limits.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { accountKey } from "../state/state-keys.ts";
import { type Module, ModuleFault, type StateReader, type StateWriter } from "./module.ts";

const BANK = 1;

export interface Account {
  readonly balance: bigint;
  readonly nonce: bigint;
}

export interface Transfer {
  readonly to: Address;
  readonly amount: bigint;
  /** UTF-8, at most 128 bytes; empty for none. */
  readonly memo: Uint8Array;
}

const U64_MAX = (1n << 64n) - 1n;
const INSUFFICIENT_FUNDS = 1;
const BALANCE_OVERFLOW = 2;
const TRANSFERRED = 1;

/** The account, or undefined when the state does not hold it. */
export function readAccount(state: StateReader, address: Address): Account | undefined {
  return readAccountAt(state, accountKey(address));
}

/** The same by `accountKey(address)`, for whoever reads and then writes. */
export function readAccountAt(state: StateReader, key: Uint8Array): Account | undefined {
  const value = state.get(key);
  return value === undefined ? undefined : decodeAccount(value);
}

// Sixteen bytes that every account passes through: a view of its own would cost more than the account (measured).
const scratch = new Uint8Array(16);
const scratchView = new DataView(scratch.buffer);

/** balance u64 | nonce u64. @throws when `value` is not 16 bytes: the state is our own. */
export function decodeAccount(value: Uint8Array): Account {
  assert(value.length === 16, "an account has 16 bytes");
  scratch.set(value);
  return { balance: scratchView.getBigUint64(0), nonce: scratchView.getBigUint64(8) };
}

function encodeAccount(account: Account): Uint8Array {
  assert(
    account.balance >= 0n && account.balance <= U64_MAX && account.nonce <= U64_MAX,
    "an account's numbers are u64",
  );
  scratchView.setBigUint64(0, account.balance);
  scratchView.setBigUint64(8, account.nonce);
  return new Uint8Array(scratch);
}

/** Writes an account, or removes it when it is empty. */
export function writeAccount(state: StateWriter, address: Address, account: Account): void {
  writeAccountAt(state, accountKey(address), account);
}

export function writeAccountAt(state: StateWriter, key: Uint8Array, account: Account): void {
  if (account.balance === 0n && account.nonce === 0n) state.delete(key);
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
  if (amount === 0n) return CHANGED;
  const key = accountKey(address);
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

export const bank: Module<Transfer> = {
  id: BANK,
  name: "bank",
  decodeCall: decodeTransfer,
  encodeCall: (call) => new Writer(48).raw(call.to).u64(call.amount).bytes8(call.memo).finish(),
  spends: (call) => call.amount,

  execute(call, context) {
    const taken = debit(context.state, context.sender, call.amount);
    if (!taken.ok) throw new ModuleFault(INSUFFICIENT_FUNDS, taken.fault.detail);
    const given = credit(context.state, call.to, call.amount);
    if (!given.ok) throw new ModuleFault(BALANCE_OVERFLOW, given.fault.detail);
    context.emit(TRANSFERRED, new Writer(72).raw(context.sender).raw(call.to).u64(call.amount).finish());
  },

  faultName(code) {
    if (code === INSUFFICIENT_FUNDS) return "BANK_INSUFFICIENT_FUNDS";
    return code === BALANCE_OVERFLOW ? "BANK_BALANCE_OVERFLOW" : undefined;
  },

  describeCall: (call) => ({
    type: "transfer",
    to: hex0x(call.to),
    amount: call.amount.toString(),
    memo: text(call.memo),
  }),

  describeEvent(event) {
    const view = new DataView(event.data.buffer, event.data.byteOffset, 72);
    return {
      type: "transferred",
      from: hex0x(event.data.subarray(0, 32)),
      to: hex0x(event.data.subarray(32, 64)),
      amount: view.getBigUint64(64).toString(),
    };
  },
};

function decodeTransfer(payload: Uint8Array): Verdict<Transfer> {
  const call = decode(payload, "transfer", (reader) => ({
    to: asAddress(reader.raw(32)),
    amount: reader.u64(),
    memo: reader.bytes8(MEMO_BYTES_MAX),
  }));
  if (call.ok && call.value.memo.length > 0 && parseUtf8(call.value.memo) === undefined)
    return refuse("malformed", "transfer: memo is not UTF-8");
  return call;
}

/** No memo. */
export const NO_MEMO = EMPTY;
