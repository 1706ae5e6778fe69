/**
 * Frames on a libp2p stream: an unsigned varint length (LEB128, at most 4 bytes), then that many bytes. Adapter
 * for the framing of @libp2p/utils. Source: docs/protocol.md, "Frames".
 */
import type { Stream } from "@libp2p/interface";
import { LengthPrefixedDecoder, lpStream } from "@libp2p/utils";

/** One frame after the other, in both directions, with back-pressure. */
export interface FrameStream {
  /** @throws Error when the frame is longer than the cap, the stream ends or `signal` aborts. */
  read(signal?: AbortSignal): Promise<Uint8Array>;
  /** Resolves when the stream accepts more. @throws Error when the stream is closed or `signal` aborts. */
  write(frame: Uint8Array, signal?: AbortSignal): Promise<void>;
}

const LENGTH_BYTES_MAX = 4;

/** @param bytesMax cap of one incoming frame, checked against its length before its bytes are awaited. */
export function frameStream(stream: Stream, bytesMax: number): FrameStream {
  const frames = lpStream(stream, {
    maxDataLength: bytesMax,
    maxLengthLength: LENGTH_BYTES_MAX,
    // A chunk may hold the end of one frame and the start of the next.
    maxBufferSize: 2 * bytesMax + 64 * 1024,
  });
  return {
    read: async (signal) => (await frames.read(signal === undefined ? {} : { signal })).slice(),
    write: (frame, signal) => frames.write(frame, signal === undefined ? {} : { signal }),
  };
}

/** Calls `receive` for each frame in the turn in which its last byte arrives, `fail` once when framing is broken. */
export function onFrames(
  stream: Stream,
  bytesMax: number,
  { receive, fail }: { receive(frame: Uint8Array): void; fail(error: Error): void },
): void {
  const decoder = new LengthPrefixedDecoder({
    maxDataLength: bytesMax,
    maxBufferSize: 2 * bytesMax + 64 * 1024,
  });
  let broken = false;
  stream.addEventListener("message", ({ data }) => {
    if (broken) return;
    let frames: Uint8Array[];
    try {
      frames = Array.from(decoder.decode(data), (frame) => frame.slice());
    } catch (error) {
      broken = true;
      fail(error as Error);
      return;
    }
    // Outside the try: what a receiver throws is not the peer's fault.
    for (const frame of frames) if (!broken) receive(frame);
  });
}
