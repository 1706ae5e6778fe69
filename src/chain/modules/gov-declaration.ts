/**
 * Governance as bytes and for people, without its execution (gov.ts): what a wallet, an explorer and a verifier need.
 *
 *   payload 1 propose: kind u8 = 1 | forced u8 | note u8+bytes | change
 *           2 vote:    kind u8 = 2 | proposal u64 | approves u8 | forced u8
 *   event 1 "proposed": id u64 | proposer 32       3 "approved": id u64 | last height of the epoch u64
 *         2 "voted": id u64 | account 32 | approves u8     4 "rejected": id u64
 */
import { hex0x, parseUtf8, text } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { MEMO_BYTES_MAX } from "../../base/limits.ts";
import { decode, Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { type Change, readChange, writeChange } from "../governance/change.ts";
import type { Event } from "../types/receipt.ts";
import type { Description, ModuleCodec, ReceiptReader } from "./module.ts";

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

export const GOV_FAULTS = {
  GOV_NOT_A_VALIDATOR: 1,
  GOV_UNKNOWN_PROPOSAL: 2,
  GOV_DECIDED: 3,
  GOV_ALREADY_VOTED: 4,
  GOV_UNFIT: 5,
  GOV_BAD_PROOF: 6,
  GOV_EPOCH_FULL: 7,
  GOV_TOO_MANY_OPEN: 8,
} as const;

export const PROPOSED = 1;
export const VOTED = 2;
export const APPROVED = 3;
export const REJECTED = 4;

export const govOutcomes: ReceiptReader = { id: GOV, name: "gov", faultName, describeEvent };

export const govDeclaration: ModuleCodec<GovCall> = {
  id: GOV,
  name: "gov",
  decodeCall,
  encodeCall,
  describeCall,
  faultName,
  describeEvent,
};

function faultName(code: number): string | undefined {
  return Object.entries(GOV_FAULTS).find(([, number]) => number === code)?.[0];
}

function describeCall(call: GovCall): Description {
  if (call.kind === "propose") {
    const { isForced, note, change } = call;
    return { type: "propose", ...describeChange(change), forced: isForced, note: text(note) };
  }
  const { proposal, approves, isForced } = call;
  return { type: "vote", proposal: proposal.toString(), approves, forced: isForced };
}

function describeEvent({ kind, data }: Event): Description {
  const proposal = new Reader(data).u64().toString();
  if (kind === PROPOSED) return { type: "proposed", proposal, proposer: hex0x(data.subarray(8, 40)) };
  if (kind === VOTED) {
    return { type: "voted", proposal, account: hex0x(data.subarray(8, 40)), approves: data[40] === 1 };
  }
  if (kind === APPROVED)
    return { type: "approved", proposal, lastHeight: new Reader(data.subarray(8)).u64().toString() };
  return { type: "rejected", proposal };
}

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
    case "rules":
      return { change: "rules", version: change.version };
    case "grant":
    case "revoke":
      return { change: change.kind, account: hex0x(change.account), role: change.role };
    case "module": {
      const { number, name, version, hash } = change.module;
      return { change: "module", number, name, version, sha256: hex0x(hash) };
    }
  }
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
