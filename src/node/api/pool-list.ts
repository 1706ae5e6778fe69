/** A pool's transactions as JSON-RPC lists them, in the order in which they came. */
import { type Address, equalBytes } from "../../base/bytes.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import type { PooledView } from "../../rpc/pooled-view.ts";

export function listPool(
  pool: Pick<Mempool, "hashes" | "getByHash" | "isExecutable">,
  countMax: number,
  sender: Address | undefined,
): readonly PooledView[] {
  const found: PooledView[] = [];
  for (const hash of pool.hashes()) {
    if (found.length >= countMax) break;
    const transaction = pool.getByHash(hash);
    if (transaction === undefined || (sender !== undefined && !equalBytes(transaction.from, sender)))
      continue;
    found.push({ transaction, executable: pool.isExecutable(transaction) });
  }
  return found;
}
