/**
 * Certificates: sets of signatures that prove an agreement to anyone who knows the genesis hash and the validator
 * set, with no node and no network; this file also runs in a browser. A certificate is verified in full wherever it
 * comes from, and every signature in it must be good: at least Q distinct ones.
 *  - commit certificate: Q COMMITs; the seal of a block;
 *  - prepared certificate: the primary's PRE-PREPARE and Q-1 PREPAREs of others;
 *  - checkpoint certificate: Q CHECKPOINTs with the same block, state root and next validators.
 * Source: pbft.md 1.3; docs/protocol.md, "Certificates".
 */

import { asHash, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, type Verdict } from "../../base/fault.ts";
import { VALIDATORS_MAX } from "../../base/limits.ts";
import { type BlockHead, readBlockHead, writeBlockHead } from "../../chain/types/block.ts";
import { memberAt, type ValidatorSet } from "../../chain/types/validator-set.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { ED25519, SIGNATURE_BYTES, type SignatureClaim, type SignatureRules } from "../../crypto/keys.ts";
import type { ValidatorId } from "../engine.ts";
import { type CheckpointBody, type PbftBody, signingBytes, type VoteBody } from "./messages.ts";
import { primaryOf, quorumOf } from "./quorum.ts";

/** The format of every certificate. One with another number is refused. */
const CERTIFICATE_VERSION = 1;

export interface SignerSignature {
  readonly signer: ValidatorId;
  /** The validator's Ed25519 signature, 64 bytes. */
  readonly signature: Uint8Array;
}

/** CommitCert without what the block itself says: epoch, height and hash. */
export interface CommitCertificate {
  readonly view: bigint;
  /** The signatures, ascending by the index of the signer. */
  readonly signatures: readonly SignerSignature[];
}

export interface PreparedCertificate {
  readonly view: bigint;
  readonly head: BlockHead;
  /** The primary's signature of its PRE-PREPARE. */
  readonly prePrepare: Uint8Array;
  /** PREPAREs, ascending by signer, none of the primary. */
  readonly prepares: readonly SignerSignature[];
}

/** What all CHECKPOINTs of a certificate say. */
export type CheckpointFacts = Pick<CheckpointBody, "height" | "hash" | "stateRoot" | "nextValidatorsHash">;

export interface CheckpointCertificate extends CheckpointFacts {
  readonly signatures: readonly SignerSignature[];
}

/** What an epoch stands on: the last block of the one before, or block 0. Nobody of the epoch votes on it or below. */
export interface EpochBase {
  readonly height: bigint;
  readonly hash: Hash;
}

export function baseOf({ base, genesisHash }: Pick<CertificateContext, "base" | "genesisHash">): EpochBase {
  return base ?? { height: 0n, hash: genesisHash };
}

/** What a certificate is verified against. */
export interface CertificateContext {
  readonly genesisHash: Hash;
  /** The set of the epoch that the certificate belongs to. */
  readonly validators: ValidatorSet;
  /** The block below the epoch's first. It is block 0 where left out. */
  readonly base?: EpochBase | undefined;
  /** How signatures are checked. When left out it is Ed25519 by the rule of ZIP-215. */
  readonly signatureRules?: SignatureRules | undefined;
  /** Every signature is judged and all bad ones are named, for people; by default nothing follows the first bad one. */
  readonly namesEachBad?: boolean | undefined;
}

/** A head, and the seal that is to prove it. */
export interface SealQuestion extends CertificateContext {
  readonly head: BlockHead;
  readonly seal: Uint8Array;
}

export type CertificateFault = "malformed" | "unknown-signer" | "bad-signature" | "no-quorum" | "wrong-epoch";

/** version u8 | view u64 | signatures: the seal of a block. */
export function encodeCommitCertificate(certificate: CommitCertificate): Uint8Array {
  const writer = new Writer(16 + 66 * certificate.signatures.length).u8(CERTIFICATE_VERSION);
  writer.u64(certificate.view);
  writeSignatures(writer, certificate.signatures);
  return writer.finish();
}

export function decodeCommitCertificate(bytes: Uint8Array): Verdict<CommitCertificate, "malformed"> {
  return decode(bytes, "commit certificate", (reader) => {
    readVersion(reader);
    return { view: reader.u64(), signatures: readSignatures(reader) };
  });
}

