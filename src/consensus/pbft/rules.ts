/**
 * What the chain must know of PBFT: the form of a head in its epoch, how a seal proves it, that it is final. What any
 * chain checks (chainId, height, links, roots, bodies) is not here, nor is the local clock: "not too far ahead" is
 * a matter of voting, never of validity (pbft.md 1.14, time rule).
 * Source: pbft.md 1.13, 1.14; decision 4.
 */

import { must } from "../../base/assert.ts";
import { EMPTY, equalBytes, hex, hex0x } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import type { FinalRules, HeadFields, Proposal, SealView } from "../../chain/rules.ts";
import { type BlockHead, VERSION_PBFT } from "../../chain/types/block.ts";
import { FLAG_TRANSITION, type Transition, transitionId } from "../../chain/types/transition.ts";
import {
  type EpochSets,
  endsEpoch,
  epochOn,
  memberAt,
  onlySet,
  type ValidatorSet,
} from "../../chain/types/validator-set.ts";
import {
  type CertificateContext,
  decodeCommitCertificate,
  type SealQuestion,
  type SignerSignature,
  seemsCommitted,
  verifyCommitCertificate,
} from "./certificate.ts";

export type HeadFault =
  | "wrong-version"
  | "wrong-work"
  | "wrong-epoch"
  | "unaccepted-transition"
  | "wrong-proposer"
  | "wrong-validators"
  | "wrong-flags"
  | "wrong-extra"
  | "time-not-after-parent"
  | "wrong-header-time";

/** The chain's validators: those of `validators` for good, or by `epochs` where they may change. */
export interface RulesContext extends CertificateContext {
  readonly epochs?: EpochSets | undefined;
}

export function pbftRules(context: RulesContext): FinalRules {
  const { validators, epochs, genesisHash, base, signatureRules, namesEachBad } = context;
  // Written out: to join objects for each seal cost more than to read one (profiled).
  const questionOf = (set: ValidatorSet, head: BlockHead, seal: Uint8Array): SealQuestion => ({
    genesisHash,
    validators: set,
    base,
    signatureRules,
    namesEachBad,
    head,
    seal,
  });
  const sets = epochs ?? onlySet(validators);
  const setOf = ({ summary }: BlockHead): ValidatorSet =>
    must(sets.setOf(summary.epoch), `the set of epoch ${summary.epoch} is known with its blocks`);
  return {
    name: "pbft",
    kind: "final",
    prepareHead: (parent, proposal) => prepareHead(parent, proposal, sets),
    checkHead: (parent, head) =>
      checkForm(parent, head, sets) ?? checkNext(head, epochs !== undefined) ?? checkTime(parent, head),
    verifySeal: (head, seal) => {
      const set = sets.setOf(head.summary.epoch);
      return set === undefined ? unknownEpoch(head) : verifyCommitCertificate(questionOf(set, head, seal));
    },
    seemsSealed: (head, seal) => {
      const set = sets.setOf(head.summary.epoch);
      return set !== undefined && seemsCommitted(questionOf(set, head, seal));
    },
    notBeforeMs: () => 0,
    weight: () => 1n,
    transitionOn: (parent) => sets.transitionOn?.(parent),
    feeRecipient: (head) => memberAt(setOf(head), head.summary.proposer).account,
    executionTimeMs: (_parent, head) => head.summary.timeMs,
    logFields: (head, seal) => {
      const { view, commits } = describeSeal(seal);
      const { proposer, epoch } = head.summary;
      const fields = { view, proposer, commits: `${commits.length}/${setOf(head).members.length}` };
      return epochs === undefined ? fields : { epoch, ...fields };
    },
    // Block 0 is agreed by having the same genesis: it has no seal.
    describeSeal: ({ summary }, seal) =>
      summary.height === 0n ? { type: "pbft", view: 0n, commits: [] } : describeSeal(seal),
  };
}

