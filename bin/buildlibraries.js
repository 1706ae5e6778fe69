// Joins the libraries that are spread over hundreds of files (libp2p with its parts, zod, ws) into a few, below
// dist/node_modules, where Node looks for a package of a file in dist first: reading them took half of the processor time
// that a node needs to start. Nothing else knows of it. Sources under test and the packed package, which npm leaves these
// files out of, load the same libraries from node_modules.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { withoutLocales } from "./zodlocales.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "dist/node_modules");

/** What is joined with what: parts that share code stand in one group, so that they go on sharing it. */
const GROUPS = [
  {
    folder: "libp2p",
    modules: [
      "libp2p",
      "@chainsafe/libp2p-gossipsub",
      "@libp2p/crypto/keys",
      "@libp2p/identify",
      "@libp2p/interface",
      "@libp2p/noise",
      "@libp2p/noise/crypto",
      "@libp2p/peer-id",
      "@libp2p/ping",
      "@libp2p/tcp",
      "@libp2p/utils",
      "@libp2p/yamux",
      "@multiformats/multiaddr",
    ],
  },
  { folder: "zod", modules: ["zod"] },
  { folder: "ws", modules: ["ws"] },
];

/** The package and the path in it that an import names. */
function partsOf(module) {
  const words = module.split("/");
  const name = words.splice(0, module.startsWith("@") ? 2 : 1).join("/");
  return { name, path: words.length === 0 ? "." : `./${words.join("/")}` };
}

const fileOf = (module) => module.replaceAll("@", "").replaceAll("/", "-");

/** Writes the package.json by which Node finds the joined file. */
function writeEntry(folder, module, hasDefault) {
  const { name, path } = partsOf(module);
  const own = join(target, name);
  mkdirSync(own, { recursive: true });
  const up = "../".repeat(name.split("/").length);
  const file = path === "." ? "index.js" : `${path.slice(2)}.js`;
  const joined = `${up}${folder}/joined/${fileOf(module)}.js`;
  const lines = [
    `export * from "${joined}";`,
    ...(hasDefault ? [`export { default } from "${joined}";`] : []),
  ];
  writeFileSync(join(own, file), `${lines.join("\n")}\n`);
  const { version } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
  // A package of which several paths are imported has an entry for each.
  const written = join(own, "package.json");
  const before = existsSync(written) ? JSON.parse(readFileSync(written, "utf8")).exports : {};
  const exports = { ...before, [path]: `./${file}`, "./package.json": "./package.json" };
  writeFileSync(join(own, "package.json"), `${JSON.stringify({ name, version, type: "module", exports })}\n`);
}

async function joinGroup({ folder, modules }) {
  const { metafile } = await build({
    absWorkingDir: root,
    metafile: true,
    entryPoints: Object.fromEntries(modules.map((module) => [fileOf(module), module])),
    outdir: join(target, folder, "joined"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [withoutLocales],
    // Some parts are CommonJS and ask for Node's own modules by require().
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
  for (const module of modules) {
    const path = join("dist/node_modules", folder, "joined", `${fileOf(module)}.js`);
    writeEntry(folder, module, metafile.outputs[path.replaceAll("\\", "/")].exports.includes("default"));
  }
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const marker = join(target, ".made");
const sources = [join(root, "package-lock.json"), fileURLToPath(import.meta.url)];
if (!existsSync(marker) || changedAt(marker) <= Math.max(...sources.map(changedAt))) {
  rmSync(target, { recursive: true, force: true });
  for (const group of GROUPS) await joinGroup(group);
  writeFileSync(marker, "");
}
