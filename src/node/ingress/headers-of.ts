/** Blocks of the chain in the form that an engine is told of them (consensus/engine.ts). */

import { must } from "../../base/assert.ts";
import type { Chain } from "../../chain/chain.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { Head, SealedHead } from "../../consensus/engine.ts";

/** The newest committed blocks with their seals, ascending, without block 0 and what is not `above`; fewer where a snapshot began above. */
export function recentHeads(chain: Chain, countMax: number, above = 0n): SealedHead[] {
  const recent: SealedHead[] = [];
  const from = chain.store.firstHeight();
  const first = from > above ? from : above + 1n;
  for (let height = chain.head.summary.height; height >= first && recent.length < countMax; height--) {
    const hash = must(chain.store.hashAt(height), "the chain has a block at each height from its first");
    const head = must(chain.store.head(hash), "a block of the chain has its header on disk");
    const seal = must(chain.store.seal(hash), "a block of the chain has its seal on disk");
    recent.push({ head, seal });
  }
  return recent.reverse();
}

export function headOf({ hash, summary }: BlockHead): Head {
  const { height, stateRoot, nextValidatorsHash } = summary;
  return { height, hash, stateRoot, nextValidatorsHash };
}
