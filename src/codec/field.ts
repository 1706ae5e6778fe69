/**
 * JSON that people and nodes write (genesis.json, key files, peers.json, config.toml, receipts) as values: leaves that
 * carry one sentence of what they expect, objects and lists of them, and the explanation of a refusal as "path:
 * expected this, found that". Objects are strict: an unknown key is refused with the nearest known one. It knows no
 * file and no rule of its own. Not zod, which RPC has: a verifier in a browser would load more of that than of itself.
 */
import { type Address, asAddress, parseBytes32 } from "../base/bytes.ts";
import { isDecimal } from "../base/decimal.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { duplicateKey } from "../base/jsontext.ts";
import { didYouMean } from "../base/suggest.ts";

/** Where a value stands, and what was wrong so far: "path: why" each. */
export interface FieldPlace {
  readonly path: string;
  readonly problems: string[];
}

export interface Field<T> {
  /** Returns undefined when it reported a problem. A missing key arrives as undefined. */
  read(value: unknown, place: FieldPlace): T | undefined;
}

/** A field for a key of an object that may be missing. */
export interface OptionalField<T> extends Field<T> {
  readonly isOptional: true;
}

export type ValueOf<F> = F extends Field<infer T> ? T : never;

type Shape = Readonly<Record<string, Field<unknown>>>;
type OptionalKeys<S extends Shape> = {
  [K in keyof S]: S[K] extends OptionalField<unknown> ? K : never;
}[keyof S];
export type Fields<S extends Shape> = {
  -readonly [K in Exclude<keyof S, OptionalKeys<S>>]: ValueOf<S[K]>;
} & { -readonly [K in OptionalKeys<S>]?: ValueOf<S[K]> };

/**
 * A leaf. `parse` answers undefined for what it refuses.
 * @param expected completes "expected ...": "an integer from 1 to 200".
 */
export function field<T>(expected: string, parse: (value: unknown) => T | undefined): Field<T> {
  return {
    read(value, place) {
      const parsed = parse(value);
      if (parsed === undefined)
        report(place, `expected ${expected}, found ${show(value)}${exactness(value)}`);
      return parsed;
    },
  };
}

/**
 * An object with these keys and no others. With `others: "ignored"` it may hold what a newer program has
 * added.
 */
export function object<S extends Shape>(
  shape: S,
  { others }: { readonly others: "refused" | "ignored" } = { others: "refused" },
): Field<Fields<S>> {
  return {
    read(value, place) {
      if (value === null || typeof value !== "object" || Array.isArray(value)) {
        report(place, `expected an object, found ${show(value)}`);
        return undefined;
      }
      const before = place.problems.length;
      const result: Record<string, unknown> = {};
      for (const [key, part] of Object.entries(shape)) {
        const found = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
        if (found === undefined && "isOptional" in part) continue;
        result[key] = part.read(found, below(place, `.${key}`));
      }
      for (const key of others === "refused" ? Object.keys(value) : []) {
        if (!Object.hasOwn(shape, key))
          report(below(place, `.${key}`), `unknown key${didYouMean(key, Object.keys(shape))}`);
      }
      return place.problems.length === before ? (result as Fields<S>) : undefined;
    },
  };
}

export function optional<T>(part: Field<T>): OptionalField<T> {
  return { isOptional: true, read: (value, place) => part.read(value, place) };
}

/** A list of at most `countMax` items. */
export function list<T>(item: Field<T>, countMax = Number.POSITIVE_INFINITY): Field<T[]> {
  return {
    read(value, place) {
      if (!Array.isArray(value)) {
        report(place, `expected a list, found ${show(value)}`);
        return undefined;
      }
      if (value.length > countMax) {
        report(place, `expected at most ${countMax} items, found ${value.length}`);
        return undefined;
      }
      const before = place.problems.length;
      const items = value.map((one, i) => item.read(one, below(place, `[${i}]`)));
      return place.problems.length === before ? (items as T[]) : undefined;
    },
  };
}

