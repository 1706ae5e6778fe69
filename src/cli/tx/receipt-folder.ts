/**
 * The folder of receipts. A receipt lies under the digest of its document, the account whose anchor it proves and the
 * chain, so that no other document's takes its place whatever they are called; nothing is ever overwritten: what does
 * not verify any more stays, and the new one gets the next number. `names.jsonl` is an index, one line for each time
 * that a document of this path was anchored: it tells a changed document from an unknown one, and decides nothing.
 *
 * Folders of version 0.1 before this, with receipts under the path of the document, are read too.
 */

import { appendFileSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { RECEIPT_FILE_BYTES_MAX, RECEIPT_NAMES_BYTES_MAX } from "../../base/limits.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import { fileProblem } from "../file-problem.ts";

const SUFFIX = ".receipt.json";
const NAMES = "names.jsonl";
/** How many receipts one digest, account and chain may have. */
const NUMBERS_MAX = 1_000;

/** What a receipt is of, each part as 0x-hex. */
export interface ReceiptKey {
  readonly digest: string;
  readonly sender: string;
  readonly genesisHash: string;
}

export interface StoredReceipt {
  readonly path: string;
  readonly text: string;
}

/** A file of the folder that cannot be used. */
export interface SkippedReceipt {
  readonly path: string;
  readonly reason: string;
}

export class ReceiptFolder {
  readonly #dir: string;
  /** The receipts whose file is named after their digest, without 0x. */
  readonly #byDigest = new Map<string, string[]>();
  readonly #others: string[] = [];
  readonly #skipped: SkippedReceipt[] = [];
  #othersByDigest: Map<string, StoredReceipt[]> | undefined;
  #names: Map<string, string> | undefined;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#walk(dir, 0);
  }

  /** Opens a folder to read it. */
  static open(dir: string): Verdict<ReceiptFolder, "unreadable"> {
    try {
      if (!statSync(dir).isDirectory()) return refuse("unreadable", `${dir}: not a folder`);
      return accept(new ReceiptFolder(dir));
    } catch (error) {
      return refuse("unreadable", `${dir}: ${problemOf(error)}`);
    }
  }

  /** Opens a folder to write to it: it is made if it is missing, and tried. */
  static prepare(dir: string): Verdict<ReceiptFolder, "unreadable"> {
    try {
      makeFolder(dir);
      const probe = join(dir, `.probe-${process.pid}`);
      writeFileSync(probe, "");
      unlinkSync(probe);
      appendFileSync(join(dir, NAMES), "");
    } catch (error) {
      return refuse("unreadable", `${dir}: ${problemOf(error)}`);
    }
    return ReceiptFolder.open(dir);
  }

  /** Files that were passed over so far. */
  get skipped(): readonly SkippedReceipt[] {
    return this.#skipped;
  }

  /**
   * The receipts of a digest (0x-hex), the newest first. Those of older folders, whose files have to be read,
   * come last.
   */
  *find(digest: string): Generator<StoredReceipt> {
    for (const path of (this.#byDigest.get(digest.slice(2)) ?? []).toSorted(byNumberDescending)) {
      const receipt = this.#read(path);
      if (receipt !== undefined) yield receipt;
    }
    this.#othersByDigest ??= this.#indexOthers();
    yield* this.#othersByDigest.get(digest) ?? [];
  }

  /** The digest (0x-hex) that a document of this path had when it was last anchored into this folder. */
  digestOfName(document: string): string | undefined {
    this.#names ??= this.#readNames();
    return this.#names.get(nameOf(document)) ?? this.#digestInOlderFolder(document);
  }

  /** Writes a receipt that is not there yet. @returns its path. @throws Error of the system */
  save(key: ReceiptKey, receipt: unknown): string {
    const stem = [key.digest.slice(2), key.sender.slice(2, 18), key.genesisHash.slice(2, 10)].join("-");
    const text = `${JSON.stringify(receipt, undefined, 2)}\n`;
    for (let number = 1; number <= NUMBERS_MAX; number++) {
      const path = join(this.#dir, `${stem}${number === 1 ? "" : `.${number}`}${SUFFIX}`);
      try {
        writeFileSync(path, text, { flag: "wx" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        if (this.#read(path)?.text === text) return path;
        continue;
      }
      this.#add(path, `${key.digest.slice(2)}`);
      return path;
    }
    throw new Error(`${this.#dir}: ${NUMBERS_MAX} receipts of one document; move some away`);
  }

  /** Notes that a document of this path has this digest. @throws Error of the system */
  note(document: string, digest: string, receipt: string): void {
    if (this.digestOfName(document) === digest && this.#names?.has(nameOf(document))) return;
    const line = { name: nameOf(document), digest, receipt: relative(this.#dir, receipt) };
    appendFileSync(join(this.#dir, NAMES), `${JSON.stringify(line)}\n`);
    this.#names?.set(line.name, digest);
  }

  #add(path: string, digest: string): void {
    this.#byDigest.set(digest, [...(this.#byDigest.get(digest) ?? []), path]);
  }

  /** Links are not followed: they may lead in a circle. */
  #walk(dir: string, depth: number): void {
    let entries: ReturnType<typeof readEntries>;
    try {
      entries = readEntries(dir);
    } catch (error) {
      if (depth === 0) throw error;
      this.#skipped.push({ path: dir, reason: problemOf(error) });
      return;
    }
    for (const entry of entries) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) {
        if (depth < DEPTH_MAX) this.#walk(path, depth + 1);
        else this.#skipped.push({ path, reason: `deeper than ${DEPTH_MAX} folders` });
      } else if (entry.name.endsWith(SUFFIX)) {
        const digest = depth === 0 ? OWN_NAME.exec(entry.name)?.[1] : undefined;
        if (digest === undefined) this.#others.push(path);
        else this.#add(path, digest);
      }
    }
  }

  #read(path: string): StoredReceipt | undefined {
    try {
      const { size } = statSync(path);
      if (size <= RECEIPT_FILE_BYTES_MAX) return { path, text: readFileSync(path, "utf8") };
      this.#skipped.push({ path, reason: `${size} bytes, at most ${RECEIPT_FILE_BYTES_MAX}` });
    } catch (error) {
      this.#skipped.push({ path, reason: problemOf(error) });
    }
    return undefined;
  }

  #indexOthers(): Map<string, StoredReceipt[]> {
    const index = new Map<string, StoredReceipt[]>();
    for (const path of this.#others) {
      const receipt = this.#read(path);
      if (receipt === undefined) continue;
      const digest = digestOf(receipt.text);
      if (digest === undefined) this.#skipped.push({ path, reason: "not a receipt" });
      else index.set(digest, [...(index.get(digest) ?? []), receipt]);
    }
    return index;
  }

  #readNames(): Map<string, string> {
    const path = join(this.#dir, NAMES);
    const names = new Map<string, string>();
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > RECEIPT_NAMES_BYTES_MAX) {
      this.#skipped.push({ path, reason: `${size} bytes, at most ${RECEIPT_NAMES_BYTES_MAX}` });
      return names;
    }
    for (const line of size === 0 ? [] : readFileSync(path, "utf8").split("\n")) {
      const entry = parseObject(line);
      if (typeof entry?.name === "string" && typeof entry.digest === "string")
        names.set(entry.name, entry.digest);
    }
    return names;
  }

  /**
   * Finds where a receipt lay before: below the folder as its document lies below this one, with "__" for a step up.
   */
  #digestInOlderFolder(document: string): string | undefined {
    const steps = nameOf(document).split("/");
    const path = join(this.#dir, ...steps.map((step) => (step === ".." ? "__" : step))) + SUFFIX;
    return this.#others.includes(path) ? digestOf(this.#read(path)?.text ?? "") : undefined;
  }
}

const OWN_NAME = /^([0-9a-f]{64})-[0-9a-f]{16}-[0-9a-f]{8}(?:\.[0-9]{1,4})?\.receipt\.json$/;
const DEPTH_MAX = 256;

function readEntries(dir: string) {
  return readdirSync(dir, { withFileTypes: true });
}

/** The name of a document, which is its path from here, with slashes. */
function nameOf(document: string): string {
  return relative(process.cwd(), document).split(sep).join("/");
}

function byNumberDescending(a: string, b: string): number {
  const number = (path: string) => Number(/\.([0-9]{1,4})\.receipt\.json$/.exec(path)?.[1] ?? 1);
  return number(b) - number(a);
}

function digestOf(receipt: string): string | undefined {
  const digest = parseObject(receipt)?.digest;
  return typeof digest === "string" ? digest : undefined;
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function problemOf(error: unknown): string {
  const problem = fileProblem(error);
  if (problem === undefined) throw error;
  return problem;
}
