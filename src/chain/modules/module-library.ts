/**
 * The code of a chain's declared modules that is here, by the SHA-256 of the files. Which versions a block is executed by,
 * the state says (chain/execution/modules-in-force.ts); what is not here yet is asked of a source each time, so that a file
 * which arrives while the node runs is found without a restart.
 */
import { type Hash, hex } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { ModuleVersion } from "../types/module-version.ts";
import { createDeclaredModule, type ModuleCode, type UnitLimits } from "./declared-module.ts";
import { ModuleSet, type OwnModule } from "./module-set.ts";

/** What a call may cost where the genesis names no modules, and the first one comes by a vote. */
export const UNIT_LIMITS_DEFAULT: UnitLimits = { callUnitsMax: 1_000_000, unitsPerFee: 0n };

/** With `missing` the file is not here. With `unfit` it is here, and is not what was named. */
export type LibraryFault = "missing" | "unfit";

/** Where files lie that are not loaded yet. */
export interface ModuleSource {
  /** The code of the file with this hash, which was compared. */
  load(wanted: ModuleVersion): Verdict<ModuleCode, LibraryFault>;
}

export class ModuleLibrary {
  /** What a call may cost. */
  readonly limits: UnitLimits;
  readonly #source: ModuleSource | undefined;
  readonly #codes = new Map<string, ModuleCode>();
  /** The modules by number and hash. There is one object for each, so that a decoded call is known again. */
  readonly #modules = new Map<string, OwnModule>();
  /** The sets by what is in them. */
  readonly #sets = new Map<string, ModuleSet>();

  constructor(limits: UnitLimits, source?: ModuleSource) {
    this.limits = limits;
    this.#source = source;
  }

  /** @param hash that was compared with the file's */
  add(hash: Hash, code: ModuleCode): void {
    this.#codes.set(hex(hash), code);
  }

  /** The bundled file with this hash, where its code is loaded and came from one. */
  fileOf(hash: Hash): string | undefined {
    return this.#codes.get(hex(hash))?.file;
  }

  find(wanted: ModuleVersion): Verdict<OwnModule, LibraryFault> {
    const key = `${wanted.number} ${hex(wanted.hash)}`;
    const known = this.#modules.get(key);
    if (known !== undefined) return accept(known);
    const code = this.#codeOf(wanted);
    if (!code.ok) return code;
    const { form } = code.value;
    if (form.name !== wanted.name || form.version !== wanted.version) {
      return refuse(
        "unfit",
        `it declares ${form.name} ${form.version}, the chain calls it ${wanted.name} ${wanted.version}`,
      );
    }
    const module = createDeclaredModule(wanted.number, code.value, this.limits);
    this.#modules.set(key, module);
    return accept(module);
  }

  #codeOf(wanted: ModuleVersion): Verdict<ModuleCode, LibraryFault> {
    const known = this.#codes.get(hex(wanted.hash));
    if (known !== undefined) return accept(known);
    const loaded = this.#source?.load(wanted) ?? refuse("missing", "its file is not here");
    if (loaded.ok) this.add(wanted.hash, loaded.value);
    return loaded;
  }

  /** The set of those of these versions that are here. The same versions get the same object. */
  setOf(versions: readonly ModuleVersion[]): ModuleSet {
    const found = versions.flatMap((version) => {
      const module = this.find(version);
      return module.ok ? [module.value] : [];
    });
    const key = found.map(({ id, form }) => `${id} ${form.name} ${form.version}`).join();
    const known = this.#sets.get(key);
    if (known?.own().every((module) => found.includes(module)) === true) return known;
    const made = new ModuleSet(found);
    if (this.#sets.size >= SETS_KEPT_MAX) this.#sets.clear();
    this.#sets.set(key, made);
    return made;
  }
}

/** Sets that are kept made; a chain has few at a time. */
const SETS_KEPT_MAX = 16;
