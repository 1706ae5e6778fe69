/**
 * What an experiment of the lab leaves in its folder. results.json, results.csv and report.html follow from options
 * and seed alone, byte for byte; what the clock said stands apart, in timing.json.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CsvValue, toCsv } from "../lab/csv.ts";
import { CliError, EXIT } from "./exit.ts";

export interface LabFiles {
  readonly results: object;
  readonly rows: readonly Readonly<Record<string, CsvValue>>[];
  readonly report: string;
  readonly timing: object;
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
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(EXIT.badInput, "BAD_INPUT", `${dir}: cannot be written: ${reason}`, { cause });
  }
  return path;
}
