/**
 * Goal: one living process holds a home, a dead one does not. Method: real files; the dead owner is a pid that has
 * exited, the reused pid is ours with another birth.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeLock } from "../../../src/node/home/lock.ts";

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
  expect(!second.ok && second.fault.detail).toContain(`(kill ${process.pid}) or use another --dir`);
  if (lock.ok) lock.value.release();
  const third = takeLock(path);
  expect(third.ok).toBe(true);
  if (third.ok) third.value.release();
  expect(readdirSync(dir)).toEqual([]);
});

test("another process's lock names its pid", () => {
  writeFileSync(path, `${process.ppid} unknown\n`);
  const verdict = takeLock(path);
  expect(!verdict.ok && verdict.fault.detail).toContain(`held by the running process ${process.ppid}`);
});

test.each([
  ["a dead process", () => `${spawnSync("true").pid} unknown\n`],
  ["a process of an earlier boot whose pid is in use again", () => `${process.pid} 00000000-0000/1\n`],
  ["nobody, cut short by a power loss", () => ""],
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
