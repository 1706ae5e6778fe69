/**
 * The bundled files of a home's `modules/` folder: read, compared with the hashes that genesis.json names, and loaded. A
 * node with another file than its chain's has nothing to say there, so it does not start.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { equalBytes, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { shellWord } from "../../base/shell-word.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { ModuleCode } from "../../chain/modules/declared-module.ts";
import { ModuleLibrary, UNIT_LIMITS_DEFAULT } from "../../chain/modules/module-library.ts";
import { MODULE_FILE_BYTES_MAX, type ModuleVersion } from "../../chain/types/module-version.ts";
import type { ModuleFiles } from "../replica-ports.ts";
import { loadModule, moduleHash } from "./load-module.ts";
import { ModuleFolder } from "./module-folder.ts";

export type ModuleFileFault = "missing" | "too-large" | "wrong-module" | "malformed";

/** modules/NAME.js of a home, from version 2 on NAME-VERSION.js: how the project's own commands call files that are found by their hash. */
export function moduleFile(folder: string, name: string, version = 1): string {
  return join(folder, version === 1 ? `${name}.js` : `${name}-${version}.js`);
}

/** The files of a running node. */
export function homeModules(
  { paths }: { readonly paths: { readonly modules: string } },
  { modules: { fetch: isFetching } }: { readonly modules: { readonly fetch: boolean } },
): ModuleFiles {
  const folder = new ModuleFolder(paths.modules);
  return {
    isFetching,
    textOf: (hash) => folder.textOf(hash),
    keep: (version, text) => folder.keep(version, text),
  };
}

/**
 * The genesis with the code of its modules, and with the folder in which later versions are looked for. Faults name the file,
 * the hash that it has and the one that is wanted.
 */
export function loadModules(genesis: Genesis, folder: string): Verdict<Genesis, ModuleFileFault> {
  const files = new ModuleFolder(folder);
  const library = new ModuleLibrary(genesis.modules ?? UNIT_LIMITS_DEFAULT, files);
  for (const named of genesis.modules?.list ?? []) {
    const path = moduleFile(folder, named.name);
    const found = files.textOf(named.hash);
    const text = found === undefined ? readModuleFile(path) : accept(found);
    if (!text.ok) return text.fault.code === "missing" ? refuse("missing", missing(path, named)) : text;
    const code = openNamed(text.value, named, path);
    if (!code.ok) return code;
    library.add(named.hash, code.value);
  }
  return accept(withCode(genesis, library));
}

/** The genesis with the code of its modules, of files that somebody else holds. @param textOf a module's bundled file */
export async function loadModulesFrom(
  genesis: Genesis,
  textOf: (named: ModuleVersion) => Promise<string>,
): Promise<Verdict<Genesis, ModuleFileFault>> {
  const library = new ModuleLibrary(genesis.modules ?? UNIT_LIMITS_DEFAULT);
  for (const named of genesis.modules?.list ?? []) {
    const code = openNamed(await textOf(named), named, named.name);
    if (!code.ok) return code;
    library.add(named.hash, code.value);
  }
  return accept(withCode(genesis, library));
}

/** A chain without epochs has the modules of its genesis for ever. */
function withCode(genesis: Genesis, code: ModuleLibrary): Genesis {
  return genesis.modules === undefined && !hasEpochs(genesis.consensus) ? genesis : { ...genesis, code };
}

/** @param where names the file in a fault */
function openNamed(
  text: string,
  named: ModuleVersion,
  where: string,
): Verdict<ModuleCode, "wrong-module" | "malformed"> {
  const hash = moduleHash(text);
  if (!equalBytes(hash, named.hash)) {
    return refuse(
      "wrong-module",
      `${where}: SHA-256 ${hex0x(hash)}, but this chain runs ${named.name} ${named.version} of SHA-256 ` +
        `${hex0x(named.hash)}; put that file there (quorate module build makes it of the same source)`,
    );
  }
  const code = loadModule(text);
  if (!code.ok) return refuse("malformed", `${where}: ${code.fault.detail}`);
  const { name, version } = code.value.form;
  if (name === named.name && version === named.version) return code;
  return refuse(
    "wrong-module",
    `${where}: it declares ${name} ${version}, genesis.json calls it ${named.name} ${named.version}`,
  );
}

/** Reads the text of a module's file. It compares no hash. */
export function readModuleFile(path: string): Verdict<string, "missing" | "too-large"> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return refuse("missing", `${path}: not found`);
  if (size > MODULE_FILE_BYTES_MAX) {
    return refuse("too-large", `${path}: ${size} bytes, at most ${MODULE_FILE_BYTES_MAX} are read`);
  }
  return accept(readFileSync(path, "utf8"));
}

function missing(path: string, { name, version, hash }: ModuleVersion): string {
  return (
    `${path}: not found; this chain runs ${name} ${version} of SHA-256 ${hex0x(hash)}: put its bundled file there, or fetch it from a node that has it: ` +
    `quorate module fetch ${hex0x(hash)} --rpc URL --out ${shellWord(dirname(path))}`
  );
}