/** version u8 | view u64 | header | summary | PRE-PREPARE signature 64 | signatures */
export function writePreparedCertificate(writer: Writer, certificate: PreparedCertificate): void {
  writer.u8(CERTIFICATE_VERSION).u64(certificate.view);
  writeBlockHead(writer, certificate.head);
  writer.raw(certificate.prePrepare);
  writeSignatures(writer, certificate.prepares);
}

export function readPreparedCertificate(reader: Reader): PreparedCertificate {
  readVersion(reader);
  return {
    view: reader.u64(),
    head: readBlockHead(reader),
    prePrepare: reader.raw(SIGNATURE_BYTES),
    prepares: readSignatures(reader),
  };
}

/** version u8 | height u64 | hash 32 | stateRoot 32 | nextValidatorsHash 32 | signatures */
export function encodeCheckpointCertificate(certificate: CheckpointCertificate): Uint8Array {
  const writer = new Writer(128 + 66 * certificate.signatures.length).u8(CERTIFICATE_VERSION);
  writer.u64(certificate.height).raw(certificate.hash);
  writer.raw(certificate.stateRoot).raw(certificate.nextValidatorsHash);
  writeSignatures(writer, certificate.signatures);
  return writer.finish();
}

export function decodeCheckpointCertificate(bytes: Uint8Array): Verdict<CheckpointCertificate, "malformed"> {
  return decode(bytes, "checkpoint certificate", (reader) => {
    readVersion(reader);
    return {
      height: reader.u64(),
      hash: asHash(reader.raw(32)),
      stateRoot: asHash(reader.raw(32)),
      nextValidatorsHash: asHash(reader.raw(32)),
      signatures: readSignatures(reader),
    };
  });
}

/**
 * Whether at most f signatures of a seal are refused by the native library: every correct validator's is accepted by
 * any. False is no verdict, only "not worth slow verification".
 */
export function seemsCommitted(question: SealQuestion): boolean {
  const { head, validators, genesisHash, signatureRules = ED25519 } = question;
  const decoded = decodeCommitCertificate(question.seal);
  if (!decoded.ok || head.summary.epoch !== validators.epoch) return false;
  const { members, epoch } = validators;
  const { view, signatures } = decoded.value;
  const { f, quorum } = quorumOf(members.length);
  if (signatures.length < quorum || signatures.some(({ signer }) => signer >= members.length)) return false;
  const vote = { type: "commit", epoch, view, height: head.summary.height, hash: head.hash } as const;
  let refused = 0;
  for (const { signer, signature } of signatures) {
    const message = signingBytes(genesisHash, { ...vote, from: signer });
    if (signatureRules.verifyQuickly(memberAt(validators, signer).publicKey, message, signature)) continue;
    refused++;
    if (refused > f) return false;
  }
  return true;
}

/**
 * Whether `seal` proves that the validators committed the block of `head`. Needs nothing but its arguments: the
 * verifier of receipts uses it offline.
 */
export function verifyCommitCertificate(question: SealQuestion): Fault<CertificateFault> | undefined {
  const decoded = decodeCommitCertificate(question.seal);
  if (!decoded.ok) return decoded.fault;
  const { head, validators } = question;
  if (head.summary.epoch !== validators.epoch) {
    return fault("wrong-epoch", `block of epoch ${head.summary.epoch}, validators of ${validators.epoch}`);
  }
  const { view, signatures } = decoded.value;
  const vote = { epoch: validators.epoch, view, height: head.summary.height, hash: head.hash };
  const body = (from: ValidatorId): VoteBody<"commit"> => ({ type: "commit", from, ...vote });
  return checkSignatures(question, signatures, quorumOf(validators.members.length).quorum, body);
}

export function verifyPreparedCertificate(
  context: CertificateContext,
  certificate: PreparedCertificate,
): Fault<CertificateFault> | undefined {
  const { epoch, members } = context.validators;
  const { view, head } = certificate;
  if (head.summary.epoch !== epoch) {
    return fault("wrong-epoch", `block of epoch ${head.summary.epoch}, validators of ${epoch}`);
  }
  const primary = primaryOf(epoch, view, members.length);
  if (certificate.prepares.some(({ signer }) => signer === primary)) {
    return fault("unknown-signer", `the primary ${primary} of view ${view} has no PREPARE`);
  }
  const vote = { epoch, view, height: head.summary.height, hash: head.hash };
  const proposal: readonly SignerSignature[] = [{ signer: primary, signature: certificate.prePrepare }];
  const { quorum } = quorumOf(members.length);
  return (
    checkSignatures(context, proposal, 1, (from) => ({ type: "pre-prepare", from, ...vote })) ??
    checkSignatures(context, certificate.prepares, quorum - 1, (from) => ({ type: "prepare", from, ...vote }))
  );
}

