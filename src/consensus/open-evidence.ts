/**
 * Evidence of equivocation on a chain, by its genesis: what a node keeps and what an offline verifier checks. Apart
 * from the engines, so that a verifier in a browser loads none.
 */
import type { Hash } from "../base/bytes.ts";
import { refuse, type Verdict } from "../base/fault.ts";
import { type Genesis, validatorsOf } from "../chain/genesis/genesis.ts";
import type { EpochSets, ValidatorSet } from "../chain/types/validator-set.ts";
import type { SignatureRules } from "../crypto/keys.ts";
import type { Evidence } from "./engine.ts";
import { claimedEpoch, verifyEvidence } from "./pbft/evidence.ts";

/** Faults: of the evidence, or `no-votes` where blocks are mined and nobody can contradict itself. */
export function openEvidence(
  genesis: Genesis,
  evidence: Uint8Array,
  context: {
    readonly genesisHash: Hash;
    readonly signatureRules?: SignatureRules | undefined;
    /** The sets by epoch, where validators may change. */
    readonly epochs?: EpochSets | undefined;
  },
  wants?: (claimed: Evidence) => boolean,
): Verdict<Evidence> {
  const { consensus, limits } = genesis;
  if (consensus.type !== "pbft") return refuse("no-votes", NO_VOTES);
  const validators = setFor(evidence, context.epochs) ?? validatorsOf(genesis);
  const shape = { n: validators.members.length, logWindow: consensus.logWindow, limits };
  return verifyEvidence({ ...context, validators, ...shape }, evidence, wants);
}

/** The set of the epoch that the evidence names, or undefined where it is not known. */
function setFor(evidence: Uint8Array, epochs: EpochSets | undefined): ValidatorSet | undefined {
  if (epochs === undefined) return undefined;
  const epoch = claimedEpoch(evidence);
  return epoch === undefined ? undefined : epochs.setOf(epoch);
}

export const NO_VOTES = "this chain is mined: there are no votes and no validators";
