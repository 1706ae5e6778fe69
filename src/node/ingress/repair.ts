/**
 * Joins repair to the chain and the pool of a replica: what anti-entropy may read and where it puts what it fetched.
 * Which way blocks are fetched follows from their finality: with branches by heads and bodies, without by height.
 */

import type { Verdict } from "../../base/fault.ts";
import type { Chain } from "../../chain/chain.ts";
import type { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { AdmissionCode } from "../../mempool/admission.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import { ANTI_ENTROPY, AntiEntropy } from "../../p2p/sync/anti-entropy.ts";
import { BranchPeer } from "../../p2p/sync/branch-peer.ts";
import type { ImportOutcome, SyncProgress } from "../../p2p/sync/catch-up.ts";
import type { AdmittedTransaction } from "../../p2p/sync/pool-repair.ts";
import type { PeerView } from "../ports.ts";
import type { ReplicaPorts } from "../replica-ports.ts";
import { Announcements } from "./announcements.ts";
import { BlockIngress } from "./block-ingress.ts";
import { PoolAging } from "./pool-aging.ts";
import { ReturnedTransactions } from "./reorged-transactions.ts";
import { encodedBlocks } from "./served-blocks.ts";
import { SlowSignatures } from "./slow-signatures.ts";

export interface RepairedParts {
  readonly chain: Chain;
  readonly pool: Mempool;
  readonly signatures: AcceptedSignatures;
  readonly ports: ReplicaPorts;
  /** The height that this node has reason to believe; undefined when it has none. */
  believedHeight(): bigint | undefined;
  /** Between two comparisons, ms; 0 = none. */
  readonly intervalMs: number;
  /** A block that is final. */
  importBlock(bytes: Uint8Array, from: string): Promise<ImportOutcome>;
  /** An envelope for the pool. */
  admit(envelope: Uint8Array): Verdict<unknown, AdmissionCode>;
}

export interface Repair {
  readonly repair: AntiEntropy;
  /** Where blocks can be abandoned: how branches come in, and what announcements of them are worth. */
  readonly ingress: BlockIngress | undefined;
  readonly announcements: Announcements | undefined;
  /** What abandoned branches gave back to the pool. */
  readonly returned: ReturnedTransactions;
  start(): void;
  stop(): void;
}

/** Heights behind the heaviest known header from which on no block is mined: it would be lost for sure. */
const FAR_BEHIND = 144n;

/** Whether this node has most of the chain still to fetch. */
export function isFarBehind(progress: SyncProgress | undefined): boolean {
  return progress !== undefined && progress.target - progress.current > FAR_BEHIND;
}

export function createRepair(parts: RepairedParts): Repair {
  const { chain } = parts;
  const ingress = chain.branches === undefined ? undefined : createIngress(parts);
  const repair = createAntiEntropy(parts, ingress);
  const announcements = ingress === undefined ? undefined : createAnnouncements(parts, ingress, repair);
  const returned = createReturned(parts, repair);
  const aging = new PoolAging(parts.pool, parts.ports.scheduler);
  const start = () => {
    for (const part of [repair, aging]) part.start();
  };
  const stop = () => {
    for (const part of [repair, aging, returned, announcements, ingress]) part?.stop();
  };
  return { repair, ingress, announcements, returned, start, stop };
}

function admittedAs(verdict: Verdict<unknown, AdmissionCode>): AdmittedTransaction {
  if (verdict.ok || verdict.fault.code === "TX_DUPLICATE") return "held";
  return verdict.fault.code === "TX_NONCE_GAP" ? "refused-early" : "refused";
}

function createReturned({ pool, ports }: RepairedParts, repair: AntiEntropy): ReturnedTransactions {
  return new ReturnedTransactions({
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
function createIngress({ chain, signatures, ports }: RepairedParts): BlockIngress {
  const { slowVerifier, log } = ports;
  const slowSignatures = slowVerifier && new SlowSignatures({ signatures, slowVerifier, log });
  return new BlockIngress({ chain, slowSignatures, ...ports });
}

function createAntiEntropy(parts: RepairedParts, branches: BlockIngress | undefined): AntiEntropy {
  const { chain, pool, intervalMs } = parts;
  const { scheduler, log, network, jitter } = parts.ports;
  return new AntiEntropy(
    { ...ANTI_ENTROPY, intervalMs },
    {
      scheduler,
      logger: log,
      jitter,
      selfId: network.peerId,
      branches,
      peers: () => network.peers().map((peer) => peer.peerId),
      compared: () => comparedWith(network.peers(), branches !== undefined).map((peer) => peer.peerId),
      believedHeight: () => parts.believedHeight(),
      chosen: () => chosenOf(network.peers(), branches !== undefined),
      request: (peerId, question) => network.request(peerId, question),
      reportFault: (peerId, detail) => network.reportFault(peerId, detail),
      noteHeight: (peerId, height) => network.noteHeight(peerId, height),
      broughtBlocks: (peerId) => network.brought?.(peerId, "block"),
      ledger: {
        head: () => ({ height: chain.head.summary.height, hash: chain.head.hash }),
        serveBlocks: async (from, bytesMax) => encodedBlocks(chain, from, bytesMax),
        importBlock: (bytes, from) => parts.importBlock(bytes, from),
      },
      pool: {
        hashes: (ageMsMin, feeMin) => pool.offered(scheduler.now() - ageMsMin, feeMin),
        held: () => pool.hashes(),
        entryPrice: () => pool.status().minFeeToEnter,
        fetch: (hash) => pool.getByHash(hash)?.bytes,
        admit: async (envelope) => admittedAs(parts.admit(envelope)),
      },
    },
  );
}

/** @param repair fetches what an announced block rests on */
function createAnnouncements(
  parts: RepairedParts,
  ingress: BlockIngress,
  repair: AntiEntropy,
): Announcements {
  const { chain, pool, ports } = parts;
  const { scheduler, log, network } = ports;
  const asker = {
    scheduler,
    logger: log,
    request: (peerId: string, question: Uint8Array) => network.request(peerId, question),
    reportFault: (peerId: string, detail: string) => network.reportFault(peerId, detail),
  };
  return new Announcements({
    chain,
    ingress,
    scheduler,
    log,
    pooled: (hash) => pool.getByHash(hash)?.bytes,
    told: (peerId, height, hash) => repair.announced(peerId, height, hash),
    brought: (peerId) => network.brought?.(peerId, "block"),
    others: (peerId) => {
      const views = network.peers();
      const chosen = chosenOf(views, true);
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

/** Whom others must not keep waiting: proven validators, and where anyone may connect, whom this node dialled. */
function chosenOf(peers: readonly PeerView[], isOpen: boolean): ReadonlySet<string> {
  const chosen = peers.filter(
    (peer) => peer.validator !== undefined || (isOpen && peer.direction === "outbound"),
  );
  return new Set(chosen.map(({ peerId }) => peerId));
}

/**
 * With whom a node compares itself in turn. Where anyone may connect, those that it chose itself, as long as there are
 * any: strangers who dial in in numbers must not fill its rounds (pow.md 2.9). They ask in their own rounds.
 */
function comparedWith(peers: readonly PeerView[], isOpen: boolean): readonly PeerView[] {
  const chosen = isOpen ? peers.filter(({ direction }) => direction === "outbound") : [];
  return chosen.length > 0 ? chosen : peers;
}
