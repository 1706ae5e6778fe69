/** Words of the lab's command lines as values: shares, lists of numbers, and the options that all experiments have. */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, type Option } from "commander";
import { integer, list, withDefault } from "../arguments.ts";

export interface LabOptions {
  readonly seed: number;
  readonly out: string;
  readonly jobs: number;
}

/** Threads used unless told. */
const JOBS = 2;

export function addLabOptions(command: Command): Command {
  return addSeedAndOut(command).option(
    "-j, --jobs <n>",
    "threads; results do not depend on it",
    integer(1, 256),
    Math.min(JOBS, availableParallelism()),
  );
}

export function addSeedAndOut(command: Command): Command {
  return command
    .option(
      "--seed <n>",
      "all chance follows from it: equal seeds give equal results",
      integer(0, Number.MAX_SAFE_INTEGER),
      1,
    )
    .option("-o, --out <dir>", "folder for results and report", "lab-out");
}

/** Values of a comma-separated list, each once. */
function numbers(text: string, test: (value: number) => boolean, expected: string): readonly number[] {
  const values = list(text).map((part) => (/^[0-9]*\.?[0-9]+$/.test(part) ? Number(part) : Number.NaN));
  if (values.length > 0 && values.length <= LIST_MAX && values.every(test)) return [...new Set(values)];
  throw new InvalidArgumentError(`expected ${expected}, separated by commas.`);
}

const LIST_MAX = 100;

/** An option that takes a list, with its default shown as one writes it. */
export function listOption(
  flags: string,
  description: string,
  parser: (text: string) => readonly number[],
  values: readonly number[],
): Option {
  return withDefault(flags, description, parser, [values, values.join(",")]);
}

/** Parts of the hash power: 0.3,0.45. */
export function shares(text: string): readonly number[] {
  return numbers(text, (value) => value > 0 && value < 1, "shares between 0 and 1, such as 0.3,0.45");
}

/** Reads shares below a half, since a selfish majority earns everything. */
export function minorities(text: string): readonly number[] {
  return numbers(text, (value) => value > 0 && value < 0.5, "shares between 0 and 0.5, such as 0.25,0.4");
}

export function gammas(text: string): readonly number[] {
  return numbers(text, (value) => value <= 1, "parts from 0 to 1, such as 0,0.5,1");
}

/** Whole numbers from `min` to `max`: 1,2,6. */
export function integers(max: number, min = 0): (text: string) => readonly number[] {
  return (text) =>
    numbers(
      text,
      (value) => Number.isInteger(value) && value >= min && value <= max,
      `whole numbers from ${min} to ${max}, such as ${[min + 1, min + 3].join(",")}`,
    );
}
