/** Goal: a document is hashed whole, and what is wrong with a path is said in words. Method: real files. */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hashDocument } from "../../../src/cli/tx/documents.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-documents-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it("a file's digest is the SHA-256 of its content, in pieces or empty", async () => {
  for (const size of [0, 1, 262_144, 600_001]) {
    const content = Buffer.alloc(size, 7);
    const path = join(dir, "file");
    writeFileSync(path, content);
    const hashed = await hashDocument(path);
    expect(hashed).toMatchObject({ ok: true });
    if (hashed.ok) expect(Buffer.from(hashed.value)).toEqual(createHash("sha256").update(content).digest());
  }
});

it("whatever keeps a path from being a regular file is a fault of that path", async () => {
  writeFileSync(join(dir, "file"), "x");
  mkdirSync(join(dir, "folder"));
  symlinkSync("circle", join(dir, "circle"));
  symlinkSync("nothing", join(dir, "dangling"));
  for (const [name, words] of [
    ["none", "no such file (ENOENT)"],
    ["folder", "not a regular file"],
    ["circle", "its symbolic links lead in a circle (ELOOP)"],
    ["dangling", "a symbolic link to nothing"],
    ["file/below", "a part of the path is a file, not a folder (ENOTDIR)"],
    ["x".repeat(300), "a name in it is too long for the file system (ENAMETOOLONG)"],
  ] as const) {
    expect(await hashDocument(join(dir, name))).toEqual({
      ok: false,
      fault: { code: "unreadable", detail: words },
    });
  }
  expect(await hashDocument("/dev/null")).toMatchObject({ fault: { detail: "not a regular file" } });
});

it("what the system refuses to open is a fault of that path, also where root may read everything", async () => {
  const path = join(dir, "secret");
  writeFileSync(path, "x");
  for (const [code, words] of [
    ["EACCES", "this user may not read or write there (EACCES)"],
    ["EPERM", "the system does not permit it (EPERM)"],
    ["EMFILE", "too many files are open (EMFILE)"],
    ["ETXTBSY", "the system refused it (ETXTBSY)"],
  ] as const) {
    const refusing = async () => {
      throw Object.assign(new Error(code), { code, syscall: "open" });
    };
    expect(await hashDocument(path, refusing)).toEqual({
      ok: false,
      fault: { code: "unreadable", detail: words },
    });
  }
  const broken = async () => {
    throw new TypeError("ours");
  };
  await expect(hashDocument(path, broken)).rejects.toThrow("ours");
});

it("a file that grows while it is read has no digest", async () => {
  const path = join(dir, "log");
  writeFileSync(path, Buffer.alloc(4 * 1024 * 1024));
  let isDone = false;
  const hashed = hashDocument(path).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    appendFileSync(path, "line\n");
    await setImmediate();
  }
  expect(await hashed).toMatchObject({
    fault: { detail: expect.stringContaining("changed while it was read") },
  });
});
