/**
 * Which commit the running program was made from, for reports that must say so: the head of the checkout in which it
 * lies, read from Git's own files. A package without a checkout does not say. Changes that are not committed are not
 * seen.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The commit of the sources in hex, 40 or 64 characters, or undefined outside of a checkout. */
export function sourceCommit(root = packageRoot()): string | undefined {
  try {
    return root === undefined ? undefined : headOf(gitFolder(join(root, ".git")));
  } catch {
    return undefined;
  }
}

/** The nearest folder above this file that has a package.json. */
function packageRoot(): string | undefined {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json"))) {
    if (dirname(at) === at) return undefined;
    at = dirname(at);
  }
  return at;
}

/** Finds the folder of git. In a worktree `.git` is a file that names it. */
function gitFolder(path: string): string {
  if (statSync(path).isDirectory()) return path;
  const [, named] = /^gitdir: (.+)$/m.exec(readFileSync(path, "utf8")) ?? [];
  return resolve(dirname(path), named ?? "");
}

function headOf(folder: string): string | undefined {
  const head = readFileSync(join(folder, "HEAD"), "utf8").trim();
  const [, ref] = /^ref: (refs\/[^\s]+)$/.exec(head) ?? [];
  if (ref === undefined) return asCommit(head);
  const common = join(folder, "commondir");
  const shared = existsSync(common) ? resolve(folder, readFileSync(common, "utf8").trim()) : folder;
  const loose = [folder, shared].map((each) => join(each, ref)).find(existsSync);
  if (loose !== undefined) return asCommit(readFileSync(loose, "utf8").trim());
  const packed = readFileSync(join(shared, "packed-refs"), "utf8").split("\n");
  return asCommit(packed.find((line) => line.endsWith(` ${ref}`))?.split(" ")[0] ?? "");
}

function asCommit(text: string): string | undefined {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined;
}
