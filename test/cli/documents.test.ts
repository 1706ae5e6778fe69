/** Goal: a document finds its receipt by path and, when moved, by digest. Method: real folders. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  documentProblem,
  hashFile,
  ReceiptFolder,
  receiptPath,
  saveReceiptFile,
} from "../../src/cli/documents.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-documents-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("a file's digest is the SHA-256 of its content, in pieces or empty", async () => {
  for (const size of [0, 1, 65_536, 200_001]) {
    const content = Buffer.alloc(size, 7);
    const path = join(dir, "file");
    writeFileSync(path, content);
    expect(Buffer.from(await hashFile(path))).toEqual(createHash("sha256").update(content).digest());
  }
});

test("receipts lie where their documents do, also those of documents above this folder", () => {
  expect(receiptPath("r", "src/a/index.ts")).toBe("r/src/a/index.ts.receipt.json");
  expect(receiptPath("r", "./src/b/../b/index.ts")).toBe("r/src/b/index.ts.receipt.json");
  expect(receiptPath("r", "../x.pdf")).toBe("r/__/x.pdf.receipt.json");
});

test("a receipt is found by path, then by digest, and foreign files do no harm", () => {
  saveReceiptFile(receiptPath(dir, "a.txt"), { digest: "0x01" });
  mkdirSync(join(dir, "deep"));
  writeFileSync(join(dir, "deep", "bad.receipt.json"), "{");
  writeFileSync(join(dir, "deep", "list.receipt.json"), "[]");
  const folder = new ReceiptFolder(dir);
  expect(JSON.parse(folder.find("a.txt", "0x99")!)).toEqual({ digest: "0x01" });
  expect(JSON.parse(folder.find("moved/a.txt", "0x01")!)).toEqual({ digest: "0x01" });
  expect(folder.find("b.txt", "0x02")).toBeUndefined();
});

test("only regular files are documents", () => {
  expect(documentProblem(dir)).toContain("not a regular file");
  expect(documentProblem(join(dir, "none"))).toContain("no such file");
});
