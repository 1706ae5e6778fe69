/**
 * What the checkers read, from the bytes up, with nothing of the protocol's own code but SHA-256: letters, votes,
 * certificates, journal records. A bug in the real codecs cannot hide here, since the two would have to agree.
 * Offsets are those of docs/protocol.md, "Consensus messages", "Certificates" and "Journal".
 */
import { byteText, concatBytes, hex, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";

/** Bytes as a map key. */
export type Text = string;

export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#pass(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#pass(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#pass(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#pass(8));
  }

  take(length: number): Uint8Array {
    const at = this.#pass(length);
    return this.bytes.subarray(at, at + length);
  }

  #pass(length: number): number {
    if (length > this.left) throw new RangeError(`${length} bytes wanted, ${this.left} left`);
    const { at } = this;
    this.at += length;
    return at;
  }
}

export const PRE_PREPARE = 1;
export const PREPARE = 2;
export const COMMIT = 3;
export const CHECKPOINT = 4;
export const VIEW_CHANGE = 5;
export const NEW_VIEW = 6;

/** A letter's first byte for a consensus message (docs/protocol.md, "Mail"). */
const CONSENSUS_LETTER = 1;
const SIGNATURE_LENGTH = 64;
const HEADER_LENGTH = 80;

export interface RawVote {
  readonly type: number;
  readonly epoch: bigint;
  readonly view: bigint;
  readonly height: bigint;
  readonly hash: Text;
  readonly from: number;
}

/** Type of the consensus message in a letter; undefined for other letters. */
export function typeOfLetter(letter: Uint8Array): number | undefined {
  return letter[0] === CONSENSUS_LETTER && letter.length > 2 ? letter[2] : undefined;
}

/** Where the parts of a letter with a vote lie: kind, version, type, epoch, view, height, hash, from. */
const VIEW_AT = 11;
const HASH_AT = 27;
const FROM_AT = 59;
const VOTE_END = 61;

/** Names a vote: all that is signed. */
export function voteText(letter: Uint8Array): Text {
  return byteText(letter.subarray(2, VOTE_END));
}

export function readVote(letter: Uint8Array): RawVote {
  const cursor = new Cursor(letter, 2);
  const type = cursor.u8();
  const epoch = cursor.u64();
  const view = cursor.u64();
  const height = cursor.u64();
  const hash = byteText(letter.subarray(HASH_AT, FROM_AT));
  return { type, epoch, view, height, hash, from: new Cursor(letter, FROM_AT).u16() };
}

/** The header of the block that travels with a PRE-PREPARE; undefined when it has none. */
export function headerOfProposal(letter: Uint8Array): Uint8Array | undefined {
  const start = VOTE_END + SIGNATURE_LENGTH;
  return letter.length < start + HEADER_LENGTH ? undefined : letter.subarray(start, start + HEADER_LENGTH);
}

export function hashOfHeader(header: Uint8Array): Text {
  return byteText(sha256(sha256(header)));
}

export function parentInHeader(header: Uint8Array): Text {
  return byteText(header.subarray(4, 36));
}

/** View of a VIEW-CHANGE or NEW-VIEW. */
export function viewOfLetter(letter: Uint8Array): bigint {
  return new Cursor(letter, VIEW_AT).u64();
}

/** The signature of a message without an attachment: it is last, and names the content (Ed25519 repeats itself). */
export function lastSignature(message: Uint8Array): Text {
  return byteText(message.subarray(message.length - SIGNATURE_LENGTH));
}

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
  readonly hash: Text;
  /** Hash of the block before it. */
  readonly parent: Text;
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
  readonly hash: Text;
  readonly stateRoot: Text;
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

/** An entry of P: kind u8 = 1, a prepared certificate; 2, header, summary and a seal. */
export type RawEntry =
  | ({ readonly kind: "prepared" } & RawPrepared)
  | ({
      readonly kind: "committed";
      readonly height: bigint;
      readonly hash: Text;
      readonly parent: Text;
    } & RawSeal);

