/**
 * What LevelDB does not notice by itself (measured by flipping bits in its files): of a table it reads values
 * without looking at their checksums, of its log it drops a bad batch and applies the later ones, and a directory
 * without CURRENT it takes for a new database. So each value carries a sum of key and value, each batch a number
 * that must follow the last, and a directory that lost its CURRENT is refused. Pure, but for zlib's CRC-32, which
 * is native (0.4 us for 300 bytes, measured).
 *
 *   stored value = value | crc32(key | value) u32          batch number = 0xff x 8 | number u64 -> empty value
 */
import { crc32 } from "node:zlib";
import { must } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { LEVEL_BATCH_NUMBERS_MAX } from "../base/limits.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";

/** The database lost or changed what was stored. The message says what to do. */
export class DamagedDatabase extends Error {
  override readonly name = "DamagedDatabase";

  constructor(path: string, what: string, options?: ErrorOptions) {
    super(
      `the database ${path} is damaged, or was made by an older version: ${what}. Move it away, and the node ` +
        "fetches the chain from its peers again; a validator keeps its keys and its journal",
      options,
    );
  }
}

const SUM_BYTES = 4;

/** Most values are short: they are put together in memory that is used again. */
const SCRATCH_BYTES = 512;
const scratch = new Uint8Array(SCRATCH_BYTES);
const scratchView = new DataView(scratch.buffer);
/** Its beginnings, by their length. */
const scratches: Uint8Array[] = [];

/** What is stored for a value. It is to be copied before this is called again. */
export function sealValue(key: Uint8Array, value: Uint8Array): Uint8Array {
  const length = value.length + SUM_BYTES;
  if (length <= SCRATCH_BYTES) {
    scratch.set(value);
    scratchView.setUint32(value.length, sumOf(key, value));
    scratches[length] ??= scratch.subarray(0, length);
    return must(scratches[length], "the view of this length was just made");
  }
  return new Writer(value.length + SUM_BYTES).raw(value).u32(sumOf(key, value)).finish();
}

/** The value without its sum, in the same memory, or undefined when value and sum do not belong together. */
export function openValue(key: Uint8Array, stored: Uint8Array): Uint8Array | undefined {
  if (stored.length < SUM_BYTES) return undefined;
  const value = stored.subarray(0, stored.length - SUM_BYTES);
  return new Reader(stored.subarray(value.length)).u32() === sumOf(key, value) ? value : undefined;
}

function sumOf(key: Uint8Array, value: Uint8Array): number {
  const sum = crc32(key);
  return value.length === 0 ? sum : crc32(value, sum); // zlib answers 0 for no bytes at all
}

/** The lower bound of the keys of batch numbers, which lie behind every key of the ledger. */
export const NUMBERS_FROM = new Uint8Array(8).fill(0xff);
export const NUMBERS_TO = new Uint8Array(17).fill(0xff);

export function numberKey(number: bigint): Uint8Array {
  return new Writer(16).raw(NUMBERS_FROM).u64(number).finish();
}

export function isNumberKey(key: Uint8Array): boolean {
  return key.length === 16 && equalBytes(key.subarray(0, 8), NUMBERS_FROM);
}

/** The number of the last of the batches that a database holds. */
export type LastNumber = { readonly kind: "whole"; readonly last: bigint } | { readonly kind: "hole" };

/**
 * The last batch's number; 0n for a new database.
 * @param keys of the batch numbers, ascending: of the last LEVEL_BATCH_NUMBERS_MAX none may be missing. That is
 * more batches than the log holds, and what is in the tables cannot be lost by the batch.
 */
export function lastNumber(keys: readonly Uint8Array[]): LastNumber {
  const numbers = keys.map((key) => new Reader(key.subarray(8)).u64());
  const last = numbers.at(-1) ?? 0n;
  const kept = BigInt(LEVEL_BATCH_NUMBERS_MAX);
  const expected = last < kept ? last : kept;
  const held = numbers.filter((number) => number > last - kept).length;
  return BigInt(held) === expected ? { kind: "whole", last } : { kind: "hole" };
}
