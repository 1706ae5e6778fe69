/**
 * Sends again what no node had room for. A node with too much to do refuses a transaction before it looks at it, and says
 * after how long to try again (docs/rpc.md, -32005 with `retryAfterMs`). Whoever waits as long as it was told gets its
 * turn, and keeps the network at its best rate; whoever comes back at once takes time from it.
 */
import { RpcError } from "../rpc/rpc-error.ts";

/** Callers that were refused together come back apart: up to this share of the time later. */
const SPREAD = 0.25;
/** A node that names no time at all is not asked without a pause. */
const WAIT_MIN_MS = 20;

/**
 * @param send gets what is left of the wait, in ms, and throws where nothing was sent
 * @param waitMs in all; a refusal that names a longer time than is left is thrown at once
 * @throws whatever the last `send` threw
 */
export async function sendWhenRoom<T>(send: (leftMs: number) => Promise<T>, waitMs: number): Promise<T> {
  const endsAt = performance.now() + waitMs;
  for (;;) {
    const leftMs = Math.max(1, endsAt - performance.now());
    try {
      return await send(leftMs);
    } catch (error) {
      const afterMs = roomAfterMs(error);
      const pauseMs = (afterMs ?? 0) * (1 + SPREAD * Math.random());
      // With nothing left of the wait it would be sent and given up at once: then nobody knows what became of it.
      if (afterMs === undefined || performance.now() + pauseMs >= endsAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** The time that a refusal names, ms, or undefined where it names none and waiting would not help. */
function roomAfterMs(error: unknown): number | undefined {
  const afterMs = error instanceof RpcError ? error.data.retryAfterMs : undefined;
  return typeof afterMs === "number" ? Math.max(WAIT_MIN_MS, afterMs) : undefined;
}
