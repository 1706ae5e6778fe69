/**
 * What the bytes of the modules mean that every chain has, by their number. How they execute is in
 * registry.ts.
 */
import { anchorDeclaration } from "./anchor-declaration.ts";
import { bankDeclaration } from "./bank-declaration.ts";
import { govDeclaration } from "./gov-declaration.ts";
import type { ModuleCodec } from "./module.ts";

/** The declarations of modules by the number of each. */
export interface Declarations {
  find(id: number): ModuleCodec | undefined;
}

const BUILT_IN = [bankDeclaration, anchorDeclaration, govDeclaration] as readonly ModuleCodec[];

export function findDeclaration(id: number): ModuleCodec | undefined {
  return BUILT_IN.find((module) => module.id === id);
}
