/**
 * The gate: the one maker of verified messages. `parse` checks size and form, the engine's `wants` then asks
 * whether the message is worth a signature check, `verify` checks every signature in it, certificates in full, and
 * that a block is the one that was signed for. The brand on its answers is the proof; own messages get it by being
 * signed here.
 * Source: pbft.md 1.3, 1.15.
 */

import { equalBytes, type Hash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { type Block, type BodyLimits, readBlock } from "../../chain/block.ts";
import { decode } from "../../codec/reader.ts";
import { ED25519, type Signer } from "../../crypto/keys.ts";
import type { MessageGate } from "../engine.ts";
import {
  type CertificateContext,
  type CheckpointCertificate,
  encodeCheckpointCertificate,
  openCheckpointCertificate,
} from "./certificate.ts";
import {
  type BlockBody,
  type CheckpointBody,
  type CheckpointCertificateBody,
  type FetchBody,
  type PbftBody,
  type StatusBody,
  signingBytes,
  type VoteBody,
} from "./messages.ts";
import { primaryOf } from "./quorum.ts";
import { encodeMessage, type ParsedMessage, parseMessage, type WireShape } from "./wire.ts";

declare const verified: unique symbol;
/** Proof that every signature in it was checked, or that it was signed here. */
export type Verified<T> = T & { readonly [verified]: true };

interface Signed {
  readonly signature: Uint8Array;
}
interface WithBlock {
  readonly block: Block;
  /** encodeBlock(block): sent and journaled as these very bytes. */
  readonly blockBytes: Uint8Array;
}

export type PrePrepare = Verified<VoteBody<"pre-prepare"> & Signed & WithBlock>;
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
  | CheckpointData;

export type GateFault =
  | "malformed"
  | "too-large"
  | "unknown-type"
  | "wrong-role"
  | "wrong-epoch"
  | "bad-signature"
  | "wrong-block"
  | "wrong-certificate";

export interface GateOptions extends CertificateContext {
  readonly logWindow: number;
  readonly limits: BodyLimits;
}

export class PbftGate implements MessageGate<ParsedMessage, PbftMessage> {
  readonly #options: GateOptions;
  readonly #shape: WireShape;

  constructor(options: GateOptions) {
    this.#options = options;
    const { logWindow, limits, validators } = options;
    this.#shape = { n: validators.members.length, logWindow, limits };
  }

  parse(bytes: Uint8Array): Verdict<ParsedMessage, GateFault> {
    const parsed = parseMessage(bytes, this.#shape);
    if (!parsed.ok) return parsed;
    const wrong = checkRole(parsed.value, this.#shape.n);
    return wrong === undefined ? parsed : { ok: false, fault: wrong };
  }

  verify(parsed: ParsedMessage): Verdict<PbftMessage, GateFault> {
    const bad = checkSignature(this.#options, parsed, parsed.signature);
    if (bad !== undefined) return { ok: false, fault: bad };
    const opened = this.#open(parsed);
    return opened.ok ? accept(opened.value as PbftMessage) : opened;
  }

  encode(message: PbftMessage): Uint8Array {
    return encodeMessage(message, message.signature, attachmentOf(message));
  }

  #open(parsed: ParsedMessage): Verdict<object, GateFault> {
    const { attachment, ...message } = parsed;
    switch (message.type) {
      case "pre-prepare":
      case "block": {
        const block = openBlock(attachment, message, this.#options.limits);
        return block.ok ? accept({ ...message, block: block.value, blockBytes: attachment }) : block;
      }
      case "checkpoint-certificate": {
        const certificate = openCheckpointCertificate(this.#options, attachment);
        if (!certificate.ok) return refuse("wrong-certificate", certificate.fault.detail);
        if (
          certificate.value.height !== message.height ||
          !equalBytes(certificate.value.hash, message.hash)
        ) {
          return refuse("wrong-certificate", `certificate of another checkpoint than ${message.height}`);
        }
        return accept({ ...message, certificate: certificate.value });
      }
      default:
        return accept(message);
    }
  }
}

/** A message of this node: what it says, signed. The caller has asked the votebook first. */
export function signMessage<B extends PbftBody, X extends object = object>(
  signer: Signer,
  genesisHash: Hash,
  body: B,
  attached?: X,
): Verified<B & Signed & X> {
  const signature = signer.sign(signingBytes(genesisHash, body));
  return { ...body, signature, ...attached } as Verified<B & Signed & X>;
}

/** A message of an own record: its signature is checked, what is attached was read beside it. */
export function verifyMessage<B extends PbftBody, X extends object>(
  context: CertificateContext,
  body: B,
  signature: Uint8Array,
  attached: X,
): Verdict<Verified<B & Signed & X>, GateFault> {
  const bad = checkSignature(context, body, signature);
  if (bad !== undefined) return { ok: false, fault: bad };
  return accept({ ...body, signature, ...attached } as Verified<B & Signed & X>);
}

function checkSignature(
  { genesisHash, validators, signatureRules = ED25519 }: CertificateContext,
  body: PbftBody,
  signature: Uint8Array,
): Fault<GateFault> | undefined {
  if (body.epoch !== validators.epoch) {
    return fault("wrong-epoch", `message of epoch ${body.epoch}, known is ${validators.epoch}`);
  }
  // A correct validator signs as every library accepts, so what the native one refuses may be dropped here.
  const key = validators.members[body.from]!.publicKey;
  if (signatureRules.verifyQuickly(key, signingBytes(genesisHash, body), signature)) return undefined;
  return fault("bad-signature", `${body.type} is not signed by validator ${body.from}`);
}

/** Only the primary of a view pre-prepares in it, and it does not prepare: its PRE-PREPARE is its vote. */
function checkRole(message: ParsedMessage, n: number): Fault<"wrong-role"> | undefined {
  if (message.type !== "pre-prepare" && message.type !== "prepare") return undefined;
  const primary = primaryOf(message.epoch, message.view, n);
  if ((message.from === primary) === (message.type === "pre-prepare")) return undefined;
  return fault(
    "wrong-role",
    `${message.type} by ${message.from}, the primary of view ${message.view} is ${primary}`,
  );
}

function openBlock(
  bytes: Uint8Array,
  signed: { readonly hash: Hash; readonly height?: bigint; readonly epoch: bigint },
  limits: BodyLimits,
): Verdict<Block, GateFault> {
  const block = decode(bytes, "block", (reader) => readBlock(reader, limits));
  if (!block.ok) return block;
  const { hash, summary } = block.value;
  if (!equalBytes(hash, signed.hash)) return refuse("wrong-block", "the block is not the one signed for");
  if (signed.height !== undefined && summary.height !== signed.height) {
    return refuse("wrong-block", `block of height ${summary.height}, signed for ${signed.height}`);
  }
  if (summary.epoch !== signed.epoch) {
    return refuse("wrong-block", `block of epoch ${summary.epoch}, signed in ${signed.epoch}`);
  }
  return block;
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
