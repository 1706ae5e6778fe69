/**
 * Governance: the accounts of the validators propose changes and vote on them; a strict majority of the seats of the
 * current set approves. An approved change takes effect behind the end of the epoch, which it brings forward. What is
 * wise (who is connected, whether a quorum would be left) is judged by whoever proposes and votes, off the chain. The
 * bytes are in gov-declaration.ts. Sources: pbft.md 1.14; docs/protocol.md, "Governance"; docs/adr/0023-03.
 */
import { equalBytes, hex0x } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";
import { applyChange, type Change, changesSeats, checkProof, isAdminsOwn } from "../governance/change.ts";
import {
  type Governance,
  readGovernance,
  secondCheckpointAfter,
  writeGovernance,
} from "../governance/governance-state.ts";
import { approveModule, moduleProblem } from "../governance/module-versions.ts";
import {
  type ChangeProposal,
  OPEN_PROPOSALS_MAX,
  readOpenProposals,
  readProposal,
  standingOf,
  tallyOf,
  writeOpenProposals,
  writeProposal,
} from "../governance/proposals.ts";
import { hasRole } from "../governance/roles.ts";
import { approveRules, rulesProblem } from "../governance/rules-version.ts";
import {
  APPROVED,
  GOV_FAULTS,
  type GovCall,
  govDeclaration,
  PROPOSED,
  REJECTED,
  VOTED,
} from "./gov-declaration.ts";
import { type ExecutionContext, type Module, ModuleFault } from "./module.ts";

type GovContext = ExecutionContext & { readonly governing: NonNullable<ExecutionContext["governing"]> };

export const gov: Module<GovCall> = {
  ...govDeclaration,
  spends: () => 0n,

  execute(call, context) {
    const { governing } = context;
    const governance = readGovernance(context.state);
    // A transaction of this module is valid only on a chain with epochs (execution/validate-transaction.ts).
    if (governance === undefined || governing === undefined) throw new Error("no governance on this chain");
    const isMember = governance.members.some(({ account }) => equalBytes(account, context.sender));
    const { roles = [] } = governance;
    const isAdmins = call.kind === "propose" && isAdminsOwn(call.change);
    if (isAdmins && hasRole(roles, context.sender, "admin"))
      return administer(call, governance, { ...context, governing });
    if (!isMember) fail("GOV_NOT_A_VALIDATOR", `${hex0x(context.sender)} is no account of a validator now`);
    if (call.kind === "propose") propose(call, governance, { ...context, governing });
    else vote(call, governance, { ...context, governing });
  },
};

/** An admin decides alone who may send: a proposal that is approved as it is made. */
function administer(
  { change, isForced, note }: Extract<GovCall, { kind: "propose" }>,
  governance: Governance,
  { state, sender, height, governing, emit }: GovContext,
): void {
  const applied = applyChange(governance, change, governing);
  if (!applied.ok) return fail("GOV_UNFIT", applied.fault.detail);
  const { nextId: id, ids } = readOpenProposals(state);
  writeOpenProposals(state, { nextId: id + 1n, ids });
  writeGovernance(state, applied.value);
  const votes = [{ account: sender, approves: true, isForced }];
  const decided = { status: "approved", decided: height, expires: height } as const;
  writeProposal(state, { id, proposer: sender, height, ...decided, isForced, note, change, votes });
  emit(PROPOSED, new Writer(40).u64(id).raw(sender).finish());
  emit(APPROVED, new Writer(16).u64(id).u64(governance.lastHeight).finish());
}

function propose(
  { change, isForced, note }: Extract<GovCall, { kind: "propose" }>,
  governance: Governance,
  context: GovContext,
): void {
  const { state, sender, height, governing, emit } = context;
  const fits = applyChange({ ...governance, changed: 0 }, change, governing);
  if (!fits.ok) fail("GOV_UNFIT", fits.fault.detail);
  checkVersion(context, change, governance);
  const proved = checkProof(change, governance, { ...governing, height });
  if (!proved.ok) fail("GOV_BAD_PROOF", proved.fault.detail);
  const { nextId: id, ids } = readOpenProposals(state);
  const open = ids.filter((other) => {
    const proposal = readProposal(state, other);
    return proposal !== undefined && standingOf(proposal, height) === "open";
  });
  if (open.length >= OPEN_PROPOSALS_MAX) {
    fail("GOV_TOO_MANY_OPEN", `${open.length} proposals are open, at most ${OPEN_PROPOSALS_MAX}`);
  }
  writeOpenProposals(state, { nextId: id + 1n, ids: [...open, id] });
  const expires = height + 2n * BigInt(governance.parameters.epochLength);
  const start = { id, proposer: sender, height, expires, status: "open", decided: 0n } as const;
  const votes = [{ account: sender, approves: true, isForced }];
  emit(PROPOSED, new Writer(40).u64(id).raw(sender).finish());
  decide({ ...start, isForced, note, change, votes }, governance, context);
}

