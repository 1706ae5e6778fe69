/**
 * A home's database in place of which another one is made: built beside it, durable, then swapped by renaming. Whatever
 * breaks off before the last step leaves the old one, and the next start takes the rest away.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Verdict } from "../../base/fault.ts";
import { makeFolder, syncDirectory } from "../../storage/durable-file.ts";
import type { Kv } from "../../storage/kv.ts";
import { openLevel } from "../../storage/level.ts";
import type { HomePaths } from "../home/home.ts";

export type DatabasePaths = Pick<HomePaths, "db" | "dbRebuilt" | "dbReplaced">;

/**
 * The caller holds the home's lock and has the old database closed.
 * @param build is given both databases; after a fault the old one stays
 * @throws Error when a disk fails; the old one stays
 */
export async function replaceDatabase<T, Code extends string>(
  paths: DatabasePaths,
  build: (from: Kv, into: Kv) => Promise<Verdict<T, Code>>,
): Promise<Verdict<T, Code>> {
  settleReplaced(paths);
  makeFolder(paths.dbRebuilt);
  try {
    const from = await openLevel(paths.db);
    let built: Verdict<T, Code>;
    try {
      const into = await openLevel(paths.dbRebuilt);
      try {
        built = await build(from, into);
      } finally {
        await into.close();
      }
    } finally {
      await from.close();
    }
    if (!built.ok) return built;
    renameSync(paths.db, paths.dbReplaced);
    renameSync(paths.dbRebuilt, paths.db);
    await syncDirectory(dirname(paths.db));
    return built;
  } finally {
    settleReplaced(paths);
  }
}

/** What a replacement that was broken off left behind: the old database back in its place, no half of a new one. */
export function settleReplaced({ db, dbRebuilt, dbReplaced }: DatabasePaths): void {
  if (!existsSync(db) && existsSync(dbReplaced)) renameSync(dbReplaced, db);
  for (const path of [dbRebuilt, dbReplaced]) rmSync(path, { recursive: true, force: true });
}
