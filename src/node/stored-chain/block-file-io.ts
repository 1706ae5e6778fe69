/**
 * Block files on disk. A file appears under its name when it is whole and durable; an export that fails leaves none.
 */
import { existsSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { refuse, type Verdict } from "../../base/fault.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { namePath } from "../../storage/disk-fault.ts";
import { syncDirectory } from "../../storage/durable-file.ts";
import type { Kv } from "../../storage/kv.ts";
import {
  type ExportBlocksFault,
  type ExportedBlocks,
  type ExportRange,
  exportBlocks,
} from "./export-blocks.ts";
import { type ImportBlocksFault, type ImportedBlocks, importBlocks } from "./import-blocks.ts";
import { syncedLazily } from "./lazy-sync.ts";
import { openLedger } from "./open-ledger.ts";

/** Told after each block. */
export type BlockProgress = (done: number, total: number) => void;

/** Bytes that are collected before they are written, and read at once. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * Fault `exists`: nothing is overwritten.
 * @throws Error when a disk fails, and then nothing is left at `out`
 */
export async function exportToFile(
  genesis: Genesis,
  { kv, out, range }: { readonly kv: Kv; readonly out: string; readonly range: ExportRange },
  progress: BlockProgress,
): Promise<Verdict<ExportedBlocks, ExportBlocksFault | "exists">> {
  if (existsSync(out)) return refuse("exists", `${out}: exists already; use another name or remove it`);
  const partial = `${out}.partial`;
  const file = await open(partial, "w", 0o644);
  try {
    const writer = new BufferedWriter(file);
    const write = (bytes: Uint8Array) => writer.write(bytes);
    const exported = await exportBlocks(genesis, range, { kv, write, progress });
    if (!exported.ok) return exported;
    await writer.flush();
    await file.sync();
    await rename(partial, out);
    await syncDirectory(dirname(out));
    return exported;
  } catch (error) {
    throw namePath(error, out);
  } finally {
    await file.close();
    await rm(partial, { force: true });
  }
}

/**
 * Takes the blocks of a file into the chain in `kv`. What was imported before a fault stays.
 * @throws Error when a disk fails
 */
export async function importFromFile(
  genesis: Genesis,
  { kv, path }: { readonly kv: Kv; readonly path: string },
  progress: BlockProgress,
): Promise<Verdict<ImportedBlocks, ImportBlocksFault>> {
  const file = await open(path, "r");
  try {
    const lazy = syncedLazily(kv);
    const chain = await openLedger(genesis, lazy, Date.now);
    try {
      return await importBlocks(chain, { source: new BufferedReader(file), progress });
    } finally {
      await chain.settled();
      await lazy.flush();
    }
  } finally {
    await file.close();
  }
}

class BufferedWriter {
  readonly #file: FileHandle;
  #waiting: Uint8Array[] = [];
  #bytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= BUFFER_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#bytes = 0;
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
  }
}

class BufferedReader {
  readonly #file: FileHandle;
  #buffer = Buffer.alloc(0);

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async read(length: number): Promise<Uint8Array> {
    while (this.#buffer.length < length) {
      const more = Buffer.alloc(BUFFER_BYTES);
      const { bytesRead } = await this.#file.read(more, 0, more.length);
      if (bytesRead === 0) break;
      this.#buffer = Buffer.concat([this.#buffer, more.subarray(0, bytesRead)]);
    }
    const bytes = new Uint8Array(this.#buffer.subarray(0, length));
    this.#buffer = this.#buffer.subarray(bytes.length);
    return bytes;
  }
}
