/**
 * Documents and their receipts on disk: hashing a file without holding it in memory, and where its receipt lies.
 * A receipt is named after the path its document had, below the receipts folder, so that equal names in different
 * folders do not meet; verify also finds it by digest when the path has changed.
 */
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { RECEIPT_FILE_BYTES_MAX } from "../base/limits.ts";

const SUFFIX = ".receipt.json";

/** SHA-256 of a file's content, 32 bytes. @throws Error when it cannot be read. */
export async function hashFile(path: string): Promise<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return new Uint8Array(hash.digest());
}

/** Why a path is no document, or undefined when it is a readable regular file. */
export function documentProblem(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return `${path}: no such file`;
  return stat.isFile() ? undefined : `${path}: not a regular file`;
}

/** Where the receipt of a document lies. Steps up the tree are written as "__". */
export function receiptPath(receiptsDir: string, document: string): string {
  const steps = relative(process.cwd(), document).split(sep);
  return join(receiptsDir, ...steps.map((step) => (step === ".." ? "__" : step))) + SUFFIX;
}

export function saveReceiptFile(path: string, receipt: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(receipt, undefined, 2)}\n`);
}

/** Receipts of a folder: by the document's path, else by digest. */
export class ReceiptFolder {
  readonly #dir: string;
  #byDigest: Map<string, string> | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The text of the receipt for a document, or undefined when the folder holds none. */
  find(document: string, digest: string): string | undefined {
    const path = receiptPath(this.#dir, document);
    if (existsSync(path)) return readCapped(path);
    this.#byDigest ??= this.#index();
    const found = this.#byDigest.get(digest);
    return found === undefined ? undefined : readCapped(found);
  }

  #index(): Map<string, string> {
    const index = new Map<string, string>();
    for (const name of readdirSync(this.#dir, { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(SUFFIX)) continue;
      const path = join(this.#dir, name);
      const digest = digestOf(readCapped(path));
      if (digest !== undefined) index.set(digest, path);
    }
    return index;
  }
}

/** At most one byte more than a receipt may have: the verifier refuses the rest by its length. */
function readCapped(path: string): string {
  if (statSync(path).size > RECEIPT_FILE_BYTES_MAX) return " ".repeat(RECEIPT_FILE_BYTES_MAX + 1);
  return readFileSync(path, "utf8");
}

function digestOf(receipt: string): string | undefined {
  try {
    const { digest } = JSON.parse(receipt) as { digest?: unknown };
    return typeof digest === "string" ? digest : undefined;
  } catch {
    return undefined;
  }
}
