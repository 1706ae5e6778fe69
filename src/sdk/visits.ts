/**
 * Nodes that are asked again and again, each at its own pace, until what they said settles the matter or the time is up.
 * First as many as it takes, the others when one of them fails, is silent for T_client, or the caller wants more.
 */
import { must } from "../base/assert.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { CallLimits, Endpoint } from "./endpoint.ts";
import { wasNeverReached } from "./reached.ts";

/** A node's answer is false, or of no use for good: it is not asked again. */
export class Disbelieved extends Error {}

/** A node does not have what was asked for, which nobody can prove: it is not asked again, and has not lied. */
export class NotHere extends Error {}

export interface VisitOptions<T> {
  readonly endpoints: readonly Endpoint[];
  /** So many are asked at once. */
  readonly first: number;
  /** How long in all, for one answer, and until the others are asked, ms. */
  readonly waitMs: number;
  readonly answerMs: number;
  readonly resendMs: number;
  /** Asks a node once. It returns undefined to be asked again. `more` has the others asked too. */
  readonly visit: (endpoint: Endpoint, limits: CallLimits, more: () => void) => Promise<T | undefined>;
  readonly failed: (endpoint: Endpoint, error: Error) => void;
}

/** Milliseconds between two questions to one node: shorter than a block takes. */
const PAUSE_MS = 50;

/** @returns undefined when the time is up, or no node is left that could say more */
export function visitUntilSettled<T>(options: VisitOptions<T>): Promise<T | undefined> {
  const { endpoints, first, waitMs, answerMs, resendMs, visit, failed } = options;
  const over = new AbortController();
  const limits = { timeoutMs: Math.max(1, Math.min(answerMs, waitMs)), signal: over.signal };
  let begun = 0;
  let open = 0;
  return new Promise((resolve, reject) => {
    const end = (settled: T | undefined) => {
      clearTimeout(late);
      clearTimeout(silent);
      resolve(settled);
      over.abort();
    };
    const startNext = () => {
      const endpoint = must(endpoints[begun++], "no more are begun than there are");
      open++;
      run(endpoint).catch((error: unknown) => {
        reject(error as Error);
        end(undefined);
      });
    };
    const startAll = () => {
      while (begun < endpoints.length && !over.signal.aborted) startNext();
    };
    const run = async (endpoint: Endpoint): Promise<void> => {
      while (!over.signal.aborted) {
        const settled = await visitOnce(endpoint);
        if (settled === GIVEN_UP || over.signal.aborted) break;
        if (settled !== undefined) return end(settled);
        await pause(over.signal);
      }
      open--;
      if (over.signal.aborted) return;
      startAll();
      if (open === 0) end(undefined);
    };
    const visitOnce = async (endpoint: Endpoint): Promise<T | undefined | typeof GIVEN_UP> => {
      try {
        return await visit(endpoint, limits, startAll);
      } catch (error) {
        const reason = error instanceof Error ? error : new Error(String(error));
        if (!over.signal.aborted) failed(endpoint, reason);
        if (isForGood(reason)) return GIVEN_UP;
        startAll();
        return undefined;
      }
    };
    const late = setTimeout(() => end(undefined), waitMs);
    const silent = setTimeout(startAll, resendMs);
    for (let i = 0; i < Math.min(first, endpoints.length); i++) startNext();
  });
}

const GIVEN_UP = Symbol("given up");

function isForGood(error: Error): boolean {
  if (error instanceof RpcError) return !PASSING.includes(error.code);
  return error instanceof Disbelieved || error instanceof NotHere || wasNeverReached(error);
}

/** The codes of a node that may answer in a moment: it cannot serve now, allows no more now, or failed inside. */
const PASSING: readonly number[] = [-32002, -32005, -32603];

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, PAUSE_MS);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
