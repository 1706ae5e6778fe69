/**
 * The key-value store on disk: the only file that knows LevelDB (npm `level`). Reads are synchronous (ten times
 * faster than awaited ones, measured), writes go through a chained batch (three to four times faster than the
 * array form, measured). LevelDB allows one process per directory; the second gets an error that says so. What it
 * does not check by itself is checked here (level-checks.ts).
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import { compareBytes, EMPTY, hex } from "../base/bytes.ts";
import {
  KV_SCAN_STEP,
  LEVEL_BATCH_NUMBERS_MAX,
  LEVEL_CACHE_BYTES,
  LEVEL_LOGGED_BATCHES_MAX,
  LEVEL_WRITE_BUFFER_BYTES,
} from "../base/limits.ts";
import { explainDisk } from "./disk-fault.ts";
import type { DiskKv, Kv, KvOperation, KvRange } from "./kv.ts";
import {
  DamagedDatabase,
  isNumberKey,
  lastNumber,
  NUMBERS_FROM,
  NUMBERS_TO,
  numberKey,
  openValue,
  sealValue,
} from "./level-checks.ts";

type Database = Level<Uint8Array, Uint8Array>;

/**
 * Opens the store in the directory `path`, which is made when it is missing.
 * @throws DamagedDatabase when files or batches are missing or do not fit together.
 * @throws Error with a cause; when another process has it open, the message names the directory and the remedy.
 */
