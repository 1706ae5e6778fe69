/**
 * The assembly where blocks can be abandoned: they are fetched by branches, announced by whoever mined them, and the
 * height to believe is that of the heaviest known header.
 */
import type { Branches } from "../../chain/forks/branches.ts";
import { ANTI_ENTROPY, type AntiEntropy } from "../../p2p/sync/anti-entropy.ts";
import { BranchPeer } from "../../p2p/sync/branch-peer.ts";
import { Announcements } from "../ingress/announcements.ts";
import { BlockIngress } from "../ingress/block-ingress.ts";
import { PoolAging } from "../ingress/pool-aging.ts";
import { ReorgedTransactions } from "../ingress/reorged-transactions.ts";
import { SlowSignatures } from "../ingress/slow-signatures.ts";
import type { PeerView } from "../ports.ts";
import { createAntiEntropy } from "./anti-entropy-ports.ts";
import type { ModeContext, ModeParts } from "./mode-parts.ts";

export function assembleForkable(context: ModeContext, branches: Branches): ModeParts {
  const { network, scheduler } = context.ports;
  const believedHeight = () => branches.tree.bestHeader()?.head.summary.height;
  const ingress = createIngress(context, branches);
  const repair = createAntiEntropy(context, {
    mode: { kind: "forkable", branches: ingress },
    believedHeight,
    chosen: () => chosenOf(network.peers()),
    compared: () => comparedWith(network.peers()).map((peer) => peer.peerId),
  });
  const announcements = createAnnouncements(context, branches, ingress, repair);
  const reorged = createReorged(context, repair);
  const aging = new PoolAging(context.pool, scheduler);
  return {
    repair,
    judgeBlock: (peerId, bytes) => announcements.judge(peerId, bytes),
    // It is announced where it was mined or handed in; what was taken in from others, gossip has forwarded.
    isOwn: ({ reorg }) => !ingress.isTakingIn && reorg === undefined,
    believedHeight,
    reorganised: (left) => reorged.add(left),
    start() {
      repair.start();
      aging.start();
    },
    stop() {
      for (const part of [repair, aging, reorged, announcements, ingress]) part.stop();
    },
  };
}

function createReorged({ pool, ports }: ModeContext, repair: AntiEntropy): ReorgedTransactions {
  return new ReorgedTransactions({
    scheduler: ports.scheduler,
    isSyncing: () => repair.progress() !== undefined,
    pooled: (hash) => {
      const transaction = pool.getByHash(hash);
      return transaction !== undefined && pool.isExecutable(transaction) ? transaction.bytes : undefined;
    },
    publish: (envelope) => ports.network.publish("transactions", envelope),
  });
}

/** Nobody may refuse a block that was mined for what its signatures cost: where there are threads, one bears it. */
function createIngress({ chain, signatures, ports }: ModeContext, branches: Branches): BlockIngress {
  const { verifier, log } = ports;
  const slowSignatures = verifier && new SlowSignatures({ signatures, verifier, log });
  return new BlockIngress({ chain, branches, slowSignatures, ...ports });
}

/** @param repair fetches what an announced block rests on. */
function createAnnouncements(
  context: ModeContext,
  branches: Branches,
  ingress: BlockIngress,
  repair: AntiEntropy,
): Announcements {
  const { chain, pool, ports } = context;
  const { scheduler, log, network } = ports;
  const asker = {
    scheduler,
    logger: log,
    request: (peerId: string, question: Uint8Array) => network.request(peerId, question),
    reportFault: (peerId: string, detail: string) => network.reportFault(peerId, detail),
  };
  return new Announcements({
    chain,
    branches,
    ingress,
    scheduler,
    log,
    pooled: (hash) => pool.getByHash(hash)?.bytes,
    advertised: (peerId, height, hash) => repair.announced(peerId, height, hash),
    brought: (peerId) => network.brought?.(peerId, "block"),
    others: (peerId) => {
      const views = network.peers();
      const chosen = chosenOf(views);
      const ids = views.map((peer) => peer.peerId).filter((id) => id !== peerId);
      return [...ids.filter((id) => chosen.has(id)), ...ids.filter((id) => !chosen.has(id))];
    },
    ask: async (peerId, hash, indexes) => {
      const peer = new BranchPeer(peerId, ANTI_ENTROPY.catchUp, asker);
      return (await peer.ask({ kind: "block-transactions", hash, indexes }))?.envelopes;
    },
    reportFault: asker.reportFault,
  });
}

/** Whom others must not keep waiting: those that this node dialled itself. */
function chosenOf(peers: readonly PeerView[]): ReadonlySet<string> {
  return new Set(peers.filter(isChosen).map(({ peerId }) => peerId));
}

/**
 * With whom a node compares itself in turn: those that it chose itself, as long as there are any. Strangers who dial
 * in in numbers must not fill its rounds (pow.md 2.9). They ask in their own rounds.
 */
function comparedWith(peers: readonly PeerView[]): readonly PeerView[] {
  const chosen = peers.filter(({ direction }) => direction === "outbound");
  return chosen.length > 0 ? chosen : peers;
}

function isChosen({ validator, direction }: PeerView): boolean {
  return validator !== undefined || direction === "outbound";
}
