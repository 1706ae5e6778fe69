/** Reads of a chain's committed ledger beyond single keys. */
import { type Address, equalBytes } from "../../base/bytes.ts";
import { MATURING_SCANNED_MAX } from "../../base/limits.ts";
import type { Chain } from "../../chain/chain.ts";
import type { ConsensusRules } from "../../chain/rules.ts";
import type { LedgerView } from "../../chain/state/ledger-view.ts";
import { maturingKey } from "../../chain/state/state-keys.ts";
import type { AccountAnswer } from "../../rpc/api.ts";
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

/** What the last blocks minted for this account: one key a block. */
export function maturingOf(
  rules: ConsensusRules,
  view: LedgerView,
  top: bigint,
  address: Address,
): AccountAnswer["maturing"] {
  if (rules.kind === "final" || rules.rewards.maturity > MATURING_SCANNED_MAX) return undefined;
  const { maturity } = rules.rewards;
  let sum = 0n;
  let nextHeight: bigint | undefined;
  for (let age = 0; age < maturity && BigInt(age) < top; age++) {
    const entry = view.get(maturingKey(top - BigInt(age)));
    if (entry === undefined || !equalBytes(entry.subarray(0, 32), address)) continue;
    sum += new DataView(entry.buffer, entry.byteOffset).getBigUint64(32);
    nextHeight = top - BigInt(age) + BigInt(maturity);
  }
  return { sum, nextHeight };
}
