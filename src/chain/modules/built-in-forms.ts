/** The forms of the modules that every chain has, for whoever reads, shows and indexes modules by their forms. */
import { must } from "../../base/assert.ts";
import { anchor, bank, coinbase, gov } from "./built-in-modules.ts";
import { fixedFormOf, type ModuleForm } from "./module-form.ts";

export interface FixedModule {
  /** The module byte of its transactions and events. */
  readonly id: number;
  readonly name: string;
  readonly form: ModuleForm;
}

export const BUILT_IN_FORMS: readonly FixedModule[] = [coinbase, bank, anchor, gov].map((module) => {
  const { number: id } = must(module.fixed, "a module that every chain has says its bytes");
  const form = fixedFormOf(module);
  return { id, name: form.name, form };
});

/**
 * The one that a path of the state begins with. anchor/<digest>, which is older than these paths, is of none.
 * @param next what stands behind the name
 */
export function builtInOfPath(name: string, next: string | undefined): FixedModule | undefined {
  return next?.startsWith("0x") === true ? undefined : BUILT_IN_FORMS.find((one) => one.name === name);
}