function vote(
  { proposal: id, approves, isForced }: Extract<GovCall, { kind: "vote" }>,
  governance: Governance,
  context: GovContext,
): void {
  const { state, sender, height, emit } = context;
  const proposal = readProposal(state, id);
  if (proposal === undefined) return fail("GOV_UNKNOWN_PROPOSAL", `there is no proposal ${id}`);
  const standing = standingOf(proposal, height);
  if (standing !== "open") fail("GOV_DECIDED", `proposal ${id} is ${standing}`);
  if (proposal.votes.some(({ account }) => equalBytes(account, sender))) {
    fail("GOV_ALREADY_VOTED", `${hex0x(sender)} has voted on proposal ${id}`);
  }
  const votes = [...proposal.votes, { account: sender, approves, isForced }];
  const writer = new Writer(41).u64(id).raw(sender);
  emit(VOTED, writer.u8(approves ? 1 : 0).finish());
  decide({ ...proposal, votes }, governance, context);
}

/** Counts, and does what follows. A change that finds the epoch full fails the vote: it can be cast in the next. */
function decide(proposal: ChangeProposal, governance: Governance, context: GovContext): void {
  const { state, height, governing, emit } = context;
  const { approve, reject, needed } = tallyOf(proposal, governance);
  if (approve >= needed) {
    checkVersion(context, proposal.change, governance);
    const applied = applyChange(governance, proposal.change, governing);
    if (!applied.ok) {
      return fail(applied.fault.code === "epoch-full" ? "GOV_EPOCH_FULL" : "GOV_UNFIT", applied.fault.detail);
    }
    const end = secondCheckpointAfter(height, governing.checkpointInterval);
    const hurries = changesSeats(proposal.change) && end < governance.lastHeight;
    const lastHeight = hurries ? end : governance.lastHeight;
    writeGovernance(state, { ...applied.value, lastHeight });
    approveVersion(context, proposal.change, { ...governance, lastHeight });
    close({ ...proposal, status: "approved", decided: height }, context);
    emit(APPROVED, new Writer(16).u64(proposal.id).u64(lastHeight).finish());
  } else if (reject > governance.members.length - needed) {
    close({ ...proposal, status: "rejected", decided: height }, context);
    emit(REJECTED, new Writer(8).u64(proposal.id).finish());
  } else writeProposal(state, proposal);
}

/** Rules and modules go forward: what holds now is the least. */
function checkVersion({ state, governing }: GovContext, change: Change, governance: Governance): void {
  const problem =
    change.kind === "rules"
      ? rulesProblem(state, change.version, governance)
      : change.kind === "module"
        ? moduleProblem(state, governing.modules, change.module)
        : undefined;
  if (problem !== undefined) fail("GOV_UNFIT", problem);
}

function approveVersion(
  { state, governing, height }: GovContext,
  change: Change,
  governance: Governance,
): void {
  const { epoch, lastHeight } = governance;
  if (change.kind === "rules") approveRules(state, change.version, governance);
  if (change.kind === "module")
    approveModule(state, governing.modules, change.module, { epoch, isLast: height === lastHeight });
}

function close(proposal: ChangeProposal, { state }: GovContext): void {
  writeProposal(state, proposal);
  const { nextId, ids } = readOpenProposals(state);
  writeOpenProposals(state, { nextId, ids: ids.filter((id) => id !== proposal.id) });
}

function fail(code: keyof typeof GOV_FAULTS, detail: string): never {
  throw new ModuleFault(GOV_FAULTS[code], detail);
}
