/** The methods about the members of a chain whose validators may change. */
import { z } from "zod";
import { equalBytes, hex0x, text } from "../../base/bytes.ts";
import { RPC_RANGE_MAX } from "../../base/limits.ts";
import type { Change } from "../../chain/governance/change.ts";
import type { BlockLimits, EpochParameters } from "../../chain/governance/governance-state.ts";
import { type ChangeProposal, standingOf, tallyOf } from "../../chain/governance/proposals.ts";
import { ROLES, rolesOf } from "../../chain/governance/roles.ts";
import { gov } from "../../chain/modules/gov.ts";
import { describeChange } from "../../chain/modules/gov-declaration.ts";
import { showTransition } from "../../chain/types/transition.ts";
import type { Validator } from "../../chain/types/validator-set.ts";
import { mustChange } from "../answers/capabilities.ts";
import { CallError } from "../errors.ts";
import { moduleTroubleWords } from "../explain/explain-modules.ts";
import { method } from "../jsonrpc/method.ts";
import type { EpochView, MembershipApi } from "../membership.ts";
import type { ModulesApi } from "../modules-api.ts";
import { amount, count, hash32, sealedHeadResult, wide } from "../schemas/answer-fields.ts";
import { bytesInput } from "../schemas/input.ts";
import { showSealedHead } from "../schemas/show.ts";
import { showWide } from "../schemas/show-numbers.ts";
import { ALICE, BLOCK_HEX, HASH_A, PEER } from "./examples.ts";
import { showPlanned } from "./state.ts";

const member = z.strictObject({
  name: z.string(),
  publicKey: hash32.meta({ description: "consensus key" }),
  account: hash32.meta({ description: "proposes and votes, and receives the fees" }),
  peerId: z.string(),
});

const MEMBER = { name: "node0", publicKey: HASH_A, account: ALICE, peerId: PEER };

const limit = z
  .int()
  .positive()
  .max(RPC_RANGE_MAX)
  .optional()
  .meta({ description: `at most; ${RPC_RANGE_MAX} if left out` });

export const getEpochs = method({
  name: "chain_getEpochs",
  summary:
    "The validator sets by epoch, ascending, each with the sealed head that ends it and names the next set: with the genesis, an offline proof of the set of any epoch.",
  kind: "read",
  costly: true,
  params: z.strictObject({ from: count.optional().meta({ description: "epoch; 0 if left out" }), limit }),
  result: z.array(
    z.strictObject({
      epoch: wide,
      firstHeight: wide,
      lastHeight: wide.nullable().meta({ description: "null while the epoch runs" }),
      validators: z.array(member),
      end: sealedHeadResult.nullable(),
      transition: z.record(z.string(), z.unknown()).nullable().meta({
        description: "the file by which the epoch began, where that was a break of trust and no vote",
      }),
    }),
  ),
  examples: [
    {
      name: "the first",
      params: { limit: 1 },
      result: [
        { epoch: 0, firstHeight: 1, lastHeight: 160, validators: [MEMBER], end: BLOCK_HEX, transition: null },
      ],
    },
  ],
  call: ({ api }, { from = 0, limit: most = RPC_RANGE_MAX }) =>
    mustChange(api).epochs(BigInt(from), most).map(showEpoch),
});

function showEpoch({ epoch, firstHeight, validators, end, openedBy }: EpochView) {
  return {
    epoch: showWide(epoch),
    firstHeight: showWide(firstHeight),
    lastHeight: end === undefined ? null : showWide(end.head.summary.height),
    validators: validators.members.map(showMember),
    end: end === undefined ? null : showSealedHead(end.head, end.seal),
    transition: openedBy === undefined ? null : showTransition(openedBy),
  };
}

const parametersResult = z.strictObject({
  epochLength: count,
  rotationInterval: count,
  minFee: amount,
  maxBlockTransactions: count,
  maxBlockBytes: count,
});

const PARAMETERS_EXAMPLE = {
  ...{ epochLength: 160, rotationInterval: 4 },
  ...{ minFee: "1", maxBlockTransactions: 5_000, maxBlockBytes: 1_048_576 },
};

function showParameters({ epochLength, rotationInterval, limits }: EpochParameters, genesis: BlockLimits) {
  const { minFee, maxBlockTransactions, maxBlockBytes } = limits ?? genesis;
  return { epochLength, rotationInterval, minFee: minFee.toString(), maxBlockTransactions, maxBlockBytes };
}

