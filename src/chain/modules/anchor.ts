/**
 * Notarisation: a sender anchors a 32-byte digest with a short memo, at most once per digest and sender. The first
 * anchor of a digest and the number of senders are kept under the digest alone, so one proof shows that a document
 * was known at a height, or that nobody anchored it.
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
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { anchorByKey, anchorKey } from "../state/state-keys.ts";
import { type Module, ModuleFault, type StateReader } from "./module.ts";

export const ANCHOR = 2;

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

/** One sender's anchor. */
export interface SenderAnchor {
  /** 0 for the first sender of the digest. */
  readonly ordinal: number;
  readonly height: bigint;
  readonly timeMs: bigint;
  readonly memo: Uint8Array;
}

const ALREADY_ANCHORED = 1;
const ANCHORED = 1;

export function readFirstAnchor(state: StateReader, digest: Uint8Array): FirstAnchor | undefined {
  const value = state.get(anchorKey(digest));
  return value === undefined ? undefined : decodeFirstAnchor(value);
}

export function readSenderAnchor(
  state: StateReader,
  digest: Uint8Array,
  sender: Address,
): SenderAnchor | undefined {
  const value = state.get(anchorByKey(digest, sender));
  return value === undefined ? undefined : decodeSenderAnchor(value);
}

/** Decodes a state value; also for proofs checked offline. @throws InvariantError when it does not decode. */
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

function encodeFirstAnchor(anchor: FirstAnchor): Uint8Array {
  return new Writer(64)
    .u32(anchor.count)
    .raw(anchor.sender)
    .u64(anchor.height)
    .u64(anchor.timeMs)
    .bytes8(anchor.memo)
    .finish();
}

function encodeSenderAnchor(anchor: SenderAnchor): Uint8Array {
  return new Writer(64)
    .u32(anchor.ordinal)
    .u64(anchor.height)
    .u64(anchor.timeMs)
    .bytes8(anchor.memo)
    .finish();
}

export const anchor: Module<AnchorCall> = {
  id: ANCHOR,
  name: "anchor",
  decodeCall: decodeAnchorCall,
  encodeCall: (call) => new Writer(64).raw(call.digest).bytes8(call.memo).finish(),
  spends: () => 0n,

  execute(call, { state, sender, height, timeMs, emit }) {
    if (readSenderAnchor(state, call.digest, sender) !== undefined) {
      throw new ModuleFault(ALREADY_ANCHORED, `${hex0x(call.digest)} is already anchored by this sender`);
    }
    const first = readFirstAnchor(state, call.digest);
    const ordinal = first?.count ?? 0;
    const entry = { sender, height, timeMs, memo: call.memo };
    state.put(anchorKey(call.digest), encodeFirstAnchor({ ...(first ?? entry), count: ordinal + 1 }));
    state.put(anchorByKey(call.digest, sender), encodeSenderAnchor({ ...entry, ordinal }));
    emit(ANCHORED, new Writer(68).raw(call.digest).raw(sender).u32(ordinal).finish());
  },

  faultName: (code) => (code === ALREADY_ANCHORED ? "ANCHOR_ALREADY_ANCHORED" : undefined),

  describeCall: (call) => ({ type: "anchor", digest: hex0x(call.digest), memo: text(call.memo) }),

  describeEvent(event) {
    const view = new DataView(event.data.buffer, event.data.byteOffset, 68);
    return {
      type: "anchored",
      digest: hex0x(event.data.subarray(0, 32)),
      sender: hex0x(event.data.subarray(32, 64)),
      ordinal: view.getUint32(64),
    };
  },
};

function decodeAnchorCall(payload: Uint8Array): Verdict<AnchorCall> {
  const call = decode(payload, "anchor", (reader) => ({
    digest: asHash(reader.raw(32)),
    memo: reader.bytes8(MEMO_BYTES_MAX),
  }));
  if (call.ok && parseUtf8(call.value.memo) === undefined)
    return refuse("malformed", "anchor: memo is not UTF-8");
  return call;
}
