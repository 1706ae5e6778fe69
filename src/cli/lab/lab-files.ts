/**
 * What an experiment of the lab leaves in its folder. results.json, results.csv and report.html follow from options
 * and seed alone, byte for byte; what the clock said stands apart, in timing.json.
 */
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CsvValue, toCsv } from "../../tools/lab/report/csv.ts";
import { CliError, EXIT } from "../exit.ts";

export interface LabFiles {
  readonly results: object;
  readonly rows: readonly Readonly<Record<string, CsvValue>>[];
  readonly report: string;
  readonly timing: object;
}

/** Before the work is done whose results it is for: tries to make it, and leaves nothing. @throws CliError */
export function checkLabDir(dir: string): void {
  try {
    const made = mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK);
    if (made !== undefined) rmSync(made, { recursive: true });
  } catch (cause) {
    throw unwritable(dir, cause);
  }
}

function unwritable(dir: string, cause: unknown): CliError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CliError(EXIT.badInput, "BAD_INPUT", `--out ${dir}: cannot be written: ${reason}`, { cause });
}

/** Files beside the report that others can check, by name. */
export function writeLabExtras(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
}

/** @returns the path of the report */
export function writeLabFiles(dir: string, { results, rows, report, timing }: LabFiles): string {
  const path = join(dir, "report.html");
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
    writeFileSync(join(dir, "results.csv"), toCsv(rows));
    writeFileSync(join(dir, "timing.json"), `${JSON.stringify(timing, null, 2)}\n`);
    writeFileSync(path, report);
  } catch (cause) {
    throw unwritable(dir, cause);
  }
  return path;
}
