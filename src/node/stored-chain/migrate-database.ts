/**
 * A home's database on its way to this program's format: a copy of the old one first, beside it, then the steps. Also
 * the way back, which puts the copy in place again; the journal stays, so a validator then is one whose database is
 * younger than its journal, and signs nothing before it has caught up (docs/adr/0005).
 *
 *   data/db.format-N   the database as it was in format N; nobody reads it but `quorate migrate --back`
 */
import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { shellWord } from "../../base/shell-word.ts";
import { UnfitDatabase } from "../../chain/store.ts";
import { DATABASE_VERSION } from "../../storage/database-keys.ts";
import { makeFolder, syncDirectory } from "../../storage/durable-file.ts";
import { type ReadDisk, readSpace } from "../../storage/free-space.ts";
import type { DiskKv } from "../../storage/kv.ts";
import { openLevel } from "../../storage/level.ts";
import type { HomePaths } from "../home/home.ts";
import { StartError } from "../home/start-error.ts";
import {
  formatOf,
  MIGRATIONS,
  type Migration,
  runMigrations,
  type StepProgress,
  stepsFrom,
} from "./migrations.ts";

type DatabasePath = Pick<HomePaths, "db">;

export interface Migrated {
  readonly from: number;
  readonly to: number;
  /** The folder of the copy. */
  readonly backup: string;
}

export interface MigrationPorts {
  /** Asked once, before anything is done. */
  readonly begun?: (from: number, to: number) => void;
  /** `what` is "copying" (bytes) or "migrating" (as the step counts). */
  readonly progress?: (what: "copying" | "migrating", done: number, total: number) => void;
  /** Left out: those of this program. */
  readonly migrations?: readonly Migration[];
  readonly to?: number;
  /** Left out: the file system's own. */
  readonly space?: ReadDisk;
}

/** The folder of the copy that is made before a database leaves a format. */
export function backupPath({ db }: DatabasePath, format: number): string {
  return `${db}.format-${format}`;
}

/**
 * Opens the database and brings it to this program's format, if it has an older one that can be.
 * @returns what was done; undefined where nothing was
 * @throws UnfitDatabase when it has a newer format, or one that no step leads from
 * @throws StartError where the disk has no room for it; nothing was changed then
 */
export async function openMigrated(
  paths: DatabasePath,
  ports: MigrationPorts = {},
): Promise<{ readonly kv: DiskKv; readonly migrated: Migrated | undefined }> {
  makeFolder(paths.db);
  const kv = await openLevel(paths.db);
  const { migrations = MIGRATIONS, to = DATABASE_VERSION } = ports;
  const from = formatOf(kv);
  if (from === undefined || from === to) return { kv, migrated: undefined };
  await kv.close();
  const steps = stepsFrom(from, migrations, to);
  if (steps === undefined) throw unfit(paths, from, to);
  if (!existsSync(backupPath(paths, from))) checkRoom(paths, steps, ports.space ?? readSpace);
  ports.begun?.(from, to);
  const backup = await backUp(paths, from, (done, total) => ports.progress?.("copying", done, total));
  const opened = await openLevel(paths.db);
  try {
    const progress: StepProgress = (done, total) => ports.progress?.("migrating", done, total);
    await runMigrations(opened, steps, progress);
    return { kv: opened, migrated: { from, to, backup } };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function unfit(paths: DatabasePath, format: number, known: number): UnfitDatabase {
  const back = existsSync(backupPath(paths, known))
    ? `, or put back the copy that was made before it (quorate migrate --back --dir ${shellWord(dirname(dirname(paths.db)))})`
    : "";
  const whose =
    format > known
      ? `a newer release made it, and no older one may change it: start that release${back}`
      : "this program has no way from there: start the release in between, or let the node fetch the chain anew (quorate reset)";
  return new UnfitDatabase(
    "wrong-format",
    `the database has format ${format}, this program reads format ${known}: ${whose}`,
  );
}

/** A migration that was broken off is not asked again: it may have most of its work done. */
function checkRoom({ db }: DatabasePath, steps: readonly Migration[], space: ReadDisk): void {
  if (!steps.some(({ rewrites }) => rewrites === true)) return;
  const needed = readdirSync(db).reduce((sum, name) => sum + statSync(join(db, name)).size, 0);
  const { free } = space(dirname(db));
  if (free >= needed) return;
  const detail = `${db}: its new format is written beside what it has, ${needed} bytes at most, and ${free} are free. Make room and start again`;
  throw new StartError({ code: "no-room", detail });
}

/**
 * Tables of LevelDB are never changed once they are written: a second name for each is a copy, and costs nothing but
 * what the new format makes obsolete. Where a file system has no such names they are copied.
 */
async function backUp(paths: DatabasePath, format: number, progress: StepProgress): Promise<string> {
  const backup = backupPath(paths, format);
  if (existsSync(backup)) return backup; // of a migration that was broken off behind this point
  const draft = `${backup}.draft`;
  rmSync(draft, { recursive: true, force: true });
  makeFolder(draft);
  const files = readdirSync(paths.db).filter((name) => name !== "LOCK");
  const sizes = new Map(files.map((name) => [name, statSync(join(paths.db, name)).size]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  let done = 0;
  for (const [name, size] of sizes) {
    const [from, to] = [join(paths.db, name), join(draft, name)];
    if (!/\.(ldb|sst)$/.test(name) || !isLinked(from, to)) copy(from, to, total - done);
    done += size;
    progress(done, total);
  }
  await syncDirectory(draft);
  renameSync(draft, backup);
  await syncDirectory(dirname(backup));
  return backup;
}

function isLinked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false; // no links on this file system: it is copied
  }
}

/** @throws StartError when what is left of the database does not fit beside it */
function copy(from: string, to: string, bytesLeft: number): void {
  const { free } = readSpace(dirname(to));
  if (free < 2 * bytesLeft) {
    const detail = `${dirname(to)}: the copy of the database that is made before its format changes needs ${bytesLeft} bytes and as many to work with, ${free} are free. Make room and start again`;
    throw new StartError({ code: "no-room", detail });
  }
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
}

/** The newest format of which there is a copy, or undefined where there is none. */
export function newestBackup({ db }: DatabasePath): number | undefined {
  for (let format = DATABASE_VERSION; format > 0; format--) {
    if (existsSync(backupPath({ db }, format))) return format;
  }
  return undefined;
}

/** Deletes the copies of all older formats: of a database that can be made anew none is needed. */
export function dropBackups(paths: DatabasePath): void {
  for (let format = newestBackup(paths); format !== undefined; format = newestBackup(paths))
    rmSync(backupPath(paths, format), { recursive: true, force: true });
}

/** Puts the newest copy back in place; what was there is deleted. The caller holds the home's lock. */
export async function restoreBackup(paths: DatabasePath): Promise<Verdict<number, "missing">> {
  const format = newestBackup(paths);
  if (format === undefined)
    return refuse("missing", `${paths.db}.format-*: there is no copy of an older format`);
  const aside = `${paths.db}.newer`;
  rmSync(aside, { recursive: true, force: true });
  if (existsSync(paths.db)) renameSync(paths.db, aside);
  renameSync(backupPath(paths, format), paths.db);
  await syncDirectory(dirname(paths.db));
  rmSync(aside, { recursive: true, force: true });
  return accept(format);
}
