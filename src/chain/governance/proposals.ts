/**
 * Proposals of validators in the state. A proposal stays for good, with who voted how; the open ones are listed by
 * their ids, at most OPEN_PROPOSALS_MAX. One that is not decided within two epochs' lengths has expired.
 *
 *   0x06 | id u64: proposer 32 | height u64 | expires u64 | status u8 (0 open, 1 approved, 2 rejected) | decided u64
 *                  | forced u8 | note u8+bytes | change u16+bytes | votes: account 32, approves u8, forced u8
 *   0x07: next id u64 | ids u64
 */
import { must } from "../../base/assert.ts";
import { type Address, asAddress, equalBytes } from "../../base/bytes.ts";
import { MEMO_BYTES_MAX, VALIDATORS_MAX } from "../../base/limits.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { StateReader, StateWriter } from "../modules/module.ts";
import { openProposalsKey, proposalKey } from "../state/state-keys.ts";
import { type Change, readChange, writeChange } from "./change.ts";
import type { Governance } from "./governance-state.ts";

/** Proposals that are open at once. */
export const OPEN_PROPOSALS_MAX = 64;

const STATUSES = ["open", "approved", "rejected"] as const;

export interface Vote {
  readonly account: Address;
  readonly approves: boolean;
  /** Cast although the voter's node warned of harm. */
  readonly isForced: boolean;
}

export interface ChangeProposal {
  readonly id: bigint;
  readonly proposer: Address;
  /** The height at which it was made. */
  readonly height: bigint;
  /** The last height at which it can be decided. */
  readonly expires: bigint;
  readonly status: (typeof STATUSES)[number];
  /** The height at which it was decided; 0 while it is open. */
  readonly decided: bigint;
  readonly isForced: boolean;
  /** UTF-8, at most 128 bytes. */
  readonly note: Uint8Array;
  readonly change: Change;
  readonly votes: readonly Vote[];
}

export interface OpenProposals {
  readonly nextId: bigint;
  readonly ids: readonly bigint[];
}

/** Seats may have changed hands more than once while a proposal was open: more accounts than seats may have voted. */
const VOTES_MAX = 4 * VALIDATORS_MAX;

export function readProposal(state: StateReader, id: bigint): ChangeProposal | undefined {
  const value = state.get(proposalKey(id));
  if (value === undefined) return undefined;
  const read = decode(value, "proposal", (reader) => readFields(reader, id));
  return must(read.ok ? read.value : undefined, "a proposal that execution wrote decodes");
}

function readFields(reader: Reader, id: bigint): ChangeProposal {
  const start = {
    id,
    proposer: asAddress(reader.raw(32)),
    height: reader.u64(),
    expires: reader.u64(),
  };
  const status = STATUSES[reader.u8()] ?? reader.fail("unknown status");
  const decided = reader.u64();
  const isForced = reader.u8() === 1;
  const note = reader.bytes8(MEMO_BYTES_MAX);
  const change = decode(reader.bytes16(0xffff), "change", readChange);
  if (!change.ok) return reader.fail(change.fault.detail);
  const votes = reader.list(VOTES_MAX, (r) => ({
    account: asAddress(r.raw(32)),
    approves: r.u8() === 1,
    isForced: r.u8() === 1,
  }));
  return { ...start, status, decided, isForced, note, change: change.value, votes };
}

export function writeProposal(state: StateWriter, proposal: ChangeProposal): void {
  const change = new Writer(256);
  writeChange(change, proposal.change);
  const writer = new Writer(512).raw(proposal.proposer).u64(proposal.height).u64(proposal.expires);
  writer
    .u8(STATUSES.indexOf(proposal.status))
    .u64(proposal.decided)
    .u8(proposal.isForced ? 1 : 0);
  writer.bytes8(proposal.note).bytes16(change.finish());
  writer.list(proposal.votes, (w, { account, approves, isForced }) =>
    w
      .raw(account)
      .u8(approves ? 1 : 0)
      .u8(isForced ? 1 : 0),
  );
  state.put(proposalKey(proposal.id), writer.finish());
}

export function readOpenProposals(state: StateReader): OpenProposals {
  const value = state.get(openProposalsKey());
  if (value === undefined) return { nextId: 1n, ids: [] };
  const read = decode(value, "open proposals", (reader) => ({
    nextId: reader.u64(),
    ids: reader.list(OPEN_PROPOSALS_MAX, (r) => r.u64()),
  }));
  return must(read.ok ? read.value : undefined, "the list of proposals that execution wrote decodes");
}

export function writeOpenProposals(state: StateWriter, { nextId, ids }: OpenProposals): void {
  const writer = new Writer(256).u64(nextId);
  writer.list(ids, (w, id) => w.u64(id));
  state.put(openProposalsKey(), writer.finish());
}

/** Seats of the set by how their accounts voted: who is a member when it is counted counts, and nobody else. */
export function tallyOf(
  { votes }: Pick<ChangeProposal, "votes">,
  { members }: Pick<Governance, "members">,
): { readonly approve: number; readonly reject: number; readonly needed: number } {
  const votesOf = (approves: boolean) =>
    members.filter(({ account }) =>
      votes.some((vote) => vote.approves === approves && equalBytes(vote.account, account)),
    ).length;
  return { approve: votesOf(true), reject: votesOf(false), needed: Math.floor(members.length / 2) + 1 };
}

/** How a proposal stands for people: one whose time is over was not decided. */
export function standingOf(
  { status, expires }: Pick<ChangeProposal, "status" | "expires">,
  height: bigint,
): ChangeProposal["status"] | "expired" {
  return status === "open" && height >= expires ? "expired" : status;
}
