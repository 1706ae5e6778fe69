/**
 * The stamp that ties the journal of own votes to the chain database: each synced batch of the chain notes how far
 * the journal was durable before it. A journal that is found short of the stamp was put back from an older copy or
 * has lost its end: votes are missing, so the validator must not vote (amnesia). A journal beyond the stamp is the
 * normal case, and a database put back from an older copy is none of its concern.
 *
 *   stamp = public key of the validator 32 | generation u64 | records u64
 *
 * The key is in it because a database may be copied from another validator's home to save the sync.
 * Source: pbft.md 1.12 (Amnesia); docs/protocol.md, "Journal".
 */
import { equalBytes } from "../../base/bytes.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { Signer } from "../../crypto/keys.ts";
import type { LogPosition, OpenedLog } from "../../storage/record-log.ts";
import { StartError } from "../home/start-error.ts";

const KEY_BYTES = 32;

export const AMNESIA_ADVICE =
  "Votes may be missing, and voting again could contradict them: start with --mode full, give the validator a new key, or, where the chain has epochs, start with --recover-amnesia";

export class WatermarkedVotes {
  readonly #signer: Pick<Signer, "publicKey"> | undefined;
  #journal: OpenedLog | undefined;

  /** Takes the key and the journal of a validator; a full node has neither. */
  constructor(signer: Pick<Signer, "publicKey"> | undefined, journal: OpenedLog | undefined) {
    this.#signer = signer;
    this.#journal = journal;
  }

  /** The journal that a signer elsewhere keeps is here, or gone. */
  use(journal: OpenedLog | undefined): void {
    this.#journal = journal;
  }

  /** What the next batch notes. */
  stamp(): Uint8Array | undefined {
    if (this.#signer === undefined || this.#journal === undefined) return undefined;
    const { generation, records } = this.#journal.log.durable;
    const writer = new Writer(KEY_BYTES + 16).raw(this.#signer.publicKey);
    return writer.u64(BigInt(generation)).u64(BigInt(records)).finish();
  }

  /**
   * A stamp of another key says nothing.
   * @param stamp of the newest batch; undefined when no batch had one.
   * @throws StartError `amnesia`: the journal lacks what the stamp says was durable.
   */
  check(stamp: Uint8Array | undefined): void {
    if (stamp === undefined || this.#signer === undefined || this.#journal === undefined) return;
    const noted = decode(stamp, "journal stamp", readStamp);
    if (!noted.ok) throw new StartError({ code: "damaged-database", detail: noted.fault.detail });
    const { key, generation, records } = noted.value;
    const found = this.#journal.log.durable;
    const behind =
      found.generation < generation || (found.generation === generation && found.records < records);
    if (!behind || !equalBytes(key, this.#signer.publicKey)) return;
    const detail =
      `the journal of votes ends with record ${found.records} of generation ${found.generation}, but record ` +
      `${records} of generation ${generation} was durable when the last block was stored: an older copy was put ` +
      `back, or its end is lost. ${AMNESIA_ADVICE}.`;
    throw new StartError({ code: "amnesia", detail });
  }
}

interface Stamp extends LogPosition {
  readonly key: Uint8Array;
}

function readStamp(reader: Reader): Stamp {
  const key = reader.raw(KEY_BYTES);
  return { key, generation: Number(reader.u64()), records: Number(reader.u64()) };
}
