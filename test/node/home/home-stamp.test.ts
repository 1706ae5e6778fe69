/**
 * Goal: a copied home of a validator does not start beside its original, and every honest way to move one stays easy.
 * Method: real folders; another machine is another name for this one.
 */
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { homePaths } from "../../../src/node/home/home.ts";
import { checkStamp, stampPath, thisMachine, writeStamp } from "../../../src/node/home/home-stamp.ts";
import { signerPaths, takeSignerPlace } from "../../../src/node/signer/signer-home.ts";

const here = { machine: "00aa", host: "here" };
const elsewhere = { machine: "00bb", host: "elsewhere" };
let root: string;
let home: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-stamp-"));
  home = join(root, "node0");
  mkdirSync(join(home, "keys"), { recursive: true });
  writeStamp(homePaths(home), here);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function refusal(dir: string, machine = here): string | undefined {
  const verdict = checkStamp(homePaths(dir), machine);
  return verdict.ok ? undefined : verdict.fault.detail;
}

function copyTo(name: string): string {
  cpSync(home, join(root, name), { recursive: true, preserveTimestamps: true });
  return join(root, name);
}

test("a home that was never started, and one that stays where it is, start", () => {
  mkdirSync(join(root, "new", "keys"), { recursive: true });
  expect(refusal(join(root, "new"))).toBeUndefined();
  expect(refusal(home)).toBeUndefined();
  writeStamp(homePaths(home), here);
  expect(refusal(home)).toBeUndefined();
});

test("a copy beside its original is refused, and says where that is and what to do", () => {
  const copy = copyTo("copy");
  expect(refusal(copy)).toContain(`${copy}: this home is a copy of ${home}, which is still there`);
  expect(refusal(copy)).toContain("start this one once with --moved");
  expect(refusal(home)).toBeUndefined();
});

test("a copy on another machine is refused, because nobody can see whether the original runs", () => {
  const copy = copyTo("copy");
  expect(refusal(copy, elsewhere)).toContain(`this home is a copy of ${home} on here, another machine`);
});

test("a copy that is meant starts once it was told so, and then without a word", () => {
  const copy = copyTo("copy");
  writeStamp(homePaths(copy), elsewhere);
  expect(refusal(copy, elsewhere)).toBeUndefined();
});

test("a renamed folder starts, on this machine and where its disk was moved to another", () => {
  const moved = join(root, "moved");
  renameSync(home, moved);
  expect(refusal(moved)).toBeUndefined();
  expect(refusal(moved, elsewhere)).toBeUndefined();
});

test("a container that is made anew on the same volume starts, whatever its host name", () => {
  expect(refusal(home, elsewhere)).toBeUndefined();
});

test("a home restored under its own path, or under another one after the original is gone, starts", () => {
  const copy = copyTo("copy");
  rmSync(home, { recursive: true });
  expect(refusal(copy)).toBeUndefined();
  renameSync(copy, home);
  expect(refusal(home)).toBeUndefined();
});

test("a copy of a signer's folder is refused beside its original, and starts where it was told so", () => {
  const folder = join(root, "signer"); // its key may be in a token: then there is no keys/ yet
  const lines: string[] = [];
  const log = { log: (_level: string, _component: string, message: string) => lines.push(message) };
  takeSignerPlace(signerPaths(folder), log, false);
  takeSignerPlace(signerPaths(folder), log, false);
  const copy = join(root, "signer-2");
  cpSync(folder, copy, { recursive: true });
  expect(() => takeSignerPlace(signerPaths(copy), log, false)).toThrow(
    `${copy}: this signer's folder is a copy of ${folder}, which is still there. Two signers`,
  );
  takeSignerPlace(signerPaths(copy), log, true);
  takeSignerPlace(signerPaths(copy), log, false);
  expect(lines).toEqual([]);
});

test("a stamp that was cut short, or is of a later version, refuses nobody", () => {
  for (const text of ["", "{", '{"version":2}']) {
    writeFileSync(stampPath(homePaths(home)), text);
    expect(refusal(home, elsewhere)).toBeUndefined();
  }
});

test("this machine has the same name each time, and does not give its id away", () => {
  expect(thisMachine()).toEqual(thisMachine());
  expect(thisMachine().machine).toMatch(/^[0-9a-f]{16}$/);
});
