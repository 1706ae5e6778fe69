/**
 * Receipts: what executing a transaction did, in the bytes that receiptsRoot commits to. No text and no block hash
 * in them, so that every node computes the same bytes. Layout: docs/protocol.md, "Receipt"; decision 5.
 *
 *   version u8 = 1 | txid 32 | index u32 | status u8 | code u16 | fee u64 | events: u32 x { module u8, kind u8, data u16+bytes }
 */
import { asHash, type Hash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { EVENT_BYTES_MAX, EVENTS_PER_RECEIPT_MAX } from "../../base/limits.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { merkleRoot } from "../../crypto/merkle.ts";

const RECEIPT_VERSION = 1;

export interface Event {
  readonly module: number;
  /** The module's own number for the event. */
  readonly kind: number;
  readonly data: Uint8Array;
}

export interface Receipt {
  readonly txid: Hash;
  /** The transaction's position in the block, from 0 on. */
  readonly index: number;
  readonly status: "success" | "failed";
  /** 0 on success, else the module's fault code. */
  readonly code: number;
  readonly fee: bigint;
  readonly events: readonly Event[];
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  return new Writer(128)
    .u8(RECEIPT_VERSION)
    .raw(receipt.txid)
    .u32(receipt.index)
    .u8(receipt.status === "success" ? 1 : 0)
    .u16(receipt.code)
    .u64(receipt.fee)
    .list(receipt.events, (writer, event) => writer.u8(event.module).u8(event.kind).bytes16(event.data))
    .finish();
}

export function decodeReceipt(bytes: Uint8Array): Verdict<Receipt, "malformed"> {
  return decode(bytes, "receipt", readReceipt);
}

function readReceipt(reader: Reader): Receipt {
  const version = reader.u8();
  if (version !== RECEIPT_VERSION) reader.fail(`unknown receipt version ${version}`);
  const txid = asHash(reader.raw(32));
  const index = reader.u32();
  const status = reader.u8();
  if (status > 1) reader.fail(`unknown receipt status ${status}`);
  const code = reader.u16();
  const fee = reader.u64();
  const events = reader.list(EVENTS_PER_RECEIPT_MAX, () => ({
    module: reader.u8(),
    kind: reader.u8(),
    data: reader.bytes16(EVENT_BYTES_MAX),
  }));
  return { txid, index, status: status === 1 ? "success" : "failed", code, fee, events };
}

/** Leaves are the encoded receipts, in the order of the transactions. */
export function receiptsRootOf(encoded: readonly Uint8Array[]): Hash {
  return merkleRoot(encoded);
}
