/**
 * Which nodes the page asks, and calls to them: the one that served it first, others by `?nodes=`. Several questions
 * travel as one request. What a node answers is data to show and to check, never a text that is obeyed.
 */
import { RpcError } from "../../rpc/rpc-error.ts";
import { type BatchCall, type MethodName, NodeCalls, type ResultOf } from "../../sdk/node-calls.ts";
import { parseNodes } from "../model/routes.ts";
import { token } from "./token.ts";

/** Milliseconds until a silent node counts as gone. */
const ANSWER_MS_MAX = 5_000;

const ownOrigin = location.protocol.startsWith("http") ? location.origin : undefined;

/** URLs of the nodes, the first in front. There are none where the page was opened from a file without `?nodes=`. */
export const nodeUrls: readonly string[] =
  parseNodes(location.search, location.origin) ?? (ownOrigin === undefined ? [] : [ownOrigin]);

/** Node's clock minus the reader's, ms, as far as the Date header tells: below 2 s it is not worth a word. */
let clockOffsetMs = 0;

/** The node's clock: what block times are compared with. */
export function nodeNow(): number {
  return Date.now() + clockOffsetMs;
}

async function timedFetch(input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  const date = Date.parse(response.headers.get("date") ?? "");
  const offset = date + 500 - Date.now();
  if (!Number.isNaN(date)) clockOffsetMs = Math.abs(offset) < 2_000 ? 0 : offset;
  return response;
}

export function clientOf(url: string): NodeCalls {
  return new NodeCalls(url, {
    fetch: timedFetch as typeof fetch,
    timeoutMs: ANSWER_MS_MAX,
    reconnectMs: Number.POSITIVE_INFINITY,
    token: () => token.value,
  });
}

/** Calls the first node. Undefined without one. */
export const client: NodeCalls | undefined = nodeUrls[0] === undefined ? undefined : clientOf(nodeUrls[0]);

export type Answer<M extends MethodName> = ResultOf<M> | RpcError;

/**
 * Asks all calls in one request. The answers are in the order of the calls, a refusal among them as an
 * RpcError. @throws Error without an answer
 */
export async function askAll<const C extends readonly BatchCall[]>(
  calls: C,
  from: NodeCalls | undefined = client,
): Promise<{ -readonly [K in keyof C]: Answer<C[K]["method"]> }> {
  if (from === undefined) throw new Error("no node to ask: this page was opened from a file");
  return (await from.batch(calls)) as never;
}

/** The answer, or undefined where the node refused. */
export function orUndefined<T>(answer: T | RpcError): T | undefined {
  return answer instanceof RpcError ? undefined : answer;
}

/** The answer. @throws RpcError that the node refused with */
export function orThrow<T>(answer: T | RpcError): T {
  if (answer instanceof RpcError) throw answer;
  return answer;
}
