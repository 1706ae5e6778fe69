/**
 * What an experiment of the lab leaves: each run a folder of its own, and an index page that lists them. A run's
 * results.json, results.csv and report.html follow from options, seed and program alone, byte for byte; what the clock
 * said stands apart, in timing.json.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CsvValue, toCsv } from "../../tools/lab/report/csv.ts";
import { type ListedRun, readRun, renderRuns } from "../../tools/lab/report/index-page.ts";
import { madeBy } from "../../tools/lab/report/page.ts";
import { checkNamedFolder, makeNamedFolder, unwritable } from "../output-folder.ts";

export interface LabFiles {
  readonly results: { readonly experiment: string };
  readonly rows: readonly Readonly<Record<string, CsvValue>>[];
  readonly report: string;
  readonly timing: object;
}

/** Runs that the index lists, the newest first. */
const LISTED_MAX = 500;

/** Tries to make the folder before the work is done whose results it is for, and leaves nothing. @throws CliError */
export function checkLabDir(dir: string): void {
  checkNamedFolder("--out", dir);
}

/** Files beside the report that others can check, by name. */
export function writeLabExtras(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
}

/** @param parent holds the runs, each in a folder of its own, and index.html @returns the path of the report */
export function writeLabFiles(parent: string, { results, rows, report, timing }: LabFiles): string {
  makeNamedFolder("--out", parent);
  try {
    const dir = makeRunFolder(parent, results.experiment);
    const path = join(dir, "report.html");
    const writtenAt = new Date().toISOString();
    writeFileSync(
      join(dir, "results.json"),
      `${JSON.stringify({ ...results, program: madeBy() }, null, 2)}\n`,
    );
    writeFileSync(join(dir, "results.csv"), toCsv(rows));
    writeFileSync(join(dir, "timing.json"), `${JSON.stringify({ writtenAt, ...timing }, null, 2)}\n`);
    writeFileSync(path, report);
    writeIndex(parent);
    return path;
  } catch (cause) {
    throw unwritable("--out", parent, cause);
  }
}

/** Makes the folder with the next number of the experiment. Another run may take that number in the same moment. */
function makeRunFolder(parent: string, experiment: string): string {
  const taken = readdirSync(parent).map((name) => numberOf(name, experiment));
  for (let number = Math.max(0, ...taken) + 1; ; number++) {
    const dir = join(parent, `${experiment}-${number}`);
    try {
      mkdirSync(dir);
      return dir;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function numberOf(name: string, experiment: string): number {
  const rest = name.startsWith(`${experiment}-`) ? name.slice(experiment.length + 1) : "";
  return /^[1-9][0-9]{0,8}$/.test(rest) ? Number(rest) : 0;
}

/** Whole or not at all, whoever reads it meanwhile. */
function writeIndex(parent: string): void {
  const runs = readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => runOf(parent, name) ?? [])
    .sort((a, b) => (a.writtenAt < b.writtenAt ? 1 : a.writtenAt > b.writtenAt ? -1 : 0));
  const path = join(parent, "index.html");
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, renderRuns(runs.slice(0, LISTED_MAX), runs.length));
  renameSync(draft, path);
}

/** Reads a run of the lab. Undefined where the folder holds none, or one that cannot be read. */
function runOf(parent: string, folder: string): ListedRun | undefined {
  try {
    const read = (name: string) => readFileSync(join(parent, folder, name), "utf8");
    return readRun(folder, { report: read("report.html"), timing: read("timing.json") });
  } catch {
    return undefined;
  }
}
