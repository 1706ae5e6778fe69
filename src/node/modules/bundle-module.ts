/**
 * Makes one file of a module's source: bundles what it imports (esbuild), counts its steps (instrument.ts), and checks
 * that what comes out loads. The same source gives the same bytes wherever it lies; their SHA-256 is what a genesis
 * names. `quorate/module` is taken from this package, whatever the source's folder has.
 */
import { existsSync } from "node:fs";
import { SourceMap } from "node:module";
import { basename, dirname, extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { OutputFile } from "esbuild";
import type { Hash } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { ModuleCode } from "../../chain/modules/declared-module.ts";
import { MODULE_FILE_BYTES_MAX } from "../../chain/types/module-version.ts";
import { MODULE_GLOBALS } from "./hardened-context.ts";
import { instrument, type ModuleRefusal } from "./instrument.ts";
import { BUNDLE_MARK, loadModule, moduleHash } from "./load-module.ts";

export interface BundledModule {
  /** The text of the bundled file. */
  readonly text: string;
  readonly hash: Hash;
  readonly code: ModuleCode;
  /** Files that it was made of, for whoever watches them. */
  readonly sources: readonly string[];
}

/** How deep functions of one call may stand in each other. */
const CALL_DEPTH_MAX = 200;
const REFUSALS_SHOWN = 10;
/** What one esbuild call made, and from what. */
interface Bundled {
  readonly text: string;
  readonly map: string;
  readonly sources: readonly string[];
}

/** Faults: `missing` (no such file, or no esbuild), `malformed` (with places in the source). */
export async function bundleModule(
  file: string,
): Promise<Verdict<BundledModule, "missing" | "malformed" | "too-large">> {
  if (!existsSync(file)) return refuse("missing", `${file}: not found`);
  const bundled = await bundle(resolve(file), "default");
  if (!bundled.ok) return bundled;
  const { text, map, sources } = bundled.value;
  const counted = instrument(text);
  if (!counted.ok) return refuse("malformed", describeRefusals(counted.refusals, map, file));
  const whole = wrap(counted.text);
  if (whole.length > MODULE_FILE_BYTES_MAX) {
    return refuse(
      "too-large",
      `${file}: ${whole.length} bytes when bundled, at most ${MODULE_FILE_BYTES_MAX} are read`,
    );
  }
  const code = loadModule(whole);
  if (!code.ok) return refuse("malformed", `${file}: ${code.fault.detail}`);
  return accept({ text: whole, hash: moduleHash(whole), code: code.value, sources });
}

/**
 * @param taken what the file gives: its default export, which is bound without a detour (a getter for each export cost more
 * than all else that a call evaluates), or all of them where it has no default one
 */
async function bundle(
  file: string,
  taken: "default" | "all",
): Promise<Verdict<Bundled, "missing" | "malformed">> {
  const esbuild = await import("esbuild").catch(() => undefined);
  if (esbuild === undefined) {
    return refuse(
      "missing",
      "esbuild, an optional dependency, is not installed: npm install esbuild, then build again",
    );
  }
  const from = JSON.stringify(`./${basename(file)}`);
  const entry = `import*as exported from ${from};$q_out=exported${taken === "default" ? ".default" : ""};`;
  try {
    const result = await esbuild.build({
      stdin: { contents: entry, resolveDir: dirname(file), sourcefile: "entry.js", loader: "js" },
      absWorkingDir: dirname(file),
      alias: { "quorate/module": declarations() },
      bundle: true,
      write: false,
      format: "iife",
      target: "es2022",
      charset: "utf8",
      legalComments: "none",
      minifyWhitespace: true,
      sourcemap: "external",
      metafile: true,
      outfile: "module.js",
      logLevel: "silent",
      tsconfigRaw: {},
    });
    if (taken === "default" && result.warnings.some(({ id }) => id === "import-is-undefined")) {
      return bundle(file, "all");
    }
    const named = (suffix: string): OutputFile | undefined =>
      result.outputFiles.find(({ path }) => path.endsWith(suffix));
    const sources = Object.keys(result.metafile.inputs).map((path) => resolve(dirname(file), path));
    return accept({
      text: named("module.js")?.text ?? "",
      map: named("module.js.map")?.text ?? "{}",
      sources: sources.filter((path) => existsSync(path)),
    });
  } catch (error) {
    return refuse("malformed", describeBuildError(error, file));
  }
}

/** define-module of this package: its source where this runs from source. */
function declarations(): string {
  const here = fileURLToPath(import.meta.url);
  return resolve(dirname(here), `../../chain/modules/define-module${extname(here)}`);
}

function describeBuildError(error: unknown, file: string): string {
  const { errors } = error as {
    errors?: { text: string; location: { file: string; line: number } | null }[];
  };
  const [first] = errors ?? [];
  if (first === undefined) return `${file}: ${(error as Error).message}`;
  const { text, location } = first;
  return location === null
    ? `${file}: ${text}`
    : `${resolve(dirname(file), location.file)}:${location.line}: ${text}`;
}

/** "registry.ts:12: Date: a module has no clock", several of them behind each other. */
function describeRefusals(refusals: readonly ModuleRefusal[], map: string, file: string): string {
  const places = new SourceMap(JSON.parse(map));
  const lines = refusals.map(({ line, column, why }) => {
    const entry = places.findEntry(line - 1, column) as { originalSource?: string; originalLine?: number };
    const { originalSource, originalLine } = entry;
    const place =
      originalSource === undefined
        ? basename(file)
        : `${basename(originalSource)}:${(originalLine ?? 0) + 1}`;
    return `${place}: ${why}`;
  });
  const more = lines.length > REFUSALS_SHOWN ? `; and ${lines.length - REFUSALS_SHOWN} more` : "";
  return [...new Set(lines)].slice(0, REFUSALS_SHOWN).join("; ") + more;
}

/**
 * Names: $q_u is the units left, $q_d and $q_m the depth now and at most, $q_o runs when they are used up,
 * $q_e and $q_r when a short function is entered and returns.
 */
function wrap(code: string): string {
  const names = Object.keys(MODULE_GLOBALS).join(",");
  return [
    BUNDLE_MARK,
    `(($q_g,$q_u)=>{"use strict";const{${names}}=$q_g,$q_m=${CALL_DEPTH_MAX};let $q_d=0,$q_out;`,
    `const $q_o=()=>{if($q_u<0)throw new Error("out of units");throw new Error("functions stand more than ${CALL_DEPTH_MAX} deep in each other")},`,
    "$q_e=()=>{if(--$q_u<0||++$q_d>$q_m)$q_o()},$q_r=(v)=>{$q_d--;return v};",
    code.trimEnd(),
    'const $q_f=(m)=>m!==null&&typeof m==="object"&&typeof m.run==="function"&&typeof m.declaration==="object";',
    'if(!$q_f($q_out)&&!$q_f($q_out=Object.values($q_out??{}).find($q_f)??null))throw new Error("the file exports no module: export default defineModule(...)");',
    "return{module:$q_out,spend:(n)=>{if(($q_u-=n)<0)$q_o()},left:()=>$q_u}})",
    "",
  ].join("\n");
}
