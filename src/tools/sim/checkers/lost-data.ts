/**
 * What is lost for good: a block that was committed, that no database of a correct node contains any more, and that a
 * correct validator must fetch before it may vote again. Then nothing can be final without somebody's copy of a
 * database, so no progress is asked for; safety still is. PBFT promises one database per block: of the Q validators
 * that commit it n - Q and the faulty ones can lose theirs. The condition is judged by what was destroyed, never by
 * what an engine says it waits for.
 * Source: docs/protocol.md, "A database younger than the journal"; docs/simulation.md, "Data that nobody has".
 */
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { Input, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { Facts } from "./facts.ts";
import { readRecord } from "./raw-records.ts";

/** What the journal of one validator says of its votes. */
interface Journal {
  cut: bigint;
  /** The heights of its COMMITs. */
  commits: Set<bigint>;
}

export class LostData implements Observer {
  readonly #facts: Facts;
  readonly #journals = new Map<NodeId, Journal>();
  /** The height at which the database of each node ends. */
  readonly #heads = new Map<NodeId, bigint>();
  /** The highest block that a correct node has ever committed. */
  #committed = 0n;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  started(node: NodeId, records: readonly Uint8Array[] | undefined): void {
    if (records !== undefined) this.journaled(node, records, true);
  }

  journaled(node: NodeId, records: readonly Uint8Array[], rotated: boolean): void {
    const self = this.#facts.validatorOf(node);
    if (self === undefined || !this.#facts.isCorrect(node)) return;
    const held = rotated ? undefined : this.#journals.get(node);
    const journal = held ?? { cut: 0n, commits: new Set() };
    this.#journals.set(node, journal);
    for (const bytes of records) {
      const record = readRecord(bytes, self, 0n);
      if (record.kind === "commit") journal.commits.add(record.vote.height);
      else if (record.kind === "mark" && record.cut !== undefined) journal.cut = record.cut;
    }
  }

  /** A database may have been lost. */
  stepped(node: NodeId, input: Input<Typed>): void {
    if (input.kind === "started") this.#heads.set(node, input.head.height);
  }

  committed(node: NodeId, { block }: SealedBlock): void {
    const { height } = block.summary;
    this.#heads.set(node, height);
    if (this.#facts.isCorrect(node) && height > this.#committed) this.#committed = height;
  }

  /** The lowest such height, or undefined when there is none. */
  get height(): bigint | undefined {
    const correct = this.#facts.watched.nodes.map(({ id }) => id).filter((id) => this.#facts.isCorrect(id));
    const heads = correct.map((id) => this.#heads.get(id) ?? 0n);
    const held = heads.reduce((a, b) => (a > b ? a : b), 0n);
    const isLost = correct.some((id) => {
      const awaited = this.#awaited(id);
      return awaited > held && awaited <= this.#committed;
    });
    return isLost ? held + 1n : undefined;
  }

  /** The highest block without which this validator may not vote: up to its cut, or a hole below its highest COMMIT. */
  #awaited(node: NodeId): bigint {
    const journal = this.#journals.get(node);
    if (journal === undefined) return 0n;
    let { cut: highest } = journal;
    const top = [...journal.commits].reduce((a, b) => (a > b ? a : b), 0n);
    for (let height = highest + 1n; height < top; height++)
      if (!journal.commits.has(height)) highest = height;
    return highest;
  }
}
