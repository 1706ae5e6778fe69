// Bundles the explorer (src/explorer) to dist/explorer-page with vite: a page, one script, one style sheet. Only when
// something that went into the last bundle, a dependency or this file is newer, since it takes a second or two. The
// new folder takes the old one's place whole, so that a node that starts meanwhile reads one or the other.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src/explorer");
const target = join(root, "dist/explorer-page");
/** What went into the bundle, relative to the root. */
const inputsFile = join(root, "dist/.explorer-inputs.json");

/** Paths that only Node takes ask for import.meta, and are not reached in a browser; how long the minifier took. */
const IGNORED = new Set(["EMPTY_IMPORT_META", "PLUGIN_TIMINGS"]);

function isCurrent() {
  if (!existsSync(join(target, "index.html")) || !existsSync(inputsFile)) return false;
  const builtAt = statSync(inputsFile).mtimeMs;
  const inputs = JSON.parse(readFileSync(inputsFile, "utf8"));
  return inputs.every(
    (path) => (statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < builtAt,
  );
}

/** Remembers the files of the bundle, and names its script in a page that needs no module loader: one saved to disk works. */
function page(inputs) {
  return {
    name: "quorate-page",
    enforce: "post",
    transformIndexHtml: {
      order: "post",
      handler: (html) =>
        html.replace(/<script type="module" crossorigin/g, "<script defer").replace(/ crossorigin/g, ""),
    },
    generateBundle() {
      for (const id of this.getModuleIds()) {
        const path = id.replace(/^\0/, "").split("?")[0];
        if (path.startsWith(root) && existsSync(path)) inputs.add(relative(root, path));
      }
    },
  };
}

async function bundle() {
  const { build } = await import("vite");
  const made = `${target}.${process.pid}`;
  const inputs = new Set([relative(root, fileURLToPath(import.meta.url)), "package-lock.json"]);
  try {
    await build({
      configFile: false,
      root: source,
      base: "/explorer/",
      publicDir: false,
      logLevel: "warn",
      plugins: [page(inputs)],
      resolve: {
        alias: [
          // Browsers have no kernel for signatures (package.json, "browser").
          {
            find: /^.*\/(signature-kernel|batch-verification)\.ts$/,
            replacement: join(root, "src/crypto/no-signature-kernel.ts"),
          },
        ],
      },
      build: {
        target: "es2022",
        // A twentieth smaller than by vite's own minifier, for four seconds of a first build.
        minify: "terser",
        terserOptions: { ecma: 2020, compress: { passes: 1, ecma: 2020 }, format: { comments: false } },
        outDir: made,
        emptyOutDir: true,
        modulePreload: false,
        cssCodeSplit: false,
        assetsInlineLimit: 0,
        reportCompressedSize: false,
        rollupOptions: {
          onLog: (level, log, handler) => IGNORED.has(log.code) || handler(level, log),
          output: {
            format: "iife",
            entryFileNames: "assets/[name]-[hash].js",
            assetFileNames: "assets/[name]-[hash][extname]",
          },
        },
      },
    });
    rmSync(target, { recursive: true, force: true });
    renameSync(made, target);
    writeFileSync(inputsFile, JSON.stringify([...inputs].sort()));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

mkdirSync(dirname(target), { recursive: true });
if (!isCurrent()) await bundle();
