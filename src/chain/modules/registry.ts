/**
 * The installed modules, by the byte that names them in a transaction. A new one is added here and, for whoever reads
 * its bytes and executes nothing, to built-in-declarations.ts and built-in-outcomes.ts.
 */
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
