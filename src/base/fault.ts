/**
 * Faults: "the input is wrong". A fault is returned, never thrown; it carries a code of a closed union and the
 * compared values, so that a caller can switch on it and a person can act on it. Every entry point of the node (wire,
 * gossip, RPC, genesis, disk) answers with one.
 */

export interface Fault<Code extends string = string> {
  readonly code: Code;
  /** One line for a person: what was wrong, the values compared, what to do. */
  readonly detail: string;
}

export type Verdict<T, Code extends string = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault<Code> };

export function accept<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function refuse<Code extends string>(
  code: Code,
  detail: string,
): { readonly ok: false; readonly fault: Fault<Code> } {
  return { ok: false, fault: { code, detail } };
}

export function fault<Code extends string>(code: Code, detail: string): Fault<Code> {
  return { code, detail };
}

/**
 * What a relay does with a rumor: pass it on, drop it silently, or drop it and lower the sender's score.
 * `reject` only for a fault that is permanent on every node, whatever library and state it has. `known`: it is right
 * and was passed on from here before, so it is not passed on again.
 */
export type Relay = "accept" | "ignore" | "reject" | "known";
