/**
 * Whether the pool has a place for a newcomer, and if not, what its sender can do about it. It asks eviction.ts and
 * changes nothing.
 */
import { accept, refuse, type Verdict } from "../base/fault.ts";
import type { Candidate } from "./admission.ts";
import { type Holdings, type PoolBounds, planEviction } from "./eviction.ts";
import type { QueueEntry } from "./sender-queue.ts";

/** The shortest envelope: a pool with less room than this is full. */
export const ENVELOPE_BYTES_MIN = 132;

/** The place that a candidate gets: its entry, what it replaces and who leaves for it. */
export interface PoolPlace {
  readonly entry: QueueEntry;
  readonly replaced: QueueEntry | undefined;
  readonly victims: readonly QueueEntry[];
}

const NOBODY: readonly QueueEntry[] = [];

/** @param entry the candidate's, as it would stand in the pool. */
export function findPlace(
  pool: Holdings,
  candidate: Candidate,
  entry: QueueEntry,
  bounds: PoolBounds,
): Verdict<PoolPlace, "MEMPOOL_FULL"> {
  const { transaction, account, senderQueue } = candidate;
  const replaced = senderQueue?.at(transaction.nonce);
  if (hasRoom(pool, transaction.bytes.length, bounds)) return accept({ entry, replaced, victims: NOBODY });
  const pendingNonce = senderQueue?.pendingNonce ?? account.nonce;
  const plan = planEviction(pool, { entry, senderQueue, pendingNonce, replaced }, bounds);
  switch (plan.kind) {
    case "enters":
      return accept({ entry, replaced, victims: plan.victims });
    case "fee-too-low":
      return refuse("MEMPOOL_FULL", tooLow(pool, candidate, plan.leastFee, bounds));
    case "queue-full":
      return refuse("MEMPOOL_FULL", queueFull(pool, candidate, pendingNonce, bounds));
  }
}

/** Whether one more fits, executable or not: then nobody leaves, and no plan is made. */
function hasRoom(pool: Holdings, length: number, bounds: PoolBounds): boolean {
  const fits = pool.size < bounds.transactionsMax && pool.bytes + length <= bounds.bytesMax;
  return fits && pool.queued < bounds.queuedMax && pool.queuedBytes + length <= bounds.queuedBytesMax;
}

function tooLow(
  { size, bytes }: Holdings,
  { transaction: { fee }, senderQueue }: Candidate,
  least: bigint,
  { transactionsMax, bytesMax }: PoolBounds,
): string {
  const own = senderQueue?.leastFeeIn(0, senderQueue.executable);
  const before = own === undefined || own >= least ? "" : `, after ${own} at another nonce,`;
  return (
    `the pool is full (${size} of ${transactionsMax} transactions, ${bytes} of ${bytesMax} bytes) and fee ` +
    `${fee}${before} is too low for it; the least fee that enters is ${least}, for each of the sender's transactions ` +
    "up to this one; pay that or wait"
  );
}

function queueFull(
  { size, queued, queuedBytes }: Holdings,
  { transaction: { nonce } }: Candidate,
  pendingNonce: bigint,
  { transactionsMax, queuedMax, queuedBytesMax }: PoolBounds,
): string {
  return (
    `nonce ${nonce} has to wait for nonce ${pendingNonce}, and the pool has no room for another that waits (${queued} ` +
    `of ${queuedMax} waiting transactions, ${queuedBytes} of ${queuedBytesMax} bytes; ${size} of ${transactionsMax} in ` +
    `all), whatever it pays; send nonce ${pendingNonce} first, then this one again`
  );
}
