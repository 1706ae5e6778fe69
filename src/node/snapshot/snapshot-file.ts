/**
 * Snapshots as files, and homes that they come from and go to. A file appears under its name when it is whole and
 * durable, a database likewise; whatever ends before leaves nothing, or what the next attempt takes away.
 */
import { existsSync, rmSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { showHash } from "../../base/bytes.ts";
import { type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { shellWord } from "../../base/shell-word.ts";
import type { SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import { ChainStore } from "../../chain/store.ts";
import { makeFolder, syncDirectory } from "../../storage/durable-file.ts";
import type { Kv } from "../../storage/kv.ts";
import { openLevel } from "../../storage/level.ts";
import type { HomePaths } from "../home/home.ts";
import {
  type ExportedSnapshot,
  type ExportFault,
  type ExportPorts,
  exportSnapshot,
} from "./export-snapshot.ts";
import { importSnapshot } from "./import-snapshot.ts";
import { type ReadFault, type ReadSnapshot, readSnapshot, type SnapshotSource } from "./read-snapshot.ts";

/** Told while it takes long: what is done, of how much. */
export type Progress = (done: number, total: number) => void;

/**
 * The caller holds the home's lock. Fault `exists`: nothing is overwritten.
 * @throws Error when a disk fails, and then nothing is left at `out`.
 */
export async function exportFile(
  context: SnapshotContext,
  { db, out }: { readonly db: string; readonly out: string },
  progress: Progress,
): Promise<Verdict<ExportedSnapshot, ExportFault | "exists">> {
  if (existsSync(out)) return refuse("exists", `${out}: exists already; use another name or remove it`);
  // A disk that takes no file is told before the database is opened.
  const openKv = () => openLevel(db);
  return writeSnapshotFile(context, { openKv, progress: (part) => progress(part, 1) }, out);
}

export interface WritePorts extends Omit<ExportPorts, "kv" | "scratch" | "write"> {
  /** Opens what is exported; it is closed again. */
  openKv(): Promise<Kv>;
}

/** The names beside a file while it is made. */
export const UNFINISHED: readonly string[] = [".partial", ".sort"];

/** @throws Error when a disk fails, and then nothing is left at `out`. */
export async function writeSnapshotFile(
  context: SnapshotContext,
  { openKv, ...ports }: WritePorts,
  out: string,
): Promise<Verdict<ExportedSnapshot, ExportFault>> {
  const [partial, sorted] = [`${out}.partial`, `${out}.sort`];
  const isPartial = { recursive: true, force: true };
  await rm(sorted, isPartial);
  let kv: Kv | undefined;
  let scratch: Kv | undefined;
  let file: FileHandle | undefined;
  try {
    file = await open(partial, "w", 0o644);
    const target = file;
    kv = await openKv();
    scratch = await openLevel(sorted);
    const write = (bytes: Uint8Array) => writeAll(target, bytes);
    const exported = await exportSnapshot(context, { ...ports, kv, scratch, write });
    if (!exported.ok) return exported;
    await file.sync();
    await rename(partial, out);
    await syncDirectory(dirname(out));
    return exported;
  } finally {
    await file?.close();
    await kv?.close();
    await scratch?.close();
    await rm(sorted, isPartial);
    await rm(partial, isPartial);
  }
}

export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

/** @throws Error when the disk fails. */
export function verifyFile(
  context: SnapshotContext,
  path: string,
  progress: Progress,
): Promise<Verdict<ReadSnapshot, ReadFault>> {
  return withSource(path, (source, total) =>
    readSnapshot(context, { source, progress: (bytes) => progress(bytes, total) }),
  );
}

/**
 * Makes the home's database of a snapshot; the journal of votes stays as it is. The caller holds the home's lock.
 * Fault `has-blocks`: the home has a chain, which nothing may replace.
 * @throws Error when a disk fails; the home is then half-imported, and says so when it is started.
 */
export async function importFile(
  context: SnapshotContext,
  { paths, file }: { readonly paths: HomePaths; readonly file: string },
  progress: Progress,
): Promise<Verdict<ReadSnapshot, ReadFault | "has-blocks">> {
  const inTheWay = await chainIn(context, paths);
  if (inTheWay !== undefined) return { ok: false, fault: inTheWay };
  return withSource(file, async (source, total) => {
    const whole = { recursive: true, force: true };
    rmSync(paths.dbImport, whole);
    makeFolder(paths.dbImport);
    const kv = await openLevel(paths.dbImport);
    let read: Verdict<ReadSnapshot, ReadFault>;
    try {
      read = await importSnapshot(context, { kv, source, progress: (bytes) => progress(bytes, total) });
    } finally {
      await kv.close();
    }
    if (!read.ok) {
      // The file is to blame, and nothing of it was in use: the home is what it was.
      rmSync(paths.dbImport, whole);
      return read;
    }
    rmSync(paths.db, whole);
    await rename(paths.dbImport, paths.db);
    await syncDirectory(dirname(paths.db));
    return read;
  });
}

/** Block 0 alone is no chain: a node that was started once and never connected has it. */
export async function chainIn(
  { genesis, genesisHash }: Pick<SnapshotContext, "genesis" | "genesisHash">,
  { db, dir }: HomePaths,
): Promise<Fault<"has-blocks"> | undefined> {
  if (!existsSync(db)) return undefined;
  const kv = await openLevel(db);
  try {
    const store = new ChainStore(kv, genesis.limits);
    const head = store.openHead(genesisHash, showHash);
    const height = head === undefined ? 0n : store.head(head)?.summary.height;
    if (height === 0n) return undefined;
    const found = height === undefined ? "a chain" : `a chain of height ${height}`;
    const remedy = `delete it first (quorate reset --dir ${shellWord(dir)} --yes), or use a new home`;
    return fault(
      "has-blocks",
      `${db}: holds ${found}; a snapshot is imported into a home without blocks: ${remedy}`,
    );
  } finally {
    await kv.close();
  }
}

async function withSource<T>(
  path: string,
  use: (source: SnapshotSource, bytes: number) => Promise<T>,
): Promise<T> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    let left = size;
    const read = async (length: number) => {
      // Memory is taken for what is there, not for what a length says.
      const bytes = await readAll(file, Math.min(length, left));
      left -= bytes.length;
      return bytes;
    };
    return await use({ read }, size);
  } finally {
    await file.close();
  }
}

async function readAll(file: FileHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}
