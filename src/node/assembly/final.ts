/**
 * The assembly where blocks are final once they are sealed: they are fetched by height, announced by their proposers
 * with a certificate each, and the height to believe is what f+1 validators tell.
 */
import { assert } from "../../base/assert.ts";
import type { Hash } from "../../base/bytes.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { heightOfValidators } from "../ingress/believed-height.ts";
import { judgeFinalAnnouncement } from "../ingress/final-announcements.ts";
import { PoolAging } from "../ingress/pool-aging.ts";
import type { PeerView } from "../ports.ts";
import { createAntiEntropy } from "./anti-entropy-ports.ts";
import type { ModeContext, ModeParts } from "./mode-parts.ts";

export function assembleFinal(context: ModeContext): ModeParts {
  const { chain, pool, passedOn, transitions, ports } = context;
  const { log, scheduler } = ports;
  const believedHeight = () => heightOfValidators(context.seatedPeers(), context.validatorCount());
  const repair = createAntiEntropy(context, {
    mode: { kind: "final" },
    believedHeight,
    chosen: () => new Set(provenValidators(context.seatedPeers())),
  });
  const aging = new PoolAging(pool, scheduler);
  const announcements = {
    chain,
    log,
    pool,
    passedOn,
    transitions,
    announced: (peerId: string, height: bigint, hash: Hash) => repair.announced(peerId, height, hash),
    importBlock: (sealed: SealedBlock) => context.importAnnounced(sealed),
  };
  return {
    repair,
    judgeBlock: (peerId, bytes) => judgeFinalAnnouncement(announcements, peerId, bytes),
    // Certificates differ from node to node: one publisher, and anti-entropy for what it misses.
    isOwn: ({ sealed }) => context.isProposer(sealed.block),
    believedHeight,
    reorganised() {
      assert(false, "a block that is final was abandoned");
    },
    start() {
      repair.start();
      aging.start();
    },
    stop() {
      repair.stop();
      aging.stop();
    },
  };
}

/** Whom others must not keep waiting. */
function provenValidators(peers: readonly PeerView[]): string[] {
  return peers.flatMap(({ peerId, validator }) => (validator === undefined ? [] : [peerId]));
}
