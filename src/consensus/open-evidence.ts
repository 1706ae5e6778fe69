/**
 * Evidence of equivocation on a chain, by its genesis: what a node keeps and what an offline verifier checks. Apart
 * from the engines, so that a verifier in a browser loads none.
 */
import type { Hash } from "../base/bytes.ts";
import { refuse, type Verdict } from "../base/fault.ts";
import { type Genesis, validatorsOf } from "../chain/genesis/genesis.ts";
import type { SignatureRules } from "../crypto/keys.ts";
import type { Evidence } from "./engine.ts";
import { verifyEvidence } from "./pbft/evidence.ts";

/** Faults: of the evidence, or `no-votes` where blocks are mined and nobody can contradict itself. */
export function openEvidence(
  genesis: Genesis,
  evidence: Uint8Array,
  context: { readonly genesisHash: Hash; readonly signatureRules?: SignatureRules | undefined },
  wants?: (claimed: Evidence) => boolean,
): Verdict<Evidence> {
  const { consensus, limits } = genesis;
  if (consensus.type !== "pbft") return refuse("no-votes", NO_VOTES);
  const validators = validatorsOf(genesis);
  const shape = { n: validators.members.length, logWindow: consensus.logWindow, limits };
  return verifyEvidence({ ...context, validators, ...shape }, evidence, wants);
}

export const NO_VOTES = "this chain is mined: there are no votes and no validators";
