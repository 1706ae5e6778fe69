/**
 * Calls of one method that follow one another in a batch and are run together: all params are checked, the method is told
 * of those that are right (Method.prepare), then each is called as if it had come alone. Nothing here waits.
 */
import { must } from "../../base/assert.ts";
import { type CallContext, type Method, runParsed } from "./method.ts";
import { parseParams } from "./params.ts";

/** What a call gave, or why it was refused. A result may be a promise. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown };

/** The outcomes in the order of `params`. */
export function runTogether(method: Method, context: CallContext, params: readonly unknown[]): Outcome[] {
  const parsed = params.map((each) => attempt(() => parseParams(method, each)));
  const right = parsed.flatMap((each) => ("result" in each ? [each.result] : []));
  const prepared = attempt(() => must(method.prepare, "it is prepared together")(context, right));
  return parsed.map((each) => {
    if ("error" in each) return each;
    return "error" in prepared ? prepared : attempt(() => runParsed(method, context, each.result));
  });
}

function attempt<T>(work: () => T): { readonly result: T } | { readonly error: unknown } {
  try {
    return { result: work() };
  } catch (error) {
    return { error };
  }
}