/** Objects of several kinds, told apart by the text under `key`. */
export function variant<V extends Readonly<Record<string, Field<unknown>>>>(
  key: string,
  kinds: V,
): Field<ValueOf<V[keyof V]>> {
  const known = choiceField(...Object.keys(kinds));
  return {
    read(value, place) {
      if (value === null || typeof value !== "object" || Array.isArray(value)) {
        report(place, `expected an object, found ${show(value)}`);
        return undefined;
      }
      const kind = known.read((value as Record<string, unknown>)[key], below(place, `.${key}`));
      return kind === undefined ? undefined : (kinds[kind]?.read(value, place) as ValueOf<V[keyof V]>);
    },
  };
}

/** A value made of another; `problem` says why a value of the right form is wrong, as "path: why" below this one. */
export function mapped<A, B>(
  part: Field<A>,
  map: (value: A) => B,
  problem: (value: A) => string | undefined = () => undefined,
): Field<B> {
  return {
    read(value, place) {
      const found = part.read(value, place);
      if (found === undefined) return undefined;
      const why = problem(found);
      if (why === undefined) return map(found);
      place.problems.push(`${place.path}.${why}`.replace(/^\./, ""));
      return undefined;
    },
  };
}

/** An integer as a JSON number or a decimal string, both bounds included. */
export function integerField(min: number, max: number): Field<number> {
  return field(`an integer from ${min} to ${max}`, (value) => {
    const number = typeof value === "string" && isDecimal(value) ? Number(value) : value;
    return Number.isSafeInteger(number) && (number as number) >= min && (number as number) <= max
      ? (number as number)
      : undefined;
  });
}

/** An amount: a decimal string, so that no JSON library rounds it. */
export function amountField(max: bigint): Field<bigint> {
  return field(`a decimal string from "0" to "${max}"`, (value) => {
    if (typeof value !== "string" || value.length > 20 || !isDecimal(value)) return undefined;
    const amount = BigInt(value);
    return amount <= max ? amount : undefined;
  });
}

/** Reads 32 bytes that are written as 0x and 64 hex digits. */
export function addressField(what: string): Field<Address> {
  return field(`${what}: 0x and 64 hex digits (32 bytes)`, (value) => {
    const bytes = typeof value === "string" && value.startsWith("0x") ? parseBytes32(value) : undefined;
    return bytes === undefined ? undefined : asAddress(bytes);
  });
}

/** A string that matches the pattern. `expected` says in words what the pattern means. */
export function textField(expected: string, pattern: RegExp): Field<string> {
  return field(expected, (value) => (typeof value === "string" && pattern.test(value) ? value : undefined));
}

/** Reads exactly one of these strings. */
export function choiceField<T extends string>(...choices: readonly T[]): Field<T> {
  const expected = choices.map((choice) => `"${choice}"`).join(" or ");
  return field(expected, (value) => choices.find((choice) => choice === value));
}

/** Checks `input`. A fault names the first few things that are wrong, each with its path. */
export function checkFields<T>(form: Field<T>, input: unknown): Verdict<T, "malformed"> {
  const problems: string[] = [];
  const value = form.read(input, { path: "", problems });
  if (problems.length === 0) return accept(value as T);
  const more = problems.length > PROBLEMS_SHOWN ? `; and ${problems.length - PROBLEMS_SHOWN} more` : "";
  return refuse("malformed", problems.slice(0, PROBLEMS_SHOWN).join("; ") + more);
}

/** JSON text: a syntax error is a fault too, and a key that stands twice, of which JSON.parse takes the last. */
export function parseJson(json: string): Verdict<unknown, "malformed"> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return refuse("malformed", `not JSON: ${(error as Error).message}`);
  }
  const twice = duplicateKey(json);
  if (twice === undefined) return accept(value);
  return refuse("malformed", `the key ${show(twice)} stands twice in one object: which one counts?`);
}

/** Reads the text of a JSON file as the fields of a form. */
export function checkJson<T>(form: Field<T>, json: string): Verdict<T, "malformed"> {
  const input = parseJson(json);
  return input.ok ? checkFields(form, input.value) : input;
}

const PROBLEMS_SHOWN = 5;
const VALUE_SHOWN_MAX = 60;

function report({ path, problems }: FieldPlace, problem: string): void {
  problems.push(`${path.replace(/^\./, "") || "the file"}: ${problem}`);
}

function below({ path, problems }: FieldPlace, step: string): FieldPlace {
  return { path: path + step, problems };
}

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
