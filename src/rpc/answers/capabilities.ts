/**
 * What a method asks of the node before it answers: that there are branches, that blocks are mined here, or that
 * strangers are let in. A chain without them refuses by WRONG_CONSENSUS; nothing asks for the consensus by name.
 */
import type { BranchesApi, NodeApi } from "../api.ts";
import { CallError } from "../errors.ts";
import type { JoiningApi } from "../joining.ts";
import type { MembershipApi } from "../membership.ts";
import type { MiningApi } from "../mining-api.ts";
import type { PeerMemoryApi } from "../peer-memory.ts";

/** @throws CallError WRONG_CONSENSUS */
export function mustHaveBranches(api: NodeApi): BranchesApi {
  const mode = api.chainMode();
  if (mode.kind === "forkable") return mode.branches;
  throw new CallError(
    "WRONG_CONSENSUS",
    "the blocks of this chain are final at once: there are no branches, no work and no reorganisations",
  );
}

/** @throws CallError WRONG_CONSENSUS, NO_MINER */
export function mustMine(api: NodeApi): MiningApi {
  if (api.chainMode().kind === "final") {
    throw new CallError(
      "WRONG_CONSENSUS",
      "the blocks of this chain are agreed on by its validators: nothing is mined",
    );
  }
  const mining = api.mining();
  if (mining !== undefined) return mining;
  throw new CallError("NO_MINER", "this node was built without a miner");
}

/** @throws CallError NO_ADDRESS_BOOK */
export function mustRemember(api: NodeApi): PeerMemoryApi {
  const memory = api.peerMemory();
  if (memory !== undefined) return memory;
  throw new CallError(
    "NO_ADDRESS_BOOK",
    "this node connects to known peers alone (genesis and peers.json): it keeps no address book and bans nobody",
  );
}

/** @throws CallError NO_EPOCHS */
export function mustChange(api: NodeApi): MembershipApi {
  const membership = api.membership();
  if (membership !== undefined) return membership;
  throw new CallError(
    "NO_EPOCHS",
    "the validators of this chain never change: its genesis has no consensus.epochLength",
  );
}

/** @throws CallError NO_HOME */
export function mustHaveHome(api: NodeApi): JoiningApi {
  const { joining } = api;
  if (joining !== undefined) return joining;
  throw new CallError("NO_HOME", "this node has no home: it keeps no key and no peers.json");
}
