// Joins the command's own modules into a few files in dist/joined, from which bin/quorate.js runs it: reading a module
// from each of several hundred files took a third of the processor time that a node needs to start. What is loaded
// late, such as a command's own file, stays apart and is still loaded late.
// The packed package has no joined files and runs the modules as the compiler left them; so does whoever has compiled
// since: these files would be older.
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { withoutLocales } from "./zodlocales.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "dist/joined");

/**
 * Packages that are only called and joined too, with what they need themselves. All others stay where they are: they load
 * files or threads of their own, or the process tells their errors from its own by their paths (src/cli/process-boundary.ts).
 */
const PURE = [
  "@noble/ed25519",
  "@noble/hashes",
  "cli-progress",
  "commander",
  "pino-pretty",
  "prom-client",
  "smol-toml",
  "zod",
];

/**
 * Measures texts in columns. To read its regular expressions costs every process 50 ms of processor time, so it is
 * evaluated when the first text comes that is not plain ASCII, which is as wide as it is long.
 */
const LATE = "string-width";
const LATE_TEXT = `
  export default (text) => (/^[\\x20-\\x7e]*$/.test(text) ? text.length : require("${LATE}").default(text));
`;

const packages = {
  name: "packages",
  setup({ onResolve, onLoad }) {
    onLoad({ filter: /.*/, namespace: LATE }, () => ({ contents: LATE_TEXT, resolveDir: root }));
    onResolve({ filter: /^[^./]/ }, ({ path, resolveDir, kind, namespace }) => {
      const isEntry = kind === "entry-point" || namespace === LATE;
      if (isEntry || resolveDir.startsWith(join(root, "node_modules"))) return undefined;
      if (path === LATE) return { path, namespace: LATE };
      const isPure = PURE.some((name) => path === name || path.startsWith(`${name}/`));
      return isPure ? undefined : { path, external: true };
    });
  },
};

/** A module that asks where it lies is told where the compiler put it, wherever its code is now. */
const places = {
  name: "places",
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, "");
      const place = `new URL(${JSON.stringify(relative(target, path).replaceAll("\\", "/"))}, import.meta.url).href`;
      return { contents: text.replaceAll("import.meta.url", place), loader: "js" };
    });
  },
};

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const marker = join(target, ".made");
const sources = [join(root, "dist/.tsbuildinfo"), fileURLToPath(import.meta.url)];
if (changedAt(marker) <= Math.max(...sources.map(changedAt))) {
  rmSync(target, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, "dist/cli/main.js")],
    outdir: target,
    // All in one folder, so that a module's place is the same from each of them.
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [packages, places, withoutLocales],
    // Some packages are CommonJS and ask for Node's own modules by require().
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    logLevel: "warning",
  });
  writeFileSync(marker, "");
}
