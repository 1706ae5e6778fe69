/**
 * The records of the journal: own votes with what must be durable beside them, and where this replica stands among
 * the views. How records are framed, synced and
 * rotated is the storage's matter. Reading one back checks every signature in it, its own included, so that a
 * journal of another chain or key is noticed.
 *
 *   version u8 = 1 | kind u8 | ...
 *   1 PRE-PREPARE  view u64 | signature 64 | block
 *   2 PREPARE      view u64 | signature 64 | PRE-PREPARE signature 64 | block
 *   3 COMMIT       signature 64 | prepared certificate
 *   4 VIEW-CHANGE  the own message as on the wire
 *   5 NEW-VIEW     the message as on the wire: this replica works in its view
 *   7 ROTATED      height u64: h when the journal was cut; votes at and below it are forgotten
 *   9 EPOCH        epoch u64 | id 32 of the newest transition up to it, if any: all that follows is of this epoch; the first record, left out in epoch 0
 *   8 AMNESIA      nothing: peers have shown votes that this journal lacks, so its key votes no more
 *   6 PREPARE      view u64 | height u64 | hash 32 | signature 64 | PRE-PREPARE signature 64; the body is durable
 *
 * Source: pbft.md 1.12; docs/protocol.md, "Journal".
 */

import { asHash, EMPTY, type Hash } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { type Block, readBlock } from "../../chain/types/block.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import type { ValidatorId } from "../engine.ts";
import type { VoteRecord } from "./cast-votes.ts";
import {
  readPreparedCertificate,
  verifyPreparedCertificate,
  writePreparedCertificate,
} from "./certificate.ts";
import { encodeMessage } from "./message-bytes.ts";
import type { Commit, PrePrepare, Prepare, ProposalVote } from "./message-verifier.ts";
import type { VoteBody, VoteType } from "./messages.ts";
import type { NewView, ViewChange } from "./new-view.ts";
import { primaryOf } from "./quorum.ts";
import { verifyMessage } from "./signed-messages.ts";
import { openNewView, openViewChange, type ViewContext } from "./view-messages.ts";

const JOURNAL_VERSION = 1;
const KIND = {
  prePrepare: 1,
  prepare: 2,
  commit: 3,
  viewChange: 4,
  newView: 5,
  prepareAgain: 6,
  rotated: 7,
  amnesia: 8,
  epoch: 9,
} as const;

export type JournalRecord =
  | VoteRecord
  | { readonly type: "view-change"; readonly message: ViewChange }
  | { readonly type: "new-view"; readonly message: NewView }
  | { readonly type: "rotated"; readonly height: bigint }
  | ({ readonly type: "epoch" } & JournalPlace)
  | { readonly type: "amnesia" };

export function encodeRotatedRecord(height: bigint): Uint8Array {
  return new Writer(10).u8(JOURNAL_VERSION).u8(KIND.rotated).u64(height).finish();
}

/** @param transition id of the newest one up to this epoch */
export function encodeEpochRecord(epoch: bigint, transition: Hash | undefined): Uint8Array {
  const writer = new Writer(42).u8(JOURNAL_VERSION).u8(KIND.epoch).u64(epoch);
  return (transition === undefined ? writer : writer.raw(transition)).finish();
}

/**
 * Where the votes of a journal were cast. An epoch of one number can exist twice, with and without a transition.
 * What the other records say, only the set of that epoch tells.
 */
export interface JournalPlace {
  readonly epoch: bigint;
  /** The id of the newest transition up to the epoch, or undefined when there is none. */
  readonly transition: Hash | undefined;
}

/** @throws Error when the journal's first record is damaged */
export function journalPlace([first]: readonly Uint8Array[]): JournalPlace {
  if (first === undefined || first[0] !== JOURNAL_VERSION || first[1] !== KIND.epoch)
    return { epoch: 0n, transition: undefined };
  return expect(decode(first.subarray(2), "journal epoch", readPlace));
}

