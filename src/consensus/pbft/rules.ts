/**
 * What the chain must know of PBFT: the form of a head in epoch 0, how a seal proves it, that it is final. What any
 * chain checks (chainId, height, links, roots, bodies) is not here, nor is the local clock: "not too far ahead" is
 * a matter of voting, never of validity (pbft.md 1.14, time rule).
 * Source: pbft.md 1.13, 1.14; decision 4.
 */

import { equalBytes } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import type { FinalRules, HeadFields, Proposal, SealView } from "../../chain/rules.ts";
import { type BlockHead, VERSION_PBFT } from "../../chain/types/block.ts";
import {
  type CertificateContext,
  decodeCommitCertificate,
  type SignerSignature,
  seemsCommitted,
  verifyCommitCertificate,
} from "./certificate.ts";

export type HeadFault =
  | "wrong-version"
  | "wrong-work"
  | "wrong-epoch"
  | "wrong-proposer"
  | "wrong-validators"
  | "wrong-flags"
  | "wrong-extra"
  | "time-not-after-parent"
  | "wrong-header-time";

export function pbftRules(context: CertificateContext): FinalRules {
  const { validators } = context;
  return {
    name: "pbft",
    kind: "final",
    prepareHead: (parent, proposal) => prepareHead(parent, proposal, validators),
    checkHead: (parent, head) => checkForm(head, validators) ?? checkTime(parent, head),
    verifySeal: (head, seal) => verifyCommitCertificate({ ...context, head, seal }),
    seemsSealed: (head, seal) => seemsCommitted({ ...context, head, seal }),
    notBeforeMs: () => 0,
    weight: () => 1n,
    feeRecipient: (head) => validators.members[head.summary.proposer]!.account,
    executionTimeMs: (_parent, head) => head.summary.timeMs,
    logFields: ({ summary }, seal) => {
      const { view, commits } = describeSeal(seal);
      const { proposer } = summary;
      return { view, proposer, commits: `${commits.length}/${validators.members.length}` };
    },
    // Block 0 is agreed by having the same genesis: it has no seal.
    describeSeal: ({ summary }, seal) =>
      summary.height === 0n ? { type: "pbft", view: 0n, commits: [] } : describeSeal(seal),
  };
}

function prepareHead(
  parent: BlockHead,
  { timeMs, proposer }: Proposal,
  { epoch, hash }: CertificateContext["validators"],
): HeadFields {
  const earliest = parent.summary.timeMs + 1n;
  const time = timeMs > earliest ? timeMs : earliest;
  return {
    header: { version: VERSION_PBFT, time: Number(time / 1000n), bits: 0, nonce: 0 },
    summary: {
      epoch,
      timeMs: time,
      proposer,
      flags: 0,
      validatorsHash: hash,
      nextValidatorsHash: hash,
      extra: new Uint8Array(0),
    },
  };
}

function checkForm(
  { header, summary }: BlockHead,
  validators: CertificateContext["validators"],
): Fault<HeadFault> | undefined {
  if (header.version !== VERSION_PBFT) {
    return fault("wrong-version", `header version ${header.version}, must be ${VERSION_PBFT}`);
  }
  if (header.bits !== 0 || header.nonce !== 0) {
    return fault("wrong-work", `bits ${header.bits}, nonce ${header.nonce}, must both be 0`);
  }
  if (summary.epoch !== validators.epoch) {
    return fault("wrong-epoch", `epoch ${summary.epoch}, must be ${validators.epoch}`);
  }
  if (summary.proposer >= validators.members.length) {
    return fault("wrong-proposer", `proposer ${summary.proposer} of ${validators.members.length} validators`);
  }
  // The set cannot change yet, so the next validators are these.
  for (const field of ["validatorsHash", "nextValidatorsHash"] as const) {
    if (!equalBytes(summary[field], validators.hash)) {
      return fault(
        "wrong-validators",
        `${field} is not the hash of the validators of epoch ${summary.epoch}`,
      );
    }
  }
  if (summary.flags !== 0) return fault("wrong-flags", `flags ${summary.flags}, must be 0`);
  if (summary.extra.length !== 0) {
    return fault("wrong-extra", `extra of ${summary.extra.length} bytes, must be empty`);
  }
  return undefined;
}

function checkTime(parent: BlockHead, { header, summary }: BlockHead): Fault<HeadFault> | undefined {
  if (summary.timeMs <= parent.summary.timeMs) {
    return fault(
      "time-not-after-parent",
      `time ${summary.timeMs} ms is not after the parent's ${parent.summary.timeMs} ms`,
    );
  }
  if (BigInt(header.time) !== summary.timeMs / 1000n) {
    return fault("wrong-header-time", `header time ${header.time} s, the summary says ${summary.timeMs} ms`);
  }
  return undefined;
}

/** @throws Error on a seal that does not decode: it was verified before it was stored. */
function describeSeal(seal: Uint8Array): Extract<SealView, { type: "pbft" }> {
  const decoded = decodeCommitCertificate(seal);
  if (!decoded.ok) throw new Error(`stored seal does not decode: ${decoded.fault.detail}`);
  const { view, signatures } = decoded.value;
  const commits = signatures.map(({ signer, signature }: SignerSignature) => ({
    validator: signer,
    signature,
  }));
  return { type: "pbft", view, commits };
}
