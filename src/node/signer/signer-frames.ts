/**
 * The bytes between a node and its signer: frames in both directions over one TLS connection. The node asks, the signer answers
 * each question in order; STAGE alone has no answer.
 *
 *   frame = length u32 | type u8 | body            length counts type and body
 *
 *   1 HELLO     version u16 = 1 | genesis hash 32 | public key 32        -> WELCOME
 *   2 SIGN      signing bytes                                            -> SIGNED
 *   3 READ      nothing                                                  -> RECORD*, POSITION
 *   4 STAGE     a record of the journal
 *   5 APPEND    nothing: what was staged is appended                     -> POSITION
 *   6 REPLACE   nothing: what was staged takes the place of all          -> POSITION
 *   7 PING      nothing                                                  -> PONG
 *   8 STATUS    nothing; also without a HELLO                            -> STANDING
 *
 *   129 WELCOME   version u16 = 2, the highest that it speaks | public key 32
 *   130 SIGNED    signature 64
 *   131 RECORD    a record of the journal
 *   132 POSITION  generation u64 | records u64
 *   133 PONG      nothing
 *   135 STANDING  public key 32 | genesis hash 32 | is served u8 | signed u64 | refused u64 | epoch u64 | view u64 |
 *                 height u64 | records u64
 *   134 REFUSED   code u8 | detail, UTF-8                                in place of any answer
 *
 * Source: docs/signer.md, "The protocol".
 */
import type { Address, Hash } from "../../base/bytes.ts";
import { asAddress, asHash, utf8 } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { printable } from "../../base/printable.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import { SIGNER_DETAIL_BYTES_MAX, SIGNER_FRAME_BYTES_MAX } from "./signer-limits.ts";

/** What a HELLO says. */
export const SIGNER_PROTOCOL_VERSION = 1;
/** What a WELCOME says: from this one on a signer answers STATUS. */
export const SIGNER_STATUS_VERSION = 2;

/** Why the signer did not do what it was asked. */
const REFUSAL_CODES = {
  /** It contradicts what this key has signed. */
  SIGNER_CONFLICT: 1,
  /** This key signs nothing of that kind. */
  SIGNER_REFUSED: 2,
  /** Another node is served. */
  SIGNER_BUSY: 3,
  /** Another key, chain or version of the protocol. */
  SIGNER_MISMATCH: 4,
  /** A frame that nobody of this version sends. */
  SIGNER_PROTOCOL: 5,
  /** The signer's disk or key failed: it has stopped. */
  SIGNER_FAILED: 6,
} as const;

export type RefusalCode = keyof typeof REFUSAL_CODES;

export type SignerRequest =
  | {
      readonly type: "hello";
      readonly version: number;
      readonly genesisHash: Hash;
      readonly publicKey: Address;
    }
  | { readonly type: "sign"; readonly message: Uint8Array }
  | { readonly type: "stage"; readonly record: Uint8Array }
  | { readonly type: "read" | "append" | "replace" | "ping" | "status" };

/** How a signer stands: whose it is, and what it has done. */
export interface SignerReport {
  readonly publicKey: Address;
  readonly genesisHash: Hash;
  /** Whether a node is connected. */
  readonly isServed: boolean;
  /** Signatures that it made since it started, and those that it refused. */
  readonly signed: number;
  readonly refused: number;
  /** What its record says: the epoch, the highest view signed in, and the height at and below which votes are done. */
  readonly epoch: bigint;
  readonly view: bigint;
  readonly height: bigint;
  /** How many records the node's journal has that it keeps. */
  readonly records: number;
}

export type SignerAnswer =
  | { readonly type: "welcome"; readonly version: number; readonly publicKey: Address }
  | { readonly type: "signed"; readonly signature: Uint8Array }
  | { readonly type: "record"; readonly record: Uint8Array }
  | { readonly type: "position"; readonly generation: number; readonly records: number }
  | { readonly type: "pong" }
  | ({ readonly type: "standing" } & SignerReport)
  | { readonly type: "refused"; readonly code: RefusalCode; readonly detail: string };

const REQUEST = { hello: 1, sign: 2, read: 3, stage: 4, append: 5, replace: 6, ping: 7, status: 8 } as const;
const ANSWER = {
  welcome: 129,
  signed: 130,
  record: 131,
  position: 132,
  pong: 133,
  refused: 134,
  standing: 135,
} as const;

export function encodeSignerRequest(request: SignerRequest): Uint8Array {
  const body = new Writer(80).u8(REQUEST[request.type]);
  switch (request.type) {
    case "hello":
      body.u16(request.version).raw(request.genesisHash).raw(request.publicKey);
      break;
    case "sign":
      body.raw(request.message);
      break;
    case "stage":
      body.raw(request.record);
      break;
    default:
      break;
  }
  return framed(body.finish());
}

