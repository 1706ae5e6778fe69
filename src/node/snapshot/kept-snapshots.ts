/**
 * The snapshots that a home keeps as files, and what peers are answered about them. The newest few are kept; which
 * file is whole its name says, since it gets it last.
 */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { EMPTY, equalBytes, type Hash, hex } from "../../base/bytes.ts";
import type { BodyLimits } from "../../chain/types/block.ts";
import {
  decodeSnapshotQuestion,
  encodeSnapshotAnswer,
  isSnapshotQuestion,
  SNAPSHOT_PIECE_BYTES,
  type SnapshotAnswer,
  type SnapshotQuestion,
} from "../../p2p/sync/snapshot-wire.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import { UNFINISHED } from "./snapshot-file.ts";
import { indexSnapshot, placeOf, readAt, type SnapshotIndex } from "./snapshot-index.ts";

const SUFFIX = ".snapshot";

export interface KeptSnapshot extends SnapshotIndex {
  readonly path: string;
}

export class KeptSnapshots {
  readonly #dir: string;
  readonly #limits: BodyLimits;
  /** The snapshots that are kept, ascending by height. */
  #kept: KeptSnapshot[] = [];

  private constructor(dir: string, limits: BodyLimits) {
    this.#dir = dir;
    this.#limits = limits;
  }

  /** Takes away what was being made when a process ended. @throws Error when the disk fails. */
  static async open(dir: string, limits: BodyLimits): Promise<KeptSnapshots> {
    const kept = new KeptSnapshots(dir, limits);
    const names = existsSync(dir) ? readdirSync(dir) : [];
    for (const name of names) {
      const path = join(dir, name);
      if (UNFINISHED.some((end) => name.endsWith(end))) rmSync(path, { recursive: true, force: true });
      else if (name.endsWith(SUFFIX)) await kept.add(path);
    }
    return kept;
  }

  get newest(): KeptSnapshot | undefined {
    return this.#kept.at(-1);
  }

  /** Where the snapshot of a height stands, or will. The folder is made. */
  pathOf(height: bigint): string {
    makeFolder(this.#dir);
    return join(this.#dir, `${height}${SUFFIX}`);
  }

  /** Takes a whole file up; one that is none is left out. */
  async add(path: string): Promise<void> {
    const index = await indexSnapshot(path, this.#limits);
    if (index === undefined) return;
    const others = this.#kept.filter((other) => other.path !== path);
    this.#kept = [...others, { ...index, path }].sort((a, b) => (a.height < b.height ? -1 : 1));
  }

  /** Deletes the oldest until so many are left. */
  async prune(count: number): Promise<void> {
    for (const { path } of this.#kept.splice(0, Math.max(0, this.#kept.length - count))) {
      await rm(path, { force: true });
    }
  }

  /** Answers a question, or returns undefined for one about something else. The promise rejects for a malformed one. */
  answer(bytes: Uint8Array): Promise<Uint8Array> | undefined {
    return isSnapshotQuestion(bytes) ? this.#answer(bytes) : undefined;
  }

  async #answer(bytes: Uint8Array): Promise<Uint8Array> {
    const question = decodeSnapshotQuestion(bytes);
    if (!question.ok) throw new Error(question.fault.detail);
    return encodeSnapshotAnswer(await this.#answerTo(question.value));
  }

  async #answerTo(question: SnapshotQuestion): Promise<SnapshotAnswer> {
    switch (question.kind) {
      case "list": {
        const offers = this.#kept.map(({ height, headHash, chunks, bytes }) => {
          return { height, headHash, chunks, bytes: BigInt(bytes) };
        });
        return { kind: "list", offers: offers.reverse() };
      }
      case "head": {
        const kept = this.#find(question.headHash);
        const left = Math.max(0, (kept?.headBytes ?? 0) - question.offset);
        const length = Math.min(left, SNAPSHOT_PIECE_BYTES);
        const piece = kept && (await readFrom(kept, (file) => readAt(file, question.offset, length)));
        return {
          kind: "head",
          bytes: piece === undefined ? 0 : (kept?.headBytes ?? 0),
          piece: piece ?? EMPTY,
        };
      }
      case "chunk": {
        const kept = this.#find(question.headHash);
        const place = kept && placeOf(kept, BigInt(`0x${hex(question.path)}`));
        const chunk = place && (await readFrom(kept, (file) => readAt(file, place.offset, place.length)));
        return { kind: "chunk", chunk: chunk ?? EMPTY };
      }
    }
  }

  #find(headHash: Hash): KeptSnapshot | undefined {
    return this.#kept.find((kept) => equalBytes(kept.headHash, headHash));
  }
}

/** What is read from a file, or undefined where it was deleted meanwhile. */
async function readFrom<T>(
  { path }: KeptSnapshot,
  read: (file: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}
