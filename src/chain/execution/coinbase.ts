/**
 * What a mined block mints. The coinbase stands first in the body and is executed last: it may take the subsidy of
 * its height and the block's fees, what it leaves is burned. What it mints waits under a key of its own and becomes
 * spendable `maturity` blocks later, before that block's transactions. Source: pow.md 2.7.
 *
 *   state 0x04 | height u64 -> to 32 | value u64
 *   event 1 of module 0 "minted": to 32 | value u64
 */
import { assert } from "../../base/assert.ts";
import { asAddress } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { credit } from "../modules/accounts.ts";
import type { StateWriter } from "../modules/module.ts";
import type { Rewards } from "../rules.ts";
import { maturingKey } from "../state/state-keys.ts";
import type { Receipt } from "../types/receipt.ts";
import { COINBASE_MODULE, coinbaseValue, isCoinbase, type SignedTransaction } from "../types/transaction.ts";

export const MINTED = 1;

/** Makes spendable what has waited long enough. It runs before the transactions of the block at `height`. */
export function matureCoinbase(state: StateWriter, height: bigint, { maturity }: Rewards): void {
  if (height < BigInt(maturity)) return;
  const key = maturingKey(height - BigInt(maturity));
  const entry = state.get(key);
  if (entry === undefined) return;
  state.delete(key);
  const value = new DataView(entry.buffer, entry.byteOffset).getBigUint64(32);
  const paid = credit(state, asAddress(entry.slice(0, 32)), value);
  assert(paid.ok, "genesis refuses accounts and subsidies that add up to more than 2^63 - 1");
}

/** Whether `coinbase` is one, and the one for this height. */
export function checkCoinbase(coinbase: SignedTransaction | undefined, height: bigint): Fault | undefined {
  if (coinbase === undefined || !isCoinbase(coinbase)) {
    return fault("no-coinbase", "the first transaction of a mined block must be its coinbase");
  }
  if (coinbase.nonce === height) return undefined;
  return fault("wrong-coinbase", `the coinbase is for height ${coinbase.nonce}, the block's is ${height}`);
}

/** Mints, after everything else of the block. @param fees of the block's transactions. */
export function executeCoinbase(
  state: StateWriter,
  coinbase: SignedTransaction,
  fees: bigint,
  rewards: Rewards,
): Verdict<Receipt, "wrong-coinbase"> {
  const height = coinbase.nonce;
  const value = coinbaseValue(coinbase);
  const most = rewards.subsidyAt(height) + fees;
  if (value > most) {
    return refuse("wrong-coinbase", `the coinbase mints ${value}, at most ${most} (${fees} of it fees)`);
  }
  if (value > 0n) state.put(maturingKey(height), coinbase.payload.slice());
  const events = [{ module: COINBASE_MODULE, kind: MINTED, data: coinbase.payload.slice() }];
  return accept({ txid: coinbase.id, index: 0, status: "success", code: 0, fee: 0n, events });
}
