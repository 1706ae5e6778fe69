/**
 * The bodies that came last, decoded: most are executed soon. Bounded in number and in bytes; the oldest is read from
 * disk again.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import { RECENT_BODIES_BYTES_MAX, RECENT_BODIES_MAX } from "../../base/limits.ts";
import { type Block, bodyBytesOf } from "../types/block.ts";
import type { SignedTransaction } from "../types/transaction.ts";

export class RecentBodies {
  readonly #bodies = new Map<string, readonly SignedTransaction[]>();
  #bytes = 0;

  get(hash: Hash): readonly SignedTransaction[] | undefined {
    return this.#bodies.get(byteText(hash));
  }

  keep({ hash, transactions }: Block): void {
    const id = byteText(hash);
    if (this.#bodies.has(id)) return;
    this.#bodies.set(id, transactions);
    this.#bytes += bodyBytesOf(transactions);
    for (const [oldest, body] of this.#bodies) {
      if (this.#bodies.size <= RECENT_BODIES_MAX && this.#bytes <= RECENT_BODIES_BYTES_MAX) return;
      this.#bodies.delete(oldest);
      this.#bytes -= bodyBytesOf(body);
    }
  }
}
