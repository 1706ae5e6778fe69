/**
 * A journal of votes as the records of a guard: for a key that has voted from its node's home and moves to a signer,
 * which must then know every vote that still binds. Signatures are not looked at: the journal is the key's own.
 * Source: docs/signer.md, "Moving a key".
 */
import { readBlockHead } from "../../chain/types/block.ts";
import { decodeStored, type Reader } from "../../codec/reader.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import { readPreparedCertificate } from "./certificate.ts";
import { journalPlace } from "./journal.ts";
import { encodeGuardRecord, type GuardRecord } from "./vote-guard.ts";

/** @throws DecodeError for a record that is damaged or of a newer version */
export function guardRecordsOf(journal: readonly Uint8Array[]): Uint8Array[] {
  const { epoch } = journalPlace(journal);
  return journal.flatMap((bytes) => {
    const record = decodeStored(bytes, "vote", (reader) => {
      const read = readVote(reader, epoch);
      reader.raw(reader.remaining);
      return read;
    });
    return record === undefined ? [] : [encodeGuardRecord(record)];
  });
}

function readVote(reader: Reader, epoch: bigint): GuardRecord | undefined {
  const version = reader.u8();
  const kind = reader.u8();
  if (version !== 1) reader.fail(`version ${version}, this program reads 1`);
  switch (kind) {
    case 1:
    case 2: {
      const view = reader.u64();
      reader.raw((kind === 1 ? 1 : 2) * SIGNATURE_BYTES);
      const { hash, summary } = readBlockHead(reader);
      return {
        kind: "vote",
        epoch,
        type: kind === 1 ? "pre-prepare" : "prepare",
        view,
        height: summary.height,
        hash,
      };
    }
    case 3: {
      reader.raw(SIGNATURE_BYTES);
      const { view, head } = readPreparedCertificate(reader);
      return { kind: "vote", epoch, type: "commit", view, height: head.summary.height, hash: head.hash };
    }
    case 4: {
      reader.raw(10);
      // What it said is not read: another one for the view is refused all the same.
      return { kind: "view-change", epoch, view: reader.u64(), digest: new Uint8Array(32) };
    }
    case 5:
      reader.raw(10);
      return { kind: "standing", epoch, view: reader.u64(), height: 0n };
    case 6:
      return {
        kind: "vote",
        epoch,
        type: "prepare",
        view: reader.u64(),
        height: reader.u64(),
        hash: reader.raw(32),
      };
    case 7:
      return { kind: "standing", epoch, view: 0n, height: reader.u64() };
    case 9:
      return { kind: "standing", epoch, view: 0n, height: 0n };
    case 8:
      return reader.fail("peers have shown votes that this journal lacks: the key votes no more");
    default:
      return reader.fail(`unknown kind ${kind}`);
  }
}
