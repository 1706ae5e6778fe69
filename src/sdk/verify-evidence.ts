/**
 * Offline verification of evidence of equivocation, as consensus_getEvidence gives it: with the genesis alone, in
 * Node or a browser. It trusts the genesis and nothing else.
 */
import { must } from "../base/assert.ts";
import { hex0x, parseHex, showHash } from "../base/bytes.ts";
import { accept } from "../base/fault.ts";
import type { Evidence } from "../consensus/engine.ts";
import { openEvidence } from "../consensus/open-evidence.ts";
import { openGenesis, type TrustedGenesis } from "./trusted-genesis.ts";

export interface VerifiedEquivocation extends Pick<Evidence, "epoch" | "view" | "height" | "phase"> {
  /** Index of the validator that contradicted itself. */
  readonly validator: number;
  /** Its name in the set of its epoch. */
  readonly name: string;
  /** The two block hashes as people see them. Of view-changes it is SHA-256 of what was signed. */
  readonly digests: readonly [string, string];
}

export type EvidenceAnswer =
  | ({ readonly valid: true } & VerifiedEquivocation)
  | { readonly valid: false; readonly reason: string };

/**
 * Never throws for wrong evidence or a wrong genesis.
 * @param genesis the text of genesis.json, or what openGenesis made of it
 * @param evidence bytes, or their hex
 */
export function verifyEvidence(
  genesis: string | TrustedGenesis,
  evidence: Uint8Array | string,
): EvidenceAnswer {
  const trusted = typeof genesis === "string" ? openGenesis(genesis) : accept(genesis);
  if (!trusted.ok) return { valid: false, reason: `genesis: ${trusted.fault.detail}` };
  const bytes = typeof evidence === "string" ? parseHex(evidence) : evidence;
  if (bytes === undefined) return { valid: false, reason: "the evidence is not hex" };
  const { genesisHash, validators, sets: epochs, genesis: parameters } = trusted.value;
  const verdict = openEvidence(parameters, bytes, { genesisHash, epochs });
  if (!verdict.ok) return { valid: false, reason: verdict.fault.detail };
  const { author, digests, ...place } = verdict.value;
  const show = place.phase === "view-change" ? hex0x : showHash;
  const { members } = epochs?.setOf(place.epoch) ?? validators;
  const name = must(members[author], "evidence that verifies names a validator").name;
  return { valid: true, validator: author, name, ...place, digests: [show(digests[0]), show(digests[1])] };
}
