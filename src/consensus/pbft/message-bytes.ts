/**
 * The PBFT messages as bytes on a wire: what is signed, the signature, and what travels beside it (a block, a
 * certificate), which proves itself. There is one copy of every field: the sender, the type and the epoch are read
 * from the signed part. Sizes are checked first, and nothing behind the signature is decoded here.
 *
 *   version u8 = 1 | type u8 | epoch u64 | fields | from u16 | signature 64 | attachment
 *
 * Source: pbft.md 1.3, 1.15; docs/protocol.md, "Consensus messages".
 */

import { EMPTY } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { PBFT_SMALL_MESSAGE_BYTES_MAX } from "../../base/limits.ts";
import { type BodyLimits, sealedBlockBytesMax } from "../../chain/types/block.ts";
import { newViewBytesMax, viewChangeBytesMax } from "../../chain/types/view-change-size.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import {
  type BodyShape,
  bitmapBytes,
  MESSAGE_TYPE,
  type MessageType,
  type PbftBody,
  readBody,
  writeBody,
} from "./messages.ts";

export const WIRE_VERSION = 1;

/** A message whose form is right and whose signature nobody has checked yet. */
export type ParsedMessage = PbftBody & {
  readonly signature: Uint8Array;
  /** Undecoded: the block of PRE-PREPARE and BLOCK, the certificate of CHECKPOINT-CERTIFICATE, else empty. */
  readonly attachment: Uint8Array;
  readonly relayed?: boolean;
};

type Unfinished = PbftBody & {
  -readonly [K in "signature" | "attachment" | "relayed"]?: ParsedMessage[K];
};

export interface WireShape extends Omit<BodyShape, "messageBytesMax"> {
  readonly limits: BodyLimits;
}

const TYPES: ReadonlyMap<number, MessageType> = new Map(
  Object.entries(MESSAGE_TYPE).map(([name, number]) => [number, name as MessageType]),
);

/** Where the attachment begins, in the types that have one: all fields in front of it have a fixed length. */
const ATTACHED_AT: Partial<Record<MessageType, number>> = {
  "pre-prepare": 2 + 8 + 8 + 8 + 32 + 2 + SIGNATURE_BYTES,
  block: 2 + 8 + 32 + 2 + SIGNATURE_BYTES,
  "checkpoint-certificate": 2 + 8 + 8 + 32 + 2 + SIGNATURE_BYTES,
};

export function encodeMessage(body: PbftBody, signature: Uint8Array, attachment: Uint8Array): Uint8Array {
  const writer = new Writer(256 + attachment.length).u8(WIRE_VERSION).u8(MESSAGE_TYPE[body.type]);
  writeBody(writer, body);
  return writer.raw(signature).raw(attachment).finish();
}

/** Keeps nothing of `bytes` but an attachment, which shares their memory. */
export function parseMessage(
  bytes: Uint8Array,
  shape: WireShape,
): Verdict<ParsedMessage, "malformed" | "too-large" | "unknown-type"> {
  if (bytes[0] !== WIRE_VERSION) {
    return refuse("malformed", `consensus message of version ${bytes[0]}, this node speaks ${WIRE_VERSION}`);
  }
  const type = TYPES.get(bytes[1] ?? 0);
  if (type === undefined) return refuse("unknown-type", `consensus message of type ${bytes[1]}`);
  const bytesMax = messageBytesMax(type, shape);
  if (bytes.length > bytesMax) {
    return refuse("too-large", `${type} of ${bytes.length} bytes, at most ${bytesMax}`);
  }
  const attachedAt = ATTACHED_AT[type];
  const bodyShape = { n: shape.n, logWindow: shape.logWindow, messageBytesMax: bytesMax };
  // Hashes and signatures are remembered long after the block of their message is done with.
  return decode(bytes.slice(0, attachedAt), type, (reader): ParsedMessage => {
    reader.raw(2);
    // The object gets what is missing: to copy it would cost more than to read it (measured).
    const message: Unfinished = readBody(reader, type, bodyShape);
    message.signature = reader.raw(SIGNATURE_BYTES);
    message.attachment = attachedAt === undefined ? EMPTY : bytes.subarray(attachedAt);
    // A NEW-VIEW proves itself, and an old one does nothing: whoever has it may bring it (repair by STATUS).
    message.relayed = type === "new-view";
    return message as ParsedMessage;
  });
}

/** The epoch that a message says it is of, unchecked: without the set of that epoch there is no more to be read. */
export function messageEpoch(bytes: Uint8Array): bigint | undefined {
  if (bytes[0] !== WIRE_VERSION || bytes.length < 10) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(2);
}

/** The bytes that a message of this type can have at most. */
export function messageBytesMax(type: MessageType, { n, logWindow, limits }: WireShape): number {
  switch (type) {
    case "pre-prepare":
    case "block":
      return PBFT_SMALL_MESSAGE_BYTES_MAX + sealedBlockBytesMax(limits);
    case "checkpoint-certificate":
      return 2 * PBFT_SMALL_MESSAGE_BYTES_MAX + 66 * n;
    case "status":
      return PBFT_SMALL_MESSAGE_BYTES_MAX + logWindow * (1 + 2 * bitmapBytes(n));
    case "view-change":
      return viewChangeBytesMax(n, logWindow);
    case "new-view":
      return newViewBytesMax(n, logWindow);
    default:
      return PBFT_SMALL_MESSAGE_BYTES_MAX;
  }
}
