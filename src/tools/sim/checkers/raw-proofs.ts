/**
 * Certificates, VIEW-CHANGEs and NEW-VIEWs as the checkers read them, at the offsets of docs/protocol.md
 * ("Certificates", "View change"). Form only; what makes them valid is facts.ts and views.ts.
 */
import { byteText } from "../../../base/bytes.ts";
import {
  type ByteText,
  Cursor,
  NEW_VIEW,
  parentInHeader,
  readHead,
  readOne,
  SIGNATURE_LENGTH,
  VIEW_CHANGE,
} from "./raw-bytes.ts";

export interface RawSignature {
  readonly signer: number;
  readonly signature: Uint8Array;
}

export interface RawSeal {
  readonly view: bigint;
  readonly signatures: readonly RawSignature[];
}

/** version u8 = 1 | view u64 | u32 x (signer u16, signature 64). @throws RangeError */
export function readSeal(bytes: Uint8Array): RawSeal {
  const cursor = new Cursor(bytes);
  readOne(cursor, "version");
  const seal = { view: cursor.u64(), signatures: readSignatures(cursor) };
  if (cursor.left > 0) throw new RangeError(`${cursor.left} bytes after a seal`);
  return seal;
}

export interface RawPrepared {
  readonly view: bigint;
  readonly height: bigint;
  readonly hash: ByteText;
  /** Hash of the block before it. */
  readonly parent: ByteText;
  readonly prePrepare: Uint8Array;
  readonly prepares: readonly RawSignature[];
}

/** version u8 = 1 | view u64 | header 80 | summary | PRE-PREPARE signature 64 | signatures. @throws RangeError */
export function readPrepared(cursor: Cursor): RawPrepared {
  readOne(cursor, "version");
  const view = cursor.u64();
  const { hash, height, header } = readHead(cursor);
  const prePrepare = cursor.take(SIGNATURE_LENGTH);
  return { view, height, hash, parent: parentInHeader(header), prePrepare, prepares: readSignatures(cursor) };
}

export interface RawCheckpoint {
  readonly height: bigint;
  readonly hash: ByteText;
  readonly stateRoot: ByteText;
  /** height, hash, stateRoot, nextValidatorsHash as they are signed. */
  readonly facts: Uint8Array;
  readonly signatures: readonly RawSignature[];
}

/** version u8 = 1 | height u64 | hash 32 | stateRoot 32 | nextValidatorsHash 32 | signatures. @throws RangeError */
export function readCheckpoint(bytes: Uint8Array): RawCheckpoint {
  const cursor = new Cursor(bytes);
  readOne(cursor, "version");
  const facts = cursor.bytes.subarray(cursor.at, cursor.at + 104);
  const height = cursor.u64();
  const hash = byteText(cursor.take(32));
  const stateRoot = byteText(cursor.take(32));
  cursor.take(32);
  const signatures = readSignatures(cursor);
  if (cursor.left > 0) throw new RangeError(`${cursor.left} bytes after a checkpoint certificate`);
  return { height, hash, stateRoot, facts, signatures };
}

/** An entry of P. It begins with kind u8: 1 is a prepared certificate, and 2 is header, summary and a seal. */
export type RawEntry =
  | ({ readonly kind: "prepared" } & RawPrepared)
  | ({
      readonly kind: "committed";
      readonly height: bigint;
      readonly hash: ByteText;
      readonly parent: ByteText;
    } & RawSeal);

export interface RawViewChange {
  readonly epoch: bigint;
  readonly view: bigint;
  readonly stable: bigint;
  /** C, the certificate of the stable checkpoint. Undefined when it is empty. */
  readonly checkpoint: RawCheckpoint | undefined;
  readonly entries: readonly RawEntry[];
  readonly from: number;
  /** What stands between epoch and sender. */
  readonly fields: Uint8Array;
  readonly signature: Uint8Array;
}

/** A VIEW-CHANGE as on the wire. @throws RangeError */
export function readViewChange(message: Uint8Array): RawViewChange {
  const { cursor, epoch } = readStart(message, VIEW_CHANGE);
  const start = cursor.at;
  const view = cursor.u64();
  const stable = cursor.u64();
  const proof = cursor.take(cursor.u32());
  const checkpoint = proof.length === 0 ? undefined : readCheckpoint(proof);
  const entries = Array.from({ length: cursor.u32() }, () => readEntry(cursor.take(cursor.u32())));
  return { epoch, view, stable, checkpoint, entries, ...readEnd(cursor, start) };
}

export interface RawNewView {
  readonly epoch: bigint;
  readonly view: bigint;
  readonly asked: readonly Uint8Array[];
  readonly carried: readonly {
    readonly height: bigint;
    readonly hash: ByteText;
    readonly signature: Uint8Array;
  }[];
  readonly from: number;
  readonly fields: Uint8Array;
  readonly signature: Uint8Array;
}

/** A NEW-VIEW as on the wire. @throws RangeError */
export function readNewView(message: Uint8Array): RawNewView {
  const { cursor, epoch } = readStart(message, NEW_VIEW);
  const start = cursor.at;
  const view = cursor.u64();
  const asked = Array.from({ length: cursor.u32() }, () => cursor.take(cursor.u32()));
  const carried = Array.from({ length: cursor.u32() }, () => ({
    height: cursor.u64(),
    hash: byteText(cursor.take(32)),
    signature: cursor.take(SIGNATURE_LENGTH),
  }));
  return { epoch, view, asked, carried, ...readEnd(cursor, start) };
}

function readStart(message: Uint8Array, type: number): { cursor: Cursor; epoch: bigint } {
  const cursor = new Cursor(message);
  readOne(cursor, "version");
  const found = cursor.u8();
  if (found !== type) throw new RangeError(`type ${found} where ${type} must be`);
  return { cursor, epoch: cursor.u64() };
}

function readEnd(cursor: Cursor, start: number): { from: number; fields: Uint8Array; signature: Uint8Array } {
  const fields = cursor.bytes.subarray(start, cursor.at);
  const end = { fields, from: cursor.u16(), signature: cursor.take(SIGNATURE_LENGTH) };
  if (cursor.left > 0) throw new RangeError(`${cursor.left} bytes after a message`);
  return end;
}

/** @throws RangeError */
export function readEntry(bytes: Uint8Array): RawEntry {
  const cursor = new Cursor(bytes);
  const kind = cursor.u8();
  if (kind === 1) return { kind: "prepared", ...readPrepared(cursor) };
  if (kind !== 2) throw new RangeError(`an entry of kind ${kind}`);
  const { hash, height, header } = readHead(cursor);
  return {
    kind: "committed",
    hash,
    height,
    parent: parentInHeader(header),
    ...readSeal(cursor.take(cursor.left)),
  };
}

function readSignatures(cursor: Cursor): RawSignature[] {
  const count = cursor.u32();
  if (count > cursor.left) throw new RangeError(`${count} signatures in ${cursor.left} bytes`);
  const signatures: RawSignature[] = [];
  while (signatures.length < count)
    signatures.push({ signer: cursor.u16(), signature: cursor.take(SIGNATURE_LENGTH) });
  return signatures;
}
