/**
 * What keeps a node from starting, in one line that says what to do: everything that can be wrong with a home, a
 * disk or a key and that a person has to decide about. It knows nothing of how the line is shown.
 */
import type { Fault } from "../base/fault.ts";

export class StartError extends Error {
  override readonly name = "StartError";
  readonly code: string;

  constructor(fault: Fault, options?: ErrorOptions) {
    super(fault.detail, options);
    this.code = fault.code;
  }
}
