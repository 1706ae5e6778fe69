// Compiles the kernels (AssemblyScript) to WebAssembly: the one for mining, kernel/*.ts, and the one for signatures,
// kernel/signatures/*.ts. Each only when a source, the compiler or this file is newer, since it takes seconds. The new
// file takes the old one's place whole, so that a node that starts meanwhile reads one or the other.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const compiler = join(root, "node_modules/assemblyscript");
const asc = join(compiler, "bin/asc.js");

const KERNELS = [
  {
    source: join(root, "kernel"),
    entry: "scan.ts",
    target: join(root, "dist/node/mining/mining-kernel.wasm"),
  },
  {
    source: join(root, "kernel/signatures"),
    entry: "verify.ts",
    target: join(root, "dist/crypto/signature-kernel.wasm"),
  },
];

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isCurrent({ source, target }) {
  const inputs = readdirSync(source)
    .filter((name) => name.includes("."))
    .map((name) => join(source, name));
  const newest = [...inputs, join(compiler, "package.json"), fileURLToPath(import.meta.url)].map(changedAt);
  return changedAt(target) > Math.max(...newest);
}

function build({ source, entry, target }) {
  mkdirSync(dirname(target), { recursive: true });
  const made = `${target}.${process.pid}`;
  const args = [asc, entry, "--config", "asconfig.json", "--outFile", made];
  const { status, error } = spawnSync(process.execPath, args, {
    cwd: source,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (error !== undefined) console.error(`cannot run the AssemblyScript compiler: ${error.message}`);
  if (status !== 0) {
    rmSync(made, { force: true });
    process.exit(status ?? 1);
  }
  renameSync(made, target);
}

for (const kernel of KERNELS) if (!isCurrent(kernel)) build(kernel);
