/**
 * What this node has passed on by gossip already, so that it does so once: whoever sends the same transactions in ever
 * new batches, or one block under every certificate that can be made for it, must not have the whole network send
 * them. To know a thing is not enough: what came by mail or by repair has yet to be passed on. Transactions are
 * remembered as long as the pool holds them.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import type { Relay } from "../../base/fault.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";

/** Older announcements are not passed on for their age (ANNOUNCED_DEPTH_MAX). */
const BLOCKS_MAX = 256;

export class PassedOn {
  readonly #transactions = new WeakSet<SignedTransaction>();
  /** In the order in which they were passed on. */
  readonly #blocks = new Set<string>();

  /** @param transaction the pool's own object */
  transaction(transaction: SignedTransaction): Relay {
    if (this.#transactions.has(transaction)) return "known";
    this.#transactions.add(transaction);
    return "accept";
  }

  hasBlock(hash: Hash): boolean {
    return this.#blocks.has(byteText(hash));
  }

  block(hash: Hash): "accept" {
    if (this.#blocks.size >= BLOCKS_MAX) this.#blocks.delete(this.#blocks.keys().next().value!);
    this.#blocks.add(byteText(hash));
    return "accept";
  }
}
