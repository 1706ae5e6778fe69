/** What a node says of versions of modules that are voted in and that it cannot run as it is. */
import { hex0x } from "../../base/bytes.ts";
import type { ModuleTrouble } from "../modules-api.ts";
import type { Explanation } from "./standing.ts";

/** Says in one sentence what is wrong with a module, and what to do. */
export function moduleTroubleWords({ name, version, hash, why, detail, fromHeight }: ModuleTrouble): string {
  if (why === "unfit")
    return `${name} ${version} is voted in and may not follow the version that runs, which goes on: ${detail}`;
  return (
    `${name} ${version} runs from height ${fromHeight} on and its file (SHA-256 ${hex0x(hash)}) is not here (${detail}): ` +
    `quorate module fetch ${hex0x(hash)} --rpc URL --out HOME/modules; without it this node stops there`
  );
}

/**
 * A file that is missing comes before what else there is to say: the node is about to stop.
 * @param height of the head: what the next block needs keeps the node from doing anything
 */
export function withModules(
  troubles: readonly ModuleTrouble[],
  said: Explanation,
  height: bigint,
): Explanation {
  const missing = troubles.find(({ why }) => why === "missing");
  const words = troubles.filter((one) => one !== missing).map(moduleTroubleWords);
  if (missing === undefined) return { ...said, details: [...said.details, ...words] };
  const summary = `FILE MISSING: ${moduleTroubleWords(missing)}`;
  const state = missing.fromHeight === height + 1n ? "halted" : "no-module";
  return { state, ok: false, summary, details: [said.summary, ...said.details, ...words] };
}
