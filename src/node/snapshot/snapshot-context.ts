/** What judging a snapshot needs, from the genesis alone. */
import { refuse, type Verdict } from "../../base/fault.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import { selectConsensus } from "../../consensus/select.ts";

/** Fault `wrong-consensus`: nobody certifies the blocks of this chain. */
export function snapshotContext(genesis: Genesis): Verdict<SnapshotContext, "wrong-consensus"> {
  const genesisHash = computeGenesisHash(genesis);
  const { recentHeads, certificates } = selectConsensus(genesis, genesisHash);
  if (certificates === undefined) {
    const detail =
      "blocks of this chain are mined: no certificate says which state is right, so it has no snapshots. " +
      "Let the node fetch the chain from its peers";
    return refuse("wrong-consensus", detail);
  }
  return { ok: true, value: { genesis, genesisHash, recentHeads, certificates } };
}
