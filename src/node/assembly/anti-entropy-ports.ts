/**
 * Joins anti-entropy to the chain and the pool of a replica: what it may read and where it puts what it fetched. How
 * blocks are fetched, and from whom, is said by the assembly of the mode.
 */
import type { Verdict } from "../../base/fault.ts";
import type { AdmissionCode } from "../../mempool/admission.ts";
import { ANTI_ENTROPY, AntiEntropy, type AntiEntropyPorts } from "../../p2p/sync/anti-entropy.ts";
import type { SyncProgress } from "../../p2p/sync/catch-up.ts";
import type { AdmittedTransaction } from "../../p2p/sync/pool-repair.ts";
import { encodedBlocks } from "../ingress/served-blocks.ts";
import type { ModeContext } from "./mode-parts.ts";

/** What the mode says to it: how blocks are fetched, and which peers come first. */
export type RepairOfMode = Pick<AntiEntropyPorts, "mode" | "compared" | "chosen" | "believedHeight">;

/** Heights behind the heaviest known header from which on no block is mined: it would be lost for sure. */
const FAR_BEHIND = 144n;

/** Whether this node has most of the chain still to fetch. */
export function isFarBehind(progress: SyncProgress | undefined): boolean {
  return progress !== undefined && progress.target - progress.current > FAR_BEHIND;
}

function admittedAs(verdict: Verdict<unknown, AdmissionCode>): AdmittedTransaction {
  if (verdict.ok || verdict.fault.code === "TX_DUPLICATE") return "held";
  return verdict.fault.code === "TX_NONCE_GAP" ? "refused-early" : "refused";
}

export function createAntiEntropy(context: ModeContext, ofMode: RepairOfMode): AntiEntropy {
  const { chain, pool, intervalMs } = context;
  const { scheduler, log, network, jitter } = context.ports;
  return new AntiEntropy(
    { ...ANTI_ENTROPY, intervalMs },
    {
      scheduler,
      logger: log,
      jitter,
      selfId: network.peerId,
      ...ofMode,
      peers: () => network.peers().map((peer) => peer.peerId),
      request: (peerId, question) => network.request(peerId, question),
      reportFault: (peerId, detail) => network.reportFault(peerId, detail),
      noteHeight: (peerId, height) => network.noteHeight(peerId, height),
      broughtBlocks: (peerId) => network.brought?.(peerId, "block"),
      ledger: {
        lowestBody: () => chain.store.lowestBody(),
        head: () => ({ height: chain.head.summary.height, hash: chain.head.hash }),
        serveBlocks: async (from, bytesMax) => encodedBlocks(chain, from, bytesMax),
        importBlock: async (bytes, from, isLast) => {
          chain.store.isWaitedFor = isLast || context.isMember();
          try {
            return await context.importFetched(bytes, from);
          } finally {
            chain.store.isWaitedFor = true;
          }
        },
      },
      pool: {
        hashes: (ageMsMin, feeMin) => pool.offered(scheduler.now() - ageMsMin, feeMin),
        held: () => pool.hashes(),
        entryPrice: () => pool.status().minFeeToEnter,
        fetch: (hash) => pool.getByHash(hash)?.bytes,
        admit: async (envelope) => admittedAs(context.admit(envelope)),
      },
    },
  );
}
