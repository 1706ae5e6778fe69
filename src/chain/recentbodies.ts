/** The bodies that came last, decoded: most are executed soon. Bounded in number; the oldest is read from disk again. */
import { byteText, type Hash } from "../base/bytes.ts";
import { RECENT_BODIES_MAX } from "../base/limits.ts";
import type { Block } from "./block.ts";
import type { SignedTransaction } from "./transaction.ts";

export class RecentBodies {
  readonly #bodies = new Map<string, readonly SignedTransaction[]>();

  get(hash: Hash): readonly SignedTransaction[] | undefined {
    return this.#bodies.get(byteText(hash));
  }

  keep({ hash, transactions }: Block): void {
    this.#bodies.set(byteText(hash), transactions);
    if (this.#bodies.size > RECENT_BODIES_MAX) this.#bodies.delete(this.#bodies.keys().next().value!);
  }
}
