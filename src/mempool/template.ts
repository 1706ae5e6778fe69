/**
 * Which transactions a proposer puts into its next block. Where validators take turns, a quarter of the block goes in
 * order of arrival, so that the longest waiting is always served whatever it pays, the rest by fee (pbft.md 1.14). A
 * miner owes nobody a place: its blocks go by fee alone, or free transactions would take the place of those that
 * pay. Per sender in order of nonces from the parent's state on, which skips what uncommitted parents hold already (pipelining). It looks
 * at as many sender queues as it needs, not at the pool.
 */
import { TEMPLATE_MISFITS_MAX } from "../base/limits.ts";
import type { GenesisLimits } from "../chain/genesis/genesis.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { HeadState } from "./admission.ts";
import { IndexedHeap } from "./heap.ts";
import { arrivedBefore, firstOf, paysMore } from "./pool-index.ts";
import type { QueueEntry, SenderQueue } from "./sender-queue.ts";

/** What of the pool a selection reads. */
export interface ReadyQueues {
  queuesByArrival(): Iterator<SenderQueue, undefined>;
  queuesByFee(): Iterator<SenderQueue, undefined>;
}

export interface TemplateLimits extends Pick<GenesisLimits, "maxBlockBytes" | "maxBlockTransactions"> {
  /** Share of the block that goes in order of arrival, 0 to 1; {@link FAIR_ARRIVAL_SHARE} where left out. */
  readonly arrivalShare?: number;
}

/** The share of a validator's block that is filled by arrival: validators owe each waiting transaction a place (pbft.md 1.14). */
export const FAIR_ARRIVAL_SHARE = 0.25;

/**
 * Selects the body of a block on top of `parent`; senders' transactions stand in the order of their nonces and each
 * is payable on the parent's state. A sender queue ranks by its first transaction in the pool, also where a parent holds it.
 * @param parent the state after the parent block, committed or not, at the parent's height.
 */
export function selectTransactions(
  pool: ReadyQueues,
  parent: HeadState,
  limits: TemplateLimits,
): SignedTransaction[] {
  const selection = new Selection(parent, limits);
  const { arrivalShare = FAIR_ARRIVAL_SHARE } = limits;
  if (arrivalShare > 0) selection.fill(pool.queuesByArrival(), arrivedBefore, arrivalShare);
  selection.fill(pool.queuesByFee(), paysMore, 1);
  return selection.chosen;
}

/** How far a sender queue has been used for this block. */
interface QueueCursor {
  readonly senderQueue: SenderQueue;
  /** The sender queue's next entry. */
  entry: QueueEntry;
  /** What the sender's balance still covers. */
  unspent: bigint;
}

class Selection {
  readonly chosen: SignedTransaction[] = [];
  readonly #parent: HeadState;
  readonly #limits: TemplateLimits;
  /** Every sender queue that was looked at. It maps to undefined once it has nothing more for this block. */
  readonly #cursors = new Map<SenderQueue, QueueCursor | undefined>();
  #bytes = 0;
  #misfits = 0;

  constructor(parent: HeadState, limits: TemplateLimits) {
    this.#parent = parent;
    this.#limits = limits;
  }

  /** Adds the first by `before` again and again until `share` of the block is used or nothing is left. */
  fill(
    senderQueues: Iterator<SenderQueue, undefined>,
    before: (a: QueueEntry, b: QueueEntry) => boolean,
    share: number,
  ): void {
    const open = new IndexedHeap<QueueCursor>((a, b) => before(a.entry, b.entry));
    for (const cursor of this.#cursors.values()) if (cursor !== undefined) open.add(cursor);
    let fresh = this.#nextFresh(senderQueues);
    while (!this.#isFilled(share)) {
      const cursor = open.top();
      if (fresh !== undefined && (cursor === undefined || before(firstOf(fresh), cursor.entry))) {
        const begun = this.#begin(fresh);
        if (begun !== undefined) open.add(begun);
        fresh = this.#nextFresh(senderQueues);
      } else if (cursor !== undefined) {
        open.remove(cursor);
        if (this.#take(cursor)) open.add(cursor);
      } else {
        return;
      }
    }
  }

  #isFilled(share: number): boolean {
    const { maxBlockBytes, maxBlockTransactions } = this.#limits;
    return (
      this.chosen.length >= maxBlockTransactions * share ||
      this.#bytes >= maxBlockBytes * share ||
      this.#misfits >= TEMPLATE_MISFITS_MAX
    );
  }

  #nextFresh(senderQueues: Iterator<SenderQueue, undefined>): SenderQueue | undefined {
    for (;;) {
      const { value: senderQueue } = senderQueues.next();
      if (senderQueue === undefined || !this.#cursors.has(senderQueue)) return senderQueue;
    }
  }

  /** Opens a sender queue at the parent's nonce. */
  #begin(senderQueue: SenderQueue): QueueCursor | undefined {
    const account = this.#parent.account(senderQueue.sender);
    const entry = account === undefined ? undefined : senderQueue.at(account.nonce);
    const cursor =
      account === undefined || entry === undefined
        ? undefined
        : { senderQueue, entry, unspent: account.balance };
    const usable = cursor !== undefined && this.#isUsable(cursor) ? cursor : undefined;
    this.#cursors.set(senderQueue, usable);
    return usable;
  }

  #isUsable({ entry, unspent }: QueueCursor): boolean {
    const { validUntilHeight } = entry.transaction;
    const inTime = validUntilHeight === 0n || validUntilHeight > this.#parent.height;
    return inTime && entry.cost <= unspent;
  }

  /** Chooses the cursor's entry if it fits; returns whether the sender queue has another for this block. */
  #take(cursor: QueueCursor): boolean {
    const { transaction, cost } = cursor.entry;
    const following = cursor.senderQueue.at(transaction.nonce + 1n);
    const fits = this.#bytes + transaction.bytes.length <= this.#limits.maxBlockBytes;
    if (fits) {
      this.chosen.push(transaction);
      this.#bytes += transaction.bytes.length;
    } else {
      this.#misfits++;
    }
    if (fits && following !== undefined) {
      cursor.entry = following;
      cursor.unspent -= cost;
      if (this.#isUsable(cursor)) return true;
    }
    this.#cursors.set(cursor.senderQueue, undefined);
    return false;
  }
}
