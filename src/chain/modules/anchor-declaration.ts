/**
 * Anchors as bytes and for people, without their execution (anchor.ts): what a wallet, an explorer and a verifier need.
 *
 *   payload: digest 32 | memo u8+bytes (at most 128, UTF-8)
 *   state 0x02|digest: count u32 | sender 32 | height u64 | timeMs u64 | memo u8+bytes     (the first)
 *   state 0x03|digest|sender: ordinal u32 | height u64 | timeMs u64 | memo u8+bytes
 *   event 1 "anchored": digest 32 | sender 32 | ordinal u32
 */
import { assert } from "../../base/assert.ts";
import { type Address, asAddress, asHash, type Hash, hex0x, parseUtf8, text } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { MEMO_BYTES_MAX } from "../../base/limits.ts";
import { decode, Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { Event } from "../types/receipt.ts";
import type { Description, ModuleCodec, ReceiptReader } from "./module.ts";

export const ANCHOR = 2;
export const ALREADY_ANCHORED = 1;
export const ANCHORED = 1;

export interface AnchorCall {
  readonly digest: Hash;
  /** UTF-8, at most 128 bytes. */
  readonly memo: Uint8Array;
}

/** The first anchor of a digest. */
export interface FirstAnchor {
  /** How many senders have anchored the digest. */
  readonly count: number;
  readonly sender: Address;
  readonly height: bigint;
  readonly timeMs: bigint;
  readonly memo: Uint8Array;
}

/** What one sender's anchor of a digest says. */
export interface SenderAnchor {
  /** 0 for the first sender of the digest. */
  readonly ordinal: number;
  readonly height: bigint;
  readonly timeMs: bigint;
  readonly memo: Uint8Array;
}

export const anchorOutcomes: ReceiptReader = { id: ANCHOR, name: "anchor", faultName, describeEvent };

export const anchorDeclaration: ModuleCodec<AnchorCall> = {
  id: ANCHOR,
  name: "anchor",
  decodeCall: decodeAnchorCall,
  encodeCall: (call) => new Writer(64).raw(call.digest).bytes8(call.memo).finish(),
  describeCall: (call) => ({ type: "anchor", digest: hex0x(call.digest), memo: text(call.memo) }),
  faultName,
  describeEvent,
};

/**
 * Decodes a state value, here and for proofs that are checked offline. @throws InvariantError when it does
 * not decode.
 */
export function decodeFirstAnchor(value: Uint8Array): FirstAnchor {
  const anchor = decode(value, "anchor", (reader) => ({
    count: reader.u32(),
    sender: asAddress(reader.raw(32)),
    height: reader.u64(),
    timeMs: reader.u64(),
    memo: reader.bytes8(MEMO_BYTES_MAX),
  }));
  assert(anchor.ok, "a stored anchor must decode");
  return anchor.value;
}

/** Decodes a state value. @throws InvariantError when it does not decode. */
export function decodeSenderAnchor(value: Uint8Array): SenderAnchor {
  const anchor = decode(value, "anchor", (reader) => ({
    ordinal: reader.u32(),
    height: reader.u64(),
    timeMs: reader.u64(),
    memo: reader.bytes8(MEMO_BYTES_MAX),
  }));
  assert(anchor.ok, "a stored anchor must decode");
  return anchor.value;
}

function faultName(code: number): string | undefined {
  return code === ALREADY_ANCHORED ? "ANCHOR_ALREADY_ANCHORED" : undefined;
}

function describeEvent({ data }: Event): Description {
  return {
    type: "anchored",
    digest: hex0x(data.subarray(0, 32)),
    sender: hex0x(data.subarray(32, 64)),
    ordinal: new Reader(data.subarray(64)).u32(),
  };
}

/** The call of a transaction's payload. */
export function decodeAnchorCall(payload: Uint8Array): Verdict<AnchorCall> {
  const call = decode(payload, "anchor", (reader) => ({
    digest: asHash(reader.raw(32)),
    memo: reader.bytes8(MEMO_BYTES_MAX),
  }));
  if (call.ok && parseUtf8(call.value.memo) === undefined)
    return refuse("malformed", "anchor: memo is not UTF-8");
  return call;
}
