/**
 * What this node puts into a block of its own: transactions of its pool, as the mode orders them. One choice for all
 * who build here (the engine's order, work for outside miners, blocks on demand), so that none forgets a limit.
 */
import type { Address } from "../../base/bytes.ts";
import type { Chain, TemplateSource } from "../../chain/chain.ts";
import { readAccount } from "../../chain/modules/accounts.ts";
import { FAIR_ARRIVAL_SHARE, type ReadyQueues, selectTransactions } from "../../mempool/template.ts";

export function bodiesFrom(pool: ReadyQueues, { rules }: Pick<Chain, "rules">): TemplateSource {
  const arrivalShare = rules.kind === "final" ? FAIR_ARRIVAL_SHARE : 0;
  return (view, height, room) => {
    const parent = { height: height - 1n, account: (address: Address) => readAccount(view, address) };
    return selectTransactions(pool, parent, { ...room, arrivalShare });
  };
}
