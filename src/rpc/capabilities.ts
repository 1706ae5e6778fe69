/**
 * What a method asks of the chain before it answers: that there are branches, or that blocks are mined here. A chain
 * without them refuses by WRONG_CONSENSUS; nothing asks for the consensus by name.
 */
import type { BranchesApi, MiningApi, NodeApi } from "./api.ts";
import { CallError } from "./errors.ts";

/** @throws CallError WRONG_CONSENSUS */
export function mustHaveBranches(api: NodeApi): BranchesApi {
  const branches = api.branches();
  if (branches !== undefined) return branches;
  throw new CallError(
    "WRONG_CONSENSUS",
    "the blocks of this chain are final at once: there are no branches, no work and no reorganisations",
  );
}

/** @throws CallError WRONG_CONSENSUS, NO_MINER */
export function mustMine(api: NodeApi): MiningApi {
  if (api.branches() === undefined) {
    throw new CallError(
      "WRONG_CONSENSUS",
      "the blocks of this chain are agreed on by its validators: nothing is mined",
    );
  }
  const mining = api.mining();
  if (mining !== undefined) return mining;
  throw new CallError("NO_MINER", "this node was built without a miner");
}
