/**
 * What a command prints: the result on stdout (text for people or one JSON object), everything else on stderr.
 * It decides colour (a terminal, no NO_COLOR, no --no-color) and what -q silences; it knows no command. A text is a
 * line or a list of lines, and each line is escaped when it is printed (styled-text.ts).
 */
import { type CliError, EXIT } from "./exit.ts";
import { paint, type Style, type Text } from "./styled-text.ts";
import { isTerminalOf, print, printJson } from "./terminal.ts";

export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** Whether colours are allowed; --no-color makes it false. */
  readonly color?: boolean | undefined;
}

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #color: boolean;

  constructor(options: OutputOptions) {
    this.json = options.json === true;
    this.quiet = options.quiet === true;
    const plain = options.color === false || (process.env.NO_COLOR ?? "") !== "";
    this.#color = isTerminalOf("stdout") && !plain && !this.json;
  }

  /** The command's result: `value` with --json, else `text`. */
  result(value: unknown, text: Text): void {
    if (this.json) printJson(toJson(value));
    else print("stdout", text);
  }

  /** One object or line of a stream of results. */
  line(value: unknown, text: Text): void {
    this.result(value, text);
  }

  /** A result that people read as JSON too: on one line with --json, else laid out. */
  document(value: unknown): void {
    printJson(this.json ? toJson(value) : toJson(value, 2));
  }

  /** Prints what people read beside the result. */
  note(text: Text): void {
    if (!this.quiet && !this.json) print("stderr", text);
  }

  warn(text: Text): void {
    const [first = "", ...more] = typeof text === "string" ? [text] : text;
    if (!this.quiet) print("stderr", [`${this.style("yellow", "!")} ${first}`, ...more]);
  }

  style(style: Style, text: string): string {
    return this.#color ? paint(style, text) : text;
  }

  get tick(): string {
    return this.style("green", "✔");
  }

  get cross(): string {
    return this.style("red", "✖");
  }
}

/** An error as the last words of a command: on stderr, with --json also an object on stdout. */
export function printError(error: CliError | Error, json: boolean): void {
  const code = "code" in error && typeof error.code === "string" ? error.code : "INTERNAL";
  const exitCode = "exitCode" in error ? error.exitCode : EXIT.broken;
  const more = "more" in error ? error.more : [];
  print("stderr", [`✖ ${error.message}`, ...more.map((line) => `  ${line}`)]);
  if (process.env.QUORATE_DEBUG === "1") print("stderr", stackOf(error));
  const message = [error.message, ...more].join(LINE_END);
  if (json) printJson(toJson({ error: { code, message, exitCode } }));
}

const LINE_END = "\n";

/** Says where an error came about: its words on one line, then the places, and the same of its cause. */
export function stackOf(error: Error): readonly string[] {
  const places = (error.stack ?? "").split(LINE_END).filter((line) => /^\s+at /.test(line));
  const cause = error.cause instanceof Error ? stackOf(error.cause) : [];
  const [first, ...rest] = cause;
  return [
    `${error.name}: ${error.message}`,
    ...places,
    ...(first === undefined ? [] : [`caused by: ${first}`, ...rest]),
  ];
}

/** A value as JSON, on one line or laid out. A bigint is a decimal string. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? item.toString() : item), indent);
}

/** Shortens to 0x1234…abcd, which is enough to compare by eye. */
export function shorten(hex: string): string {
  return hex.length <= 14 ? hex : `${hex.slice(0, 8)}…${hex.slice(-4)}`;
}

/** Shows a count with three digits and how many of them it has: 840, 1.05 M. */
export function showCount(count: number): string {
  // Rounded first, so that 999,600 is 1.00 M and not a thousand k.
  const rounded = count < 999.5 ? count : Number(count.toPrecision(3));
  const step = Math.min(Math.floor(Math.log10(Math.max(rounded, 1)) / 3), STEPS.length - 1);
  const value = rounded / 1_000 ** step;
  return step === 0 ? `${Math.round(value)}` : `${value.toPrecision(3)} ${STEPS[step]}`;
}

const STEPS = ["", "k", "M", "G", "T", "P", "E"];

/** Expected hashes of difficulty 1. */
const DIFFICULTY_ONE_HASHES = 4_295_032_833;

/** A difficulty as people can picture it: 1.05 M hashes. */
export function showHashes(difficulty: number): string {
  return `${showCount(difficulty * DIFFICULTY_ONE_HASHES)} hashes`;
}

/** Shows a rate such as 98.3 kH/s. */
export function showRate(hashesPerSecond: number): string {
  const shown = showCount(hashesPerSecond);
  return shown.includes(" ") ? `${shown}H/s` : `${shown} H/s`;
}

/** Shows a duration as 41 ms, 2.31 s or 3 min 20 s. */
export function showDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_995) return `${(ms / 1_000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
