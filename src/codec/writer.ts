/**
 * The canonical binary writer. Every hashed, signed, stored or sent byte string is made here, by hand, because it
 * must have exactly one encoding (docs/protocol.md, "Encoding"). Integers are big-endian and fixed-width; the
 * 80-byte block header alone is little-endian. It asserts ranges: what it is given was checked before.
 */
import { assert } from "../base/assert.ts";

const U64_MAX = (1n << 64n) - 1n;

/** Apart, so that no message is made of a value that is in range: it cost more than the writing (measured). */
function outOfRange(type: string, value: number | bigint): never {
  assert(false, `${type} out of range: ${value}`);
}

export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  /** @param capacity bytes reserved at first; it grows by doubling. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xff)) outOfRange("u8", value);
    const offset = this.#reserve(1);
    this.#view.setUint8(offset, value);
    return this;
  }

  u16(value: number): this {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xffff)) outOfRange("u16", value);
    const offset = this.#reserve(2);
    this.#view.setUint16(offset, value);
    return this;
  }

  u32(value: number): this {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xffffffff)) outOfRange("u32", value);
    const offset = this.#reserve(4);
    this.#view.setUint32(offset, value);
    return this;
  }

  u64(value: bigint): this {
    if (!(value >= 0n && value <= U64_MAX)) outOfRange("u64", value);
    const offset = this.#reserve(8);
    this.#view.setBigUint64(offset, value);
    return this;
  }

  /** Little-endian u32, for the 80-byte header only. */
  u32le(value: number): this {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xffffffff)) outOfRange("u32", value);
    const offset = this.#reserve(4);
    this.#view.setUint32(offset, value, true);
    return this;
  }

  /** Little-endian i32, for the 80-byte header only. */
  i32le(value: number): this {
    if ((value | 0) !== value) outOfRange("i32", value);
    const offset = this.#reserve(4);
    this.#view.setInt32(offset, value, true);
    return this;
  }

  /** Bytes whose length the reader knows. */
  raw(value: Uint8Array): this {
    const offset = this.#reserve(value.length);
    this.#bytes.set(value, offset);
    return this;
  }

  /** u8 length, then the bytes. */
  bytes8(value: Uint8Array): this {
    return this.u8(value.length).raw(value);
  }

  /** u16 length, then the bytes. */
  bytes16(value: Uint8Array): this {
    return this.u16(value.length).raw(value);
  }

  /** u32 length, then the bytes. */
  bytes32(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  /** u32 count, then each item. */
  list<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  /** A copy of what was written; the writer may be used further. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Called before the view is touched: growing replaces it. */
  #reserve(count: number): number {
    const offset = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) this.#grow();
    return offset;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
