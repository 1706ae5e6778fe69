/**
 * The modules of one chain: those that every chain has (registry.ts), and those that its genesis names. Everything that
 * executes or shows a transaction asks here by the number in its envelope.
 */

import { must } from "../../base/assert.ts";
import type { Module } from "./module.ts";
import type { ModuleForm } from "./module-form.ts";
import { findModule } from "./registry.ts";

/** A module that a chain's own people have written. */
export type OwnModule = Module & { readonly form: ModuleForm; readonly file?: string };

export class ModuleSet {
  readonly #own: ReadonlyMap<number, OwnModule>;

  constructor(own: readonly OwnModule[] = []) {
    this.#own = new Map(own.map((module) => [module.id, module]));
  }

  find(id: number): Module | undefined {
    return findModule(id) ?? this.#own.get(id);
  }

  /** The declared ones, by their number. */
  own(): readonly OwnModule[] {
    return [...this.#own.values()].sort((a, b) => a.id - b.id);
  }

  named(name: string): OwnModule | undefined {
    return this.own().find((module) => module.name === name);
  }
}

/** The modules of a chain whose genesis names none of its own. */
export const BUILT_IN_MODULES = new ModuleSet();

/** What executes and shows transactions. @throws InvariantError for a genesis whose modules' code was not loaded */
export function modulesOf(genesis: { readonly modules?: unknown; readonly code?: ModuleSet }): ModuleSet {
  if (genesis.modules === undefined) return BUILT_IN_MODULES;
  return must(genesis.code, "whoever executes a chain has loaded its modules");
}
