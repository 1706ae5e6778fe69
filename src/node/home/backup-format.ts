/**
 * The bytes of a backup: a home without its votes, as one file. Sections follow one another; each has a checksum, and the
 * last the SHA-256 of all before it, so that a file that was cut or has rotted is noticed before it is used. It
 * proves nothing of what is in it: a backup is believed as the disk it was made from.
 *
 *   "quorate-backup/1" 16 | section ... | END
 *   section = kind u8 | length u32 | payload | crc32c u32 of kind, length and payload
 *   1 FACTS    JSON: genesisHash, height, headHash, name, withKeys
 *   2 FILE     path bytes16 | content bytes32
 *   3 ENTRIES  list of (key bytes16, value bytes32) of the database, ascending
 *   4 END      sections before it u32 | SHA-256 of all bytes before this section 32
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { equalBytes, parseUtf8, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { crc32c } from "../../storage/crc32c.ts";

const MAGIC = utf8("quorate-backup/1");
export const KIND = { facts: 1, file: 2, entries: 3, end: 4 } as const;
/** Bytes of a section's payload. More is refused unread. */
const PAYLOAD_BYTES_MAX = 80 * 1024 * 1024;
/** Bytes of entries in one section, about. */
export const ENTRIES_BYTES = 1024 * 1024;
const HEAD_BYTES = 5;

export class BackupWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #sections = 0;
  bytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async begin(): Promise<void> {
    await this.#write(MAGIC);
  }

  async section(kind: number, payload: Uint8Array): Promise<void> {
    const head = new Writer(HEAD_BYTES).u8(kind).u32(payload.length).finish();
    await this.#write(head);
    await this.#write(payload);
    await this.#write(new Writer(4).u32(crc32c(head, payload)).finish());
    this.#sections++;
  }

  async end(): Promise<void> {
    const payload = new Writer(36).u32(this.#sections).raw(this.#hash.copy().digest()).finish();
    await this.section(KIND.end, payload);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
  }
}

interface BackupPart {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Hands on each section but the last, in order. Fault: `damaged`. @throws Error when the disk fails */
export async function readSections(
  file: FileHandle,
  use: (section: BackupPart) => Promise<void>,
): Promise<Verdict<undefined, "damaged">> {
  const hash = createHash("sha256");
  let place = 0;
  const take = async (length: number): Promise<Uint8Array | undefined> => {
    const bytes = new Uint8Array(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await file.read(bytes, read, length - read, place + read);
      if (bytesRead === 0) return undefined;
      read += bytesRead;
    }
    place += length;
    return bytes;
  };
  const bad = (what: string) => refuse("damaged", `${what} at byte ${place}`);
  const magic = await take(MAGIC.length);
  if (magic === undefined || !equalBytes(magic, MAGIC)) return refuse("damaged", "no backup of quorate");
  hash.update(magic);
  for (let sections = 0; ; sections++) {
    const head = await take(HEAD_BYTES);
    if (head === undefined) return bad("the file is cut off");
    const length = new DataView(head.buffer).getUint32(1);
    if (length > PAYLOAD_BYTES_MAX) return bad(`a section of ${length} bytes`);
    const payload = await take(length);
    const sum = await take(4);
    if (payload === undefined || sum === undefined) return bad("the file is cut off");
    if (new DataView(sum.buffer).getUint32(0) !== crc32c(head, payload)) return bad("a section has changed");
    const kind = head[0] ?? 0;
    if (kind === KIND.end) {
      const end = new Writer(36).u32(sections).raw(hash.digest()).finish();
      return equalBytes(payload, end) ? accept(undefined) : bad("a section is missing, or was changed");
    }
    for (const bytes of [head, payload, sum]) hash.update(bytes);
    await use({ kind, payload });
  }
}

export function encodeFile(path: string, content: Uint8Array): Uint8Array {
  return new Writer(64 + content.length).bytes16(utf8(path)).bytes32(content).finish();
}

export function decodeFile(
  payload: Uint8Array,
): Verdict<{ readonly path: string; readonly content: Uint8Array }> {
  return decode(payload, "file of a backup", (reader) => ({
    path: parseUtf8(reader.bytes16(300)) ?? reader.fail("a path that is not UTF-8"),
    content: reader.bytes32(PAYLOAD_BYTES_MAX),
  }));
}

export type BackupEntry = readonly [key: Uint8Array, value: Uint8Array];

export function encodeEntries(entries: readonly BackupEntry[]): Uint8Array {
  return new Writer(ENTRIES_BYTES).list(entries, (w, [key, value]) => w.bytes16(key).bytes32(value)).finish();
}

export function decodeEntries(payload: Uint8Array): Verdict<readonly BackupEntry[]> {
  return decode(payload, "entries of a backup", (reader) =>
    reader.list(PAYLOAD_BYTES_MAX, (r): BackupEntry => [r.bytes16(0xffff), r.bytes32(PAYLOAD_BYTES_MAX)]),
  );
}
