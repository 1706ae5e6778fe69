/**
 * Twins: one key on two honest replicas, and a partition of all replicas for each of seven rounds, about a view long
 * each. Equivocation, double votes and lost locks come of it without a line of malicious code.
 * Source: Bano et al., "Twins: BFT Systems Made Robust", OPODIS 2021 (arXiv 2004.10617); rounds by time here, since
 * a view has no fixed length.
 */
import { must } from "../../base/assert.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import type { Random } from "./random.ts";
import type { AdversarySpec, NetworkFault, NodeId } from "./schedule.ts";

export const TWIN_ROUNDS = 7;
/** The length of a round: between a quick agreement and a view that fails. */
export const TWIN_ROUND_MS = 150;

/** Every faulty validator has a twin for the whole run. */
export function twinsOf(validators: readonly ValidatorId[]): AdversarySpec[] {
  return validators.map((validator, i) => ({
    id: `a${i}`,
    validator,
    kind: "twin",
    atMs: 0,
    untilMs: Number.MAX_SAFE_INTEGER,
  }));
}

/** One partition a round into one, two or three groups. All such partitions are equally likely up to names. */
export function twinRounds(random: Random, all: readonly NodeId[]): NetworkFault[] {
  return Array.from({ length: TWIN_ROUNDS }, (_, round): NetworkFault => {
    const own = random.split(round);
    const count = own.pick([1, 2, 2, 2, 3]);
    const groups: NodeId[][] = Array.from({ length: count }, () => []);
    for (const node of all)
      must(groups[own.integer(0, count - 1)], "the index is drawn below their number").push(node);
    return {
      id: `f${round}`,
      kind: "partition",
      atMs: round * TWIN_ROUND_MS,
      untilMs: (round + 1) * TWIN_ROUND_MS,
      groups: groups.filter((group) => group.length > 0),
      hold: own.chance(0.3),
    };
  });
}
