/**
 * The door for JSON that people write (genesis.json, key files, peers.json, config.toml): leaf fields for zod that
 * carry one sentence of what they expect, and the explanation of a refusal as "path: expected this, found that".
 * Objects are strict: an unknown key is refused with the nearest known one. It knows no file and no rule of its own.
 */
import { z } from "zod";
import { type Address, asAddress, parseBytes32 } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { didYouMean } from "../base/suggest.ts";

/**
 * A leaf. `parse` answers undefined for what it refuses; a missing key arrives as undefined.
 * @param expected completes "expected ...": "an integer from 1 to 200".
 */
export function field<T>(expected: string, parse: (value: unknown) => T | undefined): z.ZodType<T> {
  return z
    .any()
    .superRefine((value, context) => {
      if (parse(value) === undefined)
        context.addIssue(`expected ${expected}, found ${show(value)}${exactness(value)}`);
    })
    .transform((value) => parse(value) as T);
}

/** An integer as a JSON number or a decimal string, both bounds included. */
export function integerField(min: number, max: number): z.ZodType<number> {
  return field(`an integer from ${min} to ${max}`, (value) => {
    const number = typeof value === "string" && DECIMAL.test(value) ? Number(value) : value;
    return Number.isSafeInteger(number) && (number as number) >= min && (number as number) <= max
      ? (number as number)
      : undefined;
  });
}

/** An amount: a decimal string, so that no JSON library rounds it. */
export function amountField(max: bigint): z.ZodType<bigint> {
  return field(`a decimal string from "0" to "${max}"`, (value) => {
    if (typeof value !== "string" || value.length > 20 || !DECIMAL.test(value)) return undefined;
    const amount = BigInt(value);
    return amount <= max ? amount : undefined;
  });
}

/** 32 bytes as 0x and 64 hex digits. */
export function addressField(what: string): z.ZodType<Address> {
  return field(`${what}: 0x and 64 hex digits (32 bytes)`, (value) => {
    const bytes = typeof value === "string" && value.startsWith("0x") ? parseBytes32(value) : undefined;
    return bytes === undefined ? undefined : asAddress(bytes);
  });
}

/** A string that matches; `expected` says what the pattern means. */
export function textField(expected: string, pattern: RegExp): z.ZodType<string> {
  return field(expected, (value) => (typeof value === "string" && pattern.test(value) ? value : undefined));
}

/** Exactly one of these strings. */
export function choiceField<T extends string>(...choices: readonly T[]): z.ZodType<T> {
  const expected = choices.map((choice) => `"${choice}"`).join(" or ");
  return field(expected, (value) => choices.find((choice) => choice === value));
}

/** Checks `input` against `schema`; the fault names the first few things that are wrong, each with its path. */
export function checkFields<T>(schema: z.ZodType<T>, input: unknown): Verdict<T, "malformed"> {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return accept(result.data);
  const lines = result.error.issues.flatMap((issue) => explainIssue(schema, issue));
  const more = lines.length > ISSUES_SHOWN ? `; and ${lines.length - ISSUES_SHOWN} more` : "";
  return refuse("malformed", lines.slice(0, ISSUES_SHOWN).join("; ") + more);
}

/** JSON text to fields: a syntax error is a fault too. */
export function checkJson<T>(schema: z.ZodType<T>, json: string): Verdict<T, "malformed"> {
  let input: unknown;
  try {
    input = JSON.parse(json);
  } catch (error) {
    return refuse("malformed", `not JSON: ${(error as Error).message}`);
  }
  return checkFields(schema, input);
}

const DECIMAL = /^(0|[1-9][0-9]*)$/;
const ISSUES_SHOWN = 5;
const VALUE_SHOWN_MAX = 60;

/** A value as the reader wrote it, cut to a line's worth. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value !== null && typeof value === "object") return "an object";
  const shown = typeof value === "bigint" ? `${value}` : (JSON.stringify(value) ?? String(value));
  return shown.length > VALUE_SHOWN_MAX ? `${shown.slice(0, VALUE_SHOWN_MAX)}...` : shown;
}

function exactness(value: unknown): string {
  const lost = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return lost ? " (numbers above 2^53 - 1 lose digits in JSON: write a decimal string)" : "";
}

function explainIssue(schema: z.ZodType, issue: z.core.$ZodIssue): string[] {
  const path = showPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => `${showPath([...issue.path, key])}: unknown key${didYouMean(key, known)}`);
  }
  if (issue.code === "invalid_type") {
    const expected = issue.expected === "array" ? "a list" : `an ${issue.expected}`;
    return [`${path}: expected ${expected}, found ${show(issue.input)}`];
  }
  return [`${path}: ${issue.message}`];
}

function showPath(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`));
  return steps.join("").replace(/^\./, "") || "the file";
}

/** The keys of the object that stands at `path`. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  let at = beforeTransform(schema);
  for (const step of path) {
    if (at instanceof z.ZodArray) at = beforeTransform(at.element);
    else if (at instanceof z.ZodObject)
      at = beforeTransform((at.shape as Record<PropertyKey, unknown>)[step]);
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function beforeTransform(schema: unknown): unknown {
  return schema instanceof z.ZodPipe ? beforeTransform(schema.in) : schema;
}
