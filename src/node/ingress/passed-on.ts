/**
 * What this node has passed on by gossip already, so that it does so once: whoever sends the same transactions in ever
 * new batches, or one block under every certificate that can be made for it, must not have the whole network send
 * them. To know a thing is not enough: what came by mail or by repair has yet to be passed on. Transactions are
 * remembered as long as the pool holds them.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import type { Relay } from "../../base/fault.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { PoolEvent } from "../../mempool/pool-ports.ts";

/** Older announcements are not passed on for their age (ANNOUNCED_DEPTH_MAX). */
const BLOCKS_MAX = 256;

export class PassedOn {
  /** The blocks in the order in which they were passed on. */
  readonly #blocks = new Set<string>();

  /** @param transaction that the pool holds, which holds an envelope once: it is noted with the object */
  transaction(transaction: SignedTransaction): Relay {
    if (transaction.passedOnBy === this) return "known";
    transaction.passedOnBy = this;
    return "accept";
  }

  /** What the pool holds no more is forgotten. */
  poolChanged(events: readonly PoolEvent[]): void {
    for (const { kind, transaction } of events)
      if (kind === "dropped" && transaction.passedOnBy === this) transaction.passedOnBy = undefined;
  }

  hasBlock(hash: Hash): boolean {
    return this.#blocks.has(byteText(hash));
  }

  block(hash: Hash): "accept" {
    if (this.#blocks.size >= BLOCKS_MAX) dropOldest(this.#blocks);
    this.#blocks.add(byteText(hash));
    return "accept";
  }
}