export async function openLevel(path: string): Promise<DiskKv> {
  refuseHeadless(path);
  const database: Database = new Level(path, { keyEncoding: "view", valueEncoding: "view", ...TUNING });
  try {
    await database.open();
  } catch (cause) {
    throw openFailure(path, cause);
  }
  try {
    const read = database.keys({ gte: NUMBERS_FROM, lt: NUMBERS_TO }).all();
    const keys = await read.catch((cause: unknown) => Promise.reject(failure(path, "reading", cause)));
    const numbers = lastNumber(keys.filter(isNumberKey));
    if (numbers.kind === "hole") throw new DamagedDatabase(path, "a batch of its log is lost");
    return new LevelKv(path, database, numbers.last);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** LevelDB would begin a new database there, and delete what it finds. */
function refuseHeadless(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  if (existsSync(join(path, "CURRENT"))) return;
  const left = readdirSync(path).find((name) => /\.ldb$|\.log$|^MANIFEST-/.test(name));
  if (left !== undefined)
    throw new DamagedDatabase(path, `${left} is there, but the file CURRENT is missing`);
}

// Hashes and signatures, most of what is stored, do not compress: trying costs time at every compaction and read.
// Of a larger write buffer fewer tables are made, and what blocks change again and again is written to fewer of them.
const TUNING = {
  cacheSize: LEVEL_CACHE_BYTES,
  writeBufferSize: LEVEL_WRITE_BUFFER_BYTES,
  compression: false,
};

const NUMBERS_KEPT = BigInt(LEVEL_BATCH_NUMBERS_MAX);
const LOGGED_MAX = BigInt(LEVEL_LOGGED_BATCHES_MAX);

const EVERYTHING = { from: new Uint8Array(0), to: new Uint8Array(16).fill(0xff) };
/** Behind every key: to compact it is to have the log written into a table, and nothing else. */
const NOTHING = { from: new Uint8Array(18).fill(0xff), to: new Uint8Array(19).fill(0xff) };

type LevelSnapshot = ReturnType<Database["snapshot"]>;

interface CompactingDatabase {
  compactRange(from: Uint8Array, to: Uint8Array, options: { readonly keyEncoding: "view" }): Promise<void>;
}

class LevelKv implements DiskKv {
  readonly #path: string;
  readonly #database: Database;
  /** The number of the last batch. */
  #number: bigint;
  /** Writes run one after the other: two given to LevelDB's thread pool at once could swap places. */
  #tail: Promise<void> = Promise.resolve();

  constructor(path: string, database: Database, number: bigint) {
    this.#path = path;
    this.#database = database;
    this.#number = number;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#get(key, undefined);
  }

  freeze(): Kv {
    const snapshot = this.#database.snapshot();
    return {
      get: (key) => this.#get(key, snapshot),
      entries: (range) => this.#entries(range, snapshot),
      write: () => Promise.reject(new Error(`${this.#path}: a frozen store takes no writes`)),
      close: () => snapshot.close(),
    };
  }

  #get(key: Uint8Array, snapshot: LevelSnapshot | undefined): Uint8Array | undefined {
    let stored: Uint8Array | undefined;
    try {
      // Without options it takes a shorter way.
      stored =
        snapshot === undefined ? this.#database.getSync(key) : this.#database.getSync(key, { snapshot });
    } catch (cause) {
      throw this.#failRead(cause);
    }
    return stored === undefined ? undefined : this.#open(key, stored);
  }

  async write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void> {
    if (operations.length === 0) return this.#tail;
    const batch = this.#fill(operations);
    // After a failed write every later one fails too: its changes may rest on those that were lost.
    this.#tail = this.#tail.then(() => batch.write(options)).catch((cause) => this.#failWrite(cause));
    if (this.#number % LOGGED_MAX === 0n) this.#tail = this.#tail.then(() => this.#compact(NOTHING));
    return this.#tail;
  }

  entries(range: KvRange): ReturnType<Kv["entries"]> {
    return this.#entries(range, undefined);
  }

  async #entries(
    range: KvRange,
    snapshot: LevelSnapshot | undefined,
  ): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    const iterator = this.#database.iterator({
      ...(snapshot === undefined ? {} : { snapshot }),
      gte: range.from,
      lt: compareBytes(range.to, NUMBERS_FROM) < 0 ? range.to : NUMBERS_FROM,
      reverse: range.reverse === true,
      limit: range.limit ?? -1,
    });
    const found: [Uint8Array, Uint8Array][] = [];
    try {
      for (let step = await iterator.nextv(KV_SCAN_STEP); step.length > 0; ) {
        for (const [key, value] of step) found.push([plain(key), this.#open(key, value)]);
        step = await iterator.nextv(KV_SCAN_STEP);
      }
    } catch (cause) {
      throw cause instanceof DamagedDatabase ? cause : this.#failRead(cause);
    } finally {
      await iterator.close();
    }
    return found;
  }

  async compact(range = EVERYTHING): Promise<void> {
    await this.#tail;
    await this.#compact(range);
  }

  /** Whatever the range, what the log holds goes into a table first. */
  async #compact({ from, to }: KvRange): Promise<void> {
    try {
      // Of abstract-level it has no type: level's class hides that of its implementation.
      await (this.#database as unknown as CompactingDatabase).compactRange(from, to, { keyEncoding: "view" });
    } catch (cause) {
      throw failure(this.#path, "compacting", cause);
    }
  }

  async close(): Promise<void> {
    await this.#tail.catch(() => undefined);
    await this.#database.close();
  }

  /** Copies the operations into a native batch: the caller's bytes are free again when `write` returns. */
  #fill(operations: readonly KvOperation[]) {
    try {
      const batch = this.#database.batch();
      for (const operation of operations) {
        if (operation.kind === "delete") batch.del(operation.key);
        else batch.put(operation.key, sealValue(operation.key, operation.value));
      }
      this.#number++;
      batch.put(numberKey(this.#number), EMPTY);
      if (this.#number > NUMBERS_KEPT) batch.del(numberKey(this.#number - NUMBERS_KEPT));
      return batch;
    } catch (cause) {
      return this.#failWrite(cause);
    }
  }

  #open(key: Uint8Array, stored: Uint8Array): Uint8Array {
    const value = openValue(key, stored);
    if (value === undefined) throw new DamagedDatabase(this.#path, `the value at ${hex(key)} was changed`);
    return plain(value);
  }

  #failRead(cause: unknown): Error {
    return failure(this.#path, "reading", cause);
  }

  #failWrite(cause: unknown): never {
    throw failure(this.#path, "writing to", cause);
  }
}

/** LevelDB hands out Buffers, whose `slice` shares memory where a Uint8Array's copies. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function openFailure(path: string, cause: unknown): Error {
  const chain = causesOf(cause);
  if (chain.some((error) => (error as { code?: unknown }).code === "LEVEL_LOCKED")) {
    return new Error(
      `the data directory ${path} is in use: another process is running on it. Stop that process, or give this one a directory of its own`,
      { cause },
    );
  }
  const said = chain.at(-1)?.message ?? "";
  // A file that CURRENT or the manifest names and that is not there says "IO error".
  if (/Corruption|No such file/.test(said)) return new DamagedDatabase(path, said, { cause });
  return new Error(
    `the database ${path} cannot be opened: ${explainDisk(cause) ?? "check that the directory is readable and writable"}`,
    {
      cause,
    },
  );
}

/** A file that is not what LevelDB wrote is damage; a disk that refuses says so in words. */
function failure(path: string, doing: "reading" | "writing to" | "compacting", cause: unknown): Error {
  const said = causesOf(cause).at(-1)?.message ?? String(cause);
  const why = explainDisk(cause);
  // Of a table that was cut short it says "Invalid argument", with the table's name.
  const isDamage =
    said.includes("Corruption") || (why === undefined && /^IO error: .*\.(ldb|sst|log):/.test(said));
  if (isDamage) return new DamagedDatabase(path, said, { cause });
  return new Error(`${doing} the database ${path} failed: ${why ?? said}`, { cause });
}

/** An error and its causes, the outermost first, since LevelDB's own code lies under abstract-level's. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let at = error; at instanceof Error; at = at.cause) causes.push(at);
  return causes;
}
