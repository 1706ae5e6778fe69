/**
 * An entry of P in a VIEW-CHANGE: a block's head (header and summary, no body) with the proof that a quorum prepared
 * or committed it in some view.
 *
 *   kind u8: 1 = prepared | prepared certificate
 *            2 = committed | header | summary | commit certificate
 *
 * Source: pbft.md 1.3, 1.8; docs/protocol.md, "View change".
 */

import { accept, type Verdict } from "../../base/fault.ts";
import { type BlockHead, readBlockHead, writeBlockHead } from "../../chain/types/block.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { ValidatorId } from "../engine.ts";
import {
  type CertificateContext,
  type CommitCertificate,
  decodeCommitCertificate,
  encodeCommitCertificate,
  type PreparedCertificate,
  readPreparedCertificate,
  verifyCommitCertificate,
  verifyPreparedCertificate,
  writePreparedCertificate,
} from "./certificate.ts";

export interface CertifiedHead {
  readonly kind: "prepared" | "committed";
  /** The view of the certificate. */
  readonly view: bigint;
  readonly head: BlockHead;
  /** The validators whose PREPAREs or COMMITs it holds: at least f+1 correct ones hold the body. */
  readonly signers: readonly ValidatorId[];
  /** The bytes in which it travels. */
  readonly bytes: Uint8Array;
}

const PREPARED = 1;
const COMMITTED = 2;

/** Kind, version, view, header, summary with the largest `extra`, a PRE-PREPARE's signature and n signatures. */
function certifiedHeadBytesMax(n: number): number {
  return 512 + 66 * n;
}

export function preparedHead(certificate: PreparedCertificate): CertifiedHead {
  const writer = new Writer(certifiedHeadBytesMax(certificate.prepares.length)).u8(PREPARED);
  writePreparedCertificate(writer, certificate);
  return fromPrepared(certificate, writer.finish());
}

export function committedHead(head: BlockHead, certificate: CommitCertificate): CertifiedHead {
  const writer = new Writer(certifiedHeadBytesMax(certificate.signatures.length)).u8(COMMITTED);
  writeBlockHead(writer, head);
  writer.raw(encodeCommitCertificate(certificate));
  return fromCommitted(head, certificate, writer.finish());
}

/** Decodes a certified head. It checks the form alone. */
export function decodeCertifiedHead(bytes: Uint8Array): Verdict<Decoded, "malformed"> {
  return decode(bytes, "certified head", (reader): Decoded => {
    const kind = reader.u8();
    if (kind === PREPARED) {
      const prepared = readPreparedCertificate(reader);
      return { entry: fromPrepared(prepared, bytes), prepared };
    }
    if (kind !== COMMITTED) reader.fail(`kind ${kind}, known are 1 and 2`);
    const head = readBlockHead(reader);
    const seal = reader.raw(reader.remaining);
    const certificate = decodeCommitCertificate(seal);
    if (!certificate.ok) return reader.fail(certificate.fault.detail);
    return { entry: fromCommitted(head, certificate.value, bytes), seal };
  });
}

/** An entry of right form, with what its verification needs. */
export type Decoded =
  | { readonly entry: CertifiedHead; readonly prepared: PreparedCertificate }
  | { readonly entry: CertifiedHead; readonly seal: Uint8Array };

/** Verifies every signature of it. */
export function verifyCertifiedHead(context: CertificateContext, decoded: Decoded): Verdict<CertifiedHead> {
  const bad =
    "prepared" in decoded
      ? verifyPreparedCertificate(context, decoded.prepared)
      : verifyCommitCertificate({ ...context, head: decoded.entry.head, seal: decoded.seal });
  return bad === undefined ? accept(decoded.entry) : { ok: false, fault: bad };
}

function fromPrepared({ view, head, prepares }: PreparedCertificate, bytes: Uint8Array): CertifiedHead {
  return { kind: "prepared", view, head, signers: prepares.map(({ signer }) => signer), bytes };
}

function fromCommitted(
  head: BlockHead,
  { view, signatures }: CommitCertificate,
  bytes: Uint8Array,
): CertifiedHead {
  return { kind: "committed", view, head, signers: signatures.map(({ signer }) => signer), bytes };
}
