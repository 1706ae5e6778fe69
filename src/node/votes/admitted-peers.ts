/**
 * Whom the chain lets connect: its members, the coming ones and those of the epoch before, the peers that were voted in, and
 * whoever is proposed as a member or a peer while that is open, so that those who vote see whether it is there.
 */
import { readGovernance } from "../../chain/governance/governance-state.ts";
import { readOpenProposals, readProposal, standingOf } from "../../chain/governance/proposals.ts";
import type { StateReader } from "../../chain/modules/module.ts";
import type { EpochSets } from "../../chain/types/validator-set.ts";

/** The ids of the peers that may connect, each once. @param height of the block after which the state is. */
export function admittedPeers(state: StateReader, sets: EpochSets, height: bigint): readonly string[] {
  const governance = readGovernance(state);
  if (governance === undefined) return [];
  const { epoch, members, nextMembers, peers } = governance;
  const before = sets.setOf(epoch - 1n)?.members ?? [];
  const named = [...members, ...nextMembers, ...before, ...peers].map(({ peerId }) => peerId);
  return [...new Set([...named, ...proposedPeers(state, height)])];
}

function proposedPeers(state: StateReader, height: bigint): string[] {
  return readOpenProposals(state).ids.flatMap((id) => {
    const proposal = readProposal(state, id);
    if (proposal === undefined || standingOf(proposal, height) !== "open") return [];
    const { change } = proposal;
    if (change.kind === "add") return [change.member.peerId];
    return change.kind === "admit" ? [change.peerId] : [];
  });
}
