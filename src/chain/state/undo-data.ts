/** Undo data: what the keys that a block changed held before it, as it is stored. */
import { byteText } from "../../base/bytes.ts";
import type { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { StateDiff } from "./state-overlay.ts";

/** u32 x { key u16+bytes, present u8, value u32+bytes } in the order of the diff. */
export function encodeDiff(diff: StateDiff): Uint8Array {
  const writer = new Writer(1024);
  writer.list([...diff.values()], (w, { key, value }) => {
    w.bytes16(key).u8(value === undefined ? 0 : 1);
    if (value !== undefined) w.bytes32(value);
  });
  return writer.finish();
}

/** @throws DecodeError for bytes that were changed */
export function readDiff(reader: Reader): StateDiff {
  const diff = new Map<string, { key: Uint8Array; value: Uint8Array | undefined }>();
  reader.list(0xffffffff, (r) => {
    const key = r.bytes16(0xffff);
    const value = r.u8() === 0 ? undefined : r.bytes32(0xffffffff);
    diff.set(byteText(key), { key, value });
  });
  return diff;
}
