/**
 * The trace of a run as one running hash: whatever happens is written into it with its time and its bytes, so two
 * runs with the same hash were the same, byte for byte. Only the hash is kept.
 */
import { hex } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";

/** The number of a kind is part of the trace: new kinds are added at the end. */
const TRACE_KIND = {
  sent: 1,
  delivered: 2,
  lost: 3,
  published: 4,
  asked: 5,
  answered: 6,
  journaled: 7,
  rotated: 8,
  written: 9,
  committed: 10,
  started: 11,
  crashed: 12,
  fatal: 13,
  submitted: 14,
  network: 15,
  adversary: 16,
} as const;

export type TraceKind = keyof typeof TRACE_KIND;

const HEAD_BYTES = 24;
const BUFFER_BYTES = 64 * 1024;

export class Trace {
  readonly #buffer = new Uint8Array(32 + BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  /** The first 32 bytes are the hash of all before. */
  #length = 32;
  #events = 0;

  /** How many events were noted. */
  get events(): number {
    return this.#events;
  }

  /** @param node who did it @param other whom it concerns, if anybody */
  note(kind: TraceKind, atMs: number, node: number, other = 0xffff, bytes?: Uint8Array): void {
    this.#events++;
    if (this.#length + HEAD_BYTES > this.#buffer.length) this.#fold();
    const view = this.#view;
    const at = this.#length;
    view.setUint8(at, TRACE_KIND[kind]);
    view.setFloat64(at + 4, atMs);
    view.setUint16(at + 12, node);
    view.setUint16(at + 14, other);
    view.setUint32(at + 16, bytes?.length ?? 0);
    this.#length += HEAD_BYTES;
    if (bytes !== undefined) this.#append(bytes);
  }

  /** Hex of the hash of everything so far, 64 characters. */
  digest(): string {
    return hex(sha256(this.#buffer.subarray(0, this.#length)));
  }

  #append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) this.#fold();
    const kept = bytes.length > BUFFER_BYTES ? sha256(bytes) : bytes;
    this.#buffer.set(kept, this.#length);
    this.#length += kept.length;
  }

  #fold(): void {
    const hash = sha256(this.#buffer.subarray(0, this.#length));
    this.#buffer.set(hash, 0);
    this.#buffer.fill(0, 32);
    this.#length = 32;
  }
}
