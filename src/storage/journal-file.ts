/**
 * The record log as one file (its bytes: journal-format.ts), kept apart from the chain database. An append is one
 * write and one fdatasync; rotation writes a new file beside the old, syncs it, renames it over the old and syncs
 * the directory. After any failure the log refuses everything: what the disk then holds is unknown.
 *
 * A vote is some hundred bytes, and on a quick disk durable in less time than it takes to hand the work to a thread and hear
 * of it, three times over (write, sync, mark). So a short append that nothing waits before is done at once on the
 * caller's thread, as long as the disk is quick.
 * Source: pbft 1.12, rule D1; docs/protocol.md, "Journal".
 */
import { randomBytes } from "node:crypto";
import { fdatasyncSync, writeSync } from "node:fs";
import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { concatBytes } from "../base/bytes.ts";
import { JOURNAL_FILE_BYTES_MAX } from "../base/limits.ts";
import { explainDisk } from "./disk-fault.ts";
import { makeFolder, syncDirectory } from "./durable-file.ts";
import {
  assertRecordSizes,
  encodeJournalHeader,
  encodeJournalMark,
  encodeJournalRecords,
  JOURNAL_SALT_BYTES,
  type JournalScan,
  scanJournal,
} from "./journal-format.ts";
import type { LogPosition, OpenedLog, RecordLog } from "./record-log.ts";

/**
 * Reads the log at `path` and opens it for appending; a torn tail is cut off. Nothing is made when it is missing.
 * @throws Error with a cause when the file cannot be read, and when its format is unknown.
 */
export async function openJournalFile(path: string): Promise<OpenedLog> {
  const scan = await readJournal(path);
  if (scan === undefined) return { records: [], state: "missing", log: new JournalFile(path, {}) };
  const { records, state } = scan;
  if (state === "corrupt") return { records, state, log: new JournalFile(path, { corrupt: true }) };
  try {
    return { records, state, log: new JournalFile(path, { file: await openScanned(path, scan) }) };
  } catch (cause) {
    const why = explainDisk(cause) ?? (cause as Error).message;
    throw new Error(`the journal ${path} cannot be opened for writing: ${why}`, { cause });
  }
}

/**
 * What was read may stand in the memory of the operating system alone, when the process died before its sync:
 * it is made durable before anybody acts on it.
 */
