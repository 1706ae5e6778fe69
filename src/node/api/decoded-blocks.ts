/**
 * Blocks as they were decoded last, for reads that ask for the same ones again and again: every receipt, proof and
 * certificate of a block takes the block whole, and decoding one of a thousand transactions takes six milliseconds. A
 * block of a hash never changes; which hash has a height is asked each time. Bounded by bytes, the one read longest ago
 * goes first. docs/adr/0038-02.
 */
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { RPC_DECODED_BLOCKS_BYTES_MAX } from "../../rpc/budgets/client-held-bytes.ts";

/** Each byte of a body lies in the block's own memory and in that of its transaction. */
const COPIES = 2;
/** What a decoded transaction takes besides its bytes, hashes and objects: 1,525 bytes in a heap's snapshot, rounded up. */
const TRANSACTION_BYTES = 1_600;
/** Bytes of memory that a block without transactions takes. */
const EMPTY_BLOCK_BYTES = 2_048;

/** The stored chain. */
export interface StoredBlocks {
  readonly store: {
    hashAt(height: bigint): Hash | undefined;
    /** The lowest height whose body is here: pruning raises it. */
    lowestBody(): bigint;
  };
  sealedBlock(hash: Hash): SealedBlock | undefined;
  /** Told of each block that is connected. */
  onHeadChange(listener: (change: { readonly sealed: SealedBlock }) => void): void;
}

export class DecodedBlocks {
  readonly #stored: StoredBlocks;
  /** The blocks by hash, in the order of their last use. */
  readonly #blocks = new Map<string, SealedBlock>();
  #bytes = 0;
  #decodings = 0;
  /** The block that was connected last, as the chain had it in memory: it is the one most asked for. */
  #newest: SealedBlock | undefined;

  constructor(stored: StoredBlocks) {
    this.#stored = stored;
    stored.onHeadChange(({ sealed }) => {
      this.#newest = sealed;
    });
  }

  /** How many blocks were decoded since the start, and the bytes of those that are kept. */
  get counts(): { readonly decodings: number; readonly bytes: number } {
    return { decodings: this.#decodings, bytes: this.#bytes };
  }

  /** Its memory is not to be changed. Undefined where the stored chain has none of this height. */
  at(height: bigint): SealedBlock | undefined {
    const hash = this.#stored.store.hashAt(height);
    if (hash === undefined) return undefined;
    const key = byteText(hash);
    const known = this.#blocks.get(key);
    if (known !== undefined) this.#forget(key, known);
    // What was pruned is gone here too: an answer does not depend on what was asked before.
    const isHere = known !== undefined && height >= this.#stored.store.lowestBody();
    const block = isHere ? known : this.#decode(hash);
    if (block !== undefined) this.#keep(key, block);
    return block;
  }

  #decode(hash: Hash): SealedBlock | undefined {
    if (this.#newest !== undefined && equalBytes(this.#newest.block.hash, hash)) return this.#newest;
    this.#decodings++;
    return this.#stored.sealedBlock(hash);
  }

  #keep(key: string, block: SealedBlock): void {
    this.#blocks.set(key, block);
    this.#bytes += sizeOf(block);
    for (const [oldest, kept] of this.#blocks) {
      if (this.#bytes <= RPC_DECODED_BLOCKS_BYTES_MAX) return;
      this.#forget(oldest, kept);
    }
  }

  #forget(key: string, block: SealedBlock): void {
    this.#blocks.delete(key);
    this.#bytes -= sizeOf(block);
  }
}

function sizeOf({ block, seal }: SealedBlock): number {
  const { bodyBytes, txCount } = block.summary;
  return EMPTY_BLOCK_BYTES + seal.length + COPIES * bodyBytes + TRANSACTION_BYTES * txCount;
}
