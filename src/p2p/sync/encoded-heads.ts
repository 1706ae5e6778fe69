/**
 * Answers about heads as they were encoded last, by the block after which they begin: nodes that sync ask everybody for
 * the same ranges, and peers at the tip for the same few heads. An answer holds while its last head is on the chain and
 * nothing more belongs into it; heads name their parents, so the last one stands for all. Bounded by bytes, the one
 * asked for longest ago goes first.
 */
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import { HEADS_ANSWER_BYTES, HEADS_ENCODED_BYTES_MAX, HEADS_PER_ANSWER_MAX } from "../../base/limits.ts";
import type { BranchLedger } from "./branch-ledger.ts";
import { encodeBranchAnswer } from "./branch-wire.ts";

interface Encoded {
  readonly bytes: Uint8Array;
  readonly last: Hash;
  /** Whether it has as many heads as one answer may have: it does not grow with the chain. */
  readonly isFull: boolean;
}

export type HeadsLedger = Pick<BranchLedger, "head" | "headsAfter" | "forkPoint" | "isOnChain">;

export class EncodedHeads {
  readonly #ledger: HeadsLedger;
  /** Answers in the order of their last use. */
  readonly #answers = new Map<string, Encoded>();
  #bytes = 0;
  #encodings = 0;

  constructor(ledger: HeadsLedger) {
    this.#ledger = ledger;
  }

  /** How many answers were encoded since the start, and the bytes of those that are kept. */
  get counts(): { readonly encodings: number; readonly bytes: number } {
    return { encodings: this.#encodings, bytes: this.#bytes };
  }

  /** The encoded answer to a question for heads; its memory is not to be changed. */
  answer(locator: readonly Hash[]): Uint8Array {
    const from = this.#ledger.forkPoint(locator);
    const key = byteText(from);
    const known = this.#answers.get(key);
    this.#forget(key, known);
    const answer = known !== undefined && this.#holds(known) ? known : this.#encode(from);
    this.#keep(key, answer);
    return answer.bytes;
  }

  #holds({ last, isFull }: Encoded): boolean {
    return isFull ? this.#ledger.isOnChain(last) : equalBytes(last, this.#ledger.head().hash);
  }

  #encode(from: Hash): Encoded {
    const heads = this.#ledger.headsAfter([from], HEADS_PER_ANSWER_MAX, HEADS_ANSWER_BYTES);
    this.#encodings++;
    return {
      bytes: encodeBranchAnswer({ kind: "heads", heads }),
      last: heads.at(-1)?.hash ?? from,
      isFull: heads.length === HEADS_PER_ANSWER_MAX,
    };
  }

  #keep(key: string, answer: Encoded): void {
    this.#answers.set(key, answer);
    this.#bytes += answer.bytes.length;
    for (const [oldest, { bytes }] of this.#answers) {
      if (this.#bytes <= HEADS_ENCODED_BYTES_MAX) return;
      this.#answers.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }

  #forget(key: string, known: Encoded | undefined): void {
    if (known === undefined) return;
    this.#answers.delete(key);
    this.#bytes -= known.bytes.length;
  }
}
