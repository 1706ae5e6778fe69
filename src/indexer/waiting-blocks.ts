/**
 * Blocks that wait to be written: what the ledger's head moved over, less what the rows hold already. After a kill the
 * ledger may be a batch behind the rows, and is brought up to them by the same blocks without a row being touched.
 */
import { must } from "../base/assert.ts";
import { equalBytes, type Hash } from "../base/bytes.ts";
import type { IndexBatch } from "./sql-index.ts";
import type { LedgerBlock } from "./verified-ledger.ts";

export class Batch {
  readonly #rowHash: (height: bigint) => Promise<Hash | undefined>;
  #keep: bigint;
  #blocks: LedgerBlock[] = [];
  #bytes = 0;

  /** @param top height of the last row's block, -1 for none; @param rowHash of the block whose rows stand at a height */
  constructor(top: bigint, rowHash: (height: bigint) => Promise<Hash | undefined>) {
    this.#keep = top;
    this.#rowHash = rowHash;
  }

  get blocks(): number {
    return this.#blocks.length;
  }

  /** Bytes of the bodies and receipts. */
  get bytes(): number {
    return this.#bytes;
  }

  async add(entered: readonly LedgerBlock[]): Promise<void> {
    for (const one of entered) await this.#addOne(one);
  }

  async #addOne(one: LedgerBlock): Promise<void> {
    const { hash, summary } = one.sealed.block;
    const { height } = summary;
    if (height <= this.#keep) {
      const known = await this.#rowHash(height);
      if (known !== undefined && equalBytes(known, hash)) return;
      this.#keep = height - 1n;
      this.#blocks = [];
      this.#bytes = 0;
    }
    // A change of branches within the batch.
    while (this.#top() >= height) this.#bytes -= bytesOf(must(this.#blocks.pop(), "the batch has a top"));
    this.#blocks.push(one);
    this.#bytes += bytesOf(one);
  }

  #top(): bigint {
    return this.#blocks.at(-1)?.sealed.block.summary.height ?? -1n;
  }

  /** What is to be written, or undefined when nothing is. */
  get content(): IndexBatch | undefined {
    return this.#blocks.length === 0 ? undefined : { keep: this.#keep, blocks: this.#blocks };
  }
}

function bytesOf({ sealed: { block }, receipts }: LedgerBlock): number {
  return block.summary.bodyBytes + receipts.reduce((sum, receipt) => sum + receipt.length, 0);
}