async function openScanned(path: string, scan: JournalScan): Promise<OpenFile> {
  const { salt, generation, records, length } = scan;
  const handle = await open(path, "r+");
  try {
    if (scan.state === "torn-tail") await handle.truncate(length);
    await handle.sync();
    await syncDirectory(dirname(path));
    const file = { handle, salt, generation, records: records.length, length };
    if (!scan.marked) await writeMark(file);
    return file;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Bytes of records that are written at once. A block's body takes longer, and the thread does other work meanwhile. */
const SHORT_BYTES_MAX = 16 * 1024;
/**
 * A sync on the caller's thread that takes longer, ms, sends so many appends after it to another thread. On a quick disk one in
 * a hundred is slow, so few; on a disk that is always slow the thread is held up by one append in so many.
 */
const QUICK_SYNC_MS = 5;
const APPENDS_AFTER_SLOW_SYNC = 16;

interface OpenFile {
  readonly handle: FileHandle;
  readonly salt: Uint8Array;
  readonly generation: number;
  /** How many are durable. */
  records: number;
  length: number;
}

class JournalFile implements RecordLog {
  readonly #path: string;
  #file: OpenFile | undefined;
  #corrupt: boolean;
  #tail: Promise<void> = Promise.resolve();
  /** Tasks in the queue that have not ended. */
  #waiting = 0;
  #hasFailed = false;
  /** So many appends more go to another thread. */
  #elsewhere = 0;
  #closed = false;

  constructor(path: string, found: { readonly file?: OpenFile; readonly corrupt?: boolean }) {
    this.#path = path;
    this.#file = found.file;
    this.#corrupt = found.corrupt === true;
  }

  get durable(): LogPosition {
    return { generation: this.#file?.generation ?? 0, records: this.#file?.records ?? 0 };
  }

  append(payloads: readonly Uint8Array[]): Promise<void> {
    assertRecordSizes(payloads);
    if (this.#corrupt) return Promise.reject(this.#corruptError());
    if (payloads.length === 0) return this.#tail;
    const file = this.#quickFile(payloads);
    if (file !== undefined) return this.#extendAtOnce(file, payloads);
    const durable = this.#enqueue(() =>
      this.#file === undefined ? this.#write(payloads) : extend(this.#file, payloads),
    );
    // Nobody waits for the mark, except the next write.
    void this.#enqueue(async () => this.#file && writeMark(this.#file)).catch(() => undefined);
    return durable;
  }

  replace(payloads: readonly Uint8Array[]): Promise<void> {
    assertRecordSizes(payloads);
    this.#corrupt = false;
    return this.#enqueue(() => this.#write(payloads));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#tail.catch(() => undefined);
    await this.#file?.handle.close();
  }

  /** The file, if these records may be written to it at once. */
  #quickFile(payloads: readonly Uint8Array[]): OpenFile | undefined {
    if (this.#closed || this.#hasFailed || this.#waiting > 0) return undefined;
    if (this.#elsewhere > 0) {
      this.#elsewhere--;
      return undefined;
    }
    let bytes = 0;
    for (const { length } of payloads) bytes += length;
    return bytes <= SHORT_BYTES_MAX ? this.#file : undefined;
  }

  #extendAtOnce(file: OpenFile, payloads: readonly Uint8Array[]): Promise<void> {
    try {
      const startMs = performance.now();
      extendAtOnce(file, payloads);
      if (performance.now() - startMs > QUICK_SYNC_MS) this.#elsewhere = APPENDS_AFTER_SLOW_SYNC;
      return Promise.resolve();
    } catch (cause) {
      return this.#enqueue(() => Promise.reject(cause));
    }
  }

  /** Runs tasks one after the other. A failure is the outcome of every later call too. */
  #enqueue(task: () => Promise<void>): Promise<void> {
    if (this.#closed) return Promise.reject(new Error(`the journal ${this.#path} is closed`));
    this.#waiting++;
    this.#tail = this.#tail.then(task).then(
      () => void this.#waiting--,
      (cause) => {
        this.#hasFailed = true;
        const why = explainDisk(cause) ?? (cause as Error).message;
        throw new Error(`writing the journal ${this.#path} failed: ${why}`, { cause });
      },
    );
    return this.#tail;
  }

  #corruptError(): Error {
    return new Error(
      `the journal ${this.#path} is corrupt: votes may be missing, so nothing is appended to it`,
    );
  }

  /** A new file with exactly these records takes the place of the old. */
  async #write(payloads: readonly Uint8Array[]): Promise<void> {
    const salt = new Uint8Array(randomBytes(JOURNAL_SALT_BYTES));
    const generation = this.durable.generation + 1;
    const bytes = concatBytes(
      encodeJournalHeader(salt, generation),
      encodeJournalRecords(salt, payloads),
      encodeJournalMark(salt),
    );
    checkFileSize(bytes.length);
    makeFolder(dirname(this.#path));
    const handle = await open(`${this.#path}.new`, "w+");
    try {
      await writeFully(handle, bytes, 0);
      await handle.sync();
      await rename(`${this.#path}.new`, this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      await handle.close();
      throw error;
    }
    const old = this.#file;
    this.#file = { handle, salt, generation, records: payloads.length, length: bytes.length };
    await old?.handle.close();
  }
}

async function readJournal(path: string): Promise<JournalScan | undefined> {
  let file: Uint8Array;
  try {
    file = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`the journal ${path} cannot be read: ${explainDisk(cause) ?? (cause as Error).message}`, {
      cause,
    });
  }
  try {
    return scanJournal(file);
  } catch (cause) {
    throw new Error(`the journal ${path} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

async function extend(file: OpenFile, payloads: readonly Uint8Array[]): Promise<void> {
  const bytes = encodeJournalRecords(file.salt, payloads);
  checkFileSize(file.length + bytes.length);
  await writeFully(file.handle, bytes, file.length);
  await file.handle.datasync();
  file.length += bytes.length;
  file.records += payloads.length;
}

/** Does what {@link extend} and {@link writeMark} do, and is done when it returns. */
function extendAtOnce(file: OpenFile, payloads: readonly Uint8Array[]): void {
  const bytes = encodeJournalRecords(file.salt, payloads);
  checkFileSize(file.length + bytes.length);
  const { fd } = file.handle;
  writeFullyAtOnce(fd, bytes, file.length);
  fdatasyncSync(fd);
  file.length += bytes.length;
  file.records += payloads.length;
  const mark = encodeJournalMark(file.salt);
  writeFullyAtOnce(fd, mark, file.length);
  file.length += mark.length;
}

/** Writes the mark without a sync: it outlives the process, and is lost only with the power (journal-format.ts). */
async function writeMark(file: OpenFile): Promise<void> {
  const mark = encodeJournalMark(file.salt);
  await writeFully(file.handle, mark, file.length);
  file.length += mark.length;
}

/** A write may be partial (a full disk, a signal); what is left is written until an error says why. */
async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function writeFullyAtOnce(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

function checkFileSize(bytes: number): void {
  if (bytes <= JOURNAL_FILE_BYTES_MAX) return;
  throw new Error(
    `the journal would have ${bytes} bytes, at most ${JOURNAL_FILE_BYTES_MAX} are allowed: no checkpoint became stable for too long`,
  );
}
