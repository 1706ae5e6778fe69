/**
 * The bank's transfers as bytes and for people, without their execution (bank.ts): what a wallet, an explorer and a
 * verifier need.
 *
 *   payload: to 32 | amount u64 | memo u8+bytes (at most 128, UTF-8)
 *   event 1 "transferred": from 32 | to 32 | amount u64
 */
import { type Address, asAddress, hex0x, parseUtf8, text } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { MEMO_BYTES_MAX } from "../../base/limits.ts";
import { decode, Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { Event } from "../types/receipt.ts";
import type { Description, ModuleCodec, ReceiptReader } from "./module.ts";

export interface Transfer {
  readonly to: Address;
  readonly amount: bigint;
  /** Text in UTF-8 of at most 128 bytes. It is empty when the sender wrote none. */
  readonly memo: Uint8Array;
}

const BANK = 1;
export const INSUFFICIENT_FUNDS = 1;
export const BALANCE_OVERFLOW = 2;
export const TRANSFERRED = 1;

export const bankOutcomes: ReceiptReader = { id: BANK, name: "bank", faultName, describeEvent };

export const bankDeclaration: ModuleCodec<Transfer> = {
  id: BANK,
  name: "bank",
  decodeCall,
  encodeCall: (call) => new Writer(48).raw(call.to).u64(call.amount).bytes8(call.memo).finish(),
  describeCall: (call) => ({
    type: "transfer",
    to: hex0x(call.to),
    amount: call.amount.toString(),
    memo: text(call.memo),
  }),
  faultName,
  describeEvent,
};

function faultName(code: number): string | undefined {
  if (code === INSUFFICIENT_FUNDS) return "BANK_INSUFFICIENT_FUNDS";
  return code === BALANCE_OVERFLOW ? "BANK_BALANCE_OVERFLOW" : undefined;
}

function describeEvent({ data }: Event): Description {
  return {
    type: "transferred",
    from: hex0x(data.subarray(0, 32)),
    to: hex0x(data.subarray(32, 64)),
    amount: new Reader(data.subarray(64)).u64().toString(),
  };
}

function decodeCall(payload: Uint8Array): Verdict<Transfer> {
  const call = decode(payload, "transfer", (reader) => ({
    to: asAddress(reader.raw(32)),
    amount: reader.u64(),
    memo: reader.bytes8(MEMO_BYTES_MAX),
  }));
  if (call.ok && call.value.memo.length > 0 && parseUtf8(call.value.memo) === undefined)
    return refuse("malformed", "transfer: memo is not UTF-8");
  return call;
}
