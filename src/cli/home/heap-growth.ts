/**
 * How far a node's heap grows between two full collections of garbage. V8 lets it grow to four times of what was in use;
 * under load that is 250 MB and more of transactions which are long done with, and a level that is reached late and is
 * another one after each collection. Three times cost no processor time that could be measured, twice cost 5 %
 * (docs/benchmarks.md, "Memory over a long window").
 */
import { setFlagsFromString } from "node:v8";

const FLAG = "--heap-growing-percent";
/** What may be added to what was in use, in percent of it. */
const GROWTH_PERCENT = 200;

/** Takes effect with the next full collection. Who gives Node the flag itself is left with it. */
export function limitHeapGrowth(): void {
  if (process.execArgv.some((word) => word.startsWith(FLAG))) return;
  setFlagsFromString(`${FLAG}=${GROWTH_PERCENT}`);
}
