/**
 * Transfers as one JSON-RPC request, and what a node refused of it. Written as text: a load generator shares the
 * processors with what it measures.
 */
import type { Refusal } from "./load.ts";
import { HttpRefusal, type RpcLine } from "./rpc-line.ts";
import type { LoadTransfer } from "./transfers.ts";

/** A refusal as JSON-RPC tells it. */
export interface RpcRefusal extends Refusal {
  /** The number of the error, such as -32005, or the status of HTTP. */
  readonly number: number;
  /** The time that the node says to wait, or undefined where it says none. */
  readonly retryAfterMs: number | undefined;
}

interface Answer {
  readonly id: number | null;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code: string; readonly retryAfterMs?: number };
  };
}

/** @throws Error when the node does not answer, or calls the request malformed */
export async function sendBatch(
  line: RpcLine,
  transfers: readonly LoadTransfer[],
): Promise<readonly RpcRefusal[]> {
  const calls = transfers.map(
    ({ bytes }, i) =>
      `{"jsonrpc":"2.0","id":${i},"method":"tx_send","params":{"tx":"0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")}"}}`,
  );
  const text = await line.post(calls.length === 1 ? calls.join() : `[${calls.join(",")}]`).catch(statusOf);
  if (typeof text === "number")
    return transfers.map((_, index) => {
      return { index, code: `HTTP ${text}`, number: text, retryAfterMs: undefined };
    });
  if (!text.includes('"error":')) return [];
  return refusalsOf(line.url, text, transfers.length);
}

/** The status of a request that was refused by HTTP, before its calls were read. @throws any other error */
function statusOf(error: unknown): number {
  if (error instanceof HttpRefusal) return error.status;
  throw error;
}

/** What an answer with an error in it refuses. @param count of the calls that were asked */
export function refusalsOf(url: string, text: string, count: number): readonly RpcRefusal[] {
  const answers = [JSON.parse(text)].flat() as Answer[];
  return answers.flatMap(({ id, error }) => {
    if (error === undefined) return [];
    const { retryAfterMs, code = error.message } = error.data ?? {};
    const refusal = { code, number: error.code, retryAfterMs };
    if (id !== null) return [{ index: id, ...refusal }];
    // The message itself had no turn, so that none of its calls was read.
    if (code !== "RATE_LIMIT") throw new Error(`${url}: ${error.message}`);
    return Array.from({ length: count }, (_, index) => ({ index, ...refusal }));
  });
}
