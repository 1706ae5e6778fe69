/**
 * The TypeScript of the documents as files of a project: each fenced block is a module of its own. What a block goes on from
 * is there: imports of the blocks before it in the same document, and the names that a reader fills in, as globals.
 */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/** The names that stand for the reader's own. */
const GLOBALS = `
import type { Client as AClient, Wallet as AWallet } from "quorate/client";
import type { devnet as makeDevnet } from "quorate/testing";
import type aRegistry from "./registry.js";
declare global {
  const client: AClient;
  const wallet: AWallet;
  const net: Awaited<ReturnType<typeof makeDevnet>>;
  const registry: typeof aRegistry;
  const seed: Uint8Array;
  const genesisJson: string;
  const genesis: string;
  const bob: \`0x\${string}\`;
  const to: \`0x\${string}\`;
  const asset: \`0x\${string}\`;
  const digest: \`0x\${string}\`;
  const id: \`0x\${string}\`;
  const bills: readonly { to: string; amount: bigint }[];
  /** Signed bytes in one document, a database's in another. */
  const transaction: Uint8Array & ((of: any, run: (tx: any) => Promise<void>) => Promise<void>);
  const pool: any;
  const handle: (...of: any[]) => Promise<void>;
  const remember: (...of: any[]) => void;
  const forgetBehind: (...of: any[]) => void;
}
`;
const BLOCK = /```ts\n(.*?)```/gs;
const IMPORT = /^import (?:(\w+)(?:, )?)?(?:\{([^}]*)\})? ?from "([^"]+)";$/gm;

/**
 * Writes them into the folder of a project that has quorate installed.
 * @param home the package
 * @returns how many blocks there are
 */
export function writeDocumentExamples(home: string, project: string): number {
  writeFileSync(join(project, "globals.d.ts"), GLOBALS);
  copyFileSync(join(home, "examples/registry/registry.ts"), join(project, "registry.ts"));
  // rpc.md shows the shapes of answers, which are no programs.
  const documents = readdirSync(join(home, "docs")).filter(
    (name) => name.endsWith(".md") && name !== "rpc.md",
  );
  const counts = ["README.md", ...documents.map((name) => join("docs", name))].map((path) => {
    const blocks = [...readFileSync(join(home, path), "utf8").matchAll(BLOCK)].map(([, block = ""]) => block);
    for (const [i, block] of blocks.entries()) {
      const text = `${missingImports(block, blocks.slice(0, i))}${block}\nexport {};\n`;
      writeFileSync(join(project, `${basename(path, ".md")}-${i + 1}.ts`), text);
    }
    return blocks.length;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What the blocks before imported and this one uses without importing or declaring it. */
function missingImports(block: string, before: readonly string[]): string {
  const imported = before.flatMap((text) => [...text.matchAll(IMPORT)]);
  const lines = imported.flatMap(([, , names = "", from]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => new RegExp(`\\b${name}\\b`).test(block) && !declares(block, name))
      .map((name) => `import { ${name} } from "${from}";\n`),
  );
  return [...new Set(lines)].join("");
}

function declares(block: string, name: string): boolean {
  return new RegExp(`^import [^;]*\\b${name}\\b|\\b(?:const|let|function|class) ${name}\\b`, "m").test(block);
}