export interface RawViewChange {
  readonly epoch: bigint;
  readonly view: bigint;
  readonly stable: bigint;
  /** C; undefined when empty. */
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
    readonly hash: Text;
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

function readEntry(bytes: Uint8Array): RawEntry {
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
  return Array.from({ length: count }, () => ({
    signer: cursor.u16(),
    signature: cursor.take(SIGNATURE_LENGTH),
  }));
}

function readOne(cursor: Cursor, what: string): void {
  const value = cursor.u8();
  if (value !== 1) throw new RangeError(`${what} ${value}`);
}

/** header 80 | summary: chainId, height, epoch, timeMs u64; u16 x 2; three hashes; u32 x 2; two hashes; extra bytes8. */
function readHead(cursor: Cursor): { hash: Text; height: bigint; header: Uint8Array } {
  const header = cursor.take(HEADER_LENGTH);
  cursor.take(8);
  const height = cursor.u64();
  cursor.take(8 + 8 + 2 + 2 + 96 + 4 + 4 + 64);
  cursor.take(cursor.u8());
  return { hash: hashOfHeader(header), height, header };
}

/** What a journal record makes durable. */
export type RawRecord =
  | { readonly kind: "vote"; readonly vote: RawVote; readonly body: boolean; readonly header?: Uint8Array }
  | { readonly kind: "commit"; readonly vote: RawVote; readonly prepared: RawPrepared }
  | { readonly kind: "view-change"; readonly view: bigint; readonly signature: Text }
  | {
      readonly kind: "new-view";
      readonly view: bigint;
      readonly signature: Text;
      readonly carried: readonly { readonly height: bigint; readonly hash: Text }[];
    };

/** A record of docs/protocol.md, "Journal". @throws RangeError */
export function readRecord(record: Uint8Array, self: number, epoch: bigint): RawRecord {
  const cursor = new Cursor(record);
  readOne(cursor, "version");
  const kind = cursor.u8();
  const vote = (type: number, view: bigint, head: { height: bigint; hash: Text }): RawVote => ({
    type,
    epoch,
    view,
    height: head.height,
    hash: head.hash,
    from: self,
  });
  switch (kind) {
    case 1:
    case 2: {
      const view = cursor.u64();
      cursor.take(kind === 1 ? SIGNATURE_LENGTH : 2 * SIGNATURE_LENGTH);
      const head = readHead(cursor);
      return { kind: "vote", vote: vote(kind, view, head), body: true, header: head.header };
    }
    case 3: {
      cursor.take(SIGNATURE_LENGTH);
      const prepared = readPrepared(cursor);
      return { kind: "commit", vote: vote(COMMIT, prepared.view, prepared), prepared };
    }
    case 4:
      return { kind: "view-change", view: messageView(cursor), signature: lastSignature(record) };
    case 5: {
      const view = messageView(cursor);
      return { kind: "new-view", view, signature: lastSignature(record), carried: readCarried(cursor) };
    }
    case 6: {
      const view = cursor.u64();
      const head = { height: cursor.u64(), hash: byteText(cursor.take(32)) };
      return { kind: "vote", vote: vote(PREPARE, view, head), body: false };
    }
    default:
      throw new RangeError(`journal record of kind ${kind}`);
  }
}

/** Of a message as on the wire: version u8, type u8, epoch u64, view u64. */
function messageView(cursor: Cursor): bigint {
  cursor.take(2 + 8);
  return cursor.u64();
}

/** The rest of a NEW-VIEW after its view: u32 x bytes32 | u32 x (height u64, hash 32, signature 64). */
function readCarried(cursor: Cursor): { height: bigint; hash: Text }[] {
  for (let asked = cursor.u32(); asked > 0; asked--) cursor.take(cursor.u32());
  return Array.from({ length: cursor.u32() }, () => {
    const carried = { height: cursor.u64(), hash: byteText(cursor.take(32)) };
    cursor.take(SIGNATURE_LENGTH);
    return carried;
  });
}

const TAG = utf8("quorate/pbft/v1");

/** What validator `from` signs: tag | type u8 | genesis hash | epoch u64 | fields | from u16. */
export function signedBytes(
  genesisHash: Uint8Array,
  type: number,
  epoch: bigint,
  fields: Uint8Array,
  from: number,
): Uint8Array {
  const head = new Uint8Array(1);
  head[0] = type;
  return concatBytes(TAG, head, genesisHash, u64Bytes(epoch), fields, Uint8Array.of(from >> 8, from & 0xff));
}

/** view u64 | height u64 | hash 32 */
export function voteFields(view: bigint, height: bigint, hash: Text): Uint8Array {
  return concatBytes(u64Bytes(view), u64Bytes(height), textBytes(hash));
}

export function u64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

export function textBytes(text: Text): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** For people: a block hash as it is shown everywhere, reversed, its first eight digits. */
export function showText(hash: Text): string {
  return hex(textBytes(hash).reverse()).slice(0, 8);
}
