/**
 * What was fetched so far of a snapshot, as files: what stands before the state, and each chunk under the path where it
 * begins. Only what was checked is put here; what a kill left half is found out by checking again at the next start.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  encodeSection,
  encodeSnapshotEnd,
  SECTION,
  type SnapshotEnd,
} from "../../chain/snapshot/snapshot-format.ts";
import { makeFolder, syncDirectory } from "../../storage/durable-file.ts";
import { writeAll } from "./snapshot-file.ts";

const HEAD = "head";
const WHOLE = "whole.snapshot";
const CHUNK = /^[0-9a-f]{64}$/;

export class FetchStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Where the whole file stands once everything was fetched. */
  get whole(): string {
    return join(this.#dir, WHOLE);
  }

  get isWhole(): boolean {
    return existsSync(this.whole);
  }

  /** What stands before the state, or undefined while it was not fetched whole. */
  async head(): Promise<Uint8Array | undefined> {
    const path = join(this.#dir, HEAD);
    return existsSync(path) ? new Uint8Array(await readFile(path)) : undefined;
  }

  async keepHead(bytes: Uint8Array): Promise<void> {
    makeFolder(this.#dir);
    await this.#keep(HEAD, bytes);
  }

  async keepChunk(from: bigint, payload: Uint8Array): Promise<void> {
    await this.#keep(nameOf(from), payload);
  }

  /** The paths at which chunks begin that are here, ascending. */
  chunks(): bigint[] {
    const names = existsSync(this.#dir) ? readdirSync(this.#dir) : [];
    return names
      .filter((name) => CHUNK.test(name))
      .sort()
      .map((name) => BigInt(`0x${name}`));
  }

  async chunk(from: bigint): Promise<Uint8Array> {
    return new Uint8Array(await readFile(join(this.#dir, nameOf(from))));
  }

  async dropChunk(from: bigint): Promise<void> {
    await rm(join(this.#dir, nameOf(from)), { force: true });
  }

  /** Makes the file of the parts, durably. The parts stay until {@link clear}. */
  async assemble(counts: Omit<SnapshotEnd, "chunks">): Promise<void> {
    const partial = `${this.whole}.partial`;
    const file = await open(partial, "w", 0o644);
    try {
      await writeAll(file, (await this.head()) ?? new Uint8Array(0));
      const chunks = this.chunks();
      for (const from of chunks) await writeAll(file, encodeSection(SECTION.state, await this.chunk(from)));
      const end = encodeSnapshotEnd({ ...counts, chunks: chunks.length });
      await writeAll(file, encodeSection(SECTION.end, end));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, this.whole);
    await syncDirectory(this.#dir);
  }

  clear(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #keep(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#dir, name);
    await writeFile(`${path}.new`, bytes);
    await rename(`${path}.new`, path);
  }
}

function nameOf(from: bigint): string {
  return from.toString(16).padStart(64, "0");
}
