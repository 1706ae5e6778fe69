/**
 * Frames on a libp2p stream: an unsigned varint length (LEB128, 1 to 4 bytes, minimal, not 0), then that many
 * bytes. Adapter for the framing of @libp2p/utils, with a length decoder of our own, because its own waits for
 * more bytes for ever when a length has no end. Source: docs/protocol.md, "Frames".
 */
import type { Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { type FrameBounds, FrameDecoder } from "./frame-decoder.ts";

/** One frame after the other, in both directions, with back-pressure. */
export interface FrameStream {
  /** @throws Error when the frame is longer than the cap, the stream ends or `signal` aborts. */
  read(signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * Resolves when the stream accepts more.
   * @param limit aborts the waiting: a signal, or milliseconds, which cost a timer only when there is waiting.
   * @throws Error when the stream is closed or the limit is reached.
   */
  write(frame: Uint8Array, limit?: AbortSignal | number): Promise<void>;
}

const LENGTH_BYTES_MAX = 4;

/** Thrown at the end of every chunk, so it is made once: a stack a frame is dear (profiled). */
const LENGTH_GOES_ON = new RangeError("the length goes on");

/** What the length decoder can read from: a Uint8ArrayList or a Uint8Array. */
interface ByteSource {
  readonly byteLength: number;
  subarray(from: number, to: number): Uint8Array;
}

/** @throws RangeError when more bytes are needed, which the framing waits for; Error when the length is malformed. */
export function decodeLength(source: ByteSource): number {
  const bytes = source.subarray(0, Math.min(LENGTH_BYTES_MAX, source.byteLength));
  let length = 0;
  for (let i = 0; i < LENGTH_BYTES_MAX; i++) {
    const byte = bytes[i];
    if (byte === undefined) throw LENGTH_GOES_ON;
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if (byte === 0) throw new Error("a length of 0 or not in its shortest form");
      return length;
    }
  }
  throw new Error(`a length of more than ${LENGTH_BYTES_MAX} bytes`);
}

/** The frame as it travels: its length, then its bytes. */
function withLength(frame: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = frame.length; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) break;
  }
  const bytes = new Uint8Array(length.length + frame.length);
  bytes.set(length);
  bytes.set(frame, length.length);
  return bytes;
}

/** @param bytesMax cap of one incoming frame, checked against its length before its bytes are awaited. */
export function frameStream(stream: Stream, bytesMax: number): FrameStream {
  const frames = lpStream(stream, {
    maxDataLength: bytesMax,
    lengthDecoder: decodeLength,
    // A chunk may hold the end of one frame and the start of the next.
    maxBufferSize: 2 * bytesMax + 64 * 1024,
  });
  return {
    read: async (signal) => (await frames.read(signal === undefined ? {} : { signal })).slice(),
    write: async (frame, limit) => {
      if (stream.send(withLength(frame))) return;
      const signal = typeof limit === "number" ? AbortSignal.timeout(limit) : limit;
      await stream.onDrain(signal === undefined ? undefined : { signal });
    },
  };
}

export interface FrameReceiver extends FrameBounds {
  /** Called in the turn in which the frame's last byte arrives. */
  receive(frame: Uint8Array): void;
  /** Once, when framing is broken. */
  fail(error: Error): void;
  /**
   * Called after each piece. @param bytes is what the frame that has begun may make this side hold; 0 means that none
   * has. @param isAnother tells whether it is another frame than before.
   */
  awaits(bytes: number, isAnother: boolean): void;
}

/** Frame after frame while the stream lives. */
export function onFrames(stream: Stream, receiver: FrameReceiver): void {
  const decoder = new FrameDecoder(receiver);
  let broken = false;
  stream.addEventListener("message", ({ data }) => {
    if (broken) return;
    const frames: Uint8Array[] = [];
    try {
      decoder.push(data.subarray(), (frame) => frames.push(frame));
    } catch (error) {
      broken = true;
      receiver.fail(error as Error);
      return;
    }
    // Outside the try: what a receiver throws is not the peer's fault.
    for (const frame of frames) if (!broken) receiver.receive(frame);
    receiver.awaits(decoder.awaited, frames.length > 0);
  });
}
