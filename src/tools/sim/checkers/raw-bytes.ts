/**
 * What the checkers read, from the bytes up, with nothing of the protocol's own code but SHA-256: packets, votes,
 * certificates, journal records. A bug in the real codecs cannot hide here, since the two would have to agree.
 * Offsets are those of docs/protocol.md, "Consensus messages", "Certificates" and "Journal".
 */
import { byteText, hex, utf8 } from "../../../base/bytes.ts";
import { sha256 } from "../../../crypto/hash.ts";

/** Bytes as a map key. */
export type ByteText = string;

export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#pass(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#pass(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#pass(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#pass(8));
  }

  take(length: number): Uint8Array {
    const at = this.#pass(length);
    return this.bytes.subarray(at, at + length);
  }

  #pass(length: number): number {
    if (length > this.left) throw new RangeError(`${length} bytes wanted, ${this.left} left`);
    const { at } = this;
    this.at += length;
    return at;
  }
}

export const PRE_PREPARE = 1;
export const PREPARE = 2;
export const COMMIT = 3;
export const CHECKPOINT = 4;
export const VIEW_CHANGE = 5;
export const NEW_VIEW = 6;

export const SIGNATURE_LENGTH = 64;
export const HEADER_LENGTH = 80;

export function hashOfHeader(header: Uint8Array): ByteText {
  return byteText(sha256(sha256(header)));
}

export function parentInHeader(header: Uint8Array): ByteText {
  return byteText(header.subarray(4, 36));
}

const TAG = utf8("quorate/pbft/v1");

/** What validator `from` signs: tag | type u8 | genesis hash | epoch u64 | fields | from u16. */
export function signedBytes(
  genesisHash: Uint8Array,
  type: number,
  epoch: bigint,
  fields: Uint8Array,
  from: number,
): Uint8Array {
  const bytes = new Uint8Array(TAG.length + 43 + fields.length);
  let at = TAG.length;
  bytes.set(TAG);
  bytes[at] = type;
  bytes.set(genesisHash, at + 1);
  putU64(bytes, at + 33, epoch);
  bytes.set(fields, at + 41);
  at += 41 + fields.length;
  bytes[at] = from >> 8;
  bytes[at + 1] = from & 0xff;
  return bytes;
}

/** view u64 | height u64 | hash 32 */
export function voteFields(view: bigint, height: bigint, hash: ByteText): Uint8Array {
  const bytes = new Uint8Array(16 + hash.length);
  putU64(bytes, 0, view);
  putU64(bytes, 8, height);
  for (let i = 0; i < hash.length; i++) bytes[16 + i] = hash.charCodeAt(i);
  return bytes;
}

export function u64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  putU64(bytes, 0, value);
  return bytes;
}

/** A number's eight bytes, by halves: a view of its own costs more than what is written by it (profiled). */
function putU64(bytes: Uint8Array, at: number, value: bigint): void {
  let [high, low] = [Number(value >> 32n), Number(value & 0xffff_ffffn)];
  for (let i = 3; i >= 0; i--) {
    bytes[at + i] = high & 0xff;
    bytes[at + 4 + i] = low & 0xff;
    high >>>= 8;
    low >>>= 8;
  }
}

export function textBytes(text: ByteText): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** A block hash for people, as it is shown everywhere: reversed, its first eight digits. */
export function showText(hash: ByteText): string {
  return hex(textBytes(hash).reverse()).slice(0, 8);
}

export function readOne(cursor: Cursor, what: string): void {
  const value = cursor.u8();
  if (value !== 1) throw new RangeError(`${what} ${value}`);
}

/**
 * Reads header 80 | summary: chainId, height, epoch, timeMs u64; u16 x 2; three hashes; u32 x 2; two hashes;
 * extra bytes8.
 */
export function readHead(cursor: Cursor): { hash: ByteText; height: bigint; header: Uint8Array } {
  const header = cursor.take(HEADER_LENGTH);
  cursor.take(8);
  const height = cursor.u64();
  cursor.take(8 + 8 + 2 + 2 + 96 + 4 + 4 + 64);
  cursor.take(cursor.u8());
  return { hash: hashOfHeader(header), height, header };
}
