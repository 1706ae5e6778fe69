/**
 * The bundled files of a home's `modules/` folder: read, compared with the hashes that genesis.json names, and loaded. A
 * node with another file than its chain's has nothing to say there, so it does not start.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { must } from "../../base/assert.ts";
import { equalBytes, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { shellWord } from "../../base/shell-word.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { GenesisModule } from "../../chain/genesis/genesis-modules.ts";
import { createDeclaredModule, type ModuleCode } from "../../chain/modules/declared-module.ts";
import { ModuleSet, type OwnModule } from "../../chain/modules/module-set.ts";
import { loadModule, MODULE_FILE_BYTES_MAX, moduleHash } from "./load-module.ts";

export type ModuleFileFault = "missing" | "too-large" | "wrong-module" | "malformed";

/** modules/NAME.js of a home. */
export function moduleFile(folder: string, name: string): string {
  return join(folder, `${name}.js`);
}

/** The genesis with the code of its modules. Faults name the file, the hash that it has and the one that is wanted. */
export function loadModules(genesis: Genesis, folder: string): Verdict<Genesis, ModuleFileFault> {
  const codes = new Map<string, ModuleCode>();
  for (const named of genesis.modules?.list ?? []) {
    const path = moduleFile(folder, named.name);
    const text = readModuleFile(path);
    if (!text.ok) return text.fault.code === "missing" ? refuse("missing", missing(path, named)) : text;
    const code = openNamed(text.value, named, path);
    if (!code.ok) return code;
    codes.set(named.name, code.value);
  }
  return accept(withModuleCode(genesis, codes));
}

/** The genesis with the code of its modules, of files that somebody else holds. @param textOf a module's bundled file */
export async function loadModulesFrom(
  genesis: Genesis,
  textOf: (named: GenesisModule) => Promise<string>,
): Promise<Verdict<Genesis, ModuleFileFault>> {
  const codes = new Map<string, ModuleCode>();
  for (const named of genesis.modules?.list ?? []) {
    const code = openNamed(await textOf(named), named, named.name);
    if (!code.ok) return code;
    codes.set(named.name, code.value);
  }
  return accept(withModuleCode(genesis, codes));
}

/** @param where names the file in a fault */
function openNamed(
  text: string,
  named: GenesisModule,
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

/** Its text; no hash is compared. */
export function readModuleFile(path: string): Verdict<string, "missing" | "too-large"> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return refuse("missing", `${path}: not found`);
  if (size > MODULE_FILE_BYTES_MAX) {
    return refuse("too-large", `${path}: ${size} bytes, at most ${MODULE_FILE_BYTES_MAX} are read`);
  }
  return accept(readFileSync(path, "utf8"));
}

function missing(path: string, { name, version, hash }: GenesisModule): string {
  return (
    `${path}: not found; this chain runs ${name} ${version} of SHA-256 ${hex0x(hash)}: put its bundled file there, or fetch it from a node that has it: ` +
    `quorate module fetch ${hex0x(hash)} --rpc URL --out ${shellWord(dirname(path))}`
  );
}

/** The genesis with the code of its modules. @param codes by name, each already compared with the hash in the genesis */
function withModuleCode(genesis: Genesis, codes: ReadonlyMap<string, ModuleCode>): Genesis {
  const { modules } = genesis;
  if (modules === undefined) return genesis;
  const own = modules.list.map(({ name, number }): OwnModule => {
    const code = must(codes.get(name), "the code of each module was found before");
    return createDeclaredModule(number, code, modules);
  });
  return { ...genesis, code: new ModuleSet(own) };
}
