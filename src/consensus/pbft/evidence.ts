/**
 * Evidence of equivocation: two messages of one validator that a correct one cannot both have signed. Votes: one
 * (epoch, view, height, phase) and two hashes. VIEW-CHANGEs: one (epoch, view) and two contents, whether or not
 * what they claim holds, because a correct replica makes one per view. Both stand as on the wire without what
 * travels beside the signature. Anyone with the genesis and the validator set can check it, in Node or a browser.
 * Source: pbft.md 1.5 (A4), 1.8; docs/protocol.md, "Evidence".
 *
 *   version u8 = 1 | first u32+bytes | second u32+bytes
 */

import { EMPTY, equalBytes, type Hash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { memberAt } from "../../chain/types/validator-set.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256 } from "../../crypto/hash.ts";
import { ED25519 } from "../../crypto/keys.ts";
import type { Evidence } from "../engine.ts";
import type { CertificateContext } from "./certificate.ts";
import {
  encodeMessage,
  messageBytesMax,
  messageEpoch,
  type ParsedMessage,
  parseMessage,
  type WireShape,
} from "./message-bytes.ts";
import { signingBytes, type ViewChangeBody, type VoteBody } from "./messages.ts";

const EVIDENCE_VERSION = 1;

/** `validators`: the set of the epoch in which both were signed. */
export interface EvidenceContext extends CertificateContext, WireShape {}

export type EvidenceFault =
  | "malformed"
  | "too-large"
  | "unknown-type"
  /** A correct validator could have signed both. */
  | "no-conflict"
  /** The caller has it already, or enough of its kind. */
  | "unwanted"
  | "wrong-epoch"
  | "bad-signature";

type Statement = (VoteBody | ViewChangeBody) & { readonly signature: Uint8Array };

export function encodeEvidence(first: Statement, second: Statement): Uint8Array {
  const writer = new Writer(512).u8(EVIDENCE_VERSION);
  for (const { signature, ...body } of [first, second]) {
    writer.bytes32(encodeMessage(body as ParsedMessage, signature, EMPTY));
  }
  return writer.finish();
}

/** The epoch that evidence says it is of, unchecked: version, length of the first message, and that message. */
export function claimedEpoch(evidence: Uint8Array): bigint | undefined {
  return messageEpoch(evidence.subarray(5));
}

/** The largest evidence: two VIEW-CHANGEs. */
export function evidenceBytesMax(shape: WireShape): number {
  return 1 + 2 * (4 + messageBytesMax("view-change", shape));
}

/** Both messages, whose conflict and signatures nobody has checked yet. */
function decodeEvidence(
  bytes: Uint8Array,
  shape: WireShape,
): Verdict<readonly [ParsedMessage, ParsedMessage], EvidenceFault> {
  const bytesMax = evidenceBytesMax(shape);
  if (bytes.length > bytesMax) {
    return refuse("too-large", `evidence of ${bytes.length} bytes, at most ${bytesMax}`);
  }
  const parts = decode(bytes, "evidence", (reader) => {
    const version = reader.u8();
    if (version !== EVIDENCE_VERSION) reader.fail(`version ${version}`);
    return [reader.bytes32(bytesMax), reader.bytes32(bytesMax)] as const;
  });
  if (!parts.ok) return parts;
  const first = parsePart(parts.value[0], shape);
  if (!first.ok) return first;
  const second = parsePart(parts.value[1], shape);
  return second.ok ? accept([first.value, second.value] as const) : second;
}

/**
 * What the bytes say about whom; form and conflict first, then both signatures by the whole rule.
 * @param wants asked in between, with what nobody has checked yet.
 */
export function verifyEvidence(
  context: EvidenceContext,
  bytes: Uint8Array,
  wants: (claimed: Evidence) => boolean = () => true,
): Verdict<Evidence, EvidenceFault> {
  const decoded = decodeEvidence(bytes, context);
  if (!decoded.ok) return decoded;
  const [first, second] = decoded.value;
  const evidence = conflictOf(context.genesisHash, first, second);
  if (!evidence.ok) return evidence;
  if (!wants(evidence.value)) return refuse("unwanted", "evidence of what is known");
  const bad = checkSigned(context, first) ?? checkSigned(context, second);
  return bad === undefined ? evidence : { ok: false, fault: bad };
}

function parsePart(bytes: Uint8Array, shape: WireShape): Verdict<ParsedMessage, EvidenceFault> {
  const parsed = parseMessage(bytes, shape);
  if (parsed.ok && parsed.value.attachment.length > 0) {
    return refuse("malformed", "evidence holds what travels beside a signature");
  }
  return parsed;
}

function conflictOf(
  genesisHash: Hash,
  first: ParsedMessage,
  second: ParsedMessage,
): Verdict<Evidence, EvidenceFault> {
  const [one, other] = [claimOf(genesisHash, first), claimOf(genesisHash, second)];
  if (one === undefined || other === undefined) {
    return refuse("no-conflict", `a ${first.type} and a ${second.type} bind nobody`);
  }
  for (const field of ["phase", "author", "epoch", "view", "height"] as const) {
    if (one[field] === other[field]) continue;
    return refuse("no-conflict", `${field} ${one[field]} and ${field} ${other[field]}`);
  }
  if (equalBytes(one.digest, other.digest)) return refuse("no-conflict", "both messages say the same");
  const { digest, ...place } = one;
  return accept({ ...place, digests: [digest, other.digest] });
}

/** What a message binds its author to: one digest at one place. undefined for what binds nobody. */
function claimOf(
  genesisHash: Hash,
  message: ParsedMessage,
): (Omit<Evidence, "digests"> & { readonly digest: Hash }) | undefined {
  const { from: author, epoch } = message;
  switch (message.type) {
    case "pre-prepare":
    case "prepare":
    case "commit": {
      const { type: phase, view, height, hash: digest } = message;
      return { author, epoch, view, height, phase, digest };
    }
    case "view-change": {
      const digest = sha256(signingBytes(genesisHash, message));
      return { author, epoch, view: message.view, height: 0n, phase: message.type, digest };
    }
    default:
      return undefined;
  }
}

/** Checks by the whole rule, native and ZIP-215: the verdict is the same on every node. */
function checkSigned(
  { genesisHash, validators, signatureRules = ED25519 }: EvidenceContext,
  message: ParsedMessage,
): Fault<EvidenceFault> | undefined {
  const { type, from, epoch, signature } = message;
  if (epoch !== validators.epoch) {
    return fault("wrong-epoch", `evidence of epoch ${epoch}, known is ${validators.epoch}`);
  }
  const key = memberAt(validators, from).publicKey;
  if (signatureRules.verifySignature(key, signingBytes(genesisHash, message), signature)) return undefined;
  return fault("bad-signature", `${type} is not signed by validator ${from}`);
}
