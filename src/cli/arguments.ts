/**
 * The words of a command line as values: numbers, amounts, durations, keys. Each parser throws commander's
 * InvalidArgumentError with what is expected, which becomes exit code 2.
 */
import { InvalidArgumentError, Option } from "commander";
import { hex0x, parseBytes32 } from "../base/bytes.ts";
import { isDecimal } from "../base/decimal.ts";
import { badInput } from "./exit.ts";

/**
 * Reads a word that only an action knows how to read: what an argument means may depend on the one before it.
 * @param name what the word is to the person, such as "minFee"
 * @throws CliError with name and word
 */
export function parsed<T>(name: string, parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw badInput(`${name}: ${error.message.replace(/\.$/, "")}, found "${text}"`);
  }
}

/** An integer within bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = isDecimal(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected an integer from ${min} to ${max}.`);
  };
}

export const port = integer(0, 65_535);

const U64_MAX = (1n << 64n) - 1n;

/**
 * An amount or fee: u64. Underscores may group digits by three; a comma may not, because it is a decimal comma to half
 * of the world: "1,5" is not 15.
 */
export function amount(text: string): bigint {
  const isGrouped = /^[1-9][0-9]{0,2}(?:_[0-9]{3})+$/.test(text);
  const digits = isGrouped ? text.replaceAll("_", "") : text;
  const value = isDecimal(digits, 20) ? BigInt(digits) : -1n;
  if (value >= 0n && value <= U64_MAX) return value;
  throw new InvalidArgumentError(
    `expected a whole number from 0 to ${U64_MAX} such as "1500" or "1_500", without commas, points or leading zeros.`,
  );
}

/** A part of a hundred, such as "1" or "0.5". It is returned as a share from 0 to 1. */
export function percent(text: string): number {
  const value = /^\d{1,3}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 100)) throw new InvalidArgumentError("expected a number from 0 to 100, such as 1 or 0.5.");
  return value / 100;
}

/** Reads milliseconds from "500ms", "1s", "1.5s" or "2m". A number without a unit is refused, but for 0. */
export function duration(text: string): number {
  const [, number, unit] =
    /^((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(text === "0" ? "0ms" : text) ?? [];
  const exact = number === undefined ? Number.NaN : Number(number) * MS_PER[unit as keyof typeof MS_PER];
  const ms = Math.round(exact);
  // Number("1.1") * 60,000 is off by less than this.
  if (Math.abs(exact - ms) < 1e-6 && ms <= 24 * MS_PER.h) return ms;
  const unitless = /^[0-9.]+$/.test(text) ? ` Is "${text}" meant as "${text}s" or "${text}ms"?` : "";
  throw new InvalidArgumentError(
    `expected whole milliseconds up to a day with their unit, such as "500ms", "1s" or "2m".${unitless}`,
  );
}

const MS_PER = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** An account's address as it is written into a file: 0x and 64 hex digits, in lower case. */
export function address(text: string): string {
  const bytes = text.startsWith("0x") ? parseBytes32(text) : undefined;
  if (bytes !== undefined) return hex0x(bytes);
  throw new InvalidArgumentError("expected an address: 0x and 64 hex digits.");
}

/**
 * A memo. Where the terminal's encoding is not UTF-8, Node has put U+FFFD in the place of what it could not read: signed, it
 * would stay.
 */
export function memo(text: string): string {
  if (!/[\uFFFD\p{Surrogate}]/u.test(text)) return text;
  throw new InvalidArgumentError("it is not UTF-8, or holds U+FFFD, which stands for text that was lost.");
}

/** Collects the values of an option that may be repeated. */
export function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text];
}

/** Splits "a,b,c" and leaves out empty parts. */
export function list(text: string): readonly string[] {
  return text.split(",").filter((part) => part !== "");
}

/**
 * An http(s) URL without a trailing slash; "host:port" stands for http. What URL parsers would read as something else
 * than it looks like is refused: a bare port is the host 0.0.72.113 to them, "127.1" is 127.0.0.1, and user:pw@host sends
 * the password to a host that the eye takes for the user.
 */
export function rpcUrl(text: string): string {
  const scheme = /^[a-z]+:\/\//i.exec(text)?.[0];
  const whole = scheme === undefined ? `http://${text}` : text;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw wrongUrl("");
  if (/^[0-9]+$/.test(text)) throw wrongUrl(` Is it the port of http://127.0.0.1:${text}?`);
  if (scheme === undefined && (url.username !== "" || url.password !== ""))
    throw wrongUrl(" A name and password need the scheme in front: https://NAME:PASSWORD@HOST.");
  if (scheme === undefined && !/^[^/]+:[0-9]+(?:\/.*)?$/.test(text)) throw wrongUrl(" The port is missing.");
  if (url.search !== "" || url.hash !== "") throw wrongUrl(' What follows "?" or "#" has no meaning here.');
  const [, authority = ""] = /^[^/]*\/\/([^/]*)/.exec(whole) ?? [];
  const host = authority
    .replace(/^.*@/, "")
    .replace(/:[0-9]*$/, "")
    .toLowerCase();
  if (host !== url.hostname)
    throw wrongUrl(` "${host}" would be read as ${url.hostname}: write that if it is meant.`);
  return whole.replace(/\/+$/, "");
}

function wrongUrl(hint: string): InvalidArgumentError {
  return new InvalidArgumentError(`expected a URL such as http://127.0.0.1:18545.${hint}`);
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
