/**
 * What a chain whose members change says of itself: pending changes, the end of the epoch, and whom the barrier waits
 * for. Pure; the words are for people.
 */
import type { EngineStatus } from "../../consensus/engine.ts";
import { type Explanation, listed, nameOf, type Standing } from "./standing.ts";

/** How the membership stands, by names. */
export interface MembersStanding {
  readonly epoch: bigint;
  /** One less than `epoch` while this node waits for the end of the one before. */
  readonly nodeEpoch: bigint;
  readonly lastHeight: bigint;
  readonly joins: readonly string[];
  readonly leaves: readonly string[];
  readonly openProposals: number;
  readonly isCandidate: boolean;
  /** The epoch before which this node's key signs nothing. */
  readonly silentUntil?: bigint | undefined;
}

/** A node with a validator's key that is in no set: it was voted out, or not in yet. */
export function explainCandidate(standing: Standing, verdict: Explanation): Explanation {
  if (standing.members === undefined || verdict.state !== "no-engine") return verdict;
  const { isCandidate, silentUntil } = standing.members;
  if (!isCandidate && silentUntil === undefined) return verdict;
  const why =
    silentUntil === undefined
      ? "its key is in no validator set now; it votes when a proposal for it is approved (quorate gov list)"
      : `its key signs nothing before epoch ${silentUntil}, because it may have voted in the ones before`;
  return { ...verdict, summary: `${verdict.summary}; ${why}` };
}

/** The blocks of the epoch are all there, and its end is not stable: nothing goes on before it is. */
export function explainBarrier(standing: Standing, engine: EngineStatus): Explanation | undefined {
  const { members, height } = standing;
  if (members === undefined || members.nodeEpoch === members.epoch) return undefined;
  const signed = engine.checkpoints.find((checkpoint) => checkpoint.height === height)?.from ?? [];
  const awaited = [...standing.validators.keys()].filter((index) => !signed.includes(index));
  const names = listed(awaited.map((index) => nameOf(standing, index)));
  const summary =
    `epoch ${members.nodeEpoch} has its last block, ${height}; the next epoch begins when ${engine.quorum} of ${engine.n} ` +
    `have signed its checkpoint: ${signed.length} have, ${names} have not. A member that leaves must stay until then`;
  return { state: "waiting", ok: true, summary, details: [] };
}

export function describeMembers({ members }: Standing): string[] {
  if (members === undefined) return [];
  const { epoch, lastHeight, joins, leaves, openProposals } = members;
  const pending = [
    ...(joins.length === 0 ? [] : [`${listed(joins)} will join`]),
    ...(leaves.length === 0 ? [] : [`${listed(leaves)} will leave, and is needed until then`]),
  ];
  return [
    `epoch ${epoch} ends at height ${lastHeight}${pending.length === 0 ? "" : `: ${pending.join("; ")}`}`,
    ...(openProposals === 0
      ? []
      : [
          `${openProposals} ${openProposals === 1 ? "proposal waits" : "proposals wait"} for votes: quorate gov list`,
        ]),
  ];
}

/**
 * What helps when members are gone for good: no vote can be decided without a quorum. @param spare how many
 * may be away
 */
export function wayOut({ members }: Standing, spare: number): string[] {
  if (members === undefined) return [];
  return [
    `if more than ${spare} are gone for good, no vote can put others in their place: the operators who are left sign a transition, a break of trust that loses nothing final (quorate transition --help)`,
  ];
}
