/**
 * Goal: one living process holds a home, a dead one does not. Method: real files; the dead owner is a pid that has
 * exited, the reused pid is ours with another birth.
 */
import { spawnSync } from "node:child_process";
import { linkSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LockSystem, lockOwner, takeLock } from "../../../src/node/home/lock.ts";

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-lock-"));
  path = join(dir, "LOCK");
});
afterEach(() => rmSync(dir, { recursive: true }));

test("a held lock is refused with the owner's pid and what to do, and free again after release", () => {
  const lock = takeLock(path);
  const second = takeLock(path);
  expect(!second.ok && second.fault.detail).toContain("held by this very process");
  if (lock.ok) lock.value.release();
  const third = takeLock(path);
  expect(third.ok).toBe(true);
  if (third.ok) third.value.release();
  expect(readdirSync(dir)).toEqual([]);
});

/** A machine without /proc whose `ps` says that each process was started then; undefined: one without ps too. */
function machine(birth: string | undefined): LockSystem {
  return { birthOf: () => birth, link: linkSync, isShared: () => false };
}

test("another process's lock names its pid, and advises to stop it where it is surely the one", () => {
  writeFileSync(path, `${process.ppid} ps:Sun_1\n`);
  const verdict = takeLock(path, machine("ps:Sun_1"));
  expect(!verdict.ok && verdict.fault.detail).toContain(`held by the running process ${process.ppid}`);
  expect(!verdict.ok && verdict.fault.detail).toContain(`kill ${process.ppid}`);
});

test.each([
  ["nothing says when a process was started", "unknown", undefined],
  ["the lock does not say it", "unknown", "ps:Sun_1"],
  ["the lock was made where it is said otherwise", "0f-11/123", "ps:Sun_1"],
])("nobody is advised to stop a process that may be a stranger's, where %s", (_, written, birth) => {
  writeFileSync(path, `${process.ppid} ${written}\n`);
  const verdict = takeLock(path, machine(birth));
  const words = verdict.ok ? "taken" : verdict.fault.detail;
  expect(words).toContain(`may be another program that was given the same number since`);
  expect(words).toContain(`delete ${path}`);
  expect(words).not.toContain("kill");
  expect(readdirSync(dir)).toEqual(["LOCK"]);
});

test("a pid that was given to a process started later is nobody's lock", () => {
  writeFileSync(path, `${process.ppid} ps:Sun_1\n`);
  expect(takeLock(path, machine("ps:Mon_2")).ok).toBe(true);
});

test("an earlier process with this one's pid holds nothing, where nothing says when it was started", () => {
  writeFileSync(path, `${process.pid} unknown\n`);
  const lock = takeLock(path, machine(undefined));
  expect(lock.ok).toBe(true);
  expect(takeLock(path, machine(undefined)).ok).toBe(false);
  if (lock.ok) lock.value.release();
  expect(readdirSync(dir)).toEqual([]);
});

/** As FAT and some network file systems answer. */
function linkless(code: string): LockSystem {
  return {
    birthOf: () => "ps:Sun_1",
    isShared: () => false,
    link: () => {
      throw Object.assign(new Error(`${code}: link`), { code, syscall: "link" });
    },
  };
}

test.each(["EPERM", "ENOTSUP", "ENOSYS"])("a file system without hard links (%s) is served", (code) => {
  const lock = takeLock(path, linkless(code));
  expect(lock.ok).toBe(true);
  expect(takeLock(path, linkless(code)).ok).toBe(false);
  expect(readdirSync(dir)).toEqual(["LOCK"]);
  if (lock.ok) lock.value.release();
  expect(readdirSync(dir)).toEqual([]);
});

test("an empty lock is left to whoever is making it, and stale when nobody has for long", () => {
  writeFileSync(path, "");
  const verdict = takeLock(path, linkless("EPERM"));
  expect(!verdict.ok && verdict.fault.detail).toContain("another process is taking this lock over");
  utimesSync(path, 1, 1);
  expect(takeLock(path, linkless("EPERM")).ok).toBe(true);
});

test("a disk that refuses leaves no draft of the lock behind", () => {
  const refused = () => {
    throw Object.assign(new Error("ENOSPC: link"), { code: "ENOSPC", syscall: "link" });
  };
  expect(() => takeLock(path, { birthOf: () => undefined, link: refused, isShared: () => false })).toThrow(
    "ENOSPC",
  );
  expect(readdirSync(dir)).toEqual([]);
  expect(() => takeLock(join(dir, "missing", "LOCK"))).toThrow("ENOENT");
});

test("who holds a lock can be asked without taking it", () => {
  expect(lockOwner(path)).toBeUndefined();
  takeLock(path);
  expect(lockOwner(path)).toEqual({ pid: process.pid, isCertain: true });
  writeFileSync(path, `${spawnSync("true").pid} unknown\n`);
  expect(lockOwner(path)).toBeUndefined();
});

test.each([
  ["a dead process", () => `${spawnSync("true").pid} unknown\n`],
  ["a process of an earlier boot whose pid is in use again", () => `${process.pid} 00000000-0000/1\n`],
  ["nobody, with foreign text", () => "-1 x\n"],
])("a lock of %s is taken over", (_, text) => {
  writeFileSync(path, text());
  const lock = takeLock(path);
  expect(lock.ok).toBe(true);
  expect(readdirSync(dir)).toEqual(["LOCK"]);
  expect(takeLock(path).ok).toBe(false);
});

test("releasing a lock that another took over leaves it alone", () => {
  const lock = takeLock(path);
  writeFileSync(path, `${process.ppid} unknown\n`);
  if (lock.ok) lock.value.release();
  expect(readdirSync(dir)).toEqual(["LOCK"]);
});

test("where other hosts can mount the folder a lock of another host is held, although no such process runs here", () => {
  const host = (isShared: boolean): LockSystem => ({
    ...{ birthOf: () => "boot-here/100", link: linkSync, isShared: () => isShared },
  });
  const { pid } = spawnSync("true");
  writeFileSync(path, `${pid} boot-there/77\n`);
  const shared = takeLock(path, host(true));
  expect(!shared.ok && shared.fault.detail).toContain(`names process ${pid} of another host`);
  // On a disk of this host it is of an earlier start of the machine.
  const local = takeLock(path, host(false));
  expect(local.ok).toBe(true);
  if (local.ok) local.value.release();
  writeFileSync(path, `${pid} boot-here/77\n`);
  const dead = takeLock(path, host(true));
  expect(dead.ok).toBe(true);
  if (dead.ok) dead.value.release();
});
