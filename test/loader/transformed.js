// TypeScript without its types, kept in node_modules/.cache: one file for each source, valid while the source's time and
// size are what they were.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { threadId } from "node:worker_threads";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDER = join(ROOT, "node_modules/.cache/quorate-tests");
const VERSION = `1 ${createRequire(import.meta.url)("esbuild/package.json").version}`;

/** Where the code of a module is kept; its source map is beside it. @param url without a query */
function fileOf(url) {
  return join(FOLDER, createHash("sha1").update(url).digest("hex"));
}

export function mapOf(url) {
  return `${fileOf(url)}.map`;
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function write(file, text) {
  const own = `${file}.${process.pid}.${threadId}`;
  writeFileSync(own, text);
  renameSync(own, file);
}

/** The JavaScript of a TypeScript module. @param url without a query */
export async function transformed(url) {
  const path = fileURLToPath(url);
  const { mtimeMs, size } = statSync(path);
  const mark = `\n// ${VERSION} ${mtimeMs} ${size}`;
  const file = fileOf(url);
  const kept = read(file);
  if (kept.endsWith(mark)) return kept;
  const { transform } = await import("esbuild");
  const { code, map } = await transform(readFileSync(path, "utf8"), {
    loader: path.endsWith("x") ? "tsx" : "ts",
    format: "esm",
    target: "node20",
    sourcemap: "external",
    sourcesContent: false,
    jsx: "automatic",
    jsxImportSource: "preact",
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  });
  mkdirSync(FOLDER, { recursive: true });
  write(`${file}.map`, map);
  write(file, code + mark);
  return code + mark;
}