function unknownEpoch({ summary }: BlockHead): Fault<HeadFault> {
  if ((summary.flags & FLAG_TRANSITION) !== 0) {
    const id = hex0x(summary.extra);
    return fault(
      "unaccepted-transition",
      `block ${summary.height} stands on the transition ${id}, a break of trust that this node was not told to accept (start --transition FILE)`,
    );
  }
  return fault("wrong-epoch", `the validators of epoch ${summary.epoch} are not known here yet`);
}

function prepareHead(parent: BlockHead, { timeMs, proposer }: Proposal, sets: EpochSets): HeadFields {
  const earliest = parent.summary.timeMs + 1n;
  const time = timeMs > earliest ? timeMs : earliest;
  const epoch = epochOn(parent, sets);
  // What is built on a block that is not committed yet, and ends an epoch, is thrown away: its set is no matter.
  const hash = sets.setOf(epoch)?.hash ?? parent.summary.nextValidatorsHash;
  return {
    header: { version: VERSION_PBFT, time: Number(time / 1000n), bits: 0, nonce: 0 },
    summary: {
      epoch,
      timeMs: time,
      proposer,
      ...markOf(sets.transitionOn?.(parent)),
      validatorsHash: hash,
      nextValidatorsHash: hash,
    },
  };
}

function checkForm(
  parent: BlockHead,
  { header, summary }: BlockHead,
  sets: EpochSets,
): Fault<HeadFault> | undefined {
  if (header.version !== VERSION_PBFT) {
    return fault("wrong-version", `header version ${header.version}, must be ${VERSION_PBFT}`);
  }
  if (header.bits !== 0 || header.nonce !== 0) {
    return fault("wrong-work", `bits ${header.bits}, nonce ${header.nonce}, must both be 0`);
  }
  const epoch = epochOn(parent, sets);
  if (summary.epoch !== epoch) {
    return fault("wrong-epoch", `epoch ${summary.epoch}, must be ${epoch}`);
  }
  const validators = sets.setOf(epoch);
  // On a parent that is not committed here yet: nobody may agree on it before the epoch's end is stable.
  if (validators === undefined) return fault("wrong-epoch", `epoch ${epoch} has not begun`);
  if (summary.proposer >= validators.members.length) {
    return fault("wrong-proposer", `proposer ${summary.proposer} of ${validators.members.length} validators`);
  }
  if (!equalBytes(summary.validatorsHash, validators.hash)) {
    return fault(
      "wrong-validators",
      `validatorsHash is not the hash of the validators of epoch ${summary.epoch}`,
    );
  }
  const mark = markOf(sets.transitionOn?.(parent));
  if (summary.flags !== mark.flags)
    return fault("wrong-flags", `flags ${summary.flags}, must be ${mark.flags}`);
  if (!equalBytes(summary.extra, mark.extra)) {
    if (mark.flags === FLAG_TRANSITION)
      return fault(
        "wrong-extra",
        `block ${summary.height} stands on the transition ${hex0x(summary.extra)}, and this node has accepted ${hex0x(mark.extra)} for that height: these are two chains`,
      );
    return fault("wrong-extra", `extra 0x${hex(summary.extra)}, must be 0x${hex(mark.extra)}`);
  }
  return undefined;
}

/** The first block under a transition says so: its id in `extra`. Every other block has neither. */
function markOf(transition: Transition | undefined): { readonly flags: number; readonly extra: Uint8Array } {
  return transition === undefined
    ? { flags: 0, extra: EMPTY }
    : { flags: FLAG_TRANSITION, extra: transitionId(transition) };
}

/** Where the set may change, what comes next follows from executing the block (chain/execution/block-executor.ts). */
function checkNext({ summary }: BlockHead, mayChange: boolean): Fault<HeadFault> | undefined {
  if (mayChange || !endsEpoch(summary)) return undefined;
  return fault(
    "wrong-validators",
    `nextValidatorsHash is not the hash of the validators of epoch ${summary.epoch}`,
  );
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
