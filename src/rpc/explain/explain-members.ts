/**
 * What a chain whose members change says of itself: pending changes, the end of the epoch, and whom the barrier waits
 * for. The words are for people.
 */
import { equalBytes } from "../../base/bytes.ts";
import type { EpochParameters } from "../../chain/governance/governance-state.ts";
import { PARAMETERS } from "../../chain/governance/parameters.ts";
import { OPEN_PROPOSALS_MAX, standingOf } from "../../chain/governance/proposals.ts";
import type { Validator } from "../../chain/types/validator-set.ts";
import type { EngineStatus } from "../../consensus/engine.ts";
import type { NodeApi } from "../api.ts";
import type { MembershipApi } from "../membership.ts";
import { type Explanation, listed, nameOf, type Standing } from "./standing.ts";

/** How the membership stands, by names. */
export interface MembersStanding {
  readonly epoch: bigint;
  /** One less than `epoch` while this node waits for the end of the one before. */
  readonly nodeEpoch: bigint;
  readonly lastHeight: bigint;
  readonly joins: readonly string[];
  readonly leaves: readonly string[];
  /** Whose seat has another key in the next epoch. */
  readonly rekeyed: readonly string[];
  /** What else was voted for and holds from the next epoch on, such as "minFee 5 (1 now)". */
  readonly planned: readonly string[];
  readonly openProposals: number;
  readonly isCandidate: boolean;
  /** The epoch before which this node's key signs nothing. */
  readonly silentUntil?: bigint | undefined;
}

/** Undefined on a chain whose validators never change. */
export function membersStandingOf(
  api: Pick<NodeApi, "membership" | "head" | "moduleVersions">,
): MembersStanding | undefined {
  const membership = api.membership();
  if (membership === undefined) return undefined;
  const { epoch, lastHeight, members, nextMembers } = membership.governance();
  const { height } = api.head().summary;
  const open = membership.proposals(OPEN_PROPOSALS_MAX);
  return {
    epoch,
    nodeEpoch: membership.epoch(),
    lastHeight,
    ...seatChanges(members, nextMembers),
    planned: [...plannedNumbers(membership), ...plannedModules(api.moduleVersions)],
    openProposals: open.filter((proposal) => standingOf(proposal, height + 1n) === "open").length,
    isCandidate: membership.isCandidate(),
    silentUntil: membership.silentUntil(),
  };
}

/** By accounts, which stay with their seats: a key may be another one in the next epoch. */
function seatChanges(
  members: readonly Validator[],
  next: readonly Validator[],
): Pick<MembersStanding, "joins" | "leaves" | "rekeyed"> {
  const seatIn = (set: readonly Validator[], { account }: Validator) =>
    set.find((one) => equalBytes(one.account, account));
  const names = (set: readonly Validator[]) => set.map(({ name }) => name);
  return {
    joins: names(next.filter((member) => seatIn(members, member) === undefined)),
    leaves: names(members.filter((member) => seatIn(next, member) === undefined)),
    rekeyed: names(
      next.filter((member) => {
        const before = seatIn(members, member);
        return before !== undefined && !equalBytes(before.publicKey, member.publicKey);
      }),
    ),
  };
}

function plannedNumbers(membership: MembershipApi): string[] {
  const { parameters, nextParameters } = membership.governance();
  const valuesOf = ({ limits, ...parameters }: EpochParameters) => ({
    ...parameters,
    ...(limits ?? membership.limits()),
  });
  const [now, next] = [valuesOf(parameters), valuesOf(nextParameters)];
  const rules = membership.rules();
  return [
    ...PARAMETERS.filter((name) => now[name] !== next[name]).map(
      (name) => `${name} ${next[name]} (${now[name]} now)`,
    ),
    ...(rules.next === rules.current ? [] : [`rules ${rules.next} (${rules.current} now)`]),
  ];
}

function plannedModules(modules: NodeApi["moduleVersions"]): string[] {
  return modules.records().flatMap(({ name, version, planned }) => {
    if (planned === undefined) return [];
    return [`module ${name} ${planned.version} (${version === 0 ? "new" : `${version} now`})`];
  });
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

/** Where nothing goes on here, others that go on by a transition are the reason for it: they have left this node's epoch. */
const STANDING_STILL: ReadonlySet<Explanation["state"]> = new Set([
  "no-quorum",
  "waiting",
  "view-change",
  "syncing",
]);

/**
 * Says first that others stand on a transition which this node was not told to accept. That is a peer's word, so it
 * makes no state worse by itself: where the chain works it is a detail.
 */
export function explainTransition({ transition }: Standing, verdict: Explanation): Explanation {
  if (transition === undefined) return verdict;
  const { id, height, from } = transition;
  const missed = `stands on transition ${id}, which this node was not told to accept`;
  if (!STANDING_STILL.has(verdict.state)) {
    const word = `${from} sent block ${height}, which ${missed}; only the file can show whether it holds`;
    return { ...verdict, details: [...verdict.details, word] };
  }
  const summary = `block ${height} ${missed}: get its file from the other operators, check it with "quorate transition show FILE", and start this node with --transition FILE`;
  const word = `${from} sent that block; only the file can show whether it holds. Sign no other transition for that epoch: two of them are two chains`;
  const before = `without it, in the epoch that this node is in: ${verdict.summary}`;
  return { ...verdict, ok: false, summary, details: [word, before, ...verdict.details] };
}

export function describeMembers({ members }: Standing): string[] {
  if (members === undefined) return [];
  const { epoch, lastHeight, joins, leaves, rekeyed, planned, openProposals } = members;
  const pending = [
    ...(joins.length === 0 ? [] : [`${listed(joins)} will join`]),
    ...(leaves.length === 0 ? [] : [`${listed(leaves)} will leave, and is needed until then`]),
    ...rekeyed.map((name) => `${name} takes a new key, and needs the present one until then`),
  ];
  return [
    `epoch ${epoch} ends at height ${lastHeight}${pending.length === 0 ? "" : `: ${pending.join("; ")}`}`,
    ...(planned.length === 0 ? [] : [`from height ${lastHeight + 1n} on, by votes: ${planned.join("; ")}`]),
    ...(openProposals === 0
      ? []
      : [
          `${openProposals} ${openProposals === 1 ? "proposal waits" : "proposals wait"} for votes: quorate gov list`,
        ]),
  ];
}

/**
 * What helps when members are away, or gone for good: no vote can be decided without a quorum. @param spare how
 * many may be away
 */
export function wayOut({ members, transition }: Standing, spare: number): string[] {
  // Others have signed one already, and a second one is a second chain.
  if (transition !== undefined) return [];
  const waiting = "it goes on by itself when they return";
  if (members === undefined) return [waiting];
  return [
    waiting,
    `if more than ${spare} are gone for good, no vote can put others in their place: the operators who are left sign a transition, a break of trust that loses nothing final (quorate transition --help)`,
  ];
}
