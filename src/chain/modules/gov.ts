/**
 * Governance: the accounts of the validators propose changes and vote on them; a strict majority of the seats of the
 * current set approves. An approved change takes effect behind the end of the epoch, which it brings forward. What is
 * wise (who is connected, whether a quorum would be left) is judged by whoever proposes and votes, off the chain.
 *
 *   payload 1 propose: kind u8 = 1 | forced u8 | note u8+bytes | change
 *           2 vote:    kind u8 = 2 | proposal u64 | approves u8 | forced u8
 *   event 1 "proposed": id u64 | proposer 32       3 "approved": id u64 | last height of the epoch u64
 *         2 "voted": id u64 | account 32 | approves u8     4 "rejected": id u64
 *
 * Sources: pbft.md 1.14; docs/protocol.md, "Governance"; docs/adr/0023-03.
 */
import { equalBytes, hex0x, parseUtf8, text } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { MEMO_BYTES_MAX } from "../../base/limits.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import {
  applyChange,
  type Change,
  changesSeats,
  checkProof,
  readChange,
  writeChange,
} from "../governance/change.ts";
import {
  type Governance,
  readGovernance,
  secondCheckpointAfter,
  writeGovernance,
} from "../governance/governance-state.ts";
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
import { type Description, type ExecutionContext, type Module, ModuleFault } from "./module.ts";

export const GOV = 3;

export type GovCall =
  | {
      readonly kind: "propose";
      readonly change: Change;
      /** The proposer's node warned of harm. */
      readonly isForced: boolean;
      /** UTF-8, at most 128 bytes: why, or what the node warned of. */
      readonly note: Uint8Array;
    }
  | {
      readonly kind: "vote";
      readonly proposal: bigint;
      readonly approves: boolean;
      readonly isForced: boolean;
    };

const FAULTS = {
  GOV_NOT_A_VALIDATOR: 1,
  GOV_UNKNOWN_PROPOSAL: 2,
  GOV_DECIDED: 3,
  GOV_ALREADY_VOTED: 4,
  GOV_UNFIT: 5,
  GOV_BAD_PROOF: 6,
  GOV_EPOCH_FULL: 7,
  GOV_TOO_MANY_OPEN: 8,
} as const;

const PROPOSED = 1;
const VOTED = 2;
const APPROVED = 3;
const REJECTED = 4;

type GovContext = ExecutionContext & { readonly governing: NonNullable<ExecutionContext["governing"]> };

export const gov: Module<GovCall> = {
  id: GOV,
  name: "gov",
  decodeCall,
  encodeCall,
  spends: () => 0n,

  execute(call, context) {
    const { governing } = context;
    const governance = readGovernance(context.state);
    // A transaction of this module is valid only on a chain with epochs (execution/validate-transaction.ts).
    if (governance === undefined || governing === undefined) throw new Error("no governance on this chain");
    const isMember = governance.members.some(({ account }) => equalBytes(account, context.sender));
    if (!isMember) fail("GOV_NOT_A_VALIDATOR", `${hex0x(context.sender)} is no account of a validator now`);
    if (call.kind === "propose") propose(call, governance, { ...context, governing });
    else vote(call, governance, { ...context, governing });
  },

  faultName: (code) => Object.entries(FAULTS).find(([, number]) => number === code)?.[0],

  describeCall(call): Description {
    if (call.kind === "propose") {
      const { isForced, note, change } = call;
      return { type: "propose", ...describeChange(change), forced: isForced, note: text(note) };
    }
    const { proposal, approves, isForced } = call;
    return { type: "vote", proposal: proposal.toString(), approves, forced: isForced };
  },

  describeEvent({ kind, data }): Description {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const proposal = view.getBigUint64(0).toString();
    if (kind === PROPOSED) return { type: "proposed", proposal, proposer: hex0x(data.subarray(8, 40)) };
    if (kind === VOTED) {
      return { type: "voted", proposal, account: hex0x(data.subarray(8, 40)), approves: data[40] === 1 };
    }
    if (kind === APPROVED) return { type: "approved", proposal, lastHeight: view.getBigUint64(8).toString() };
    return { type: "rejected", proposal };
  },
};

