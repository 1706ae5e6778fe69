/**
 * Cuts what comes on a stream into frames, and holds no more of a frame than has come of it. A frame above a size that anybody may send
 * is read on only while somebody waits for it: as soon as its first bytes are here they are shown, and where nobody
 * wants it the rest is thrown away as it comes, so that what stands behind it is still read. The memory of a frame
 * grows with its bytes and is never a list of pieces, however small these are. Pure.
 * Source: docs/protocol.md, "Frames" and "Mail".
 */

/** Bytes of a frame above `unaskedMax` that its reader is shown. */
export const FRAME_START_BYTES = 128;
/** The first memory of a frame. It doubles as the frame's bytes come. */
const FRAME_MEMORY_BYTES = 4 * 1024;
const LENGTH_BYTES_MAX = 4;

export interface FrameBounds {
  /** A frame that announces more is malformed. */
  readonly bytesMax: number;
  /** A frame that announces no more than this is read in any case. It is at least FRAME_START_BYTES. */
  readonly unaskedMax: number;
  /** Asked once of a longer one. @param start its first FRAME_START_BYTES bytes @param bytes of all of it */
  isWanted(start: Uint8Array, bytes: number): boolean;
}

interface Begun {
  readonly bytes: number;
  /** Undefined where nobody wants the frame. */
  memory: Uint8Array | undefined;
  got: number;
  isJudged: boolean;
}

export class FrameDecoder {
  readonly #bounds: FrameBounds;
  #length = 0;
  #lengthBytes = 0;
  #begun: Begun | undefined;

  constructor(bounds: FrameBounds) {
    this.#bounds = bounds;
  }

  /** Bytes that the frame which is begun may still make this side hold, or 0 when none is begun. */
  get awaited(): number {
    if (this.#begun === undefined) return Math.min(this.#lengthBytes, 1);
    const { bytes, memory, isJudged } = this.#begun;
    if (memory === undefined) return 1;
    return isJudged ? bytes : FRAME_START_BYTES;
  }

  /**
   * @param receive is given each frame that is whole, with memory of its own
   * @throws Error when a length is malformed or above the bound; nothing more can be read then
   */
  push(chunk: Uint8Array, receive: (frame: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#begun === undefined) this.#readLength(chunk[at++] ?? 0);
      else at += this.#readBytes(this.#begun, chunk.subarray(at), receive);
    }
  }

  /** LEB128, 1 to 4 bytes, minimal, not 0. */
  #readLength(byte: number): void {
    this.#length |= (byte & 0x7f) << (7 * this.#lengthBytes++);
    if (byte >= 0x80) {
      if (this.#lengthBytes === LENGTH_BYTES_MAX)
        throw new Error(`a length of more than ${LENGTH_BYTES_MAX} bytes`);
      return;
    }
    if (byte === 0) throw new Error("a length of 0 or not in its shortest form");
    const { bytesMax, unaskedMax } = this.#bounds;
    const bytes = this.#length;
    if (bytes > bytesMax) throw new Error(`a frame of ${bytes} bytes, at most ${bytesMax}`);
    this.#length = 0;
    this.#lengthBytes = 0;
    this.#begun = {
      bytes,
      memory: new Uint8Array(Math.min(bytes, FRAME_MEMORY_BYTES)),
      got: 0,
      isJudged: bytes <= unaskedMax,
    };
  }

  /** @returns how many bytes of the chunk it took */
  #readBytes(begun: Begun, chunk: Uint8Array, receive: (frame: Uint8Array) => void): number {
    const end = begun.isJudged ? begun.bytes : FRAME_START_BYTES;
    const part = chunk.subarray(0, end - begun.got);
    if (begun.memory !== undefined) begun.memory = append(begun.memory, begun, part);
    begun.got += part.length;
    if (!begun.isJudged && begun.got === FRAME_START_BYTES) {
      begun.isJudged = true;
      const start = begun.memory?.slice(0, FRAME_START_BYTES) ?? new Uint8Array(0);
      if (!this.#bounds.isWanted(start, begun.bytes)) begun.memory = undefined;
    }
    if (begun.got === begun.bytes) {
      this.#begun = undefined;
      if (begun.memory !== undefined) receive(begun.memory);
    }
    return part.length;
  }
}

/** @returns the memory, or a larger one, which is never larger than the frame */
function append(memory: Uint8Array, { bytes, got }: Begun, part: Uint8Array): Uint8Array {
  let grown = memory;
  if (got + part.length > memory.length) {
    grown = new Uint8Array(Math.min(bytes, Math.max(2 * memory.length, got + part.length)));
    grown.set(memory.subarray(0, got));
  }
  grown.set(part, got);
  return grown;
}
