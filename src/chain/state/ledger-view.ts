/**
 * A ledger at one block: the state dictionary and the pages of its tree. Executed blocks that are not committed are
 * diffs stacked on their parent's ledger, found by block hash; the bottom is the store.
 */

import type { Hash } from "../../base/bytes.ts";
import { hex } from "../../base/bytes.ts";
import { OVERLAYS_BYTES_MAX, OVERLAYS_MAX } from "../../base/limits.ts";
import type { StateReader } from "../modules/module.ts";
import type { Block } from "../types/block.ts";
import { type Layer, readThrough, type StateDiff } from "./state-overlay.ts";
import type { PageReader } from "./state-tree.ts";

export interface LedgerView extends StateReader, PageReader {}

/** A block that was executed here: what it gave, enough to commit it without running it again. */
export interface ExecutedBlock {
  readonly block: Block;
  readonly diff: StateDiff;
  /** The pages of the state tree that changed. One that was removed is undefined. */
  readonly pages: ReadonlyMap<string, Uint8Array | undefined>;
  /** The encoded receipts of the block, in the order of its transactions. */
  readonly receipts: readonly Uint8Array[];
  /** What its execution read of the state before it, by the text of the key; need not be read again to undo it. */
  readonly read?: ReadonlyMap<string, Uint8Array | undefined>;
}

/**
 * The executed, uncommitted blocks by hash, bounded in number and bytes: the oldest is dropped and would be executed
 * anew, the newest is always kept.
 */
export class ExecutedBlocks {
  readonly #byHash = new Map<string, { readonly executed: ExecutedBlock; readonly bytes: number }>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax = OVERLAYS_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** What all of them hold, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get(hash: Hash): ExecutedBlock | undefined {
    return this.#byHash.get(hex(hash))?.executed;
  }

  add(executed: ExecutedBlock): void {
    const id = hex(executed.block.hash);
    this.#drop(id);
    const bytes = bytesOf(executed);
    this.#byHash.set(id, { executed, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#byHash.keys()) {
      const { size } = this.#byHash;
      if (size <= 1 || (size <= OVERLAYS_MAX && this.#bytes <= this.#bytesMax)) return;
      this.#drop(oldest);
    }
  }

  /** Forgets what can no longer be committed on top of `height`. */
  dropUpTo(height: bigint): void {
    for (const [id, { executed }] of this.#byHash)
      if (executed.block.summary.height <= height) this.#drop(id);
  }

  #drop(id: string): void {
    const held = this.#byHash.get(id);
    if (held === undefined) return;
    this.#bytes -= held.bytes;
    this.#byHash.delete(id);
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

/** What an entry of a map costs beside its value, and a transaction beside its bytes: measured, rounded up. */
const ENTRY_BYTES = 200;
const TRANSACTION_BYTES = 1_600;

function bytesOf({ block, diff, pages, receipts, read }: ExecutedBlock): number {
  const { bodyBytes, txCount } = block.summary;
  let bytes = 2 * bodyBytes + TRANSACTION_BYTES * txCount;
  for (const receipt of receipts) bytes += receipt.length + ENTRY_BYTES;
  for (const { key, value } of diff.values()) bytes += ENTRY_BYTES + key.length + (value?.length ?? 0);
  for (const value of [...pages.values(), ...(read?.values() ?? [])])
    bytes += ENTRY_BYTES + (value?.length ?? 0);
  return bytes;
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
