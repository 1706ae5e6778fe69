/** What receipts say of the modules that every chain has, by their number. How they execute is in registry.ts. */
import { anchorOutcomes } from "./anchor-declaration.ts";
import { bankOutcomes } from "./bank-declaration.ts";
import { govOutcomes } from "./gov-declaration.ts";
import type { ReceiptReader } from "./module.ts";

const BUILT_IN: readonly ReceiptReader[] = [bankOutcomes, anchorOutcomes, govOutcomes];

export function findOutcomes(id: number): ReceiptReader | undefined {
  return BUILT_IN.find((module) => module.id === id);
}
