/** What the port to the node says of the mode of its chain: no method asks whether a field is there. */
import type { BranchesApi } from "./api.ts";

/** The mode of a chain, as the chain itself tells it (chain/chain-mode.ts). */
export type ChainModeApi = { readonly kind: "final" } | ForkableApi;

export interface ForkableApi {
  readonly kind: "forkable";
  /** The branches, and the work behind them. */
  readonly branches: BranchesApi;
  /** The number of blocks on top of a block that make this node call it final. */
  readonly finalityDepth: number;
}
