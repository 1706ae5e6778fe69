/**
 * Free space on the file system of a home, against what is to stay free there: the last bytes are the journal's and the
 * database's, which must never find the disk full in the middle of a write. Small file systems keep less.
 */
import { statfsSync } from "node:fs";

const MIB = 1024 * 1024;
/** The reserve of a small file system: so much of it, and at least so many bytes. */
const SMALL_PART = 10;
const RESERVE_BYTES_MIN = 16 * MIB;

export interface FreeDisk {
  /** Bytes that this user may still write. */
  readonly freeBytes: number;
  /** Bytes that are to stay free. */
  readonly reserveBytes: number;
}

/** A file system, as far as it matters here. */
export type ReadDisk = (path: string) => { readonly free: number; readonly total: number };

/** @throws Error when the path is gone */
export function readSpace(path: string): { free: number; total: number } {
  const { bavail, blocks, bsize } = statfsSync(path);
  return { free: bavail * bsize, total: blocks * bsize };
}

/** @param reserveMb as it is configured, MiB, or 0 when nothing is kept free */
export function freeSpace(path: string, reserveMb: number, read: ReadDisk = readSpace): FreeDisk {
  const { free, total } = read(path);
  const small = Math.max(RESERVE_BYTES_MIN, Math.floor(total / SMALL_PART));
  return { freeBytes: free, reserveBytes: Math.min(reserveMb * MIB, small) };
}

/** Whether the node is to pause. */
export function isLow({ freeBytes, reserveBytes }: FreeDisk): boolean {
  return freeBytes < reserveBytes;
}

/** Whether a node that paused may go on: a quarter more than the reserve, so that it does not stop again at once. */
export function hasRoom({ freeBytes, reserveBytes }: FreeDisk): boolean {
  return freeBytes >= reserveBytes * 1.25;
}

/** One sentence for log, explain and health. */
export function describeLow(path: string, { freeBytes, reserveBytes }: FreeDisk): string {
  const mib = (bytes: number) => `${Math.floor(bytes / MIB)} MiB`;
  return (
    `DISK NEARLY FULL: ${mib(freeBytes)} are free at ${path}, ${mib(reserveBytes)} are kept free (storage.reserve_mb): this node ` +
    "takes no blocks, votes and mines nothing, and goes on by itself when there is room"
  );
}
