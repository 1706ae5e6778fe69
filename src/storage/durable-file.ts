/**
 * What makes a file survive a loss of power: its bytes are synced, and so is the directory that names it. It knows
 * nothing of what the files mean. Source: fsync(2), rename(2): a name is durable only once its directory is synced.
 */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

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
