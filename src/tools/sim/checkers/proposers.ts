/**
 * Who proposes, and when by the clocks: a committed block names the primary of the lowest view in which a correct
 * replica voted for it, who is paid for it; its time is not further ahead than allowed of the clock of the first
 * correct replica that voted for it, unless it is the first instant after its parent's. Clocks jump: what counts is
 * the highest time that a node's clock has shown. Source: pbft.md 1.5 (A6, A7), 1.14.
 */
import { byteText } from "../../../base/bytes.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { Effect, Input, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import { type Facts, place } from "./facts.ts";
import {
  type ByteText,
  Cursor,
  HEADER_LENGTH,
  hashOfHeader,
  parentInHeader,
  SIGNATURE_LENGTH,
} from "./raw-bytes.ts";
import type { RawVote } from "./raw-messages.ts";

/** The most that a time may be ahead of the clock (pbft.md 1.14), ms. */
const AHEAD_MS_MAX = 5_000n;

export class ProposalChecker implements Observer {
  readonly #facts: Facts;
  /** Block -> the lowest view in which a correct replica voted for it. */
  readonly #views = new Map<ByteText, bigint>();
  readonly #judged = new Set<ByteText>();
  /** Blocks whose time was looked at, and times of all blocks seen. */
  readonly #times = new Map<ByteText, bigint>();
  readonly #clocks = new Map<NodeId, number>();

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#times.set(byteText(facts.world.genesisHash), facts.world.genesis.timeMs);
  }

  /** A vote of a correct validator, once. */
  voted({ view, hash }: RawVote): void {
    const before = this.#views.get(hash);
    if (before === undefined || view < before) this.#views.set(hash, view);
  }

  committed(node: NodeId, { block }: SealedBlock): void {
    const hash = byteText(block.hash);
    if (this.#judged.has(hash) || !this.#facts.isCorrect(node)) return;
    this.#judged.add(hash);
    const view = this.#views.get(hash);
    const { height, proposer } = block.summary;
    if (view === undefined || this.#facts.primaryOf(view) === proposer) return;
    const primary = this.#facts.primaryOf(view);
    const detail = `${place(view, height, hash)} names ${proposer}, the primary is ${primary}`;
    this.#facts.report("proposer", node, detail);
  }

  stepped(node: NodeId, _input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (!this.#facts.isCorrect(node)) return;
    const now = this.#facts.clockOf(node);
    if (now === undefined) return;
    const highest = Math.max(now, this.#clocks.get(node) ?? 0);
    this.#clocks.set(node, highest);
    for (const effect of effects)
      if (effect.kind === "journal" && (effect.record[1] === 1 || effect.record[1] === 2))
        this.#voting(node, effect.record, BigInt(highest));
  }

  /** PRE-PREPARE and PREPARE records begin: version u8 | kind u8 | view u64 | one or two signatures | head. */
  #voting(node: NodeId, record: Uint8Array, highest: bigint): void {
    const cursor = new Cursor(record, 2);
    const view = cursor.u64();
    cursor.take(record[1] === 1 ? SIGNATURE_LENGTH : 2 * SIGNATURE_LENGTH);
    const header = cursor.take(HEADER_LENGTH);
    const hash = hashOfHeader(header);
    if (this.#times.has(hash)) return;
    cursor.take(8);
    const height = cursor.u64();
    cursor.take(8);
    const timeMs = cursor.u64();
    this.#times.set(hash, timeMs);
    const parent = this.#times.get(parentInHeader(header));
    if (timeMs <= highest + AHEAD_MS_MAX || timeMs === (parent ?? timeMs) + 1n || parent === undefined)
      return;
    const detail = `votes at ${place(view, height, hash)}, ${timeMs - highest} ms ahead of its clock`;
    this.#facts.report("clock", node, detail);
  }
}
