/**
 * What a browser loads for quorate/client and quorate/verify: no node: module, no package but the portable ones, no
 * file of the server, and not more bytes than a page can spare.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

/** What bundlers for browsers take in a file's place (package.json, "browser"). */
const { browser } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly browser: Readonly<Record<string, string>>;
};
const ROOT = new URL("../../", import.meta.url);
const inBrowsers = (url: URL) => new URL(browser[`./${url.href.slice(ROOT.href.length)}`] ?? url.href, ROOT);

const PORTABLE = ["@noble/ed25519", "@noble/hashes/sha2.js"];

it.each(["client", "verify", "verify-entry"])("quorate/%s needs nothing that a browser lacks", (entry) => {
  const seen = new Map<string, string>();
  const strangers: string[] = [];
  const visit = (url: URL) => {
    if (seen.has(url.href)) return;
    const code = readFileSync(url, "utf8").replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");
    seen.set(url.href, code);
    // Type imports vanish.
    for (const [, target] of code.matchAll(/^(?:import|export) (?!type\b)[^;]*?from "([^"]+)";/gms)) {
      if (target!.startsWith(".")) visit(inBrowsers(new URL(target!, url)));
      else if (!PORTABLE.includes(target!)) strangers.push(`${url.pathname}: ${target}`);
    }
  };
  visit(new URL(`../../src/sdk/${entry}.ts`, import.meta.url));
  expect(strangers).toEqual([]);
  expect(seen.size).toBeGreaterThan(10);
  const bare = [...seen]
    .filter(([, code]) => /\b(Buffer|process)\b/.test(code))
    .map(([path]) => path.replace(/.*src/, ""));
  // These ask globalThis for what may be missing, and have another way.
  expect(
    bare.filter((path) => !/^\/(crypto\/(keys|hash|signature-kernel)|base\/bytes)\.ts$/.test(path)),
  ).toEqual([]);
});

/** Bytes of one minified file, gzipped, everything in it that is loaded on demand: 60 kB, and 30 kB. */
const GZIPPED_MAX = { client: 60_000, verify: 30_100, "verify-entry": 31_000 };
/** What a page has no use for: the engines, the pool, and what answers requests. */
const OF_NODES =
  /zod|chain\/modules\/(gov|bank|anchor|registry|declared-module)\.ts|src\/(node|p2p|mempool|storage|cli|tools)\/|pbft\/(core|engine|message-verifier|journal)\.ts|pow\/engine\.ts|rpc\/(server|jsonrpc|methods|schemas\/(input|output))\b/;

it.each(["client", "verify", "verify-entry"] as const)(
  "quorate/%s is small where a bundler takes it in",
  async (entry) => {
    const { outputFiles, metafile } = await build({
      entryPoints: [fileURLToPath(new URL(`../../src/sdk/${entry}.ts`, import.meta.url))],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    const [output] = Object.values(metafile.outputs);
    const taken = Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    expect(taken.map(([path]) => path).filter((path) => OF_NODES.test(path))).toEqual([]);
    expect(gzipSync(outputFiles[0]!.contents).length).toBeLessThan(GZIPPED_MAX[entry]);
  },
);
