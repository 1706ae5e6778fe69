/**
 * Assertions: "we are wrong". They guard our own state changes and stop the node; they never check input,
 * which gets a Fault (base/fault.ts), and never report the world failing, which throws an Error with a cause.
 */

/**
 * An error that is thrown when the program contradicts itself. Nothing but the process's outermost edge may catch it.
 */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** @throws InvariantError when `condition` is false. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Closes a `switch` over a union: a new member that is not handled fails to compile. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}

/** The value, which is there: `why` says what makes it so. @throws InvariantError where it is not, which is our mistake. */
export function must<T>(value: T | undefined, why: string): T {
  assert(value !== undefined, why);
  return value;
}