export function verifyCheckpointCertificate(
  context: CertificateContext,
  certificate: CheckpointCertificate,
): Fault<CertificateFault> | undefined {
  const { epoch, members } = context.validators;
  const { height, hash, stateRoot, nextValidatorsHash, signatures } = certificate;
  const facts = { epoch, height, hash, stateRoot, nextValidatorsHash };
  const body = (from: ValidatorId): CheckpointBody => ({ type: "checkpoint", from, ...facts });
  return checkSignatures(context, signatures, quorumOf(members.length).quorum, body);
}

/** Decodes a checkpoint certificate and verifies it. */
export function openCheckpointCertificate(
  context: CertificateContext,
  bytes: Uint8Array,
): Verdict<CheckpointCertificate> {
  const decoded = decodeCheckpointCertificate(bytes);
  if (!decoded.ok) return decoded;
  const bad = verifyCheckpointCertificate(context, decoded.value);
  return bad === undefined ? accept(decoded.value) : { ok: false, fault: bad };
}

/** Distinctness is given: {@link readSignatures} takes ascending signers only. Counts are compared first: cheap. */
function checkSignatures(
  { genesisHash, validators, signatureRules = ED25519, namesEachBad = false }: CertificateContext,
  signatures: readonly SignerSignature[],
  needed: number,
  body: (signer: ValidatorId) => PbftBody,
): Fault<CertificateFault> | undefined {
  const n = validators.members.length;
  const stranger = signatures.find(({ signer }) => signer >= n);
  if (stranger !== undefined) {
    return fault("unknown-signer", `signer ${stranger.signer} is not a validator (there are ${n}, from 0)`);
  }
  if (signatures.length < needed) {
    return fault("no-quorum", `${signatures.length} of ${n} signatures, need ${needed}`);
  }
  const claimOf = ({ signer, signature }: SignerSignature): SignatureClaim => ({
    publicKey: memberAt(validators, signer).publicKey,
    message: signingBytes(genesisHash, body(signer)),
    signature,
  });
  const together = signatureRules.verifyEach?.(signatures.map(claimOf)).verdicts;
  const isBad = (each: SignerSignature, i: number): boolean => {
    if (together !== undefined) return together[i] !== true;
    const { publicKey, message, signature } = claimOf(each);
    return !signatureRules.verifySignature(publicKey, message, signature);
  };
  const { type } = body(0);
  const first = namesEachBad ? undefined : signatures.find(isBad);
  if (first !== undefined) {
    const { name } = memberAt(validators, first.signer);
    return fault("bad-signature", `not a ${type} of this block by signer ${first.signer} (${name})`);
  }
  const bad = namesEachBad ? signatures.filter(isBad) : [];
  if (bad.length === 0) return undefined;
  const valid = signatures.length - bad.length;
  const who = bad.map(({ signer }) => `${signer} (${memberAt(validators, signer).name})`).join(", ");
  return fault(
    "bad-signature",
    `${valid} of ${n} signatures valid, need ${needed}: not a ${type} of this block by signer ${who}`,
  );
}

function writeSignatures(writer: Writer, signatures: readonly SignerSignature[]): void {
  writer.list(signatures, (w, { signer, signature }) => w.u16(signer).raw(signature));
}

/** u32 count, each u16 signer | 64 bytes; strictly ascending, so that one set has one encoding. */
function readSignatures(reader: Reader): SignerSignature[] {
  let previous = -1;
  return reader.list(VALIDATORS_MAX, (r) => {
    const signer = r.u16();
    if (signer <= previous) r.fail(`signer ${signer} after ${previous}, must ascend`);
    previous = signer;
    return { signer, signature: r.raw(SIGNATURE_BYTES) };
  });
}

function readVersion(reader: Reader): void {
  const version = reader.u8();
  if (version !== CERTIFICATE_VERSION) reader.fail(`certificate version ${version}, known is 1`);
}

/** Names the block that a certificate is about, in messages to people. */
export function describeCheckpoint({ height, hash, stateRoot }: CheckpointFacts): string {
  return `height ${height}, block ${showHash(hash)}, state ${showHash(stateRoot)}`;
}