export function encodeSignerAnswer(answer: SignerAnswer): Uint8Array {
  const body = new Writer(128).u8(ANSWER[answer.type]);
  switch (answer.type) {
    case "welcome":
      body.u16(answer.version).raw(answer.publicKey);
      break;
    case "signed":
      body.raw(answer.signature);
      break;
    case "record":
      body.raw(answer.record);
      break;
    case "position":
      body.u64(BigInt(answer.generation)).u64(BigInt(answer.records));
      break;
    case "standing":
      body
        .raw(answer.publicKey)
        .raw(answer.genesisHash)
        .u8(answer.isServed ? 1 : 0);
      body.u64(BigInt(answer.signed)).u64(BigInt(answer.refused));
      body.u64(answer.epoch).u64(answer.view).u64(answer.height).u64(BigInt(answer.records));
      break;
    case "refused":
      body.u8(REFUSAL_CODES[answer.code]).raw(utf8(answer.detail).subarray(0, SIGNER_DETAIL_BYTES_MAX));
      break;
    default:
      break;
  }
  return framed(body.finish());
}

/** @param frame without its length */
export function decodeSignerRequest(frame: Uint8Array): Verdict<SignerRequest, "malformed"> {
  return decode(frame, "question to a signer", (reader): SignerRequest => {
    const type = reader.u8();
    switch (type) {
      case REQUEST.hello: {
        const version = reader.u16();
        // A later version may say more.
        if (version !== SIGNER_PROTOCOL_VERSION)
          reader.fail(`version ${version}, this program speaks ${SIGNER_PROTOCOL_VERSION}`);
        return {
          type: "hello",
          version,
          genesisHash: asHash(reader.raw(32)),
          publicKey: asAddress(reader.raw(32)),
        };
      }
      case REQUEST.sign:
        return { type: "sign", message: rest(reader) };
      case REQUEST.stage:
        return { type: "stage", record: rest(reader) };
      case REQUEST.read:
        return { type: "read" };
      case REQUEST.append:
        return { type: "append" };
      case REQUEST.replace:
        return { type: "replace" };
      case REQUEST.ping:
        return { type: "ping" };
      case REQUEST.status:
        return { type: "status" };
      default:
        return reader.fail(`unknown type ${type}`);
    }
  });
}

/** @param frame without its length */
export function decodeSignerAnswer(frame: Uint8Array): Verdict<SignerAnswer, "malformed"> {
  return decode(frame, "answer of a signer", (reader): SignerAnswer => {
    const type = reader.u8();
    switch (type) {
      case ANSWER.welcome:
        return { type: "welcome", version: reader.u16(), publicKey: asAddress(reader.raw(32)) };
      case ANSWER.signed:
        return { type: "signed", signature: reader.raw(SIGNATURE_BYTES) };
      case ANSWER.record:
        return { type: "record", record: rest(reader) };
      case ANSWER.position:
        return { type: "position", generation: Number(reader.u64()), records: Number(reader.u64()) };
      case ANSWER.pong:
        return { type: "pong" };
      case ANSWER.standing:
        return readStanding(reader);
      case ANSWER.refused:
        return readRefusal(reader);
      default:
        return reader.fail(`unknown type ${type}`);
    }
  });
}

function readStanding(reader: Reader): SignerAnswer {
  const flag = (value: number) => (value > 1 ? reader.fail(`flag ${value}`) : value === 1);
  return {
    type: "standing",
    publicKey: asAddress(reader.raw(32)),
    genesisHash: asHash(reader.raw(32)),
    isServed: flag(reader.u8()),
    signed: Number(reader.u64()),
    refused: Number(reader.u64()),
    epoch: reader.u64(),
    view: reader.u64(),
    height: reader.u64(),
    records: Number(reader.u64()),
  };
}

function readRefusal(reader: Reader): SignerAnswer {
  const number = reader.u8();
  const code = (Object.keys(REFUSAL_CODES) as RefusalCode[]).find((name) => REFUSAL_CODES[name] === number);
  if (reader.remaining > SIGNER_DETAIL_BYTES_MAX) reader.fail(`${reader.remaining} bytes of detail`);
  const detail = printable(new TextDecoder().decode(rest(reader)));
  return code === undefined ? reader.fail(`unknown refusal ${number}`) : { type: "refused", code, detail };
}

function rest(reader: Reader): Uint8Array {
  return reader.raw(reader.remaining).slice();
}

function framed(body: Uint8Array): Uint8Array {
  return new Writer(4 + body.length).u32(body.length).raw(body).finish();
}

/** Cuts a stream of bytes into frames; holds at most one that is not whole. */
export class FrameReader {
  #held: Uint8Array[] = [];
  #bytes = 0;

  /** @returns the frames that became whole, without their lengths. Undefined for one that is empty or too long */
  push(chunk: Uint8Array): Uint8Array[] | undefined {
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = this.#length();
      if (length === undefined) return frames;
      if (length < 1 || length > SIGNER_FRAME_BYTES_MAX) return undefined;
      if (this.#bytes < 4 + length) return frames;
      const whole = this.#joined();
      frames.push(whole.subarray(4, 4 + length));
      this.#held = [whole.subarray(4 + length)];
      this.#bytes -= 4 + length;
    }
  }

  #length(): number | undefined {
    if (this.#bytes < 4) return undefined;
    if ((this.#held[0]?.length ?? 0) < 4) this.#held = [this.#joined()];
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = this.#held[0] ?? [];
    return b0 * 0x1000000 + b1 * 0x10000 + b2 * 0x100 + b3;
  }

  #joined(): Uint8Array {
    const [first] = this.#held;
    if (first !== undefined && this.#held.length === 1) return first;
    const whole = new Uint8Array(this.#bytes);
    let offset = 0;
    for (const part of this.#held) {
      whole.set(part, offset);
      offset += part.length;
    }
    return whole;
  }
}
