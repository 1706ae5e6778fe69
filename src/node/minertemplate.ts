/**
 * A block to be solved on top of the head, for whoever does it outside the engine: a miner that asks for work, or
 * miner_generate. It builds with the same executor and the same choice of transactions as the engine's templates.
 */
import type { Address } from "../base/bytes.ts";
import type { Block } from "../chain/block.ts";
import { readAccount } from "../chain/modules/bank.ts";
import { selectTransactions } from "../mempool/template.ts";
import type { Replica } from "./replica.ts";

export interface TemplatePorts {
  readonly replica: Pick<Replica, "chain" | "pool">;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** While the head moves nothing can be built on it; so many moves are waited for. */
const TRIES_MAX = 5;

/** Undefined while the head keeps moving. */
export async function buildTemplate(
  { replica: { chain, pool }, now }: TemplatePorts,
  rewardTo: Address,
): Promise<Block | undefined> {
  const { limits } = chain.genesis;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    await chain.settled();
    const proposal = { timeMs: BigInt(now()), proposer: 0, rewardTo };
    const block = chain.buildBlock(
      chain.head.hash,
      proposal,
      (view, height) => {
        const parent = { height: height - 1n, account: (address: Address) => readAccount(view, address) };
        return selectTransactions(pool, parent, limits);
      },
      true,
    );
    if (block !== undefined) return block;
  }
  return undefined;
}
