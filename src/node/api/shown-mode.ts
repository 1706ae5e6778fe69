/** What of the chain's mode is shown to callers: when a head is final, and why a transaction left the pool. */

import type { DropReason } from "../../mempool/pool-ports.ts";
import type { BlockEvent } from "../../rpc/api.ts";
import { EventTopic } from "../assembly/event-topic.ts";
import { DepthFinality, type FinalityPorts } from "../finality.ts";
import { ChainBranches } from "./branches-api.ts";

/** Blocks on top after which a block is called final, as most merchants of the first chain of this kind have it. */
const FINALITY_DEPTH = 6;

/** What of the mode is shown: a head is final when it is told, or its depth says so. */
export type ShownMode =
  | { readonly kind: "final"; readonly finalized: EventTopic<BlockEvent> }
  | { readonly kind: "forkable"; readonly branches: ChainBranches; readonly finality: DepthFinality };

export function shownModeOf(ports: FinalityPorts, depth = FINALITY_DEPTH): ShownMode {
  const { chain } = ports;
  if (chain.mode.kind === "final") return { kind: "final", finalized: new EventTopic() };
  const branches = new ChainBranches(chain, chain.mode);
  return { kind: "forkable", branches, finality: new DepthFinality(depth, ports) };
}

/** The pool's reasons in the words of tx_get. */
export const DROPPED_AS: Readonly<
  Record<Exclude<DropReason, "included">, "expired" | "replaced" | "evicted">
> = {
  stale: "replaced",
  replaced: "replaced",
  evicted: "evicted",
  unpayable: "evicted",
  barred: "evicted",
  expired: "expired",
  aged: "expired",
};
