/** What lies in a home's `modules/` beside the files that are meant. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { moduleHash } from "../../../src/node/modules/load-module.ts";
import { ModuleFolder } from "../../../src/node/modules/module-folder.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-modules-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

it("a folder of modules finds a file by its hash beside links that lead nowhere or in a circle, and folders", () => {
  symlinkSync("circle.js", join(dir, "circle.js"));
  symlinkSync("gone", join(dir, "dangling.js"));
  mkdirSync(join(dir, "folder.js"));
  writeFileSync(join(dir, "wanted.js"), "wanted");
  const folder = new ModuleFolder(dir);
  expect(folder.textOf(moduleHash("wanted"))).toBe("wanted");
});

it("a folder of modules names what cannot be read where a file is missed", () => {
  symlinkSync("circle.js", join(dir, "circle.js"));
  const missed = new ModuleFolder(dir).load({
    name: "counter",
    number: 16,
    version: 2,
    hash: moduleHash("x"),
  });
  expect(missed).toMatchObject({
    ok: false,
    fault: {
      code: "missing",
      detail: expect.stringMatching(/no file there has this SHA-256 \(not readable: ELOOP.*circle\.js/),
    },
  });
});

it("a folder of modules has nothing where its folder is a file", () => {
  writeFileSync(join(dir, "modules"), "");
  expect(new ModuleFolder(join(dir, "modules")).textOf(moduleHash("x"))).toBeUndefined();
});

it("a folder of modules says of a file that does not load what is wrong, and does not load it again", () => {
  const path = join(dir, "counter-2.js");
  writeFileSync(path, "no bundled file");
  const folder = new ModuleFolder(dir);
  const wanted = { name: "counter", number: 16, version: 2, hash: moduleHash("no bundled file") };
  const refused = {
    fault: { code: "missing", detail: expect.stringContaining("not a module's bundled file") },
  };
  expect(folder.load(wanted)).toMatchObject(refused);
  rmSync(path);
  expect(folder.load(wanted)).toMatchObject(refused);
  expect(new ModuleFolder(dir).load(wanted)).toMatchObject({
    fault: { detail: expect.stringContaining("no file there has this SHA-256") },
  });
});
