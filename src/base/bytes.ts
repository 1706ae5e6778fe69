/**
 * Bytes and their brands. A brand proves that a length was checked once, at an entry point. Nothing here knows what the
 * bytes mean. Works in browsers: Buffer is used where there is one.
 *
 * This folder: what everything else may use and what knows nothing of the chain: bytes, faults and verdicts,
 * assertions, every limit in one file (limits.ts), token buckets, the ports for log and time. Not here: layouts
 * (codec), hashes (crypto).
 */
import { assert, must } from "./assert.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = Uint8Array & { readonly [brand]: Name };

/** A hash is 32 bytes in raw digest order (display reverses block hashes, see chain/types/block.ts). */
export type Hash = Branded<"Hash">;
/** An address is the 32 bytes of an Ed25519 public key. */
export type Address = Branded<"Address">;

export const EMPTY = new Uint8Array(0);
export const ZERO_HASH = new Uint8Array(32) as Hash;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Shows bytes as lower-case hex without a prefix. Node converts by its own buffer, which shows a whole block
 * in half the time.
 */
export const hex: (bytes: Uint8Array) => string = nativeHex() ?? hexByTable;

function hexByTable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

function nativeHex(): ((bytes: Uint8Array) => string) | undefined {
  const { Buffer } = globalThis as {
    Buffer?: { prototype: { hexSlice?: (from: number, to: number) => string } };
  };
  const hexSlice = Buffer?.prototype.hexSlice;
  if (hexSlice === undefined) return undefined;
  return (bytes) => hexSlice.call(bytes, 0, bytes.length);
}

/**
 * Bytes as text, one character (0-255) a byte: the key of a map, since byte arrays compare by identity. In Node the
 * buffer's own conversion is ten times as fast for a message (measured); elsewhere at most some thousand bytes: they
 * travel as arguments.
 */
export const byteText: (bytes: Uint8Array) => string = nativeByteText() ?? byteTextByArguments;

function byteTextByArguments(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** Node's Buffer converts any byte array, pooled or not. */
function nativeByteText(): ((bytes: Uint8Array) => string) | undefined {
  const { Buffer } = globalThis as {
    Buffer?: { prototype: { latin1Slice?: (from: number, to: number) => string } };
  };
  const latin1Slice = Buffer?.prototype.latin1Slice;
  if (latin1Slice === undefined) return undefined;
  return (bytes) => latin1Slice.call(bytes, 0, bytes.length);
}

/** Lower-case hex with the prefix 0x, the form of every byte string in JSON. */
export function hex0x(bytes: Uint8Array): `0x${string}` {
  return `0x${hex(bytes)}`;
}

/** Parses hex with or without 0x. Undefined when it is not an even number of hex digits. */
export function parseHex(text: string): Uint8Array | undefined {
  const start = text.startsWith("0x") ? 2 : 0;
  const digits = text.length - start;
  if (digits % 2 !== 0) return undefined;
  const bytes = new Uint8Array(digits / 2);
  for (let i = 0; i < bytes.length; i++) {
    const at = start + 2 * i;
    const byte = (nibble(text.charCodeAt(at)) << 4) | nibble(text.charCodeAt(at + 1));
    if (byte < 0) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

// A table, because every transaction sent as JSON passes here. -1 for what is no hex digit: it makes the byte negative.
function nibble(code: number): number {
  return NIBBLES[code] ?? -1;
}

const NIBBLES = Int8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? -1 : digit;
});

/** A Hash from 32 bytes that this program made itself; an entry point uses {@link parseHash}. */
export function asHash(bytes: Uint8Array): Hash {
  if (bytes.length !== 32) throw new RangeError(`a hash has 32 bytes, got ${bytes.length}`);
  return bytes as Hash;
}

/** An Address from 32 bytes that were checked before. */
export function asAddress(bytes: Uint8Array): Address {
  if (bytes.length !== 32) throw new RangeError(`an address has 32 bytes, got ${bytes.length}`);
  return bytes as Address;
}

/** A 32-byte value from hex, or undefined. */
export function parseBytes32(text: string): Uint8Array | undefined {
  const bytes = parseHex(text);
  return bytes?.length === 32 ? bytes : undefined;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic order, shorter first on a common prefix. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return byteAt(a, i) - byteAt(b, i);
  return a.length - b.length;
}

/** The byte at an index that lies within `bytes`. @throws InvariantError where it does not, which is our mistake. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return must(bytes[at], "an index lies within its bytes");
}

/** Sets `target` to its exclusive or with `bytes`; both have the same length. */
export function xorInto(target: Uint8Array, bytes: Uint8Array): void {
  assert(target.length === bytes.length, "what is combined has one length");
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) ^ (bytes[i] ?? 0);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const encoder = new TextEncoder();
// A byte order mark is a character like any other: two memos that differ by it must not read the same.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Strict UTF-8: undefined when the bytes are not well-formed. */
export function parseUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The same of a whole file or message, without the byte order mark that some programs put in front. */
export function parseUtf8Document(bytes: Uint8Array): string | undefined {
  return parseUtf8(bytes)?.replace(/^\ufeff/, "");
}

/** Decodes what was checked to be UTF-8 before. */
export function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A block hash as people see it: byte-reversed, as Bitcoin shows it (decision 4), with 0x. */
export function showHash(hash: Uint8Array): string {
  return hex0x(hash.slice().reverse());
}

/** The inverse of {@link showHash}, or undefined when the text is not 32 bytes of hex. */
export function parseShownHash(shown: string): Hash | undefined {
  return parseBytes32(shown)?.reverse() as Hash | undefined;
}