function readPlace(reader: Reader): JournalPlace {
  const epoch = reader.u64();
  return { epoch, transition: reader.remaining === 0 ? undefined : asHash(reader.raw(32)) };
}

/** Whether a journal is more than the beginning of an epoch. */
export function hasVotes(records: readonly Uint8Array[]): boolean {
  return records.some(([, kind]) => kind !== KIND.epoch && kind !== KIND.amnesia);
}

/** Whether peers have shown votes that this journal lacks. */
export function hasAmnesia(records: readonly Uint8Array[]): boolean {
  return records.some(([version, kind]) => version === JOURNAL_VERSION && kind === KIND.amnesia);
}

export const AMNESIA_RECORD: Uint8Array = Uint8Array.of(JOURNAL_VERSION, KIND.amnesia);

export function encodeViewRecord(message: ViewChange | NewView): Uint8Array {
  const kind = message.type === "view-change" ? KIND.viewChange : KIND.newView;
  const bytes = encodeMessage(message, message.signature, EMPTY);
  return new Writer(2 + bytes.length).u8(JOURNAL_VERSION).u8(kind).raw(bytes).finish();
}

export function encodeVoteRecord(record: VoteRecord): Uint8Array {
  const size = record.type === "commit" ? 1024 + 66 * record.certificate.prepares.length : 256;
  const writer = new Writer(size).u8(JOURNAL_VERSION);
  switch (record.type) {
    case "pre-prepare":
      writer.u8(KIND.prePrepare);
      return writer.u64(record.vote.view).raw(record.vote.signature).raw(record.vote.blockBytes).finish();
    case "prepare": {
      const { vote, proposal, body } = record;
      if (body === undefined) {
        writer.u8(KIND.prepareAgain).u64(vote.view).u64(vote.height).raw(vote.hash);
        return writer.raw(vote.signature).raw(proposal.signature).finish();
      }
      writer.u8(KIND.prepare).u64(vote.view).raw(vote.signature).raw(proposal.signature);
      return writer.raw(body.blockBytes).finish();
    }
    case "commit":
      writer.u8(KIND.commit);
      writer.raw(record.vote.signature);
      writePreparedCertificate(writer, record.certificate);
      return writer.finish();
  }
}

export interface JournalContext extends ViewContext {
  readonly self: ValidatorId;
}

/**
 * @throws Error when the record was written by a newer version, is damaged, or was not signed by this validator for
 * this chain. The node must not validate then.
 */
export function decodeRecord(bytes: Uint8Array, context: JournalContext): JournalRecord {
  const [version, kind] = bytes;
  if (version !== JOURNAL_VERSION) {
    throw new Error(
      `journal record of version ${version}, this program reads ${JOURNAL_VERSION}: start the version that wrote it`,
    );
  }
  const record = decode(bytes, "journal record", (reader): Opened => {
    reader.raw(2);
    if (kind === KIND.prePrepare) return readPrePrepare(reader, context);
    if (kind === KIND.prepare) return readPrepare(reader, context);
    if (kind === KIND.prepareAgain) return readPrepareAgain(reader, context);
    if (kind === KIND.rotated) return { ok: true, value: { type: "rotated", height: reader.u64() } };
    if (kind === KIND.epoch) return { ok: true, value: { type: "epoch", ...readPlace(reader) } };
    if (kind === KIND.amnesia) return { ok: true, value: { type: "amnesia" } };
    if (kind === KIND.viewChange) return readViewChange(reader, context);
    if (kind === KIND.newView) return readNewView(reader, context);
    if (kind === KIND.commit) return readCommit(reader, context);
    return reader.fail(`unknown kind ${kind}`);
  });
  return expect(expect(record));
}

type Opened = Verdict<JournalRecord>;

function expect<T>(verdict: Verdict<T>): T {
  if (verdict.ok) return verdict.value;
  throw new Error(
    `journal does not belong to this validator and chain, or is damaged: ${verdict.fault.detail}`,
  );
}

