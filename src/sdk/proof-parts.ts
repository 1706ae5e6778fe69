/**
 * The parts of proofs as a verifier reads them from JSON, in Node or a browser: bytes and hashes as hex, Merkle
 * paths. That a part has its form says nothing of whether it holds.
 */
import { must } from "../base/assert.ts";
import { type Hash, parseBytes32, parseHex } from "../base/bytes.ts";
import { integerField, list, object, textField, type ValueOf } from "../codec/field.ts";
import type { MerklePath } from "../crypto/merkle.ts";

export const bytesField = textField(
  "bytes: 0x and an even number of lower-case hex digits",
  /^0x(?:[0-9a-f]{2})*$/,
);
export const hashField = textField("32 bytes: 0x and 64 lower-case hex digits", /^0x[0-9a-f]{64}$/);
export const countField = integerField(0, Number.MAX_SAFE_INTEGER);

/** u32 in the encodings that these are checked against. */
const u32 = integerField(0, 0xffff_ffff);
/** Levels of a tree of 2^32 leaves. */
const LEVELS_MAX = 32;
export const pathField = object({
  index: u32,
  count: u32,
  siblings: list(hashField, LEVELS_MAX),
});

/** @param path that {@link pathField} has read */
export function pathOf({ index, count, siblings }: ValueOf<typeof pathField>): MerklePath {
  return { index, count, siblings: siblings.map((sibling) => parseBytes32(sibling) as Hash) };
}

/** Bytes of hex that {@link bytesField} has read. */
export function bytesOf(hex: string): Uint8Array {
  return must(parseHex(hex), "the field's check has read it as hex");
}
