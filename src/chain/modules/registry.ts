/** The installed modules, by the byte that names them in a transaction. A new module is added here and nowhere else. */
import { anchor } from "./anchor.ts";
import { bank } from "./bank.ts";
import { gov } from "./gov.ts";
import type { Module } from "./module.ts";

const MODULES: ReadonlyMap<number, Module> = new Map<number, Module>([
  [bank.id, bank as Module],
  [anchor.id, anchor as Module],
  [gov.id, gov as Module],
]);

export function findModule(id: number): Module | undefined {
  return MODULES.get(id);
}
