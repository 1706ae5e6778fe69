/**
 * The program in a directory of its own, as JavaScript, where a mutation's edits can be applied and taken back.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-api";
import type { Mutation } from "./mutation.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function transpile(text: string): string {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
    },
  });
  return outputText;
}

/** A copy of src below `directory`, as JavaScript below `directory`/dist, and beside them hunt.js. */
export function build(directory: string): void {
  cpSync(join(ROOT, "src"), join(directory, "src"), { recursive: true });
  for (const file of readdirSync(join(directory, "src"), { recursive: true, encoding: "utf8" })) {
    if (file.endsWith(".ts")) write(directory, file, source(directory, file));
  }
  const hunter = readFileSync(join(ROOT, "test/mutations/hunt.ts"), "utf8");
  writeFileSync(join(directory, "hunt.js"), transpile(hunter));
  writeFileSync(join(directory, "package.json"), readFileSync(join(ROOT, "package.json")));
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
}

export function source(directory: string, file: string): string {
  return readFileSync(join(directory, "src", file), "utf8");
}

export function write(directory: string, file: string, text: string): void {
  const path = join(directory, "dist", file.replace(/\.ts$/, ".js"));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, transpile(text));
}

/** The mutated text of each file that a mutation touches. */
export function mutated(directory: string, { name, edits }: Mutation): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = texts.get(file) ?? source(directory, file);
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new Error(`${name}: ${parts.length - 1} places in src/${file} instead of one hold: ${find}`);
    }
    texts.set(file, parts.join(replace));
  }
  return texts;
}
