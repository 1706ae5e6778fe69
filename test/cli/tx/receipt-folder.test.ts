/** The folder of receipts by itself: nothing is overwritten, links lead nowhere, its index is bounded. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RECEIPT_NAMES_BYTES_MAX } from "../../../src/base/limits.ts";
import { ReceiptFolder } from "../../../src/cli/tx/receipt-folder.ts";

const hash = (digit: string) => `0x${digit.repeat(64)}`;
const key = { digest: hash("a"), sender: hash("b"), genesisHash: hash("c") };

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-receipts-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function open(): ReceiptFolder {
  const folder = ReceiptFolder.prepare(dir);
  if (!folder.ok) throw new Error(folder.fault.detail);
  return folder.value;
}

it("a receipt folder never overwrites: another receipt of the same gets the next number, an equal one is the same file", () => {
  const folder = open();
  const first = folder.save(key, { digest: key.digest, n: 1 });
  const second = folder.save(key, { digest: key.digest, n: 2 });
  expect(folder.save(key, { digest: key.digest, n: 1 })).toBe(first);
  expect(second).not.toBe(first);
  for (const fresh of [folder, open()]) {
    expect([...fresh.find(key.digest)].map(({ path }) => path)).toEqual([second, first]);
  }
  expect(JSON.parse(readFileSync(first, "utf8"))).toMatchObject({ n: 1 });
  expect(folder.save({ ...key, sender: hash("d") }, {})).not.toBe(first);
});

it("a receipt folder follows no links, and says what it cannot read", () => {
  symlinkSync(".", join(dir, "circle"));
  mkdirSync(join(dir, "x.receipt.json"));
  writeFileSync(join(dir, "y.receipt.json"), "nothing");
  symlinkSync("gone", join(dir, "z.receipt.json"));
  const folder = open();
  expect([...folder.find(hash("e"))]).toEqual([]);
  expect(folder.skipped).toEqual([
    { path: join(dir, "y.receipt.json"), reason: "not a receipt" },
    { path: join(dir, "z.receipt.json"), reason: "no such file (ENOENT)" },
  ]);
});

it("an index of names remembers the last content, and is not read beyond its bound", () => {
  const folder = open();
  folder.note("a", hash("1"), join(dir, "r1"));
  folder.note("a", hash("2"), join(dir, "r2"));
  expect(open().digestOfName("./a")).toBe(hash("2"));
  expect(open().digestOfName("../a")).toBeUndefined();
  truncateSync(join(dir, "names.jsonl"), RECEIPT_NAMES_BYTES_MAX + 1);
  const full = open();
  expect(full.digestOfName("a")).toBeUndefined();
  expect(full.skipped).toHaveLength(1);
});
