/** An account in the bytes of the state: balance u64 | nonce u64. */
import { assert } from "../../base/assert.ts";

export interface Account {
  readonly balance: bigint;
  readonly nonce: bigint;
}

export const U64_MAX = 0xffff_ffff_ffff_ffffn;

// Sixteen bytes that every account passes through: a view of its own would cost more than the account (measured).
const scratch = new Uint8Array(16);
const scratchView = new DataView(scratch.buffer);

/** balance u64 | nonce u64. @throws when `value` is not 16 bytes: the state is our own. */
export function decodeAccount(value: Uint8Array): Account {
  assert(value.length === 16, "an account has 16 bytes");
  scratch.set(value);
  return { balance: scratchView.getBigUint64(0), nonce: scratchView.getBigUint64(8) };
}

/** Encodes an account as 16 bytes. @throws when a number is none of 64 bits */
export function encodeAccount(account: Account): Uint8Array {
  checkAccount(account);
  scratchView.setBigUint64(0, account.balance);
  scratchView.setBigUint64(8, account.nonce);
  return new Uint8Array(scratch);
}

/** @throws when a number is none of 64 bits */
export function checkAccount({ balance, nonce }: Account): void {
  assert(balance >= 0n && balance <= U64_MAX && nonce <= U64_MAX, "an account's numbers are u64");
}