export const getMembership = method({
  name: "gov_getMembership",
  summary: "The epoch at the head, its members, those of the next one, and the peers that the chain admits.",
  kind: "read",
  params: z.strictObject({}),
  result: z.strictObject({
    epoch: wide,
    nodeEpoch: wide.meta({ description: "in which this node is: one less while it waits at the barrier" }),
    firstHeight: wide,
    lastHeight: wide.meta({ description: "as things stand; an approved change brings it forward" }),
    members: z.array(member),
    nextMembers: z.array(member),
    peers: z.array(z.strictObject({ name: z.string(), peerId: z.string() })),
    parameters: parametersResult,
    nextParameters: parametersResult,
    rules: z.strictObject({
      current: count.meta({ description: "the version by which the next block is executed" }),
      next: count.meta({ description: "from the next epoch on" }),
      nextFrom: wide.meta({ description: "first height of the next epoch, as things stand" }),
      known: count.meta({
        description: "the highest that this node's program knows: beyond it the node stops",
      }),
    }),
    modules: z
      .array(
        z.strictObject({
          name: z.string(),
          number: count,
          version: count.meta({ description: "that runs; 0: none does yet" }),
          sha256: hash32,
          since: wide.meta({ description: "first epoch of this version" }),
          planned: z.strictObject({ version: count, sha256: hash32, since: wide }).nullable(),
          trouble: z.string().nullable().meta({
            description: "why this node cannot run it, or what is planned, and what to do; null: it can",
          }),
        }),
      )
      .meta({ description: "the declared modules, by number" }),
    roles: z
      .array(z.strictObject({ account: hash32, roles: z.array(z.enum(ROLES)) }))
      .nullable()
      .meta({
        description: "who may send besides the members' accounts, and who may say so; null: anybody may send",
      }),
    candidate: z.boolean().meta({ description: "whether this node has a key that is in no set now" }),
  }),
  examples: [
    {
      name: "one validator",
      params: {},
      result: {
        epoch: 0,
        nodeEpoch: 0,
        firstHeight: 1,
        lastHeight: 160,
        members: [MEMBER],
        nextMembers: [MEMBER],
        peers: [],
        parameters: PARAMETERS_EXAMPLE,
        nextParameters: PARAMETERS_EXAMPLE,
        rules: { current: 1, next: 1, nextFrom: 161, known: 1 },
        modules: [],
        roles: null,
        candidate: false,
      },
    },
  ],
  call({ api }) {
    const membership = mustChange(api);
    const { epoch, firstHeight, lastHeight, members, nextMembers, ...rest } = membership.governance();
    const { peers, parameters, nextParameters, roles } = rest;
    const limits = membership.limits();
    return {
      epoch: showWide(epoch),
      nodeEpoch: showWide(membership.epoch()),
      firstHeight: showWide(firstHeight),
      lastHeight: showWide(lastHeight),
      members: members.map(showMember),
      nextMembers: nextMembers.map(showMember),
      peers: peers.map(({ name, peerId }) => ({ name, peerId })),
      parameters: showParameters(parameters, limits),
      nextParameters: showParameters(nextParameters, limits),
      rules: showRules(membership.rules()),
      modules: showModules(api.moduleVersions),
      roles:
        roles?.map((holder) => ({ account: hex0x(holder.account), roles: [...rolesOf(holder)] })) ?? null,
      candidate: membership.isCandidate(),
    };
  },
});

function showRules({ current, next, nextFrom, known }: ReturnType<MembershipApi["rules"]>) {
  return { current, next, nextFrom: showWide(nextFrom), known };
}

function showModules(modules: ModulesApi) {
  const troubles = modules.troubles();
  return modules.records().map(({ name, number, version, hash, since, planned }) => {
    const trouble = troubles.find((one) => one.number === number);
    return {
      ...{ name, number, version, sha256: hex0x(hash), since: showWide(since) },
      planned: planned === undefined ? null : showPlanned(planned),
      trouble: trouble === undefined ? null : moduleTroubleWords(trouble),
    };
  });
}

const described = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).meta({
  description:
    "`change` (add, remove, replace, admit, dismiss, set, rules, grant, revoke, module) and its fields",
});

const seatName = z
  .string()
  .nullable()
  .meta({ description: "name of the seat whose account it is; null: of none that is known here" });

