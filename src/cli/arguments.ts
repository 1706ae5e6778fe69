/**
 * The words of a command line as values: numbers, amounts, durations, keys. Each parser throws commander's
 * InvalidArgumentError with what is expected, which becomes exit code 2.
 */
import { InvalidArgumentError, Option } from "commander";
import { hex0x, parseBytes32 } from "../base/bytes.ts";

/** An integer within bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected an integer from ${min} to ${max}.`);
  };
}

export const port = integer(0, 65_535);

const U64_MAX = (1n << 64n) - 1n;

/** An amount or fee: u64. Underscores and commas may group digits. */
export function amount(text: string): bigint {
  const digits = text.replaceAll(/(?<=[0-9])[_,](?=[0-9])/g, "");
  const value = /^[0-9]{1,20}$/.test(digits) ? BigInt(digits) : -1n;
  if (value >= 0n && value <= U64_MAX) return value;
  throw new InvalidArgumentError(`expected a whole number from 0 to ${U64_MAX}.`);
}

/** Milliseconds from "500ms", "1s", "1.5s", "2m"; a bare number is milliseconds. */
export function duration(text: string): number {
  const [, number, unit = "ms"] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const ms =
    number === undefined ? Number.NaN : Math.round(Number(number) * MS_PER[unit as keyof typeof MS_PER]);
  if (ms >= 0 && ms <= 24 * MS_PER.h) return ms;
  throw new InvalidArgumentError('expected a duration up to a day, such as "500ms", "1s" or "2m".');
}

const MS_PER = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** An account's address as it is written into a file: 0x and 64 hex digits, in lower case. */
export function address(text: string): string {
  const bytes = text.startsWith("0x") ? parseBytes32(text) : undefined;
  if (bytes !== undefined) return hex0x(bytes);
  throw new InvalidArgumentError("expected an address: 0x and 64 hex digits.");
}

/** For repeatable options. */
export function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text];
}

/** "a,b,c" without empty parts. */
export function list(text: string): readonly string[] {
  return text.split(",").filter((part) => part !== "");
}

/** An http(s) URL without a trailing slash. */
export function rpcUrl(text: string): string {
  const whole = /^[a-z]+:\/\//.test(text) ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return whole.replace(/\/+$/, "");
  throw new InvalidArgumentError("expected a URL such as http://127.0.0.1:18545.");
}

/** An option whose default is shown in words, because it is a bigint or has a unit. */
export function withDefault<T>(
  flags: string,
  description: string,
  parser: (text: string) => T,
  [value, shown]: readonly [T, string],
): Option {
  return new Option(flags, description).argParser(parser).default(value, shown);
}
