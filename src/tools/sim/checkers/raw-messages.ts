/**
 * Packets and votes as the checkers read them, at the offsets of docs/protocol.md ("Mail", "Consensus messages").
 */
import { byteText } from "../../../base/bytes.ts";
import { type ByteText, Cursor, HEADER_LENGTH, SIGNATURE_LENGTH } from "./raw-bytes.ts";

/** A packet's first byte for a consensus message (docs/protocol.md, "Mail"). */
const CONSENSUS_PACKET = 1;
export interface RawVote {
  readonly type: number;
  readonly epoch: bigint;
  readonly view: bigint;
  readonly height: bigint;
  readonly hash: ByteText;
  readonly from: number;
}

/** The type of the consensus message in a packet, or undefined for other packets. */
export function typeOfPacket(packet: Uint8Array): number | undefined {
  return packet[0] === CONSENSUS_PACKET && packet.length > 2 ? packet[2] : undefined;
}

/** The offsets of the parts of a packet with a vote: kind, version, type, epoch, view, height, hash, from. */
const VIEW_AT = 11;
const HASH_AT = 27;
const FROM_AT = 59;
const VOTE_END = 61;

/** Names a vote: all that is signed. */
export function voteText(packet: Uint8Array): ByteText {
  return byteText(packet.subarray(2, VOTE_END));
}

export function readVote(packet: Uint8Array): RawVote {
  const cursor = new Cursor(packet, 2);
  const type = cursor.u8();
  const epoch = cursor.u64();
  const view = cursor.u64();
  const height = cursor.u64();
  const hash = byteText(packet.subarray(HASH_AT, FROM_AT));
  return { type, epoch, view, height, hash, from: new Cursor(packet, FROM_AT).u16() };
}

/** The header of the block that travels with a PRE-PREPARE, or undefined when it has none. */
export function headerOfProposal(packet: Uint8Array): Uint8Array | undefined {
  const start = VOTE_END + SIGNATURE_LENGTH;
  return packet.length < start + HEADER_LENGTH ? undefined : packet.subarray(start, start + HEADER_LENGTH);
}

/** View of a VIEW-CHANGE or NEW-VIEW. */
export function viewOfPacket(packet: Uint8Array): bigint {
  return new Cursor(packet, VIEW_AT).u64();
}

/** The signature of a message without an attachment: it is last, and names the content (Ed25519 repeats itself). */
export function lastSignature(message: Uint8Array): ByteText {
  return byteText(message.subarray(message.length - SIGNATURE_LENGTH));
}
