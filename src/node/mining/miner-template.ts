/**
 * A block to be solved on top of the head, for whoever does it outside the engine: a miner that asks for work, or
 * miner_generate. It builds with the same executor and the same choice of transactions as the engine's templates.
 */
import type { Address } from "../../base/bytes.ts";
import type { Block } from "../../chain/types/block.ts";
import type { Replica } from "../replica.ts";
import { bodiesFrom } from "./block-body.ts";

export interface TemplatePorts {
  readonly replica: Pick<Replica, "chain" | "pool">;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Whether a block with transactions of the pool was refused at this height: then one without them is built. */
  readonly isWithoutPool: () => boolean;
}

/** While the head moves nothing can be built on it; so many moves are waited for. */
const TRIES_MAX = 5;

/** Undefined while the head keeps moving. */
export async function buildTemplate(
  { replica: { chain, pool }, now, isWithoutPool }: TemplatePorts,
  rewardTo: Address,
): Promise<Block | undefined> {
  const bodies = bodiesFrom(pool, chain);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    await chain.settled();
    const proposal = { timeMs: BigInt(now()), proposer: 0, rewardTo };
    const source = isWithoutPool() ? () => [] : bodies;
    const block = chain.buildBlock(chain.head.hash, proposal, source, true);
    if (block !== undefined) return block;
  }
  return undefined;
}
