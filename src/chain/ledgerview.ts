/**
 * A ledger at one block: the state dictionary and the pages of its tree. Executed blocks that are not committed are
 * diffs stacked on their parent's ledger, found by block hash; the bottom is the store.
 */

import type { Hash } from "../base/bytes.ts";
import { hex } from "../base/bytes.ts";
import { OVERLAYS_MAX } from "../base/limits.ts";
import type { Block } from "./block.ts";
import type { StateReader } from "./modules/module.ts";
import { type Layer, readThrough, type StateDiff } from "./state.ts";
import type { PageReader } from "./statetree.ts";

export interface LedgerView extends StateReader, PageReader {}

/** A block that was executed here: what it gave, enough to commit it without running it again. */
export interface ExecutedBlock {
  readonly block: Block;
  readonly diff: StateDiff;
  /** Changed pages of the state tree; undefined = removed. */
  readonly pages: ReadonlyMap<string, Uint8Array | undefined>;
  /** Encoded receipts in order. */
  readonly receipts: readonly Uint8Array[];
  /** What its execution read of the state before it, by the text of the key; need not be read again to undo it. */
  readonly read?: ReadonlyMap<string, Uint8Array | undefined>;
}

/** The executed, uncommitted blocks by hash, bounded: the oldest is dropped and would be executed anew. */
export class ExecutedBlocks {
  readonly #byHash = new Map<string, ExecutedBlock>();

  get(hash: Hash): ExecutedBlock | undefined {
    return this.#byHash.get(hex(hash));
  }

  add(executed: ExecutedBlock): void {
    this.#byHash.set(hex(executed.block.hash), executed);
    if (this.#byHash.size > OVERLAYS_MAX) this.#byHash.delete(this.#byHash.keys().next().value!);
  }

  /** Forgets what can no longer be committed on top of `height`. */
  dropUpTo(height: bigint): void {
    for (const [id, { block }] of this.#byHash) if (block.summary.height <= height) this.#byHash.delete(id);
  }

  /**
   * The ledger after block `hash`, or undefined when it (or an ancestor above the head) was not executed here.
   * While a block is being committed the store may already hold its changes and the head is not told yet: then a
   * ledger is available only through that block, whose own diff and pages hide what the store says of them.
   */
  viewAt(hash: Hash, base: CommittedBase): LedgerView | undefined {
    if (hex(hash) === hex(base.head)) return base.committing === undefined ? base.ledger : undefined;
    const executed = this.get(hash);
    if (executed === undefined) return undefined;
    const isCommitting = base.committing !== undefined && hex(base.committing) === hex(hash);
    const parent = isCommitting ? base.ledger : this.viewAt(executed.block.header.previousHash, base);
    return parent === undefined ? undefined : stack(executed, parent);
  }
}

/** What the executed blocks stand on. */
export interface CommittedBase {
  readonly head: Hash;
  /** The block on top of the head whose write has begun. */
  readonly committing: Hash | undefined;
  /** What the store holds. */
  readonly ledger: LedgerView;
}

/** The ledger after `executed`, which ran on `parent`. */
export function stack(
  executed: Pick<ExecutedBlock, "diff" | "pages">,
  parent: LedgerView,
): LedgerView & Layer {
  const state = readThrough(executed.diff, parent);
  return {
    ...state,
    page: (id) => (executed.pages.has(id) ? executed.pages.get(id) : parent.page(id)),
  };
}
