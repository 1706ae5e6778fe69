/**
 * Calls of one method that follow one another in a batch and are run together: all params are checked, the method is told
 * of those that are right (Method.prepare), then each is called as if it had come alone. Nothing here waits; who calls
 * waits for what the method asks to be waited for.
 */
import { must } from "../../base/assert.ts";
import { type CallContext, type Method, runParsed } from "./method.ts";
import { parseParams } from "./params.ts";

/** What a call gave, or why it was refused. A result may be a promise. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown };

/** Params that are right, or why they are not. */
type ParsedParams = { readonly result: Record<string, unknown> } | { readonly error: unknown };

/** Calls that are ready to be run when `ahead` has resolved. */
export interface PreparedCalls {
  readonly parsed: readonly ParsedParams[];
  /** As of Method.prepare. */
  readonly ahead: Promise<number> | undefined;
}

export function prepareTogether(
  method: Method,
  context: CallContext,
  params: readonly unknown[],
): PreparedCalls {
  const parsed = params.map((each) => attempt(() => parseParams(method, each)));
  const right = parsed.flatMap((each) => ("result" in each ? [each.result] : []));
  const prepared = attempt(() => must(method.prepare, "it is prepared together")(context, right));
  if ("result" in prepared) return { parsed, ahead: prepared.result };
  return { parsed: parsed.map((each) => ("error" in each ? each : prepared)), ahead: undefined };
}

/** The outcomes in the order of the calls. */
export function runTogether(method: Method, context: CallContext, { parsed }: PreparedCalls): Outcome[] {
  return parsed.map((each) =>
    "error" in each ? each : attempt(() => runParsed(method, context, each.result)),
  );
}

function attempt<T>(work: () => T): { readonly result: T } | { readonly error: unknown } {
  try {
    return { result: work() };
  } catch (error) {
    return { error };
  }
}