/** A change in words and hex, for RPC and people. */
export function describeChange(change: Change): Description {
  switch (change.kind) {
    case "add": {
      const { name, publicKey, account, peerId } = change.member;
      return { change: "add", name, publicKey: hex0x(publicKey), account: hex0x(account), peerId };
    }
    case "remove":
      return { change: "remove", publicKey: hex0x(change.publicKey) };
    case "replace":
      return { change: "replace", publicKey: hex0x(change.publicKey), newKey: hex0x(change.newKey) };
    case "admit":
      return { change: "admit", name: change.name, peerId: change.peerId };
    case "dismiss":
      return { change: "dismiss", peerId: change.peerId };
    case "set":
      return { change: "set", parameter: change.parameter, value: change.value };
  }
}

function propose(
  { change, isForced, note }: Extract<GovCall, { kind: "propose" }>,
  governance: Governance,
  context: GovContext,
): void {
  const { state, sender, height, governing, emit } = context;
  const fits = applyChange({ ...governance, changed: 0 }, change, governing);
  if (!fits.ok) fail("GOV_UNFIT", fits.fault.detail);
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
    const applied = applyChange(governance, proposal.change, governing);
    if (!applied.ok) {
      return fail(applied.fault.code === "epoch-full" ? "GOV_EPOCH_FULL" : "GOV_UNFIT", applied.fault.detail);
    }
    const end = secondCheckpointAfter(height, governing.checkpointInterval);
    const hurries = changesSeats(proposal.change) && end < governance.lastHeight;
    const lastHeight = hurries ? end : governance.lastHeight;
    writeGovernance(state, { ...applied.value, lastHeight });
    close({ ...proposal, status: "approved", decided: height }, context);
    emit(APPROVED, new Writer(16).u64(proposal.id).u64(lastHeight).finish());
  } else if (reject > governance.members.length - needed) {
    close({ ...proposal, status: "rejected", decided: height }, context);
    emit(REJECTED, new Writer(8).u64(proposal.id).finish());
  } else writeProposal(state, proposal);
}

function close(proposal: ChangeProposal, { state }: GovContext): void {
  writeProposal(state, proposal);
  const { nextId, ids } = readOpenProposals(state);
  writeOpenProposals(state, { nextId, ids: ids.filter((id) => id !== proposal.id) });
}

function fail(code: keyof typeof FAULTS, detail: string): never {
  throw new ModuleFault(FAULTS[code], detail);
}

function encodeCall(call: GovCall): Uint8Array {
  const writer = new Writer(512);
  if (call.kind === "propose") {
    writer
      .u8(1)
      .u8(call.isForced ? 1 : 0)
      .bytes8(call.note);
    writeChange(writer, call.change);
  } else {
    writer
      .u8(2)
      .u64(call.proposal)
      .u8(call.approves ? 1 : 0)
      .u8(call.isForced ? 1 : 0);
  }
  return writer.finish();
}

function decodeCall(payload: Uint8Array): Verdict<GovCall> {
  const read = decode(payload, "gov", (reader): GovCall => {
    const kind = reader.u8();
    const flag = () => {
      const value = reader.u8();
      return value > 1 ? reader.fail(`flag ${value}`) : value === 1;
    };
    if (kind === 1) {
      const isForced = flag();
      const note = reader.bytes8(MEMO_BYTES_MAX);
      return { kind: "propose", isForced, note, change: readChange(reader) };
    }
    if (kind !== 2) reader.fail(`kind ${kind}, known are 1 and 2`);
    return { kind: "vote", proposal: reader.u64(), approves: flag(), isForced: flag() };
  });
  if (!read.ok) return read;
  const call = read.value;
  if (call.kind === "propose" && parseUtf8(call.note) === undefined) {
    return refuse("malformed", "gov: the note is not UTF-8");
  }
  return read;
}
