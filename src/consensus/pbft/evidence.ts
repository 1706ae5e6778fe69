/**
 * Evidence of equivocation: two votes of one validator for one (epoch, view, height, phase) and two digests, each
 * as on the wire without what travels beside the signature. Anyone with the genesis and the validator set can check
 * it. Source: pbft.md 1.5, A4; docs/protocol.md, "Evidence".
 *
 *   version u8 = 1 | first u16+bytes | second u16+bytes
 */
import { EMPTY } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";
import type { PbftBody, VoteBody } from "./messages.ts";
import { encodeMessage } from "./wire.ts";

export const EVIDENCE_VERSION = 1;

type SignedVote = VoteBody & { readonly signature: Uint8Array };

export function encodeEvidence(first: SignedVote, second: SignedVote): Uint8Array {
  const writer = new Writer(512).u8(EVIDENCE_VERSION);
  for (const vote of [first, second]) {
    writer.bytes16(encodeMessage(vote as PbftBody, vote.signature, EMPTY));
  }
  return writer.finish();
}
