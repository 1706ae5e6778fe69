/**
 * The modules of one chain: those that every chain has (registry.ts), and its own. Everything that executes or shows a
 * transaction asks here by the number in its envelope.
 */

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

/** The modules of a chain without any of its own. */
export const BUILT_IN_MODULES = new ModuleSet();
