/** What a reorganisation undid: the blocks that lost, and where each of their transactions is now. */
import { type Answer, askAll, orThrow, orUndefined } from "./asked-nodes.ts";
import type { ShownBlock, ShownTx } from "./ledger.ts";

export interface UndoneBlock {
  readonly block: ShownBlock;
  readonly transactions: readonly { readonly tx: ShownTx; readonly now: string; readonly isBack: boolean }[];
}

/** Blocks that are read. */
const BLOCKS_MAX = 20;
/** Transactions of one block that are looked up. */
const TRANSACTIONS_MAX = 200;

/** Reads the blocks that were undone, from the old head downwards, while the node has them. */
export async function readUndone(oldHead: string, depth: number): Promise<readonly UndoneBlock[]> {
  const undone: UndoneBlock[] = [];
  for (let hash = oldHead; undone.length < Math.min(depth, BLOCKS_MAX); ) {
    const [answer] = await askAll([{ method: "chain_getBlock", params: { block: hash, full: true } }]);
    const block = orThrow(answer);
    if (block === null) break;
    const txs = (block.txs ?? []).flatMap((tx) => (typeof tx === "string" ? [] : [tx]));
    const payments = txs.filter(({ module }) => module !== "coinbase").slice(0, TRANSACTIONS_MAX);
    const places =
      payments.length === 0
        ? []
        : await askAll(
            payments.map(({ txHash }) => ({ method: "tx_get" as const, params: { hash: txHash } })),
          );
    const transactions = payments.map((tx, i) => ({ tx, ...placeOf(orUndefined(places[i]!)) }));
    undone.push({ block, transactions });
    hash = block.parentHash;
  }
  return undone;
}

function placeOf(found: Exclude<Answer<"tx_get">, Error> | undefined) {
  if (found === null || found === undefined)
    return { now: "lost: in no block, and not in the pool", isBack: false };
  const { height } = found;
  return { now: height === undefined ? "back in the pool" : `again in block ${height}`, isBack: true };
}
