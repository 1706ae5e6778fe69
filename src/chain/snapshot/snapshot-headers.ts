/**
 * How a snapshot of a mined chain leads from the genesis to its state: the headers of all blocks up to the tip, each held
 * to the rules of work. Nobody signed the state; its root stands in a header that has enough of them on top, so the state
 * is assumed until the blocks below were executed. Source: docs/protocol.md, "Snapshot".
 *
 *   list of (header 80 | summary), ascending, the first of all is block 1
 */
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { HEADERS_AHEAD_MAX, HEADS_PER_ANSWER_MAX } from "../../base/limits.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { type BlockHead, readBlockHead, writeBlockHead } from "../types/block.ts";
import type { SnapshotChain } from "./snapshot-format.ts";

/** Headers of one section at most. */
export const SNAPSHOT_HEADERS_MAX: number = HEADS_PER_ANSWER_MAX;

/** Holds heads to the rules of a mined chain, from block 1 on: their work, their targets, their times. */
export interface HeaderJudge {
  /** The work of all heads that were taken, and of block 0. */
  readonly work: bigint;
  /** Takes the head of the next block. Fault `early`: it may be right, by a clock that is further. */
  add(head: BlockHead): Fault | undefined;
}

type HeadersFault = "wrong-headers" | "early-headers";
const EARLY = "early";

/** What a snapshot of a mined chain is held to. */
export interface MinedProof {
  readonly kind: "mined";
  /** A new judge, who knows block 0. */
  judge(): HeaderJudge;
  /** The expected hashes for a head whose hash meets its own target, or undefined when it does not meet it. */
  weigh(head: BlockHead): bigint | undefined;
  /** Headers that must stand on the block whose state it has. */
  readonly depth: number;
}

/** A head with the work of its chain up to it. */
export interface HeadAndWork {
  readonly head: BlockHead;
  readonly work: bigint;
}

/** What the state of a mined chain's snapshot rests on. */
export interface AssumedProof {
  /** Height of the last header. */
  readonly tip: bigint;
  /** Headers above the block whose state it has. */
  readonly depth: number;
  /** Expected hashes of all headers up to the tip. */
  readonly work: bigint;
}

export function encodeSnapshotHeaders(heads: readonly BlockHead[]): Uint8Array {
  return new Writer(8 + 400 * heads.length).list(heads, writeBlockHead).finish();
}

/** The headers of one snapshot, as far as they were taken. */
export class SnapshotHeaders {
  readonly #proof: MinedProof;
  readonly #chain: SnapshotChain;
  readonly #judge: HeaderJudge;
  #tip: { readonly height: bigint; readonly hash: Hash | undefined } = { height: 0n, hash: undefined };

  constructor(proof: MinedProof, chain: SnapshotChain) {
    this.#proof = proof;
    this.#chain = chain;
    this.#judge = proof.judge();
  }

  accept(payload: Uint8Array): Verdict<readonly HeadAndWork[], "malformed" | HeadersFault> {
    const decoded = decode(payload, "headers section", (reader) =>
      reader.list(SNAPSHOT_HEADERS_MAX, readBlockHead),
    );
    if (!decoded.ok) return decoded;
    if (decoded.value.length === 0) return refuse("malformed", "a section without headers");
    const weighed: HeadAndWork[] = [];
    for (const head of decoded.value) {
      const wrong = this.#take(head);
      if (wrong !== undefined) return { ok: false, fault: wrong };
      weighed.push({ head, work: this.#judge.work });
    }
    return accept(weighed);
  }

  /** Whether enough work stands on the block whose state follows. */
  checkDepth(): Fault<"too-few-headers"> | undefined {
    const { height } = this.#chain;
    const { depth } = this.#proof;
    const above = this.#tip.height - height;
    if (above >= BigInt(depth)) return undefined;
    const found = above < 0n ? "none" : `${above}`;
    const detail = `${found} headers stand on block ${height}, ${depth} are asked for (snapshots.depth)`;
    return fault("too-few-headers", detail);
  }

  get proved(): AssumedProof {
    const { height } = this.#tip;
    return { tip: height, depth: Number(height - this.#chain.height), work: this.#judge.work };
  }

  #take(head: BlockHead): Fault<HeadersFault> | undefined {
    const { height } = head.summary;
    const due = this.#tip.height + 1n;
    const bad = (what: string) => fault("wrong-headers", `the header of block ${due}: ${what}`);
    if (due > this.#chain.height + BigInt(HEADERS_AHEAD_MAX))
      return bad(`more than ${HEADERS_AHEAD_MAX} stand on block ${this.#chain.height}`);
    const wrong = this.#judge.add(head);
    if (wrong?.code === EARLY) return fault("early-headers", `the header of block ${due}: ${wrong.detail}`);
    if (wrong !== undefined) return bad(wrong.detail);
    if (height === this.#chain.height && !equalBytes(head.hash, this.#chain.headHash))
      return bad(`it is ${showHash(head.hash)}, announced was ${showHash(this.#chain.headHash)}`);
    this.#tip = { height, hash: head.hash };
    return undefined;
  }
}
