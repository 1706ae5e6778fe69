/**
 * The PBFT messages: what each says, and the bytes that its sender signs. Every count of the protocol is a count of
 * these signatures, so the signing bytes start with a tag of their own, the type, the genesis hash and the epoch:
 * nothing signed for one chain, type or validator set stands for another. The sender (`from`) is one of the signed
 * fields and stands nowhere else. How messages travel is message-bytes.ts; who may make a verified one is message-verifier.ts.
 * Source: pbft.md 1.3; docs/protocol.md, "Consensus messages".
 */

import { unreachable } from "../../base/assert.ts";
import { asHash, type Hash, utf8 } from "../../base/bytes.ts";
import type { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import type { ValidatorId } from "../engine.ts";

/** Type numbers on the wire and in signing bytes. */
export const MESSAGE_TYPE = {
  "pre-prepare": 1,
  prepare: 2,
  commit: 3,
  checkpoint: 4,
  "view-change": 5,
  "new-view": 6,
  status: 7,
  fetch: 8,
  block: 9,
  "checkpoint-certificate": 10,
} as const;

export type MessageType = keyof typeof MESSAGE_TYPE;
export type VoteType = "pre-prepare" | "prepare" | "commit";

interface Sender {
  /** Index of the signer in the validator set of `epoch`. */
  readonly from: ValidatorId;
  readonly epoch: bigint;
}

/** A vote for a block: PRE-PREPARE is the primary's, PREPARE a backup's, COMMIT anyone's. */
export interface VoteBody<T extends VoteType = VoteType> extends Sender {
  readonly type: T;
  readonly view: bigint;
  readonly height: bigint;
  readonly hash: Hash;
}

/** The state after executing the block at a checkpoint height. */
export interface CheckpointBody extends Sender {
  readonly type: "checkpoint";
  readonly height: bigint;
  readonly hash: Hash;
  readonly stateRoot: Hash;
  readonly nextValidatorsHash: Hash;
}

export type ReplicaMode = "normal" | "view-change" | "recovering";
const MODES: readonly ReplicaMode[] = ["normal", "view-change", "recovering"];

/** What a replica holds for one height above its last committed one, in its view. */
export interface SlotStatus {
  readonly prePrepare: boolean;
  /** Bit i of byte floor(i/8), from the lowest: the PREPARE of replica i for that PRE-PREPARE's digest is held. */
  readonly prepares: Uint8Array;
  readonly commits: Uint8Array;
}

export interface StatusBody extends Sender {
  readonly type: "status";
  readonly view: bigint;
  readonly mode: ReplicaMode;
  readonly lowWatermark: bigint;
  readonly stableCheckpoint: bigint;
  readonly lastCommitted: bigint;
  /** Highest view asked for in an own VIEW-CHANGE of this epoch, 0 for none. */
  readonly viewChangeTarget: bigint;
  /** Heights lastCommitted + 1, + 2, ... */
  readonly slots: readonly SlotStatus[];
}

/** Asks for the block with this hash. */
export interface FetchBody extends Sender {
  readonly type: "fetch";
  readonly hash: Hash;
}

/** DATA: answers FETCH; the block travels outside the signature and proves itself by its hash. */
export interface BlockBody extends Sender {
  readonly type: "block";
  readonly hash: Hash;
}

/** DATA: a stable checkpoint. The certificate travels outside the signature and proves itself. */
export interface CheckpointCertificateBody extends Sender {
  readonly type: "checkpoint-certificate";
  readonly height: bigint;
  readonly hash: Hash;
}

/** Asks for view `view`; all of it is signed. What the certificates prove is read by new-view.ts. */
export interface ViewChangeBody extends Sender {
  readonly type: "view-change";
  readonly view: bigint;
  /** h: height of the sender's last stable checkpoint. */
  readonly stableCheckpoint: bigint;
  /**
   * C: the encoded checkpoint certificate for h. It is empty iff h is the base of the epoch, which is 0 in
   * epoch 0.
   */
  readonly checkpoint: Uint8Array;
  /** P: encoded certified heads of the heights h+1, h+2, ... */
  readonly certified: readonly Uint8Array[];
}

/** An element of O: a block that the new view carries over. */
export interface CarriedBlock {
  readonly height: bigint;
  readonly hash: Hash;
  /** The new primary's PRE-PREPARE of it in the new view. */
  readonly signature: Uint8Array;
}

/** Opens view `view`; all of it is signed. */
export interface NewViewBody extends Sender {
  readonly type: "new-view";
  readonly view: bigint;
  /** V: Q VIEW-CHANGEs for `view`, each as on the wire, ascending by sender. */
  readonly viewChanges: readonly Uint8Array[];
  /** O: the blocks that the new view carries over. */
  readonly carried: readonly CarriedBlock[];
}

export type PbftBody =
  | VoteBody<"pre-prepare">
  | VoteBody<"prepare">
  | VoteBody<"commit">
  | CheckpointBody
  | ViewChangeBody
  | NewViewBody
  | StatusBody
  | FetchBody
  | BlockBody
  | CheckpointCertificateBody;

/** What the signing bytes of every consensus message begin with. */
export const PBFT_TAG: Uint8Array = utf8("quorate/pbft/v1");

/** tag | type u8 | genesisHash | epoch u64 | fields: what an Ed25519 signature of a message covers. */
export function signingBytes(genesisHash: Hash, body: PbftBody): Uint8Array {
  const writer = new Writer(192).raw(PBFT_TAG).u8(MESSAGE_TYPE[body.type]).raw(genesisHash);
  writeBody(writer, body);
  return writer.finish();
}

/** Writes the epoch (u64) and the fields of the body, of which the sender is the last. */
export function writeBody(writer: Writer, body: PbftBody): void {
  writer.u64(body.epoch);
  writeFields(writer, body);
  writer.u16(body.from);
}

function writeFields(writer: Writer, body: PbftBody): void {
  switch (body.type) {
    case "pre-prepare":
    case "prepare":
    case "commit":
      writer.u64(body.view).u64(body.height).raw(body.hash);
      return;
    case "checkpoint":
      writer.u64(body.height).raw(body.hash).raw(body.stateRoot).raw(body.nextValidatorsHash);
      return;
    case "view-change":
      writer.u64(body.view).u64(body.stableCheckpoint).bytes32(body.checkpoint);
      writer.list(body.certified, (w, entry) => w.bytes32(entry));
      return;
    case "new-view":
      writer.u64(body.view);
      writer.list(body.viewChanges, (w, message) => w.bytes32(message));
      writer.list(body.carried, (w, { height, hash, signature }) => w.u64(height).raw(hash).raw(signature));
      return;
    case "status":
      writeStatus(writer, body);
      return;
    case "fetch":
    case "block":
      writer.raw(body.hash);
      return;
    case "checkpoint-certificate":
      writer.u64(body.height).raw(body.hash);
      return;
    default:
      unreachable(body);
  }
}

function writeStatus(writer: Writer, body: StatusBody): void {
  writer.u64(body.view).u8(MODES.indexOf(body.mode));
  writer.u64(body.lowWatermark).u64(body.stableCheckpoint).u64(body.lastCommitted).u64(body.viewChangeTarget);
  writer.list(body.slots, (w, slot) =>
    w
      .u8(slot.prePrepare ? 1 : 0)
      .raw(slot.prepares)
      .raw(slot.commits),
  );
}

/** What a reader must know of the epoch: sizes of bitmaps and lists. */
export interface BodyShape {
  /** The number of validators. */
  readonly n: number;
  /** L: a STATUS, P and O tell of at most so many heights. */
  readonly logWindow: number;
  /** The most bytes of the whole message: no part of it is longer. */
  readonly messageBytesMax: number;
}

/**
 * Reads what {@link writeBody} wrote. The sender's index is below n. Each message is made in one piece, its fields in the
 * order of the bytes: to join two objects cost more than to read them (measured).
 */
export function readBody(reader: Reader, type: MessageType, shape: BodyShape): PbftBody {
  const epoch = reader.u64();
  switch (type) {
    case "pre-prepare":
    case "prepare":
    case "commit":
      return {
        type,
        epoch,
        view: reader.u64(),
        height: reader.u64(),
        hash: asHash(reader.raw(32)),
        from: readSender(reader, shape),
      };
    case "checkpoint":
      return {
        type,
        epoch,
        height: reader.u64(),
        hash: asHash(reader.raw(32)),
        stateRoot: asHash(reader.raw(32)),
        nextValidatorsHash: asHash(reader.raw(32)),
        from: readSender(reader, shape),
      };
    case "view-change":
      return {
        type,
        epoch,
        view: reader.u64(),
        stableCheckpoint: reader.u64(),
        checkpoint: reader.bytes32(shape.messageBytesMax),
        certified: reader.list(shape.logWindow, (r) => r.bytes32(shape.messageBytesMax)),
        from: readSender(reader, shape),
      };
    case "new-view":
      return {
        type,
        epoch,
        view: reader.u64(),
        viewChanges: reader.list(shape.n, (r) => r.bytes32(shape.messageBytesMax)),
        carried: reader.list(shape.logWindow, readCarried),
        from: readSender(reader, shape),
      };
    case "status":
      return readStatus(reader, epoch, shape);
    case "fetch":
    case "block":
      return { type, epoch, hash: asHash(reader.raw(32)), from: readSender(reader, shape) };
    case "checkpoint-certificate":
      return {
        type,
        epoch,
        height: reader.u64(),
        hash: asHash(reader.raw(32)),
        from: readSender(reader, shape),
      };
    default:
      return unreachable(type);
  }
}

function readSender(reader: Reader, { n }: BodyShape): ValidatorId {
  const from = reader.u16();
  if (from >= n) reader.fail(`sender ${from} of ${n} validators`);
  return from;
}

function readCarried(reader: Reader): CarriedBlock {
  return { height: reader.u64(), hash: asHash(reader.raw(32)), signature: reader.raw(SIGNATURE_BYTES) };
}

function readStatus(reader: Reader, epoch: bigint, shape: BodyShape): StatusBody {
  return {
    type: "status",
    epoch,
    view: reader.u64(),
    mode: MODES[reader.u8()] ?? reader.fail("unknown mode"),
    lowWatermark: reader.u64(),
    stableCheckpoint: reader.u64(),
    lastCommitted: reader.u64(),
    viewChangeTarget: reader.u64(),
    slots: reader.list(shape.logWindow, (r): SlotStatus => {
      const held = r.u8();
      if (held > 1) r.fail(`flag ${held}`);
      return { prePrepare: held === 1, prepares: readBitmap(r, shape.n), commits: readBitmap(r, shape.n) };
    }),
    from: readSender(reader, shape),
  };
}

function readBitmap(reader: Reader, n: number): Uint8Array {
  const bitmap = reader.raw(bitmapBytes(n));
  const spare = 8 * bitmap.length - n;
  if (spare > 0 && (bitmap.at(-1) ?? 0) >> (8 - spare) !== 0) reader.fail("padding bits of a bitmap are set");
  return bitmap;
}

export function bitmapBytes(n: number): number {
  return Math.ceil(n / 8);
}

/** Whether a bitmap names replica i. */
export function bitmapHas(bitmap: Uint8Array, i: ValidatorId): boolean {
  return ((bitmap[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
}
