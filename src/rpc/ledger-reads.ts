/** Reads of the committed ledger beyond single keys, as JSON-RPC asks for them. These are shapes alone. */
import type { BlockHead } from "../chain/types/block.ts";

export interface LedgerReads {
  /**
   * A page of the state tree (chain/state/state-page.ts) by its id, undefined when there is none, and the
   * block it belongs to.
   */
  treePage(id: string): { readonly page: Uint8Array | undefined; readonly at: BlockHead };
  /** Entries of the state whose keys are from one on (included) up to another (not included), ascending. */
  entries(range: {
    readonly from: Uint8Array;
    readonly to: Uint8Array;
    readonly limit: number;
  }): Promise<readonly LedgerEntry[]>;
}

export interface LedgerEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
