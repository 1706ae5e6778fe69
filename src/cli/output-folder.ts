/**
 * Folders that a command line names. Each missing level is made by itself: Node's recursive mkdir never returns below
 * a place that says "no such file" to everything that is made in it, such as /proc.
 */
import { accessSync, constants, mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CliError, EXIT } from "./exit.ts";
import { fileProblem } from "./file-problem.ts";

/** Makes a folder with all that leads to it. @returns the levels made, the outermost first. @throws system errors */
export function makeFolder(dir: string): readonly string[] {
  const missing: string[] = [];
  for (let at = resolve(dir); !isFolder(at); at = dirname(at)) missing.unshift(at);
  const made: string[] = [];
  try {
    for (const level of missing) {
      mkdirSync(level);
      made.push(level);
    }
  } catch (error) {
    for (const level of made.reverse()) rmdirSync(level);
    throw error;
  }
  return made;
}

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

/** @throws the system's error where a part of the path is a file, or cannot be read */
function isFolder(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw Object.assign(new Error(`${path}: not a folder`), { code: "ENOTDIR", syscall: "mkdir" });
}
