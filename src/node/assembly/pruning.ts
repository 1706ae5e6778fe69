/** What a pruned node's pruner is given: what the configuration keeps, and what the node itself may still need. */
import type { Logger } from "../../base/log.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { DiskKv } from "../../storage/kv.ts";
import type { EventIndex } from "../event-index/event-index.ts";
import type { Config } from "../home/config.ts";
import type { Replica } from "../replica.ts";
import type { KeptSnapshots } from "../snapshot/kept-snapshots.ts";
import { SNAPSHOT_LATE_MAX } from "../snapshot/snapshot-maker.ts";
import { Pruner } from "../stored-chain/pruner.ts";
import { systemScheduler } from "./system.ts";

/** Bodies that a mined chain's node keeps at least: a day of Bitcoin's blocks, beyond which nobody expects a change of branches. */
const MINED_BODIES_MIN = 144;

const HOUR_MS = 3_600_000;

interface PrunedNode {
  readonly home: { readonly genesis: Genesis };
  readonly config: Pick<Config, "storage" | "chain" | "snapshots">;
}

export interface PruningParts {
  readonly replica: Replica;
  readonly logger: Logger;
  readonly level: Pick<DiskKv, "compact">;
  readonly kept: KeptSnapshots | undefined;
  /** It keeps no more than the bodies. */
  readonly eventIndex: Pick<EventIndex, "pruneBelow"> | undefined;
}

/** Begins to prune, unless the node is an archive. @returns what ends it */
export function openPruner(
  { home: { genesis }, config: { storage, chain: settings, snapshots } }: PrunedNode,
  { replica, logger, level, kept, eventIndex }: PruningParts,
): () => Promise<void> | undefined {
  if (storage.mode === "archive") return () => undefined;
  const { chain, consensus } = replica;
  const isMined = genesis.validators.length === 0;
  // A mined chain's node tells blocks as final by their bodies, and undoes some for a snapshot; a validator's snapshot
  // holds its newest blocks.
  const forSnapshot = snapshots.depth + Number(SNAPSHOT_LATE_MAX) + 1;
  const bodiesMin = BigInt(
    isMined ? Math.max(MINED_BODIES_MIN, settings.finalityDepth + 1, forSnapshot) : consensus.recentHeads,
  );
  const pruner = new Pruner(
    { keepBlocks: storage.keepBlocks, keepMs: storage.keepHours * HOUR_MS },
    {
      chain,
      scheduler: systemScheduler,
      log: logger,
      floor: () => {
        const byMode = chain.head.summary.height - bodiesMin + 1n;
        // Whoever begins from a snapshot of this node fetches what follows it.
        const bySnapshot = kept?.newest === undefined ? byMode : kept.newest.height + 1n;
        return bySnapshot < byMode ? bySnapshot : byMode;
      },
      compact: () => level.compact(),
      pruned: async (lowestBody) => eventIndex?.pruneBelow(lowestBody),
    },
  );
  pruner.start();
  return () => pruner.stop();
}

/** A pruned node cannot undo what it has no undo data of: 0 is any depth. */
export function reorgDepthOf(maxReorgDepth: number, { mode, keepBlocks }: Config["storage"]): number {
  if (mode === "archive") return maxReorgDepth;
  const kept = Math.max(keepBlocks, MINED_BODIES_MIN) - 1;
  return maxReorgDepth === 0 ? kept : Math.min(maxReorgDepth, kept);
}
