/**
 * The bytes of a journal file: what a record looks like, and what is a torn tail (cut short by a crash: dropped)
 * and what corruption (a bad record before a good one: the caller must not validate). It knows no file system.
 *
 *   file   = "QUORLOG" (7) | format u8 = 2 | salt (8, random per file) | generation u64 | headerSum u32 | record*
 *   record = length u32 | lengthSum u32 | payloadSum u32 | payload (1..JOURNAL_RECORD_BYTES_MAX bytes, or none in a mark)
 *   headerSum = crc32c(all before it),  lengthSum = crc32c(salt | length u32),  payloadSum = crc32c(salt | payload)
 *
 * A mark (an empty record) is written when everything before it has been synced. So a bad record with a mark behind
 * it had been durable, and was perhaps sent: that is rot, while a torn tail never has a mark behind it.
 * Behind a bad record the next good one is searched byte by byte. The length's own sum keeps that search linear;
 * the salt keeps a record that somebody hid inside a payload (a memo in a block) from looking like one of ours,
 * so nobody can turn a torn tail into corruption. Source: pbft 1.12; docs/protocol.md, "Journal".
 */
import { assert } from "../base/assert.ts";
import { byteAt, equalBytes, utf8 } from "../base/bytes.ts";
import { JOURNAL_RECORD_BYTES_MAX } from "../base/limits.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { crc32c } from "./crc32c.ts";
import type { LogState } from "./record-log.ts";

const MAGIC = utf8("QUORLOG");
const FORMAT = 2;
const RECORD_HEADER_BYTES = 12;

/** Bytes of the random salt of a file. */
export const JOURNAL_SALT_BYTES = 8;
/** Bytes before the first record. */
export const JOURNAL_HEADER_BYTES = MAGIC.length + 1 + JOURNAL_SALT_BYTES + 8 + 4;

export interface JournalScan {
  readonly records: readonly Uint8Array[];
  readonly state: LogState;
  readonly salt: Uint8Array;
  /** Grows by one with each replacement of the file. */
  readonly generation: number;
  /** Whether the last good record is followed by a mark. */
  readonly marked: boolean;
  /** Bytes of the header and the good records at the front: where a torn tail is cut and the next record goes. */
  readonly length: number;
}

export function encodeJournalHeader(salt: Uint8Array, generation: number): Uint8Array {
  assert(salt.length === JOURNAL_SALT_BYTES, `a journal salt of ${salt.length} bytes`);
  const head = new Writer(JOURNAL_HEADER_BYTES).raw(MAGIC).u8(FORMAT).raw(salt).u64(BigInt(generation));
  return head.u32(crc32c(head.finish())).finish();
}

/** Asserts each payload's size: 1 to JOURNAL_RECORD_BYTES_MAX bytes. An empty one would be a mark. */
export function assertRecordSizes(payloads: readonly Uint8Array[]): void {
  for (const { length } of payloads) {
    const fits = length > 0 && length <= JOURNAL_RECORD_BYTES_MAX;
    assert(fits, `a journal record has 1 to ${JOURNAL_RECORD_BYTES_MAX} bytes, got ${length}`);
  }
}

/** The records one after the other. */
export function encodeJournalRecords(salt: Uint8Array, payloads: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer(payloads.reduce((sum, payload) => sum + RECORD_HEADER_BYTES + payload.length, 0));
  for (const payload of payloads) {
    writer.u32(payload.length).u32(lengthSum(salt, payload.length)).u32(crc32c(salt, payload)).raw(payload);
  }
  return writer.finish();
}

/** What follows records that have been synced. */
export function encodeJournalMark(salt: Uint8Array): Uint8Array {
  return encodeJournalRecords(salt, [new Uint8Array(0)]);
}

/**
 * Reads a whole file. The records share its memory.
 * @throws Error when the file was written by a newer format.
 */
export function scanJournal(file: Uint8Array): JournalScan {
  const header = readHeader(file);
  if (header === undefined) return UNREADABLE;
  const { salt } = header;
  const records: Uint8Array[] = [];
  let marked = false;
  let length = JOURNAL_HEADER_BYTES;
  for (let payload = recordAt(file, salt, length); payload; payload = recordAt(file, salt, length)) {
    marked = payload.length === 0;
    if (!marked) records.push(payload);
    length += RECORD_HEADER_BYTES + payload.length;
  }
  return { ...header, records, state: stateOfRest(file, salt, length), marked, length };
}

/** A file is made under another name and renamed when it is whole: a short or bad header is no torn tail. */
const UNREADABLE: JournalScan = {
  records: [],
  state: "corrupt",
  salt: new Uint8Array(JOURNAL_SALT_BYTES),
  generation: 0,
  marked: false,
  length: 0,
};

function readHeader(file: Uint8Array): Pick<JournalScan, "salt" | "generation"> | undefined {
  if (file.length < MAGIC.length + 1 || !equalBytes(file.subarray(0, MAGIC.length), MAGIC)) return undefined;
  const format = byteAt(file, MAGIC.length);
  if (format !== FORMAT) {
    throw new Error(
      `journal format ${format} is unknown, this version reads ${FORMAT}: use the version that wrote it`,
    );
  }
  if (file.length < JOURNAL_HEADER_BYTES) return undefined;
  const reader = new Reader(file.subarray(0, JOURNAL_HEADER_BYTES));
  reader.raw(MAGIC.length + 1);
  const salt = reader.raw(JOURNAL_SALT_BYTES);
  const generation = Number(reader.u64());
  const intact = reader.u32() === crc32c(file.subarray(0, JOURNAL_HEADER_BYTES - 4));
  return intact ? { salt, generation } : undefined;
}

function stateOfRest(file: Uint8Array, salt: Uint8Array, from: number): LogState {
  if (from === file.length) return "clean";
  for (let offset = from + 1; offset + RECORD_HEADER_BYTES <= file.length; offset++) {
    if (recordAt(file, salt, offset) !== undefined) return "corrupt";
  }
  return "torn-tail";
}

/** The payload of the record at `offset`, or undefined when no whole, intact record stands there. */
function recordAt(file: Uint8Array, salt: Uint8Array, offset: number): Uint8Array | undefined {
  const start = offset + RECORD_HEADER_BYTES;
  if (start > file.length) return undefined;
  const length = u32At(file, offset);
  if (length > JOURNAL_RECORD_BYTES_MAX || length > file.length - start) return undefined;
  if (u32At(file, offset + 4) !== lengthSum(salt, length)) return undefined;
  const payload = file.subarray(start, start + length);
  return u32At(file, offset + 8) === crc32c(salt, payload) ? payload : undefined;
}

/** The caller has seen that all four bytes are there; a damaged tail is searched byte by byte, so nothing is asserted. */
function u32At(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return ((high << 16) | low) >>> 0;
}

function lengthSum(salt: Uint8Array, length: number): number {
  return crc32c(salt, Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length));
}
