/** Goal: whatever a disk refuses is one sentence with the path and the remedy. Method: real errors of the system. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diskFaultOf, explainDisk, withPath } from "../../src/storage/disk-fault.ts";
import { makeFolder, writeWhole } from "../../src/storage/durable-file.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-disk-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("it worked");
}

describe("an error of the disk", () => {
  it("names the file that was written to a full device, and the remedy", () => {
    const fault = diskFaultOf(errorOf(() => writeWhole("/dev/full", "x")));
    expect(fault).toEqual({
      detail: "/dev/full: the disk is full: free space there, or use another folder",
      isInput: false,
    });
  });

  it("names the path that an operator gave wrongly, as wrong input", () => {
    const file = join(dir, "file");
    writeFileSync(file, "");
    for (const [path, words] of [
      [join(file, "below"), "something on the path is a file"],
      [file, "a file is there, where a folder is needed"],
      ["/proc/nowhere/below", "no folder can be made there"],
    ] as const) {
      const fault = diskFaultOf(errorOf(() => makeFolder(path)));
      expect(fault).toMatchObject({ isInput: true, detail: expect.stringContaining(words) });
    }
    const missing = diskFaultOf(errorOf(() => openSync(join(dir, "missing"), "r")));
    expect(missing?.detail).toBe(`${join(dir, "missing")}: it does not exist: look at the path`);
  });

  it("is found below what was said of it, which stays when it says it already", () => {
    const cause = errorOf(() => withPath("/data/LOCK", () => writeFileSync("/dev/full", "x")));
    expect(diskFaultOf(new Error("the lock failed", { cause }))?.detail).toMatch(
      /^\/data\/LOCK: the disk is full/,
    );
    const said = new Error(`writing the journal /j failed: ${explainDisk(cause)}`, { cause });
    expect(diskFaultOf(said)?.detail).toBe(said.message);
  });

  it("is found in LevelDB's sentences, which have no code", () => {
    const cause = new Error("IO error: /db/000003.log: Read-only file system");
    expect(explainDisk(new Error("batch failed", { cause }))).toMatch(/mounted read-only/);
    expect(explainDisk(new Error("Read-only file system of another kind"))).toBeUndefined();
  });

  it("is none where the network refuses, or where something else is wrong", async () => {
    const refused = Object.assign(new Error("listen EACCES"), { code: "EACCES", syscall: "listen" });
    expect(diskFaultOf(refused)).toBeUndefined();
    const server = createServer();
    const error = await new Promise((resolve) =>
      server.once("error", resolve).listen(join(dir, "no", "socket")),
    );
    expect(diskFaultOf(error)).toBeUndefined();
    expect(diskFaultOf(new Error("a bug"))).toBeUndefined();
  });
});

describe("making a folder", () => {
  it("says what was made, the outermost first, and makes none twice", () => {
    expect(makeFolder(join(dir, "a", "b"))).toEqual([join(dir, "a"), join(dir, "a", "b")]);
    expect(makeFolder(join(dir, "a", "b"))).toEqual([]);
    closeSync(openSync(join(dir, "a", "b", "file"), "w"));
  });
});
