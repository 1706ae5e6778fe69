/**
 * What a fuzz target is: one entry by which input comes in from outside, called as the node calls it, with what it may
 * answer. A target throws where the entry did what it must not: throw something undocumented, take what it writes in
 * another form, or leave itself broken.
 */
import { equalBytes, hex } from "../../src/base/bytes.ts";
import type { Verdict } from "../../src/base/fault.ts";
import type { InputForm } from "./mutate.ts";

export interface OpenTarget {
  /** Valid inputs that the shipped encoders made. */
  readonly seeds: readonly Uint8Array[];
  /** Magic values of the format. */
  readonly words?: readonly Uint8Array[];
  readonly form: InputForm;
  readonly repair?: (input: Uint8Array) => Uint8Array;
  /** The code of the fault, or "ok". @throws FuzzFailure, or whatever the entry threw against its documentation */
  run(input: Uint8Array): string | Promise<string>;
  /** Frees what it holds; throws where the whole run left something wrong. */
  close?(): void | Promise<void>;
}

export interface FuzzTarget {
  /** "wire.hello": before the dot is the kind of input, of which there may be several targets. */
  readonly name: string;
  /** How many inputs the suite gives it. */
  readonly inSuite: number;
  readonly open: () => OpenTarget | Promise<OpenTarget>;
}

/** An entry answered what it must not. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
}

/** What was taken must be written as it came. */
export function canonical<T, Code extends string>(
  input: Uint8Array,
  verdict: Verdict<T, Code>,
  encode: (value: T) => Uint8Array,
): string {
  if (!verdict.ok) return verdict.fault.code;
  const again = encode(verdict.value);
  if (equalBytes(again, input)) return "ok";
  throw new FuzzFailure(`another encoding was taken: ${hex(input)} is written ${hex(again)}`);
}

export function codeOf(verdict: Verdict<unknown>): string {
  return verdict.ok ? "ok" : verdict.fault.code;
}

/** The value of what must hold for a seed. */
export function good<T>(verdict: Verdict<T>): T {
  if (verdict.ok) return verdict.value;
  throw new Error(verdict.fault.detail);
}
