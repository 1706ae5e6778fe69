// Makes a fresh clone runnable: installs the locked dependencies when they are missing or older than the
// lockfile, then builds incrementally. `npm start` and `npm test` run it first, so nothing else is needed.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`quorate needs Node.js >= 20.19, this is ${process.version}. See https://nodejs.org.`);
  process.exit(2);
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (result.error !== undefined) console.error(`cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** npm writes node_modules/.package-lock.json at the end of an install, so its age is the install's age. */
function installIsCurrent() {
  const marker = join(root, "node_modules/.package-lock.json");
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs;
}

if (!installIsCurrent()) {
  console.error("quorate: installing dependencies (npm ci) ...");
  // --include=dev: with NODE_ENV=production npm would leave out the compiler and the test runner.
  run(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--include=dev", "--no-audit", "--no-fund"]);
}
run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.json")]);
run(process.execPath, [join(root, "bin/buildkernel.js")]);
run(process.execPath, [join(root, "bin/buildexplorer.js")]);
run(process.execPath, [join(root, "bin/buildlibraries.js")]);
run(process.execPath, [join(root, "bin/buildcommand.js")]);
