// What npm installs with this package is what it was tested with: the lockfile without what only development needs
// travels as npm-shrinkwrap.json, because overrides and lockfiles of a dependency do not reach its users. `npm pack`
// runs it before (no argument) and after (--remove).
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "npm-shrinkwrap.json");

if (process.argv[2] === "--remove") {
  rmSync(target, { force: true });
} else {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const { devDependencies: _, ...self } = lock.packages[""];
  const used = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && dev !== true);
  const packages = Object.fromEntries([["", self], ...used.map(withSource)]);
  writeFileSync(target, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
}

/** Where the tarball lies, so that npm need not ask which versions there are; npm puts its own registry's host there. */
function withSource([path, entry]) {
  const name = entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const file = `${name.slice(name.lastIndexOf("/") + 1)}-${entry.version}.tgz`;
  return [path, { resolved: `https://registry.npmjs.org/${name}/-/${file}`, ...entry }];
}
