/** Reading the body of an HTTP request into one buffer, paid for as it grows. */
import type { IncomingMessage } from "node:http";
import { RPC_BODY_BYTES_MAX } from "../../base/limits.ts";
import type { Holding } from "../budgets/client-held-bytes.ts";

/** What came of reading a body: a broken connection needs no answer. */
export type Body =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | { readonly kind: "too-large" }
  | { readonly kind: "no-room" }
  | { readonly kind: "broken" };

/** A peer is cut off all the same after so many bodies' worth of bytes. */
const DISCARDED_BODIES = 16;
const FIRST_BYTES = 1024;

/**
 * Keeps at most RPC_BODY_BYTES_MAX. What is beyond is read and thrown away for a while, because a peer that is cut
 * off while it writes never sees the answer. However small the pieces are in which it comes, it lies in one buffer.
 */
export function readBody(request: IncomingMessage, holding: Holding): Promise<Body> {
  return new Promise((resolve) => {
    let buffer: Buffer = Buffer.alloc(0);
    let bytes = 0;
    const end = (body: Body) => {
      if (body.kind !== "whole") buffer = Buffer.alloc(0);
      resolve(body);
    };
    request.on("data", (chunk: Buffer) => {
      const start = bytes;
      bytes += chunk.length;
      if (bytes > DISCARDED_BODIES * RPC_BODY_BYTES_MAX) return end({ kind: "too-large" });
      if (bytes > RPC_BODY_BYTES_MAX) return;
      const larger = grown(buffer, bytes, holding);
      if (larger === undefined) return end({ kind: "no-room" });
      buffer = larger;
      chunk.copy(buffer, start);
    });
    request.on("end", () => {
      const isTooLarge = bytes > RPC_BODY_BYTES_MAX;
      end(isTooLarge ? { kind: "too-large" } : { kind: "whole", bytes: buffer.subarray(0, bytes) });
    });
    request.on("close", () => end({ kind: "broken" }));
    request.on("error", () => end({ kind: "broken" }));
  });
}

/** A buffer that holds `bytes`, or undefined when there is no room for it. */
function grown(buffer: Buffer, bytes: number, holding: Holding): Buffer | undefined {
  if (bytes <= buffer.length) return buffer;
  const size = Math.min(RPC_BODY_BYTES_MAX, Math.max(bytes, 2 * buffer.length, FIRST_BYTES));
  if (!holding.grow(size - buffer.length)) return undefined;
  const larger = Buffer.alloc(size);
  buffer.copy(larger);
  return larger;
}