function readPrePrepare(reader: Reader, context: JournalContext): Opened {
  const view = reader.u64();
  const signature = reader.raw(SIGNATURE_BYTES);
  const { block, blockBytes } = readRest(reader, context);
  const body = bodyOf("pre-prepare", context.self, view, block);
  const vote = verifyMessage(context, body, signature, { block, blockBytes });
  return vote.ok ? { ok: true, value: { type: "pre-prepare", vote: vote.value as PrePrepare } } : vote;
}

function readPrepare(reader: Reader, context: JournalContext): Opened {
  const view = reader.u64();
  const signature = reader.raw(SIGNATURE_BYTES);
  const proposed = reader.raw(SIGNATURE_BYTES);
  const { block, blockBytes } = readRest(reader, context);
  const vote = verifyMessage(context, bodyOf("prepare", context.self, view, block), signature, {});
  if (!vote.ok) return vote;
  const primary = primaryOf(context.validators.epoch, view, context.validators.members.length);
  const body = bodyOf("pre-prepare", primary, view, block);
  const proposal = verifyMessage(context, body, proposed, {});
  if (!proposal.ok) return proposal;
  return {
    ok: true,
    value: {
      type: "prepare",
      vote: vote.value as Prepare,
      proposal: proposal.value as ProposalVote,
      body: { block, blockBytes },
    },
  };
}

function readPrepareAgain(reader: Reader, context: JournalContext): Opened {
  const { self, validators } = context;
  const { epoch, members } = validators;
  const place = { epoch, view: reader.u64(), height: reader.u64(), hash: asHash(reader.raw(32)) };
  const signature = reader.raw(SIGNATURE_BYTES);
  const proposed = reader.raw(SIGNATURE_BYTES);
  const vote = verifyMessage(context, { type: "prepare", from: self, ...place } as const, signature, {});
  if (!vote.ok) return vote;
  const from = primaryOf(epoch, place.view, members.length);
  const proposal = verifyMessage(context, { type: "pre-prepare", from, ...place } as const, proposed, {});
  if (!proposal.ok) return proposal;
  return {
    ok: true,
    value: { type: "prepare", vote: vote.value, proposal: proposal.value, body: undefined },
  };
}

function readViewChange(reader: Reader, context: JournalContext): Opened {
  const opened = openViewChange(context, reader.raw(reader.remaining));
  if (!opened.ok) return opened;
  if (opened.value.from !== context.self) return refuse("malformed", "a VIEW-CHANGE of another validator");
  return { ok: true, value: { type: "view-change", message: opened.value } };
}

function readNewView(reader: Reader, context: JournalContext): Opened {
  const opened = openNewView(context, reader.raw(reader.remaining));
  return opened.ok ? { ok: true, value: { type: "new-view", message: opened.value } } : opened;
}

function readCommit(reader: Reader, context: JournalContext): Opened {
  const signature = reader.raw(SIGNATURE_BYTES);
  const certificate = readPreparedCertificate(reader);
  const bad = verifyPreparedCertificate(context, certificate);
  if (bad !== undefined) return { ok: false, fault: bad };
  const { head, view } = certificate;
  const vote = verifyMessage(context, bodyOf("commit", context.self, view, head), signature, {});
  return vote.ok ? { ok: true, value: { type: "commit", vote: vote.value as Commit, certificate } } : vote;
}

function readRest(reader: Reader, { limits }: JournalContext): { block: Block; blockBytes: Uint8Array } {
  const start = reader.offset;
  const block = readBlock(reader, limits);
  return { block, blockBytes: reader.slice(start, reader.offset) };
}

function bodyOf<T extends VoteType>(
  type: T,
  from: ValidatorId,
  view: bigint,
  { hash, summary }: Pick<Block, "hash" | "summary">,
): VoteBody<T> {
  return { type, from, epoch: summary.epoch, view, height: summary.height, hash };
}
