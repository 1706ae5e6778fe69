/**
 * Documents on disk: hashing a file without holding it in memory. Whatever keeps a path from being a readable regular
 * file is a fault of that path alone, and so is a file that changes while it is read: its digest would be of a content
 * that never was.
 */
import { createHash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open, stat } from "node:fs/promises";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { fileProblem } from "../file-problem.ts";

const PIECE_BYTES = 256 * 1024;

/**
 * SHA-256 of a file's content, 32 bytes; the fault says what is wrong with the path, without naming it.
 * @param openFile how a file is opened
 */
export async function hashDocument(
  path: string,
  openFile: typeof open = open,
): Promise<Verdict<Uint8Array, "unreadable">> {
  try {
    // A pipe or a device would keep an ordinary open() waiting.
    if (!(await stat(path)).isFile()) return refuse("unreadable", "not a regular file");
    const file = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await hashOpen(path, file);
    } finally {
      await file.close();
    }
  } catch (error) {
    const problem = fileProblem(error);
    if (problem === undefined) throw error;
    return refuse("unreadable", (await isDanglingLink(path)) ? "a symbolic link to nothing" : problem);
  }
}

async function hashOpen(path: string, file: FileHandle): Promise<Verdict<Uint8Array, "unreadable">> {
  const before = await file.stat({ bigint: true });
  if (!before.isFile()) return refuse("unreadable", "not a regular file");
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let size = 0n;
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, piece.length, null);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    size += BigInt(bytesRead);
    // Whoever writes faster than it is read would never let it end.
    if (size > before.size) break;
  }
  const after = await file.stat({ bigint: true });
  const named = await stat(path, { bigint: true });
  if (size !== before.size || !isSame(before, after) || !isSame(before, named)) {
    return refuse("unreadable", "it changed while it was read; try again when nobody writes to it");
  }
  return accept(new Uint8Array(hash.digest()));
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

async function isDanglingLink(path: string): Promise<boolean> {
  const link = await lstat(path).catch(() => undefined);
  if (link?.isSymbolicLink() !== true) return false;
  return stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === "ENOENT",
  );
}
