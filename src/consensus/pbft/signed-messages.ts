/**
 * Signed messages and the proof that somebody looked: the brand `Verified`, which only the message verifier and the signing of
 * own messages give, and the one check of a message's own signature. What is inside a message is not judged here.
 * Source: pbft.md 1.3, 1.15.
 */

import { equalBytes, type Hash } from "../../base/bytes.ts";
import { accept, type Fault, fault, type Verdict } from "../../base/fault.ts";
import type { Block, BlockHead } from "../../chain/types/block.ts";
import { memberAt } from "../../chain/types/validator-set.ts";
import { ED25519 } from "../../crypto/keys.ts";
import type { CertificateContext } from "./certificate.ts";
import { type PbftBody, signingBytes } from "./messages.ts";

declare const verified: unique symbol;
/** Proof that every signature in it was checked, or that it was signed here. */
export type Verified<T> = T & { readonly [verified]: true };

export interface Signed {
  readonly signature: Uint8Array;
}

/** A block with encodeBlock(block): sent and journaled as these very bytes. */
export interface WithBlock {
  readonly block: Block;
  readonly blockBytes: Uint8Array;
}

export type MessageFault =
  | "malformed"
  | "too-large"
  | "unknown-type"
  | "wrong-role"
  | "wrong-epoch"
  | "bad-signature"
  | "wrong-block"
  | "wrong-certificate"
  | "wrong-view-change";

/**
 * Work that signs on its way: it yields the bytes to sign and goes on with the signature. So a key may be wherever it
 * is kept, and the engine waits for nothing: whoever runs the work answers at once, or later (engine.ts).
 */
export type Signing<T = void> = Generator<Uint8Array, T, Uint8Array>;

/** A message of this node: what it says, signed. The caller has asked the record of cast votes first. */
export function* signOwnMessage<B extends PbftBody, X extends object = object>(
  genesisHash: Hash,
  body: B,
  attached?: X,
): Signing<Verified<B & Signed & X>> {
  const signature = yield signingBytes(genesisHash, body);
  // A vote, which has nothing attached, is copied in one step (profiled).
  const signed = { ...body, signature };
  return (attached === undefined ? signed : { ...signed, ...attached }) as Verified<B & Signed & X>;
}

/** A message of an own record: its signature is checked, what is attached was read beside it. */
export function verifyMessage<B extends PbftBody, X extends object>(
  context: CertificateContext,
  body: B,
  signature: Uint8Array,
  attached: X,
): Verdict<Verified<B & Signed & X>, MessageFault> {
  const bad = checkSignature(context, body, signature);
  if (bad !== undefined) return { ok: false, fault: bad };
  return accept({ ...body, signature, ...attached } as Verified<B & Signed & X>);
}

export function checkSignature(
  { genesisHash, validators, signatureRules = ED25519 }: CertificateContext,
  body: PbftBody,
  signature: Uint8Array,
): Fault<MessageFault> | undefined {
  if (body.epoch !== validators.epoch) {
    return fault("wrong-epoch", `message of epoch ${body.epoch}, known is ${validators.epoch}`);
  }
  // A correct validator signs as every library accepts, so what the native one refuses may be dropped here.
  const key = memberAt(validators, body.from).publicKey;
  if (signatureRules.verifyQuickly(key, signingBytes(genesisHash, body), signature)) return undefined;
  return fault("bad-signature", `${body.type} is not signed by validator ${body.from}`);
}

/** Whether a block is the one that a message was signed for. @returns what differs, or undefined */
export function matchesVote(
  { hash, summary }: BlockHead,
  signed: { readonly hash: Hash; readonly height?: bigint; readonly epoch: bigint },
): Fault<MessageFault> | undefined {
  if (!equalBytes(hash, signed.hash)) return fault("wrong-block", "the block is not the one signed for");
  if (signed.height !== undefined && summary.height !== signed.height) {
    return fault("wrong-block", `block of height ${summary.height}, signed for ${signed.height}`);
  }
  if (summary.epoch !== signed.epoch) {
    return fault("wrong-block", `block of epoch ${summary.epoch}, signed in ${signed.epoch}`);
  }
  return undefined;
}
