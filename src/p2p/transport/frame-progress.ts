/**
 * How many bytes of a frame have come while its last is still awaited, on any stream whose frames begin with their
 * length as an unsigned varint: mail, requests, HELLO, gossipsub and identify. Whoever reads the stream holds as much
 * until the frame is whole. It looks at lengths alone and keeps no bytes. Pure.
 */

/** What came: a Uint8Array, or a list of them. */
export interface FramedBytes {
  readonly byteLength: number;
  subarray(from: number, to: number): Uint8Array;
}

/** Longer lengths are refused by every reader. */
const LENGTH_BYTES_MAX = 4;

export class FrameProgress {
  #length = 0;
  #lengthBytes = 0;
  /** Bytes of the frame that has begun which are still awaited. */
  #awaited = 0;
  #held = 0;
  #isBroken = false;

  /** Bytes held of the frame that has begun, without its length. It is 0 when none has begun, or nobody can read on. */
  get held(): number {
    return this.#held;
  }

  push(bytes: FramedBytes): void {
    let at = 0;
    while (at < bytes.byteLength && !this.#isBroken) {
      if (this.#awaited === 0) at = this.#readLength(bytes, at);
      else {
        const taken = Math.min(this.#awaited, bytes.byteLength - at);
        at += taken;
        this.#awaited -= taken;
        this.#held = this.#awaited === 0 ? 0 : this.#held + taken;
      }
    }
  }

  /** @returns where the frame's bytes begin, or the end of what came */
  #readLength(bytes: FramedBytes, from: number): number {
    const part = bytes.subarray(from, Math.min(bytes.byteLength, from + LENGTH_BYTES_MAX));
    for (const [index, byte] of part.entries()) {
      this.#length |= (byte & 0x7f) << (7 * this.#lengthBytes++);
      if (byte < 0x80) {
        this.#awaited = this.#length;
        this.#length = 0;
        this.#lengthBytes = 0;
        return from + index + 1;
      }
      if (this.#lengthBytes === LENGTH_BYTES_MAX) {
        this.#isBroken = true;
        return bytes.byteLength;
      }
    }
    return bytes.byteLength;
  }
}
