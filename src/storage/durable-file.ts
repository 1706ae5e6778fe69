/**
 * What makes a file survive a loss of power: its bytes are synced, and so is the directory that names it. It knows
 * nothing of what the files mean. Source: fsync(2), rename(2): a name is durable only once its directory is synced.
 */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
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
 * Makes a folder and those above it. Node's own recursive mkdir never returns where none can be made (/proc).
 * @returns the first folder that was made; undefined when all were there
 * @throws Error of the system, with the path
 */
export function makeFolder(path: string, mode = 0o777): string | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return undefined;
  const parent = dirname(path);
  const first = parent === path ? undefined : makeFolder(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Made by another process meanwhile.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
  return first ?? path;
}

/** Writes a whole file, as `writeFileSync` does; an error names the path also where the disk is full. */
export function writeWhole(
  path: string,
  text: string,
  options: { readonly mode?: number; readonly flag?: string } = {},
): void {
  withPath(path, () => writeFileSync(path, text, options));
}
