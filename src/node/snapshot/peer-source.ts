/**
 * What stands before the state of a snapshot, from one peer, piece by piece. A peer that is slow over it is given up: it
 * is asked before anybody else, so that a start would wait for it.
 */
import type { Hash } from "../../base/bytes.ts";
import { decodeSnapshotAnswer, encodeSnapshotQuestion } from "../../p2p/sync/snapshot-wire.ts";
import type { SnapshotSource } from "./read-snapshot.ts";
import type { SnapshotSources } from "./snapshot-sources.ts";

/** What all answers may take together, ms, and how many bytes add another. */
const ANSWERS_MS = 10_000;
const BYTES_PER_MS = 100;

export class PeerSource implements SnapshotSource {
  /** The peer did not answer in time, or has it no more: what was read ends early, and that is nobody's lie. */
  isSilent = false;
  readonly #peerId: string;
  readonly #headHash: Hash;
  readonly #sources: Pick<SnapshotSources, "ask" | "now">;
  readonly #startMs: number;
  #offset = 0;
  /** What was not read yet, as it came: pieces may be as small as a peer likes. */
  #pieces: Uint8Array[] = [];
  #held = 0;

  constructor(peerId: string, headHash: Hash, sources: Pick<SnapshotSources, "ask" | "now">) {
    this.#peerId = peerId;
    this.#headHash = headHash;
    this.#sources = sources;
    this.#startMs = sources.now();
  }

  async read(length: number): Promise<Uint8Array> {
    while (this.#held < length && (await this.#more()));
    const held = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    const all = held ?? joined(this.#pieces);
    const bytes = all.slice(0, length);
    this.#pieces = [all.subarray(bytes.length)];
    this.#held -= bytes.length;
    return bytes;
  }

  async #more(): Promise<boolean> {
    const question = { kind: "head", headHash: this.#headHash, offset: this.#offset } as const;
    const spentMs = this.#sources.now() - this.#startMs;
    const isLate = spentMs > ANSWERS_MS + this.#offset / BYTES_PER_MS;
    const bytes = isLate
      ? undefined
      : await this.#sources.ask(this.#peerId, encodeSnapshotQuestion(question));
    const answer = bytes && decodeSnapshotAnswer("head", bytes);
    if (answer?.ok !== true || answer.value.bytes === 0) {
      this.isSilent = answer === undefined || answer.ok;
      return false;
    }
    const { piece } = answer.value;
    this.#offset += piece.length;
    this.#pieces.push(piece);
    this.#held += piece.length;
    return piece.length > 0;
  }
}

/** Thousands of them are no arguments of one call. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
