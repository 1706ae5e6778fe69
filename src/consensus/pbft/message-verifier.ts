/**
 * The message verifier: the one maker of verified messages. `parse` checks size and form, the engine's `wants` then asks
 * whether the message is worth a signature check, `verify` checks every signature in it, certificates in full, and
 * that a block is the one that was signed for. The brand on its answers is the proof; own messages get it by being
 * signed here.
 * Source: pbft.md 1.3, 1.15.
 */

import { equalBytes, type Hash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { type Block, type BodyLimits, readBlock } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { decode } from "../../codec/reader.ts";
import type { CompactForm, OpenedCompact } from "../compact-form.ts";
import type { MessageVerifier } from "../engine.ts";
import {
  type CertificateContext,
  type CheckpointCertificate,
  decodeCheckpointCertificate,
  encodeCheckpointCertificate,
  verifyCheckpointCertificate,
} from "./certificate.ts";
import { completeProposal, encodeCompact, openCompact } from "./compact-proposal.ts";
import { encodeMessage, type ParsedMessage, parseMessage } from "./message-bytes.ts";
import type {
  BlockBody,
  CheckpointBody,
  CheckpointCertificateBody,
  FetchBody,
  StatusBody,
  VoteBody,
} from "./messages.ts";
import type { NewView, ViewChange } from "./new-view.ts";
import { primaryOf } from "./quorum.ts";
import {
  checkSignature,
  type MessageFault,
  matchesVote,
  type Signed,
  type Verified,
  type WithBlock,
} from "./signed-messages.ts";
import { KnownViewChanges, type ViewContext, verifyNewView, verifyViewChange } from "./view-messages.ts";

export type PrePrepare = Verified<VoteBody<"pre-prepare"> & Signed & WithBlock>;
/** The primary's vote without what travels beside it. */
export type ProposalVote = Verified<VoteBody<"pre-prepare"> & Signed>;
export type Prepare = Verified<VoteBody<"prepare"> & Signed>;
export type Commit = Verified<VoteBody<"commit"> & Signed>;
export type Checkpoint = Verified<CheckpointBody & Signed>;
export type Status = Verified<StatusBody & Signed>;
export type Fetch = Verified<FetchBody & Signed>;
export type BlockData = Verified<BlockBody & Signed & WithBlock>;
export type CheckpointData = Verified<
  CheckpointCertificateBody & Signed & { readonly certificate: CheckpointCertificate }
>;

/** A verified PBFT message. */
export type PbftMessage =
  | PrePrepare
  | Prepare
  | Commit
  | Checkpoint
  | Status
  | Fetch
  | BlockData
  | CheckpointData
  | ViewChange
  | NewView;

export interface VerifierOptions extends CertificateContext {
  readonly logWindow: number;
  readonly limits: BodyLimits;
}

export class PbftMessageVerifier implements MessageVerifier<ParsedMessage, PbftMessage> {
  readonly compact: CompactForm<ParsedMessage, PbftMessage>;
  readonly #context: ViewContext;

  constructor(options: VerifierOptions) {
    this.#context = { ...options, n: options.validators.members.length, known: new KnownViewChanges() };
    this.compact = {
      blockOf: (message) => (message.type === "pre-prepare" ? message.block : undefined),
      heldBy: (message) =>
        message.type === "prepare" || message.type === "commit" ? message.hash : undefined,
      encode: (message, isFresh) =>
        message.type === "pre-prepare" ? encodeCompact(message, isFresh) : undefined,
      open: (parsed) => this.#openCompact(parsed),
    };
  }

  parse(bytes: Uint8Array): Verdict<ParsedMessage, MessageFault> {
    const parsed = parseMessage(bytes, this.#context);
    if (!parsed.ok) return parsed;
    const wrong = checkRole(parsed.value, this.#context.n);
    return wrong === undefined ? parsed : { ok: false, fault: wrong };
  }

  verify(parsed: ParsedMessage): Verdict<PbftMessage, MessageFault> {
    if (parsed.type === "view-change" || parsed.type === "new-view") return this.#openView(parsed);
    const bad = checkSignature(this.#context, parsed, parsed.signature);
    if (bad !== undefined) return { ok: false, fault: bad };
    const opened = this.#open(parsed);
    return opened.ok ? accept(opened.value as PbftMessage) : opened;
  }

  encode(message: PbftMessage): Uint8Array {
    return encodeMessage(message, message.signature, attachmentOf(message));
  }

  #openView(parsed: ParsedMessage): Verdict<PbftMessage, MessageFault> {
    const { attachment: _, relayed: __, ...message } = parsed;
    if (message.type === "new-view") return verifyNewView(this.#context, message);
    if (message.type !== "view-change") return refuse("unknown-type", message.type);
    const opened = verifyViewChange(this.#context, message);
    if (opened.ok) this.#context.known?.remember(this.encode(opened.value), opened.value);
    return opened;
  }

  #openCompact(parsed: ParsedMessage): Verdict<OpenedCompact<PbftMessage>, MessageFault> {
    const opened = openCompact(this.#context, parsed);
    if (!opened.ok) return opened;
    const { head, hashes, envelopes } = opened.value;
    const complete = (transactions: readonly SignedTransaction[]) =>
      completeProposal(opened.value, transactions);
    return accept({ head, hashes, envelopes, complete });
  }

  #open(parsed: ParsedMessage): Verdict<object, MessageFault> {
    // Most are votes, and to leave something out of an object costs more than to write the rest anew (profiled).
    if (parsed.type === "prepare" || parsed.type === "commit") {
      const { type, epoch, view, height, hash, from, signature } = parsed;
      return accept({ type, epoch, view, height, hash, from, signature });
    }
    const { attachment, relayed: _, ...message } = parsed;
    switch (message.type) {
      case "pre-prepare":
      case "block": {
        const block = openBlock(attachment, message, this.#context.limits);
        return block.ok ? accept({ ...message, block: block.value, blockBytes: attachment }) : block;
      }
      case "checkpoint-certificate": {
        const certificate = decodeCheckpointCertificate(attachment);
        if (!certificate.ok) return refuse("wrong-certificate", certificate.fault.detail);
        if (
          certificate.value.height !== message.height ||
          !equalBytes(certificate.value.hash, message.hash)
        ) {
          return refuse("wrong-certificate", `certificate of another checkpoint than ${message.height}`);
        }
        const bad = verifyCheckpointCertificate(this.#context, certificate.value);
        if (bad !== undefined) return refuse("wrong-certificate", bad.detail);
        return accept({ ...message, certificate: certificate.value });
      }
      default:
        return accept(message);
    }
  }
}

/** Only the primary of a view opens it and pre-prepares in it, and it does not prepare: its PRE-PREPARE is its vote. */
function checkRole(message: ParsedMessage, n: number): Fault<"wrong-role"> | undefined {
  if (message.type !== "pre-prepare" && message.type !== "prepare" && message.type !== "new-view")
    return undefined;
  const primary = primaryOf(message.epoch, message.view, n);
  if ((message.from === primary) === (message.type !== "prepare")) return undefined;
  return fault(
    "wrong-role",
    `${message.type} by ${message.from}, the primary of view ${message.view} is ${primary}`,
  );
}

function openBlock(
  bytes: Uint8Array,
  signed: { readonly hash: Hash; readonly height?: bigint; readonly epoch: bigint },
  limits: BodyLimits,
): Verdict<Block, MessageFault> {
  const block = decode(bytes, "block", (reader) => readBlock(reader, limits));
  if (!block.ok) return block;
  const wrong = matchesVote(block.value, signed);
  return wrong === undefined ? block : { ok: false, fault: wrong };
}

function attachmentOf(message: PbftMessage): Uint8Array {
  switch (message.type) {
    case "pre-prepare":
    case "block":
      return message.blockBytes;
    case "checkpoint-certificate":
      return encodeCheckpointCertificate(message.certificate);
    default:
      return new Uint8Array(0);
  }
}
