// Compiles the mining kernel, kernel/*.ts (AssemblyScript), to dist/node/mining/mining-kernel.wasm: only when a source, the
// compiler or this file is newer, since it takes seconds. The new file takes the old one's place whole, so that a
// node that starts meanwhile reads one or the other.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "kernel");
const target = join(root, "dist/node/mining/mining-kernel.wasm");
const compiler = join(root, "node_modules/assemblyscript");
const asc = join(compiler, "bin/asc.js");

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isCurrent() {
  const inputs = readdirSync(source).map((name) => join(source, name));
  const newest = [...inputs, join(compiler, "package.json"), fileURLToPath(import.meta.url)].map(changedAt);
  return changedAt(target) > Math.max(...newest);
}

function build() {
  mkdirSync(dirname(target), { recursive: true });
  const made = `${target}.${process.pid}`;
  const args = [asc, "scan.ts", "--config", "asconfig.json", "--outFile", made];
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

if (!isCurrent()) build();
