/**
 * The package as npm installs it into an empty project, from a registry: without a complaint about the version of
 * Node, with the very versions of everything that this project is tested with; each entry point can be imported and
 * type-checked, the command runs.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRegistry } from "./registry.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));
const manifest = read("package.json");
const lock = read("package-lock.json");
const shell = process.platform === "win32";

let dir: string;
let project: string;
/** What npm said. */
let said = "";

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-install-"));
  project = join(dir, "project");
  mkdirSync(project);
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "user", private: true, type: "module" }),
  );
  execFileSync("npm", ["pack", "--silent", "--pack-destination", dir], { cwd: ROOT, shell });
  const tarball = join(dir, readdirSync(dir).find((name) => name.endsWith(".tgz"))!);
  const registry = await openRegistry(tarball, manifest, lock);
  try {
    await install(registry.url);
    console.log(
      `${registry.fetched.length} packages were not in npm's cache and came from the public registry`,
    );
  } finally {
    await registry.close();
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("npm install quorate", () => {
  it("leaves nothing behind in the project that packed it", () => {
    expect(existsSync(join(ROOT, "npm-shrinkwrap.json"))).toBe(false);
  });

  it("complains about no version of Node", () => {
    expect(said).toMatch(/added \d+ packages/);
    expect(said).not.toMatch(/EBADENGINE|Unsupported engine/);
  });

  it("installs the versions that this project is tested with, and nothing that only its development needs", () => {
    const installed = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")).packages;
    const prefix = "node_modules/quorate/";
    const wrong = Object.entries<{ version: string }>(installed)
      .filter(([path]) => path.startsWith(prefix))
      .filter(([path, { version }]) => lock.packages[path.slice(prefix.length)]?.version !== version)
      .map(([path]) => path);
    expect(wrong).toEqual([]);
    expect(Object.keys(installed).filter((path) => /\/(vitest|typescript)$/.test(path))).toEqual([]);
  });

  it("gives every entry point to import", () => {
    const names = entryPoints();
    expect(names.length).toBeGreaterThan(4);
    const code = names
      .map((name) => `console.log(Object.keys(await import("${name}")).length > 0)`)
      .join("\n");
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", code], {
      cwd: project,
      encoding: "utf8",
    });
    expect(out.trim().split("\n")).toEqual(names.map(() => "true"));
  });

  it("gives every entry point its types", () => {
    const imports = entryPoints().map((name, i) => `import * as m${i} from "${name}";\nexport { m${i} };`);
    writeFileSync(join(project, "user.ts"), imports.join("\n"));
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const types = ["--types", "node", "--typeRoots", join(ROOT, "node_modules", "@types")];
    const options = [
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "es2023",
      ...types,
    ];
    execFileSync(process.execPath, [tsc, ...options, "user.ts"], { cwd: project, encoding: "utf8" });
  });

  it("puts the command where npx finds it", () => {
    const run = (...words: string[]) =>
      execFileSync("npx", ["--no-install", "quorate", ...words], { cwd: project, encoding: "utf8", shell });
    expect(run("--version")).toContain(manifest.version);
    run("init", "--dir", "home", "--quiet");
    expect(existsSync(join(project, "home", "genesis.json"))).toBe(true);
  });
});

function entryPoints(): string[] {
  return Object.keys(manifest.exports)
    .filter((name) => !name.endsWith(".json"))
    .map((name) => `quorate${name.slice(1)}`);
}

async function install(registry: string): Promise<void> {
  const words = ["install", "quorate", "--registry", registry, "--prefer-offline", "--no-audit", "--no-fund"];
  const npm = spawn("npm", words, { cwd: project, shell, stdio: ["ignore", "pipe", "pipe"] });
  npm.stdout.on("data", (bytes) => {
    said += bytes;
  });
  npm.stderr.on("data", (bytes) => {
    said += bytes;
  });
  const [code] = await once(npm, "exit");
  if (code !== 0) throw new Error(`npm install failed (${code}):\n${said}`);
}
