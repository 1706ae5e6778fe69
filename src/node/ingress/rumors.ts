/**
 * What a rumor is worth: a transaction goes through the pool's admission, an announcement of a committed block becomes a
 * block again with the transactions of the pool and is imported (one of a block that can be
 * abandoned is announcements.ts's matter), evidence of equivocation is verified. The answer says whether to pass it
 * on; `reject` only for what is wrong on every node (decision 3, decision 7).
 */
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import type { Relay, Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import type { Chain } from "../../chain/chain.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { sha256 } from "../../crypto/hash.ts";
import { type AdmissionCode, RELAY_OF_FAULT } from "../../mempool/admission.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import { type BlockAnnouncement, decodeAnnouncement } from "../../p2p/transport/wire.ts";
import type { RumorTopic } from "../ports.ts";
import { type Announcements, isOld } from "./announcements.ts";
import type { PassedOn } from "./passed-on.ts";

export interface RumorPorts {
  readonly chain: Chain;
  readonly log: Logger;
  readonly pool: Pick<Mempool, "getByHash" | "isExecutable">;
  /** Offers an envelope to the pool. */
  admit(envelope: Uint8Array): Verdict<SignedTransaction, AdmissionCode>;
  /** The peer's transaction is new here and can run. */
  brought(): void;
  /** A peer holds this block. */
  announced(peerId: string, height: bigint, hash: Hash): void;
  readonly passedOn: PassedOn;
  /** Undefined where announced blocks are final. */
  readonly announcements: Announcements | undefined;
  importBlock(sealed: SealedBlock): Promise<void>;
  judgeEvidence(peerId: string, bytes: Uint8Array): Relay;
}

export async function judgeRumor(
  ports: RumorPorts,
  topic: RumorTopic,
  peerId: string,
  bytes: Uint8Array,
): Promise<Relay> {
  switch (topic) {
    case "transactions":
      return judgeTransaction(ports, bytes);
    case "blocks":
      return ports.announcements?.judge(peerId, bytes) ?? judgeFinal(ports, peerId, bytes);
    case "evidence":
      return ports.judgeEvidence(peerId, bytes);
  }
}

function judgeTransaction(ports: RumorPorts, envelope: Uint8Array): Relay {
  const admitted = ports.admit(envelope);
  const relay = relayOfAdmission(ports.pool, ports.passedOn, envelope, admitted);
  if (admitted.ok && relay === "accept") ports.brought();
  return relay;
}

/**
 * Passes on what can run, once, whichever way it came first. What waits for an earlier nonce is passed on when it can
 * run; what is known with another signature was not verified.
 */
export function relayOfAdmission(
  pool: Pick<Mempool, "getByHash" | "isExecutable">,
  passedOn: PassedOn,
  envelope: Uint8Array,
  admitted: Verdict<SignedTransaction, AdmissionCode>,
): Relay {
  if (!admitted.ok && admitted.fault.code !== "TX_DUPLICATE") return RELAY_OF_FAULT[admitted.fault.code];
  const held = admitted.ok ? admitted.value : pool.getByHash(sha256(envelope));
  return held !== undefined && pool.isExecutable(held) ? passedOn.transaction(held) : "ignore";
}

async function judgeFinal(ports: RumorPorts, peerId: string, bytes: Uint8Array): Promise<Relay> {
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
  ports: RumorPorts,
  { head, seal, transactionHashes }: BlockAnnouncement,
): SealedBlock | undefined {
  const transactions: SignedTransaction[] = [];
  for (const hash of transactionHashes) {
    const transaction = ports.pool.getByHash(hash);
    if (transaction === undefined) return undefined;
    transactions.push(transaction);
  }
  return { block: { ...head, transactions }, seal };
}
