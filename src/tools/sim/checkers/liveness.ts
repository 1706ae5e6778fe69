/**
 * Liveness after the network has settled: every transaction that a correct replica's pool has taken is committed at
 * every correct replica, and all of them stand at one block. It is asked whether anything is left (a run ends early
 * when nothing is) and, at the deadline, says what. Source: pbft.md 1.1 (liveness), 1.7.
 */
import { byteText } from "../../../base/bytes.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { SignedTransaction } from "../../../chain/types/transaction.ts";
import type { Input, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { Facts } from "./facts.ts";
import { type ByteText, showText } from "./raw-bytes.ts";

export class LivenessChecker implements Observer {
  readonly #facts: Facts;
  /** Taken by a pool of a correct replica and not committed anywhere yet, with the time of the first. */
  readonly #pending = new Map<ByteText, number>();
  readonly #committed = new Set<ByteText>();
  readonly #heads = new Map<NodeId, ByteText>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  accepted(node: NodeId, { hash }: SignedTransaction): void {
    const text = byteText(hash);
    if (!this.#facts.isCorrect(node) || this.#committed.has(text) || this.#pending.has(text)) return;
    this.#pending.set(text, this.#facts.nowMs);
  }

  committed(node: NodeId, { block }: SealedBlock): void {
    this.#heads.set(node, byteText(block.hash));
    for (const { hash } of block.transactions) {
      this.#pending.delete(byteText(hash));
      this.#committed.add(byteText(hash));
    }
  }

  /** A database may have been lost. */
  stepped(node: NodeId, input: Input<Typed>): void {
    if (input.kind === "started") this.#heads.set(node, byteText(input.head.hash));
  }

  /** What is not final everywhere yet, in words, or undefined when nothing is. */
  unfinished(): string | undefined {
    for (const [hash, atMs] of this.#pending)
      return `transaction ${showText(hash)}, known since ${Math.round(atMs)} ms, is not committed`;
    let head: ByteText | undefined;
    for (const { id } of this.#facts.watched.nodes) {
      if (!this.#facts.isCorrect(id)) continue;
      if (this.#facts.replica(id) === undefined) return `node ${id} is down`;
      const own = this.#heads.get(id) ?? "";
      if (head !== undefined && head !== own) return `node ${id} stands at another block than the others`;
      head = own;
    }
    return undefined;
  }

  /** Called at the deadline. */
  finish(): void {
    const unfinished = this.unfinished();
    if (unfinished !== undefined) this.#facts.report("liveness", undefined, unfinished);
  }
}
