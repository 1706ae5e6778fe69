/** Reads of a chain's committed ledger beyond single keys. */
import type { Chain } from "../../chain/chain.ts";
import type { LedgerReads } from "../../rpc/ledger-reads.ts";
import { keyOfStateKey, stateKey } from "../../storage/database-keys.ts";

export function ledgerReadsOf(chain: Chain): LedgerReads {
  return {
    treePage(id) {
      const { head, value } = chain.readAtHead((view) => view.page(id)?.slice());
      return { page: value, at: head };
    },
    async entries({ from, to, limit }) {
      const found = await chain.store.kv.entries({ from: stateKey(from), to: stateKey(to), limit });
      return found.map(([key, value]) => ({ key: keyOfStateKey(key), value }));
    },
  };
}
