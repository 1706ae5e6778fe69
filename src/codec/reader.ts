/**
 * The canonical binary reader: refuses what is short, what is longer than its cap and what has bytes left over.
 * It reports by throwing DecodeError. For input `decode` turns it into a Fault; of what this program stored itself
 * {@link decodeStored} lets it through, and whoever checks a database catches it.
 */
import { accept, refuse, type Verdict } from "../base/fault.ts";

/** Bytes are not what they must be: thrown by Reader, and by whoever reads what was stored. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

// Eight bytes that every number passes through: a view of its own costs more than what is read by it (measured).
const part = new DataView(new ArrayBuffer(8));

export class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  /** Reads `bytes` without copying; slices it returns share their memory. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  u16(): number {
    return this.#part(2).getUint16(0);
  }

  u32(): number {
    return this.#part(4).getUint32(0);
  }

  u64(): bigint {
    return this.#part(8).getBigUint64(0);
  }

  u32le(): number {
    return this.#part(4).getUint32(0, true);
  }

  i32le(): number {
    return this.#part(4).getInt32(0, true);
  }

  raw(length: number): Uint8Array {
    const offset = this.#take(length);
    return this.#bytes.subarray(offset, offset + length);
  }

  bytes8(lengthMax: number): Uint8Array {
    return this.raw(this.#capped(this.u8(), lengthMax, "bytes"));
  }

  bytes16(lengthMax: number): Uint8Array {
    return this.raw(this.#capped(this.u16(), lengthMax, "bytes"));
  }

  bytes32(lengthMax: number): Uint8Array {
    return this.raw(this.#capped(this.u32(), lengthMax, "bytes"));
  }

  /** u32 count capped at `countMax`, then each item. The cap is checked before anything is allocated. */
  list<T>(countMax: number, read: (reader: this) => T): T[] {
    const count = this.#capped(this.u32(), countMax, "items");
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read(this));
    return items;
  }

  /** Bytes between two offsets that were already read. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  /** Refuses what the codec itself does not take (an unknown tag, a non-minimal form). */
  fail(detail: string): never {
    throw new DecodeError(`${detail} at byte ${this.#offset}`);
  }

  end(): void {
    if (this.remaining > 0)
      throw new DecodeError(`${this.remaining} bytes left over at byte ${this.#offset}`);
  }

  #capped(value: number, max: number, what: string): number {
    if (value > max)
      throw new DecodeError(`${value} ${what} where at most ${max} are allowed, at byte ${this.#offset}`);
    return value;
  }

  #part(count: number): DataView {
    const from = this.#take(count);
    for (let i = 0; i < count; i++) part.setUint8(i, this.#bytes[from + i] as number);
    return part;
  }

  #take(count: number): number {
    const offset = this.#offset;
    const end = offset + count;
    if (end > this.#bytes.length)
      throw new DecodeError(`${count} bytes wanted at byte ${offset}, only ${this.remaining} left`);
    this.#offset = end;
    return offset;
  }
}

/**
 * Decodes the whole of `bytes` with `read`; refuses trailing bytes.
 * @param what names the thing in the fault's detail ("header", "transaction").
 */
export function decode<T>(
  bytes: Uint8Array,
  what: string,
  read: (reader: Reader) => T,
): Verdict<T, "malformed"> {
  try {
    const reader = new Reader(bytes);
    const value = read(reader);
    reader.end();
    return accept(value);
  } catch (error) {
    if (error instanceof DecodeError) return refuse("malformed", `${what}: ${error.message}`);
    throw error;
  }
}

/**
 * Decodes the whole of what this program stored itself.
 * @throws DecodeError when the bytes were changed
 */
export function decodeStored<T>(bytes: Uint8Array, what: string, read: (reader: Reader) => T): T {
  const decoded = decode(bytes, `stored ${what}`, read);
  if (decoded.ok) return decoded.value;
  throw new DecodeError(decoded.fault.detail);
}
