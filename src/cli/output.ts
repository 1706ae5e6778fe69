/**
 * What a command prints: the result on stdout (text for people or one JSON object), everything else on stderr.
 * It decides colour (a terminal, no NO_COLOR, no --no-color) and what -q silences; it knows no command.
 */
import { stripVTControlCharacters, styleText } from "node:util";
import { type CliError, EXIT } from "./exit.ts";

export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** False for --no-color. */
  readonly color?: boolean | undefined;
}

type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #color: boolean;

  constructor(options: OutputOptions) {
    this.json = options.json === true;
    this.quiet = options.quiet === true;
    const plain = options.color === false || (process.env.NO_COLOR ?? "") !== "";
    this.#color = process.stdout.isTTY === true && !plain && !this.json;
  }

  /** The command's result: `value` with --json, else `text`. */
  result(value: unknown, text: string): void {
    process.stdout.write(`${this.json ? toJson(value) : text}\n`);
  }

  /** One object or line of a stream of results. */
  line(value: unknown, text: string): void {
    this.result(value, text);
  }

  /** For people, beside the result. */
  note(text: string): void {
    if (!this.quiet && !this.json) process.stderr.write(`${text}\n`);
  }

  warn(text: string): void {
    if (!this.quiet) process.stderr.write(`${this.style("yellow", "!")} ${text}\n`);
  }

  style(style: Style, text: string): string {
    return this.#color ? styleText(style, text) : text;
  }

  get tick(): string {
    return this.style("green", "✔");
  }

  get cross(): string {
    return this.style("red", "✖");
  }
}

/** An error as the last words of a command: a line on stderr, with --json also an object on stdout. */
export function printError(error: CliError | Error, json: boolean): void {
  const code = "code" in error && typeof error.code === "string" ? error.code : "INTERNAL";
  const exitCode = "exitCode" in error ? error.exitCode : EXIT.broken;
  process.stderr.write(`✖ ${error.message}\n`);
  if (process.env.QUORATE_DEBUG === "1") process.stderr.write(`${stackOf(error)}\n`);
  if (json) process.stdout.write(`${toJson({ error: { code, message: error.message, exitCode } })}\n`);
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}

/** One line of JSON; a bigint is a decimal string. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? item.toString() : item));
}

/** Columns padded to their widest cell, two spaces between, indented by two; numbers may be right-aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => visibleLength(row[i] ?? ""))),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => cell + " ".repeat(widths[i]! - visibleLength(cell))).join("  ")}`.trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}

/** Columns that a text takes on the terminal: without its colours. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** 0x1234…abcd: enough to compare by eye. */
export function shorten(hex: string): string {
  return hex.length <= 14 ? hex : `${hex.slice(0, 8)}…${hex.slice(-4)}`;
}

/** 840, 1.05 M: three digits and how many of them. */
export function showCount(count: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), STEPS.length - 1);
  const value = count / 1_000 ** step;
  return step === 0 ? `${Math.round(value)}` : `${value.toPrecision(3)} ${STEPS[step]}`;
}

const STEPS = ["", "k", "M", "G", "T", "P", "E"];

/** Expected hashes of difficulty 1. */
const DIFFICULTY_ONE_HASHES = 4_295_032_833;

/** A difficulty as people can picture it: 1.05 M hashes. */
export function showHashes(difficulty: number): string {
  return `${showCount(difficulty * DIFFICULTY_ONE_HASHES)} hashes`;
}

/** 98.3 kH/s */
export function showRate(hashesPerSecond: number): string {
  const shown = showCount(hashesPerSecond);
  return shown.includes(" ") ? `${shown}H/s` : `${shown} H/s`;
}

/** 41 ms, 2.31 s, 3 min 20 s. */
export function showDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(2)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}
