/**
 * What a signer that does not trust its node allows: of everything that the node asks to be signed it knows only the
 * bytes, and it never signs two messages that contradict each other, whatever the node says and however often either
 * of the two is restarted. The record of what it has allowed is durable before the signature leaves; this file says
 * what is recorded and what is refused, and touches no disk.
 *
 *   version u8 = 1 | kind u8 | epoch u64 | ...
 *   1 vote          type u8 | view u64 | height u64 | hash 32
 *   2 VIEW-CHANGE   view u64 | SHA-256 of the signing bytes 32
 *   3 NEW-VIEW      view u64 | SHA-256 of the signing bytes 32
 *   4 standing      view u64 | height u64: the highest view of anything signed, and the cut: no vote at or below that
 *                   height is given any more, so what was voted there is forgotten
 *
 * Source: pbft.md 1.4, 1.8, 1.12; docs/signer.md, "What is refused".
 */
import { equalBytes, type Hash, hex, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { decode, decodeStored, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256 } from "../../crypto/hash.ts";
import { MESSAGE_TYPE, type MessageType, PBFT_TAG, type VoteType } from "./messages.ts";

/** `SIGNER_CONFLICT`: it contradicts what was signed. `SIGNER_REFUSED`: this key signs nothing of that kind. */
export type GuardFault = "SIGNER_CONFLICT" | "SIGNER_REFUSED";

/** Votes above the cut that a signer remembers; further ones are refused until a checkpoint is stable. */
const SIGNER_VOTES_MAX = 20_000;

const RECORD_VERSION = 1;
const KIND = { vote: 1, viewChange: 2, newView: 3, standing: 4 } as const;
/** Records appended before the whole is written anew: a chain that changes views for ever fills no disk. */
const APPENDED_MAX = 1_000;

export type GuardRecord =
  | {
      readonly kind: "vote";
      readonly epoch: bigint;
      readonly type: VoteType;
      readonly view: bigint;
      readonly height: bigint;
      readonly hash: Uint8Array;
    }
  | GuardedView
  | { readonly kind: "standing"; readonly epoch: bigint; readonly view: bigint; readonly height: bigint };

type GuardedVote = Extract<GuardRecord, { kind: "vote" }>;
interface GuardedView {
  readonly kind: "view-change" | "new-view";
  readonly epoch: bigint;
  readonly view: bigint;
  readonly digest: Uint8Array;
}

/** What must be durable before the signature leaves: nothing, one record more, or these in place of all. */
export type GuardWrite =
  | { readonly kind: "none" }
  | { readonly kind: "append"; readonly record: Uint8Array }
  | { readonly kind: "replace"; readonly records: readonly Uint8Array[] };

const NOTHING: GuardWrite = { kind: "none" };

export class VoteGuard {
  readonly #genesisHash: Hash;
  #epoch = 0n;
  /** The highest view of anything signed in the epoch: nothing is signed below it. */
  #view = 0n;
  /** Votes at and below it are forgotten, and never given again. */
  #cut = 0n;
  #viewChange: GuardedView | undefined;
  #newView: GuardedView | undefined;
  /** `view height phase` -> the vote. */
  readonly #votes = new Map<string, GuardedVote>();
  #appended = 0;

  /** @throws DecodeError when a record is damaged or of a newer version */
  constructor(genesisHash: Hash, records: readonly Uint8Array[] = []) {
    this.#genesisHash = genesisHash;
    for (const record of records) this.#enter(readRecord(record));
  }

  get epoch(): bigint {
    return this.#epoch;
  }

  get view(): bigint {
    return this.#view;
  }

  get cut(): bigint {
    return this.#cut;
  }

  /** Votes above the cut. */
  get votes(): number {
    return this.#votes.size;
  }

  /**
   * Whether these bytes may be signed. It enters what it allows at once: a write that fails must end the signer.
   * @returns what must be durable before the signature leaves
   */
  allow(message: Uint8Array): Verdict<GuardWrite, GuardFault> {
    const said = readMessage(message, this.#genesisHash);
    if (!said.ok) return said;
    const { type } = said.value;
    switch (type) {
      case "pre-prepare":
      case "prepare":
      case "commit":
        return this.#vote({ kind: "vote", ...said.value });
      case "view-change":
      case "new-view":
        return this.#askOrOpen({ kind: type, ...said.value, digest: sha256(message) });
      case "status":
        return accept(this.#status(said.value));
      default:
        return accept(NOTHING);
    }
  }

  /** All that the records must say, in the order in which they are read. */
  records(): Uint8Array[] {
    const all: (GuardRecord | undefined)[] = [
      { kind: "standing", epoch: this.#epoch, view: this.#view, height: this.#cut },
      this.#viewChange,
      this.#newView,
      ...this.#votes.values(),
    ];
    return all.flatMap((record) => (record === undefined ? [] : [encodeGuardRecord(record)]));
  }

  #vote(vote: GuardedVote): Verdict<GuardWrite, GuardFault> {
    const old = this.#isOld(vote);
    if (old !== undefined) return old;
    const { type, view, height, hash } = vote;
    const isFirst = vote.epoch > this.#epoch;
    if (height <= (isFirst ? 0n : this.#cut)) {
      return conflict(`${type} at height ${height}: votes up to height ${this.#cut} are given and forgotten`);
    }
    if (isFirst) return accept(this.#begin(vote));
    for (const phase of ["prepare", "commit"] as const) {
      const held = this.#votes.get(placeOf(view, height, phase));
      if (held === undefined || equalBytes(held.hash, hash)) continue;
      const signed = `${held.type} for ${hex0x(held.hash)}`;
      return conflict(
        `${type} for ${hex0x(hash)} at view ${view}, height ${height} of epoch ${vote.epoch}: this key has signed ${signed} there`,
      );
    }
    const held = this.#votes.get(placeOf(view, height, phaseOf(type)));
    if (held === undefined && this.#votes.size >= SIGNER_VOTES_MAX) {
      return refuse(
        "SIGNER_REFUSED",
        `${this.#votes.size} votes above height ${this.#cut}: no checkpoint became stable`,
      );
    }
    if (held === undefined) return accept(this.#append(vote));
    if (held.type === type) return accept(NOTHING);
    return conflict(`${type} at view ${view}, height ${height}: this key has signed ${held.type} there`);
  }

  #askOrOpen(asked: GuardedView): Verdict<GuardWrite, GuardFault> {
    const old = this.#isOld(asked);
    if (old !== undefined) return old;
    const { kind, view, digest } = asked;
    if (asked.epoch > this.#epoch && kind === "view-change") return accept(this.#begin(asked));
    const signed = kind === "view-change" ? this.#viewChange : this.#newView;
    if (signed?.view === view && signed.epoch === asked.epoch) {
      return equalBytes(signed.digest, digest)
        ? accept(NOTHING)
        : conflict(`${kind} for view ${view}: this key has signed another one for it`);
    }
    if (kind === "view-change") {
      if (view > this.#view) return accept(this.#append(asked));
      return conflict(`view-change to view ${view}: this key works in view ${this.#view} already`);
    }
    if (this.#viewChange?.view === view && this.#epoch === asked.epoch) return accept(this.#append(asked));
    return conflict(`new-view for view ${view}, for which this key has signed no view-change`);
  }

  #isOld({ kind, epoch, view }: GuardedVote | GuardedView): ReturnType<typeof conflict> | undefined {
    if (epoch < this.#epoch) {
      return conflict(`${kind} of epoch ${epoch}: this key has signed in epoch ${this.#epoch}`);
    }
    if (epoch > this.#epoch || view >= this.#view) return undefined;
    return conflict(`${kind} in view ${view}: this key has left for view ${this.#view}`);
  }

  /** The votes of the epochs before are void. */
  #begin(first: GuardedVote | GuardedView): GuardWrite {
    this.#epoch = first.epoch;
    this.#view = 0n;
    this.#cut = 0n;
    this.#viewChange = undefined;
    this.#newView = undefined;
    this.#votes.clear();
    this.#enter(first);
    return this.#rewrite();
  }

  /** A replica votes nowhere at or below its stable checkpoint. */
  #status({ epoch, stableCheckpoint }: StatusFacts): GuardWrite {
    if (epoch !== this.#epoch || stableCheckpoint <= this.#cut) return NOTHING;
    this.#enter({ kind: "standing", epoch, view: this.#view, height: stableCheckpoint });
    return this.#rewrite();
  }

  #append(record: GuardRecord): GuardWrite {
    this.#enter(record);
    if (++this.#appended > APPENDED_MAX) return this.#rewrite();
    return { kind: "append", record: encodeGuardRecord(record) };
  }

  #rewrite(): GuardWrite {
    this.#appended = 0;
    return { kind: "replace", records: this.records() };
  }

  #enter(record: GuardRecord): void {
    this.#epoch = record.epoch;
    if (record.view > this.#view) this.#view = record.view;
    if (record.kind === "standing") {
      if (record.height > this.#cut) this.#cut = record.height;
      for (const [place, { height }] of this.#votes) if (height <= record.height) this.#votes.delete(place);
      return;
    }
    if (record.kind === "vote") {
      this.#votes.set(placeOf(record.view, record.height, phaseOf(record.type)), record);
    } else if (record.kind === "view-change") this.#viewChange = record;
    else this.#newView = record;
  }
}

type GuardedPhase = "prepare" | "commit";

/** A PRE-PREPARE is the primary's vote of the first phase, a PREPARE a backup's. */
function phaseOf(type: VoteType): GuardedPhase {
  return type === "commit" ? "commit" : "prepare";
}

function placeOf(view: bigint, height: bigint, phase: GuardedPhase): string {
  return `${view} ${height} ${phase}`;
}

function conflict(detail: string): {
  readonly ok: false;
  readonly fault: { readonly code: "SIGNER_CONFLICT"; readonly detail: string };
} {
  return refuse("SIGNER_CONFLICT", detail);
}

interface StatusFacts {
  readonly epoch: bigint;
  readonly stableCheckpoint: bigint;
}

type Said =
  | {
      readonly type: VoteType;
      readonly epoch: bigint;
      readonly view: bigint;
      readonly height: bigint;
      readonly hash: Uint8Array;
    }
  | { readonly type: "view-change" | "new-view"; readonly epoch: bigint; readonly view: bigint }
  | ({ readonly type: "status" } & StatusFacts)
  | { readonly type: "checkpoint" | "fetch" | "block" | "checkpoint-certificate" };

const TYPES = new Map<number, MessageType>(
  (Object.entries(MESSAGE_TYPE) as [MessageType, number][]).map(([type, number]) => [number, type]),
);

/** Reads what the guard must know of signing bytes. The rest of them binds nobody. */
function readMessage(message: Uint8Array, genesisHash: Hash): Verdict<Said, "SIGNER_REFUSED"> {
  const refused = (detail: string) => refuse("SIGNER_REFUSED", detail);
  const tag = message.subarray(0, PBFT_TAG.length);
  if (!equalBytes(tag, PBFT_TAG)) {
    return refused(
      `bytes that begin with ${hex(tag)}: this key signs consensus messages and node claims alone`,
    );
  }
  const rest = message.subarray(PBFT_TAG.length);
  const type = TYPES.get(rest[0] ?? 0);
  if (type === undefined)
    return refused(`a consensus message of type ${rest[0] ?? "none"}, which is unknown`);
  if (!equalBytes(rest.subarray(1, 33), genesisHash)) {
    return refused(
      `a ${type} of another chain: genesis ${hex0x(rest.subarray(1, 33))}, this signer's is ${hex0x(genesisHash)}`,
    );
  }
  const read = decode(rest.subarray(33), type, (reader) => readSaid(reader, type));
  return read.ok ? read : refused(read.fault.detail);
}

function readSaid(reader: Reader, type: MessageType): Said {
  const epoch = reader.u64();
  const rest = <T>(value: T): T => {
    reader.raw(reader.remaining);
    return value;
  };
  switch (type) {
    case "pre-prepare":
    case "prepare":
    case "commit": {
      const said = { type, epoch, view: reader.u64(), height: reader.u64(), hash: reader.raw(32) };
      reader.u16();
      return said;
    }
    case "view-change":
    case "new-view":
      return rest({ type, epoch, view: reader.u64() });
    case "status": {
      reader.raw(8 + 1 + 8);
      return rest({ type, epoch, stableCheckpoint: reader.u64() });
    }
    default:
      return rest({ type });
  }
}

export function encodeGuardRecord(record: GuardRecord): Uint8Array {
  const writer = new Writer(64).u8(RECORD_VERSION);
  switch (record.kind) {
    case "vote":
      writer.u8(KIND.vote).u64(record.epoch).u8(MESSAGE_TYPE[record.type]);
      return writer.u64(record.view).u64(record.height).raw(record.hash).finish();
    case "view-change":
    case "new-view":
      writer.u8(record.kind === "view-change" ? KIND.viewChange : KIND.newView).u64(record.epoch);
      return writer.u64(record.view).raw(record.digest).finish();
    case "standing":
      writer.u8(KIND.standing).u64(record.epoch);
      return writer.u64(record.view).u64(record.height).finish();
  }
}

function readRecord(bytes: Uint8Array): GuardRecord {
  return decodeStored(bytes, "vote of the signer", (reader): GuardRecord => {
    const version = reader.u8();
    if (version !== RECORD_VERSION) reader.fail(`version ${version}, this program reads ${RECORD_VERSION}`);
    const kind = reader.u8();
    const epoch = reader.u64();
    if (kind === KIND.standing) return { kind: "standing", epoch, view: reader.u64(), height: reader.u64() };
    if (kind === KIND.viewChange || kind === KIND.newView) {
      const name = kind === KIND.viewChange ? "view-change" : "new-view";
      return { kind: name, epoch, view: reader.u64(), digest: reader.raw(32) };
    }
    if (kind !== KIND.vote) reader.fail(`unknown kind ${kind}`);
    const type = TYPES.get(reader.u8());
    if (type !== "pre-prepare" && type !== "prepare" && type !== "commit")
      return reader.fail("no vote's type");
    return { kind: "vote", epoch, type, view: reader.u64(), height: reader.u64(), hash: reader.raw(32) };
  });
}
