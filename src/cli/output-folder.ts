/** Folders that a command line names, and what is said where they cannot be made. */
import { accessSync, constants, rmdirSync } from "node:fs";
import { makeFolder } from "../storage/durable-file.ts";
import { CliError, EXIT } from "./exit.ts";
import { fileProblem } from "./file-problem.ts";

/** Makes the folder of an option, before any work whose results it is for. @throws CliError which names the option */
export function makeNamedFolder(option: string, dir: string): void {
  try {
    makeFolder(dir);
  } catch (cause) {
    throw unwritable(option, dir, cause);
  }
}

/** Tries to make it and to write to it, and leaves nothing. @throws CliError which names the option */
export function checkNamedFolder(option: string, dir: string): void {
  try {
    const made = makeFolder(dir);
    accessSync(dir, constants.W_OK);
    for (const level of [...made].reverse()) rmdirSync(level);
  } catch (cause) {
    throw unwritable(option, dir, cause);
  }
}

export function unwritable(option: string, dir: string, cause: unknown): CliError {
  const reason = fileProblem(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  const message = `${option} ${dir}: cannot be written: ${reason}; name another folder`;
  return new CliError(EXIT.badInput, "BAD_INPUT", message, { cause });
}
