/**
 * What makes a file survive a loss of power: its bytes are synced, and so is the directory that names it. It knows
 * nothing of what the files mean. Source: fsync(2), rename(2): a name is durable only once its directory is synced.
 */
import { mkdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { withPath } from "./disk-fault.ts";

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The file holds exactly `text`, durably, when this resolves; a crash leaves the old file or the new one, whole. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(dirname(path));
}

/**
 * Makes a folder with all that leads to it, or nothing. Each level is made by itself: Node's recursive mkdir never
 * returns below a place that says "no such file" to everything that is made in it, such as /proc.
 * @returns the levels made, the outermost first
 * @throws Error of the system, with the path
 */
export function makeFolder(path: string, mode = 0o777): readonly string[] {
  const missing: string[] = [];
  for (let at = resolve(path); !isFolder(at); at = dirname(at)) missing.unshift(at);
  const made: string[] = [];
  try {
    for (const level of missing) if (makeLevel(level, mode)) made.push(level);
  } catch (error) {
    for (const level of made.reverse()) rmdirSync(level);
    throw error;
  }
  return made;
}

/** @returns false where another process made it meanwhile */
function makeLevel(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (isFolder(path)) return false;
    throw error;
  }
}

/** @throws the system's error where a part of the path is a file, or cannot be read */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory(); // throwIfNoEntry hides ENOTDIR from Node 22 on
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Writes a whole file, as `writeFileSync` does; an error names the path also where the disk is full. */
export function writeWhole(
  path: string,
  text: string,
  options: { readonly mode?: number; readonly flag?: string } = {},
): void {
  withPath(path, () => writeFileSync(path, text, options));
}
