/**
 * An index of a chain: blocks come from a node, the ledger judges and executes them, their rows go into the database a
 * batch at a time, then the ledger stores what it did. The rows are never behind the ledger, so a kill between the two
 * costs computing, and no row.
 *
 * This folder: `quorate index` below its command line: blocks from nodes, executed here, as rows of SQL. Not here: the
 * index inside a node (node/event-index).
 */
import { must } from "../base/assert.ts";
import { equalBytes, showHash } from "../base/bytes.ts";
import { RPC_RANGE_MAX } from "../base/limits.ts";
import type { SealedBlock } from "../chain/types/block.ts";
import type { ModuleVersion } from "../chain/types/module-version.ts";
import { type BlockSource, NodeGone, shownHash, WrongNode } from "./block-source.ts";
import type { SqlIndex } from "./sql-index.ts";
import type { VerifiedLedger } from "./verified-ledger.ts";
import { Batch } from "./waiting-blocks.ts";

/** A batch is written when it has so many blocks, or bytes of transactions and receipts. */
const BATCH_BLOCKS = 500;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

export interface IndexProgress {
  /** The height of the last row's block. */
  readonly height: bigint;
  /** The height of the node's head, as last asked. */
  readonly target: bigint;
  readonly rows: number;
  readonly blocks: number;
  /** Blocks whose rows were undone. */
  readonly undone: bigint;
}

export interface IndexerParts {
  readonly index: SqlIndex;
  readonly ledger: VerifiedLedger;
  readonly source: BlockSource;
  /** Blocks of a batch at most. */
  readonly batchBlocks?: number;
  /** Loads the code of a version that a vote has activated. @throws when it cannot be had */
  readonly loadModule?: (version: ModuleVersion) => Promise<void>;
  /** Told after each batch. */
  readonly progress?: (progress: IndexProgress) => void;
}

export class Indexer {
  readonly #parts: IndexerParts;
  #target = 0n;
  #rows = 0;
  #blocks = 0;
  #undone = 0n;

  constructor(parts: IndexerParts) {
    this.#parts = parts;
  }

  /**
   * Brings rows and ledger to the same block, as far as that can be done without a node; rows of block 0 are written.
   * @returns false where the ledger has blocks that the rows have not, and must be made anew
   */
  async align(): Promise<boolean> {
    const { index, ledger } = this.#parts;
    const { cursor } = index;
    if (cursor === undefined) {
      if (ledger.head.summary.height > 0n) return false;
      await this.#write(await this.#batchOf([ledger.genesisBlock()]));
      return true;
    }
    const common = await this.#lastCommon(cursor.height);
    if (common === ledger.head.summary.height) return true;
    if (!ledger.isForkable) return false;
    await this.#write(await this.#batchOf(await ledger.replayAbove(common)));
    return true;
  }

