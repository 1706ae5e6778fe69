/** What a browser loads for quorate/client and quorate/verify: no node: module, no package but the portable ones. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const PORTABLE = ["@noble/ed25519", "@noble/hashes/sha2.js", "zod"];

it.each(["client", "verify"])("quorate/%s needs nothing that a browser lacks", (entry) => {
  const seen = new Map<string, string>();
  const strangers: string[] = [];
  const visit = (url: URL) => {
    if (seen.has(url.href)) return;
    const code = readFileSync(url, "utf8").replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");
    seen.set(url.href, code);
    // Type imports vanish.
    for (const [, target] of code.matchAll(/^(?:import|export) (?!type\b)[^;]*?from "([^"]+)";/gms)) {
      if (target!.startsWith(".")) visit(new URL(target!, url));
      else if (!PORTABLE.includes(target!)) strangers.push(`${url.pathname}: ${target}`);
    }
  };
  visit(new URL(`../../src/rpc/${entry}.ts`, import.meta.url));
  expect(strangers).toEqual([]);
  expect(seen.size).toBeGreaterThan(10);
  const bare = [...seen]
    .filter(([, code]) => /\b(Buffer|process)\b/.test(code))
    .map(([path]) => path.replace(/.*src/, ""));
  // These ask globalThis for what may be missing, and have another way.
  expect(bare.filter((path) => !/^\/(crypto\/(keys|hash)|base\/bytes)\.ts$/.test(path))).toEqual([]);
});
