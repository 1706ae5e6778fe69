/**
 * What direct mail carries: a kind byte, then the content. Consensus messages prove themselves at the engine's message verifier,
 * blocks when the chain imports them. docs/protocol.md, "Mail".
 */
import { concatBytes } from "../../base/bytes.ts";

/** A consensus message. */
export const MAIL_CONSENSUS = 1;
/** A committed block with its seal, in answer to a STATUS. */
export const MAIL_BLOCK = 2;

/** A signed transaction, for the primary that may have missed it. */
export const MAIL_TRANSACTION = 3;

/** The epoch u64 and the certificate of its last checkpoint, for whoever does not know that it is over. */
export const MAIL_EPOCH_END = 4;

/** A PRE-PREPARE in which hashes stand for transactions. */
export const MAIL_COMPACT_PROPOSAL = 5;

/** Asks for transactions of a proposed block by their places. */
export const MAIL_WANTED_TRANSACTIONS = 6;

/** Brings them. */
export const MAIL_BLOCK_TRANSACTIONS = 7;

export interface Packet {
  readonly kind: number;
  readonly content: Uint8Array;
}

export function encodePacket(kind: number, content: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(kind), content);
}

/** Takes a packet apart. An empty one is undefined. */
export function decodePacket(bytes: Uint8Array): Packet | undefined {
  const kind = bytes[0];
  return kind === undefined ? undefined : { kind, content: bytes.subarray(1) };
}

/** Whether it goes to the driver of the engine: messages of the agreement, and what completes a proposal. */
export function isConsensusMail(kind: number): boolean {
  return namesEpoch(kind) || kind === MAIL_WANTED_TRANSACTIONS || kind === MAIL_BLOCK_TRANSACTIONS;
}

/** Whether it begins as every consensus message does: version, type, epoch. */
export function namesEpoch(kind: number): boolean {
  return kind === MAIL_CONSENSUS || kind === MAIL_COMPACT_PROPOSAL;
}