  /** The highest block that is in both. */
  async #lastCommon(top: bigint): Promise<bigint> {
    const { index, ledger } = this.#parts;
    const { height } = ledger.head.summary;
    let low = 0n;
    let high = height < top ? height : top;
    // Above the last common block nothing is common.
    while (low < high) {
      const middle = (low + high + 1n) / 2n;
      const [ours, row] = [ledger.hashAt(middle), await index.hashAt(middle)];
      if (ours !== undefined && row !== undefined && equalBytes(ours, row)) low = middle;
      else high = middle - 1n;
    }
    return low;
  }

  async #batchOf(entered: Parameters<Batch["add"]>[0]): Promise<Batch> {
    const batch = this.#newBatch();
    await batch.add(entered);
    return batch;
  }

  #newBatch(): Batch {
    const { index } = this.#parts;
    return new Batch(index.cursor?.height ?? -1n, (height) => index.hashAt(height));
  }

  /**
   * Writes the rows of all blocks up to the node's head, and of those that come meanwhile.
   * @throws WrongNode for a node that lies or cannot serve; what the client or the database throws otherwise
   */
  async catchUp(signal?: AbortSignal): Promise<void> {
    const { source } = this.#parts;
    this.#target = await source.headHeight();
    let batch = this.#newBatch();
    const full = async () => {
      const { batchBlocks = BATCH_BLOCKS } = this.#parts;
      if (batch.blocks < batchBlocks && batch.bytes < BATCH_BYTES_MAX) return;
      const content = batch;
      batch = this.#newBatch();
      await this.#write(content);
      batch = this.#newBatch();
    };
    try {
      await this.#follow((blocks) => this.#take(blocks, batch), full, signal);
    } catch (error) {
      // What was taken before is good, and must not be missed when it goes on.
      if (error instanceof WrongNode || error instanceof NodeGone) await this.#write(batch);
      throw error;
    }
    await this.#write(batch);
  }

  /** Hands over the node's blocks, up to its head, while the next ones are on their way. */
  async #follow(
    take: (blocks: readonly SealedBlock[]) => Promise<boolean>,
    taken: () => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { source, batchBlocks = BATCH_BLOCKS } = this.#parts;
    const most = Math.min(batchBlocks, RPC_RANGE_MAX);
    let next: Promise<readonly SealedBlock[]> | undefined;
    for (let from = await this.#forkHeight(); from <= this.#target && signal?.aborted !== true; ) {
      const blocks = await (next ?? source.blocks(from, most));
      const last = must(blocks.at(-1), "an answer has a block").block.summary.height;
      if (last >= this.#target) this.#target = await source.headHeight();
      next = last < this.#target ? source.blocks(last + 1n, most) : undefined;
      // Awaited in the next turn, or left when this one fails.
      next?.catch(() => undefined);
      const isLinked = await take(blocks);
      await taken();
      // Else the node has changed branches between two answers.
      from = isLinked ? last + 1n : await this.#forkHeight();
      if (!isLinked) next = undefined;
    }
  }

  /** The first height to ask for: above the last block that the ledger and the node share. */
  async #forkHeight(): Promise<bigint> {
    const { ledger, source } = this.#parts;
    const top = ledger.head.summary.height < this.#target ? ledger.head.summary.height : this.#target;
    if (!ledger.isForkable) return ledger.head.summary.height + 1n;
    for (let to = top; ; ) {
      const from = to > BigInt(RPC_RANGE_MAX) ? to - BigInt(RPC_RANGE_MAX) : 0n;
      const hashes = await source.shownHashes(from, to);
      for (let i = hashes.length - 1; i >= 0; i--) {
        const own = ledger.hashAt(from + BigInt(i));
        if (own !== undefined && showHash(own) === hashes[i]) return from + BigInt(i) + 1n;
      }
      if (from === 0n)
        throw new WrongNode("WRONG_CHAIN", `${source.url} does not share block 0 with the index`);
      to = from;
    }
  }

  /** @returns false where the blocks stand on none that is known here */
  async #take(blocks: readonly SealedBlock[], batch: Batch): Promise<boolean> {
    const { ledger, source } = this.#parts;
    for (const sealed of blocks) {
      const { block } = sealed;
      let taken = await ledger.take(sealed);
      if (!taken.ok && taken.fault.code === "unready") {
        await this.loadMissing();
        taken = await ledger.take(sealed);
      }
      if (taken.ok) await batch.add(taken.value);
      else if (taken.fault.code === "orphan" && ledger.isForkable) return false;
      else if (taken.fault.code === "early")
        throw new NodeGone(`block ${block.summary.height}: ${taken.fault.detail}`);
      else {
        throw new WrongNode(
          "INVALID_BLOCK",
          `${source.url} gave block ${block.summary.height} (${shownHash(block)}), which is not valid: ${taken.fault.code}: ${taken.fault.detail}. No row was made of it`,
        );
      }
    }
    return true;
  }

  /** The files that the next block needs: of versions that came by votes. */
  async loadMissing(): Promise<void> {
    for (const version of this.#parts.ledger.missing()) await this.#parts.loadModule?.(version);
  }

  async #write(batch: Batch): Promise<void> {
    const { index, ledger, progress } = this.#parts;
    const { content } = batch;
    if (content !== undefined) {
      await index.useModules(ledger.modules());
      const before = index.cursor?.height ?? -1n;
      if (content.keep < before) this.#undone += before - content.keep;
      this.#rows += await index.write(content);
      this.#blocks += content.blocks.length;
    }
    await ledger.flush();
    const height = index.cursor?.height ?? -1n;
    progress?.({
      height,
      target: this.#target,
      rows: this.#rows,
      blocks: this.#blocks,
      undone: this.#undone,
    });
  }
}
