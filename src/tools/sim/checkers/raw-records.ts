/**
 * Journal records as the checkers read them, at the offsets of docs/protocol.md ("Journal").
 */
import { byteText } from "../../../base/bytes.ts";
import { type ByteText, COMMIT, Cursor, PREPARE, readHead, readOne, SIGNATURE_LENGTH } from "./raw-bytes.ts";
import { lastSignature, type RawVote } from "./raw-messages.ts";
import { type RawPrepared, readPrepared } from "./raw-proofs.ts";

/** What a journal record makes durable. */
export type RawRecord =
  | { readonly kind: "vote"; readonly vote: RawVote; readonly body: boolean; readonly header?: Uint8Array }
  | { readonly kind: "commit"; readonly vote: RawVote; readonly prepared: RawPrepared }
  /** `cut`: the journal begins above this stable checkpoint. */
  | { readonly kind: "mark"; readonly cut?: bigint }
  | { readonly kind: "view-change"; readonly view: bigint; readonly signature: ByteText }
  | {
      readonly kind: "new-view";
      readonly view: bigint;
      readonly signature: ByteText;
      readonly carried: readonly { readonly height: bigint; readonly hash: ByteText }[];
    };

/** A record of docs/protocol.md, "Journal". @throws RangeError */
export function readRecord(record: Uint8Array, self: number, epoch: bigint): RawRecord {
  const cursor = new Cursor(record);
  readOne(cursor, "version");
  const kind = cursor.u8();
  const vote = (type: number, view: bigint, head: { height: bigint; hash: ByteText }): RawVote => ({
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
    // Where the journal was cut; that the key votes no more.
    case 7:
      return { kind: "mark", cut: cursor.u64() };
    case 8:
      return { kind: "mark" };
    default:
      throw new RangeError(`journal record of kind ${kind}`);
  }
}

/** The view of a message as on the wire: version u8, type u8, epoch u64, view u64. */
function messageView(cursor: Cursor): bigint {
  cursor.take(2 + 8);
  return cursor.u64();
}

/** The rest of a NEW-VIEW after its view: u32 x bytes32 | u32 x (height u64, hash 32, signature 64). */
function readCarried(cursor: Cursor): { height: bigint; hash: ByteText }[] {
  for (let asked = cursor.u32(); asked > 0; asked--) cursor.take(cursor.u32());
  return Array.from({ length: cursor.u32() }, () => {
    const carried = { height: cursor.u64(), hash: byteText(cursor.take(32)) };
    cursor.take(SIGNATURE_LENGTH);
    return carried;
  });
}
