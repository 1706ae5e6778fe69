/**
 * What an announced block is worth where blocks are final: its certificate is verified, it becomes a block again with
 * the transactions of the pool and is imported; what cannot be put together is fetched by repair. The answer says
 * whether to pass the announcement on; `reject` only for what is wrong on every node (decision 3, decision 7).
 */
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import type { Fault, Relay } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import type { Chain } from "../../chain/chain.ts";
import { type BlockHead, type SealedBlock, withBody } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import { type BlockAnnouncement, decodeAnnouncement } from "../../p2p/transport/wire.ts";
import { isOld } from "./announcements.ts";
import type { PassedOn } from "./passed-on.ts";

export interface FinalAnnouncementPorts {
  readonly chain: Chain;
  readonly log: Logger;
  readonly pool: Pick<Mempool, "getByHash">;
  readonly passedOn: PassedOn;
  /** Is told of what was refused. */
  readonly transitions: { refused(head: BlockHead, peerId: string, fault: Fault): void };
  /** A peer holds this block. */
  announced(peerId: string, height: bigint, hash: Hash): void;
  importBlock(sealed: SealedBlock): Promise<void>;
}

export async function judgeFinalAnnouncement(
  ports: FinalAnnouncementPorts,
  peerId: string,
  bytes: Uint8Array,
): Promise<Relay> {
  const decoded = decodeAnnouncement(bytes);
  if (!decoded.ok) return "reject";
  const { head, seal } = decoded.value;
  const { height } = head.summary;
  const { chain, passedOn } = ports;
  if (isOld(head, chain.head)) return "ignore";
  // Certificates differ, so the same block may come in many announcements.
  if (passedOn.hasBlock(head.hash)) return "known";
  // Also for a block that is here: whatever is accepted, all others are sent.
  const badSeal = chain.rules.verifySeal(head, seal);
  if (badSeal !== undefined) {
    const fields = { peer: peerId, height, hash: showHash(head.hash), fault: badSeal.code };
    ports.log.log("warn", "chain", "announced block refused", { ...fields, detail: badSeal.detail });
    ports.transitions.refused(head, peerId, badSeal);
    return "reject";
  }
  const known = chain.store.hashAt(height);
  if (known !== undefined && equalBytes(known, head.hash)) return passedOn.block(head.hash);
  const sealed = height === chain.head.summary.height + 1n ? assemble(ports, decoded.value) : undefined;
  if (sealed === undefined) ports.announced(peerId, height, head.hash);
  else await ports.importBlock(sealed);
  return passedOn.block(head.hash);
}

/** The whole block, if the pool holds every transaction of it. */
function assemble(
  ports: FinalAnnouncementPorts,
  { head, seal, transactionHashes }: BlockAnnouncement,
): SealedBlock | undefined {
  const transactions: SignedTransaction[] = [];
  for (const hash of transactionHashes) {
    const transaction = ports.pool.getByHash(hash);
    if (transaction === undefined) return undefined;
    transactions.push(transaction);
  }
  return { block: withBody(head, transactions), seal };
}
