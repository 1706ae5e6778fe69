// Bundles the explorer (src/explorer) to dist/explorer-page with vite: a page, one script, one style sheet; and the lab
// page (src/explorer-lab), a script of its own that the page loads when somebody opens it. Only when
// something that went into the last bundle, a dependency or this file is newer, since it takes a second or two. The
// new folder takes the old one's place whole, so that a node that starts meanwhile reads one or the other.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
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

/** What both bundles have in common. */
const shared = (made, plugins) => ({
  configFile: false,
  base: "/explorer/",
  publicDir: false,
  logLevel: "warn",
  plugins,
  resolve: {
    alias: [
      // Browsers have no kernel for signatures (package.json, "browser").
      {
        find: /^.*\/(signature-kernel|batch-verification)\.ts$/,
        replacement: join(root, "src/crypto/no-signature-kernel.ts"),
      },
      { find: /^.*\/packaged-socket\.ts$/, replacement: join(root, "src/sdk/no-packaged-socket.ts") },
    ],
  },
  build: {
    target: "es2022",
    // light-dark() as it is: these have it.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // A twentieth smaller than by vite's own minifier, for four seconds of a first build.
    minify: "terser",
    terserOptions: { ecma: 2020, compress: { passes: 3, ecma: 2020 }, format: { comments: false } },
    outDir: made,
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});

const rollupOptions = {
  onLog: (level, log, handler) => IGNORED.has(log.code) || handler(level, log),
  output: {
    format: "iife",
    entryFileNames: "assets/[name]-[hash].js",
    assetFileNames: "assets/[name]-[hash][extname]",
  },
};

async function bundle() {
  const { build } = await import("vite");
  const made = `${target}.${process.pid}`;
  const inputs = new Set([relative(root, fileURLToPath(import.meta.url)), "package-lock.json"]);
  try {
    const lab = shared(made, [page(inputs)]);
    const input = { lab: join(root, "src/explorer-lab/main.tsx") };
    await build({
      ...lab,
      root: join(root, "src/explorer-lab"),
      build: { ...lab.build, emptyOutDir: true, rollupOptions: { ...rollupOptions, input } },
    });
    const script = readdirSync(join(made, "assets")).find((name) => /^lab-.*\.js$/.test(name));
    const explorer = shared(made, [page(inputs)]);
    await build({
      ...explorer,
      root: source,
      define: { LAB_SCRIPT: JSON.stringify(`/explorer/assets/${script}`) },
      build: { ...explorer.build, emptyOutDir: false, rollupOptions },
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
