/**
 * Notarisation: a sender anchors a 32-byte digest with a short memo, at most once per digest and sender. The first
 * anchor of a digest and the number of senders are kept under the digest alone, so one proof shows that a document
 * was known at a height, or that nobody anchored it. The bytes are in anchor-declaration.ts.
 */
import { type Address, hex0x } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";
import { anchorByKey, anchorKey } from "../state/state-keys.ts";
import {
  ALREADY_ANCHORED,
  ANCHORED,
  type AnchorCall,
  anchorDeclaration,
  decodeFirstAnchor,
  decodeSenderAnchor,
  type FirstAnchor,
  type SenderAnchor,
} from "./anchor-declaration.ts";
import { type Module, ModuleFault, type StateReader } from "./module.ts";

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
  ...anchorDeclaration,
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
};