export const getProposals = method({
  name: "gov_getProposals",
  summary: "Proposals of validators, the newest first, with who voted how.",
  kind: "read",
  params: z.strictObject({ limit }),
  result: z.array(
    z.strictObject({
      id: wide,
      proposer: hash32,
      proposerName: seatName,
      height: wide,
      expires: wide,
      status: z.enum(["open", "approved", "rejected", "expired"]),
      decided: wide.nullable(),
      change: described,
      seat: z
        .string()
        .nullable()
        .meta({ description: "name of the seat that it adds, removes or gives another key; null: none" }),
      forced: z.boolean().meta({ description: "made although the proposer's node warned of harm" }),
      note: z.string(),
      approve: count.meta({
        description:
          "seats of the set that counts: while it is open the current one, then the one that held when it was decided or expired",
      }),
      reject: count,
      needed: count,
      votes: z.array(
        z.strictObject({ account: hash32, name: seatName, approves: z.boolean(), forced: z.boolean() }),
      ),
    }),
  ),
  examples: [
    {
      name: "one that is open",
      params: { limit: 1 },
      result: [
        {
          id: 1,
          proposer: ALICE,
          proposerName: "node1",
          height: 5,
          expires: 325,
          status: "open",
          decided: null,
          change: { change: "remove", publicKey: HASH_A },
          seat: "node0",
          forced: false,
          note: "",
          approve: 1,
          reject: 0,
          needed: 3,
          votes: [{ account: ALICE, name: "node1", approves: true, forced: false }],
        },
      ],
    },
  ],
  call({ api }, { limit: most = RPC_RANGE_MAX }) {
    const membership = mustChange(api);
    const { height } = api.head().summary;
    return membership.proposals(most).map((proposal) => showProposal(proposal, membership, height + 1n));
  },
});

/** @param next the height at which a vote would be counted now */
function showProposal(proposal: ChangeProposal, membership: MembershipApi, next: bigint) {
  const { id, proposer, expires, decided, change, isForced, note, votes } = proposal;
  const { members, nextMembers } = membership.governance();
  const status = standingOf(proposal, next);
  const counted = status === "open" ? next : status === "expired" ? expires - 1n : decided;
  const counting = membership.membersAt(counted) ?? members;
  const known = [...counting, ...(membership.membersAt(proposal.height) ?? []), ...members, ...nextMembers];
  const nameOf = (account: Uint8Array) => known.find((one) => equalBytes(one.account, account))?.name ?? null;
  return {
    id: showWide(id),
    proposer: hex0x(proposer),
    proposerName: nameOf(proposer),
    height: showWide(proposal.height),
    expires: showWide(expires),
    status,
    decided: decided === 0n ? null : showWide(decided),
    change: { ...describeChange(change) } as z.input<typeof described>,
    seat: seatOf(change, known),
    forced: isForced,
    note: text(note),
    ...tallyOf(proposal, { members: counting }),
    votes: votes.map((vote) => ({
      account: hex0x(vote.account),
      name: nameOf(vote.account),
      approves: vote.approves,
      forced: vote.isForced,
    })),
  };
}

function seatOf(change: Change, known: readonly Validator[]): string | null {
  if (change.kind === "add") return change.member.name;
  if (change.kind !== "remove" && change.kind !== "replace") return null;
  return known.find(({ publicKey }) => equalBytes(publicKey, change.publicKey))?.name ?? null;
}

export const checkCall = method({
  name: "gov_check",
  summary:
    "What speaks against a proposal or a vote as this node sees the chain now: a quorum that would be missing, a newcomer that is away. Nothing is sent.",
  kind: "read",
  live: true,
  params: z.strictObject({
    payload: bytesInput.meta({ description: "of a transaction of module gov" }),
  }),
  result: z.strictObject({
    harms: z.array(z.string()).meta({ description: "in words with names and figures; empty: nothing" }),
    notes: z.array(z.string()).meta({
      description:
        "what nothing is said against, and its sender should know: a smaller set that tolerates no failure",
    }),
    awaitsNewcomer: z.boolean().meta({
      description:
        "of a vote: nothing speaks against it but that the newcomer is not connected or not level yet; ask again in a second",
    }),
  }),
  examples: [
    {
      name: "a vote",
      params: { payload: `0x02${"00".repeat(7)}010100` },
      result: { harms: [], notes: [], awaitsNewcomer: false },
    },
  ],
  call({ api }, { payload }) {
    const call = gov.decodeCall(payload);
    if (!call.ok) throw new CallError("BAD_GOV_CALL", call.fault.detail);
    const membership = mustChange(api);
    const found = membership.harms(call.value);
    if (!found.ok) throw new CallError("BAD_GOV_CALL", found.fault.detail);
    const notes = membership.notes(call.value);
    return {
      harms: [...found.value],
      notes: [...notes],
      awaitsNewcomer: membership.awaitsNewcomer(call.value),
    };
  },
});

function showMember({ name, publicKey, account, peerId }: Validator) {
  return { name, publicKey: hex0x(publicKey), account: hex0x(account), peerId };
}
