/**
 * The package as its users get it: everything that it names is in it, links and exports and sources of maps, and its
 * examples run from it; those of its documents type-check. Method: the tarball of npm pack beside this project's dependencies, without a network;
 * `npm run check:package` installs it.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hex0x } from "../../src/base/bytes.ts";
import { secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { Wallet } from "../../src/sdk/wallet.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { writeDocumentExamples } from "./document-examples.ts";

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

it("the package has every file that its exports name", () => {
  const { exports, bin } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const targets = [...Object.values(exports), ...Object.values(bin)].flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target as Record<string, string>),
  );
  expect(targets.length).toBeGreaterThan(10);
  expect(targets.filter((target) => !existsSync(join(home, target)))).toEqual([]);
});

it("the package has what the links of its texts lead to", () => {
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

it("the package has the sources of its maps in them", () => {
  const map = JSON.parse(readFileSync(join(home, "dist", "sdk", "client.js.map"), "utf8"));
  expect(map.sourcesContent[0]).toContain("export class Client");
});

it("the package has a run of each of its examples below", () => {
  const names = readdirSync(join(home, "examples")).filter((name) => name.endsWith(".ts"));
  expect(names.sort()).toEqual(["embed.ts", "testing.ts", "transfer.ts"]);
});

it("the package runs a node inside another program, as the example does", async () => {
  const quorate = join(home, "bin", "quorate.js");
  execFileSync(process.execPath, [quorate, "init", "--dir", "home", "--quiet"], {
    cwd: join(dir, "project"),
  });
  expect(await runExample("embed.ts", "home")).toMatch(/^at height [2-9]\d*: 0x[0-9a-f]{64}\n$/);
}, 90_000);

it("the package sends money, as the example does", async () => {
  const net = await devnet();
  const { wallet } = net.account("alice");
  const { address } = net.account("bob");
  const secret = accountSecret("alice");
  expect(Wallet.fromSeed(secret).addressHex).toBe(wallet.addressHex);
  const said = await runExample("transfer.ts", hex0x(secret), address, await net.serve());
  expect(said).toMatch(/^final in block 1: 0x[0-9a-f]{64}\n0x[0-9a-f]{64} has 1000005 at height 1\n$/);
  await net.stop();
}, 60_000);

it("the package runs the tests of the example", async () => {
  const said = await runExample("testing.ts");
  expect(said).toContain("# pass 3");
  expect(said).toContain("# fail 0");
}, 60_000);

it.each([
  ["node16", "node16"],
  ["bundler", "esnext"],
])(
  "type-checks the examples of its documents where modules are resolved as by %s",
  (moduleResolution, module) => {
    const project = join(dir, "project");
    expect(writeDocumentExamples(home, project)).toBeGreaterThan(15);
    const own = { target: "es2022", strict: true, noEmit: true, preserveSymlinks: true };
    const types = { types: ["node"], typeRoots: [join(ROOT, "node_modules", "@types")] };
    const config = { compilerOptions: { ...own, ...types, module, moduleResolution }, include: ["*.ts"] };
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" });
    expect(stdout).toBe("");
  },
  60_000,
);

/** What an example of the unpacked package says; rejects when it fails. */
async function runExample(name: string, ...words: readonly string[]): Promise<string> {
  const tsx = join(ROOT, "node_modules", "tsx", "dist", "cli.mjs");
  const node = ["--no-warnings", "--test-reporter=tap", tsx, join(home, "examples", name), ...words];
  const options = { cwd: join(dir, "project"), timeout: 60_000 } as const;
  return (await promisify(execFile)(process.execPath, node, options)).stdout;
}

/** Of an account of a devnet in a test. */
function accountSecret(name: string): Uint8Array {
  return secretsFromSeed("simulation")("account", name);
}
