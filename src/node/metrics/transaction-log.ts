/**
 * Log lines that follow each transaction through this node, where they are asked for (`log.level` "info,tx=debug"): from
 * RPC or a peer into the pool, out of it, into a block. Each has the transaction's id in its field `tx`, which is the same at every
 * node, in the answer of tx_send and in traces, so that one search through the logs of all nodes shows its whole way.
 */
import { hex0x, showHash } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import { type Logger, logsTransactions } from "../../base/log.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { decodeTransaction, type SignedTransaction } from "../../chain/types/transaction.ts";
import type { PoolEvent } from "../../mempool/pool-ports.ts";

interface Subscribable<T> {
  subscribe(listener: (event: T) => void): () => void;
}

export interface FollowedEvents {
  readonly pool: Subscribable<PoolEvent>;
  readonly heads: Subscribable<{ readonly sealed: SealedBlock }>;
}

/** @param isByRpc whether a user's transaction is being taken at this moment */
export function followTransactions(events: FollowedEvents, logger: Logger, isByRpc: () => boolean): void {
  events.pool.subscribe((event) => {
    if (!logsTransactions(logger)) return;
    const { id, from: sender, nonce } = event.transaction;
    const fields = { tx: hex0x(id), sender: hex0x(sender), nonce };
    if (event.kind === "dropped")
      logger.log("debug", "tx", "left the pool", { ...fields, reason: event.reason });
    else logger.log("debug", "tx", "taken into the pool", { ...fields, from: isByRpc() ? "rpc" : "peers" });
  });
  events.heads.subscribe(({ sealed: { block } }) => {
    if (!logsTransactions(logger)) return;
    const fields = { height: block.summary.height, block: showHash(block.hash) };
    for (const { id } of block.transactions)
      logger.log("debug", "tx", "in a block", { tx: hex0x(id), ...fields });
  });
}

/** A peer's gossip brought a transaction that was new here. */
export function logFromPeer(logger: Logger, peer: string, { id }: SignedTransaction): void {
  if (logsTransactions(logger)) logger.log("debug", "tx", "received from a peer", { tx: hex0x(id), peer });
}

/** What a user sent is refused. Bytes that are no transaction have no id. */
export function logRefused(
  logger: Logger,
  bytes: Uint8Array,
  { code, detail }: Fault,
  bytesMax: number,
): void {
  if (!logsTransactions(logger)) return;
  const decoded = decodeTransaction(bytes, bytesMax);
  const tx = decoded.ok ? hex0x(decoded.value.id) : undefined;
  logger.log("debug", "tx", "refused", { tx, fault: code, detail });
}
