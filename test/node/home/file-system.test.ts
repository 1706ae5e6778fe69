/** What a home's file system means for it: the types are injected, since no test mounts a network's. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkFileSystem, fileSystemOf } from "../../../src/node/home/file-system.ts";

const TYPES: Readonly<Record<string, number>> = {
  nfs: 0x6969,
  cifs: 0xff534d42,
  fuse: 0x65735546,
  "9p": 0x01021997,
  ceph: 0x00c36400,
  proc: 0x9fa0,
  tmpfs: 0x01021994,
  ext4: 0xef53,
};
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-fs-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const on = (name: string, use: { votes?: boolean; isExclusive?: boolean } = {}) =>
  checkFileSystem({ folders: [dir], votes: true, isExclusive: false, ...use }, () => TYPES[name] ?? 0);

it.each(["nfs", "cifs", "fuse", "9p", "ceph"])(
  "the check of file systems refuses a validator's home on %s, says what is risked, and takes the operator's word",
  (name) => {
    const refused = on(name);
    expect(refused).toMatchObject({ ok: false, fault: { code: "network-file-system" } });
    expect(!refused.ok && refused.fault.detail).toMatch(
      new RegExp(`^${dir}: on ${name}, which other hosts can mount.*contradict each other.*--network-home`),
    );
    for (const use of [{ isExclusive: true }, { votes: false }]) {
      expect(on(name, use)).toEqual({
        ok: true,
        value: [expect.stringContaining(`on ${name}, which other hosts`)],
      });
    }
  },
);

it("the check of file systems refuses a file system of the kernel for every node, and warns a validator of one in memory", () => {
  expect(on("proc", { votes: false })).toMatchObject({ ok: false, fault: { code: "no-disk" } });
  expect(on("tmpfs")).toEqual({ ok: true, value: [expect.stringContaining("votes of this key are lost")] });
  expect([on("tmpfs", { votes: false }), on("ext4")]).toEqual([
    { ok: true, value: [] },
    { ok: true, value: [] },
  ]);
});

it("the check of file systems looks at each folder, and at the nearest one above what is not there yet", () => {
  const journal = join(dir, "data", "journal");
  const mounted = (path: string) => (path === dir ? 0xef53 : 0x6969);
  expect(fileSystemOf(journal, mounted)).toBeUndefined();
  expect(fileSystemOf(journal, () => 0x6969)).toEqual({ name: "nfs", kind: "shared" });
  const use = { folders: [join(dir, ".."), dir], votes: true, isExclusive: false };
  const twice = checkFileSystem({ ...use, folders: [dir, journal], isExclusive: true }, () => 0x6969);
  expect(twice.ok && twice.value).toHaveLength(1);
  expect(checkFileSystem(use, mounted)).toMatchObject({ ok: false, fault: { code: "network-file-system" } });
  const gone = () => {
    throw new Error("ESTALE");
  };
  expect(fileSystemOf(dir, gone)).toBeUndefined();
});

it.runIf(process.platform === "linux")(
  "the check of file systems knows the kernel's own by the number that the system gives",
  () => {
    expect(fileSystemOf("/proc/self/nothing-there")).toEqual({ name: "proc", kind: "kernel" });
  },
);
