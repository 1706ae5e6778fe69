/**
 * How long the chain is idle before an empty block is due. What the operator says holds; where nothing is said, genesis
 * decides, so that it is the same at all validators: one that waits less than the primary asks for another without cause.
 */
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { Config } from "../home/config.ts";

/** A change of the validators takes effect at a height, which an idle chain without empty blocks never reaches. */
const EMPTY_BLOCKS_MS = 5_000;

/** After how many ms without a block an empty one is proposed, or undefined when none ever is. */
export function emptyBlocksOf(
  configured: Config["consensus"]["emptyBlocksMs"],
  { consensus }: Pick<Genesis, "consensus">,
): number | undefined {
  if (configured === "auto") return hasEpochs(consensus) ? EMPTY_BLOCKS_MS : undefined;
  return configured === 0 ? undefined : configured;
}
