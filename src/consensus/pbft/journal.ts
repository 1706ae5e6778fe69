/**
 * The records of the journal: own votes with what must be durable beside them. How records are framed, synced and
 * rotated is the storage's matter. Reading one back checks every signature in it, its own included, so that a
 * journal of another chain or key is noticed.
 *
 *   version u8 = 1 | kind u8 | ...
 *   1 PRE-PREPARE  view u64 | signature 64 | block
 *   2 PREPARE      view u64 | signature 64 | PRE-PREPARE signature 64 | block
 *   3 COMMIT       signature 64 | prepared certificate
 *
 * Source: pbft.md 1.12; docs/protocol.md, "Journal".
 */

import type { Verdict } from "../../base/fault.ts";
import { type Block, type BodyLimits, readBlock } from "../../chain/block.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import type { ValidatorId } from "../engine.ts";
import {
  type CertificateContext,
  readPreparedCertificate,
  verifyPreparedCertificate,
  writePreparedCertificate,
} from "./certificate.ts";
import { type Commit, type PrePrepare, type Prepare, verifyMessage } from "./gate.ts";
import type { VoteBody, VoteType } from "./messages.ts";
import { primaryOf } from "./quorum.ts";
import type { VoteRecord } from "./votebook.ts";

export const JOURNAL_VERSION = 1;
const KIND = { "pre-prepare": 1, prepare: 2, commit: 3 } as const;

export function encodeVoteRecord(record: VoteRecord): Uint8Array {
  const size = record.type === "commit" ? 1024 + 66 * record.certificate.prepares.length : 256;
  const writer = new Writer(size).u8(JOURNAL_VERSION).u8(KIND[record.type]);
  switch (record.type) {
    case "pre-prepare":
      return writer.u64(record.vote.view).raw(record.vote.signature).raw(record.vote.blockBytes).finish();
    case "prepare": {
      const { vote, proposal } = record;
      writer.u64(vote.view).raw(vote.signature).raw(proposal.signature).raw(proposal.blockBytes);
      return writer.finish();
    }
    case "commit":
      writer.raw(record.vote.signature);
      writePreparedCertificate(writer, record.certificate);
      return writer.finish();
  }
}

export interface JournalContext extends CertificateContext {
  readonly self: ValidatorId;
  readonly limits: BodyLimits;
}

/**
 * @throws Error when the record was written by a newer version, is damaged, or was not signed by this validator for
 * this chain. The node must not validate then.
 */
export function decodeVoteRecord(bytes: Uint8Array, context: JournalContext): VoteRecord {
  const [version, kind] = bytes;
  if (version !== JOURNAL_VERSION) {
    throw new Error(
      `journal record of version ${version}, this program reads ${JOURNAL_VERSION}: start the version that wrote it`,
    );
  }
  const record = decode(bytes, "journal record", (reader): Opened => {
    reader.raw(2);
    if (kind === KIND["pre-prepare"]) return readPrePrepare(reader, context);
    if (kind === KIND.prepare) return readPrepare(reader, context);
    if (kind === KIND.commit) return readCommit(reader, context);
    return reader.fail(`unknown kind ${kind}`);
  });
  return expect(expect(record));
}

type Opened = Verdict<VoteRecord>;

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
  const proposal = verifyMessage(context, body, proposed, { block, blockBytes });
  if (!proposal.ok) return proposal;
  return {
    ok: true,
    value: { type: "prepare", vote: vote.value as Prepare, proposal: proposal.value as PrePrepare },
  };
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
