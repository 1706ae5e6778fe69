/**
 * The package as its users get it: everything that it names is in it, links and exports and sources of maps, and its
 * example of an embedded node runs from it. Method: the tarball of npm pack beside this project's dependencies,
 * without a network.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let dir: string;
/** The package as unpacked. */
let home: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-package-"));
  const options = { cwd: ROOT, encoding: "utf8", shell: process.platform === "win32" } as const;
  execFileSync(
    "npm",
    ["pack", "--ignore-scripts", "--offline", "--silent", "--pack-destination", dir],
    options,
  );
  const tarball = readdirSync(dir).find((name) => name.endsWith(".tgz"))!;
  execFileSync("tar", ["-xzf", tarball], { cwd: dir });
  home = join(dir, "project", "node_modules", "quorate");
  mkdirSync(dirname(home), { recursive: true });
  symlinkSync(join(dir, "package"), home);
  symlinkSync(join(ROOT, "node_modules"), join(dir, "package", "node_modules"));
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it("has every file that its exports name", () => {
  const { exports, bin } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const targets = [...Object.values(exports), ...Object.values(bin)].flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target as Record<string, string>),
  );
  expect(targets.length).toBeGreaterThan(10);
  expect(targets.filter((target) => !existsSync(join(home, target)))).toEqual([]);
});

it("has what the links of its texts lead to", () => {
  const texts = (readdirSync(home, { recursive: true }) as string[]).filter(
    (path) => path.endsWith(".md") && !path.startsWith("node_modules"),
  );
  expect(texts).toContain("README.md");
  const broken = texts.flatMap((path) => {
    const links = [...readFileSync(join(home, path), "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)\s]*)?\)/g)];
    return links
      .map(([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(home, normalize(join(dirname(path), target)))))
      .map((target) => `${path}: ${target}`);
  });
  expect(broken).toEqual([]);
});

it("has the sources of its maps in them", () => {
  const map = JSON.parse(readFileSync(join(home, "dist", "sdk", "client.js.map"), "utf8"));
  expect(map.sourcesContent[0]).toContain("export class Client");
});

it("runs a node inside another program, as the example does", () => {
  const quorate = join(home, "bin", "quorate.js");
  const options = { cwd: join(dir, "project"), encoding: "utf8", timeout: 60_000 } as const;
  execFileSync(process.execPath, [quorate, "init", "--dir", "home", "--quiet"], options);
  const example = join(home, "examples", "embed.ts");
  const tsx = join(ROOT, "node_modules", "tsx", "dist", "cli.mjs");
  const said = execFileSync(process.execPath, ["--no-warnings", tsx, example, "home"], options);
  expect(said).toMatch(/^at height [2-9]\d*: 0x[0-9a-f]{64}\n$/);
}, 90_000);
