/**
 * Which transactions a proposer puts into its next block. Where validators take turns, a quarter of the block goes in
 * order of arrival, so that the longest waiting is always served whatever it pays, the rest by fee (pbft.md 1.14). A
 * miner owes nobody a place: its blocks go by fee alone, or free transactions would take the place of those that
 * pay. Per sender in order of nonces from the parent's state on, which skips what uncommitted parents hold already (pipelining). It looks
 * at as many lanes as it needs, not at the pool.
 */
import { TEMPLATE_MISFITS_MAX } from "../base/limits.ts";
import type { GenesisLimits } from "../chain/genesis.ts";
import type { SignedTransaction } from "../chain/transaction.ts";
import type { HeadState } from "./admission.ts";
import { IndexedHeap } from "./heap.ts";
import type { Entry, Lane } from "./lane.ts";
import { arrivedBefore, paysMore } from "./shelves.ts";

/** What of the pool a selection reads. */
export interface ReadyLanes {
  lanesByArrival(): Iterator<Lane, undefined>;
  lanesByFee(): Iterator<Lane, undefined>;
}

export interface TemplateLimits extends Pick<GenesisLimits, "maxBlockBytes" | "maxBlockTransactions"> {
  /** Share of the block that goes in order of arrival, 0 to 1; {@link FAIR_ARRIVAL_SHARE} where left out. */
  readonly arrivalShare?: number;
}

/** Of the blocks of validators, who owe each waiting transaction a place (pbft.md 1.14). */
export const FAIR_ARRIVAL_SHARE = 0.25;

/**
 * Selects the body of a block on top of `parent`; senders' transactions stand in the order of their nonces and each
 * is payable on the parent's state. A lane ranks by its first transaction in the pool, also where a parent holds it.
 * @param parent the state after the parent block, committed or not, at the parent's height.
 */
export function selectTransactions(
  pool: ReadyLanes,
  parent: HeadState,
  limits: TemplateLimits,
): SignedTransaction[] {
  const selection = new Selection(parent, limits);
  const { arrivalShare = FAIR_ARRIVAL_SHARE } = limits;
  if (arrivalShare > 0) selection.fill(pool.lanesByArrival(), arrivedBefore, arrivalShare);
  selection.fill(pool.lanesByFee(), paysMore, 1);
  return selection.chosen;
}

/** How far a lane has been used for this block. */
interface Walk {
  readonly lane: Lane;
  /** The lane's next entry. */
  entry: Entry;
  /** What the sender's balance still covers. */
  unspent: bigint;
}

class Selection {
  readonly chosen: SignedTransaction[] = [];
  readonly #parent: HeadState;
  readonly #limits: TemplateLimits;
  /** Every lane looked at; undefined once it has nothing more for this block. */
  readonly #walks = new Map<Lane, Walk | undefined>();
  #bytes = 0;
  #misfits = 0;

  constructor(parent: HeadState, limits: TemplateLimits) {
    this.#parent = parent;
    this.#limits = limits;
  }

  /** Adds the first by `before` again and again until `share` of the block is used or nothing is left. */
  fill(lanes: Iterator<Lane, undefined>, before: (a: Entry, b: Entry) => boolean, share: number): void {
    const open = new IndexedHeap<Walk>((a, b) => before(a.entry, b.entry));
    for (const walk of this.#walks.values()) if (walk !== undefined) open.add(walk);
    let fresh = this.#nextFresh(lanes);
    while (!this.#isFilled(share)) {
      const walk = open.top();
      if (fresh !== undefined && (walk === undefined || before(fresh.first!, walk.entry))) {
        const begun = this.#begin(fresh);
        if (begun !== undefined) open.add(begun);
        fresh = this.#nextFresh(lanes);
      } else if (walk !== undefined) {
        open.remove(walk);
        if (this.#take(walk)) open.add(walk);
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

  #nextFresh(lanes: Iterator<Lane, undefined>): Lane | undefined {
    for (;;) {
      const { value: lane } = lanes.next();
      if (lane === undefined || !this.#walks.has(lane)) return lane;
    }
  }

  /** Opens a lane at the parent's nonce. */
  #begin(lane: Lane): Walk | undefined {
    const account = this.#parent.account(lane.sender);
    const entry = account === undefined ? undefined : lane.at(account.nonce);
    const walk =
      account === undefined || entry === undefined ? undefined : { lane, entry, unspent: account.balance };
    const usable = walk !== undefined && this.#isUsable(walk) ? walk : undefined;
    this.#walks.set(lane, usable);
    return usable;
  }

  #isUsable({ entry, unspent }: Walk): boolean {
    const { validUntilHeight } = entry.transaction;
    const inTime = validUntilHeight === 0n || validUntilHeight > this.#parent.height;
    return inTime && entry.cost <= unspent;
  }

  /** Chooses the walk's entry if it fits; returns whether the lane has another for this block. */
  #take(walk: Walk): boolean {
    const { transaction, cost } = walk.entry;
    const following = walk.lane.at(transaction.nonce + 1n);
    const fits = this.#bytes + transaction.bytes.length <= this.#limits.maxBlockBytes;
    if (fits) {
      this.chosen.push(transaction);
      this.#bytes += transaction.bytes.length;
    } else {
      this.#misfits++;
    }
    if (fits && following !== undefined) {
      walk.entry = following;
      walk.unspent -= cost;
      if (this.#isUsable(walk)) return true;
    }
    this.#walks.set(walk.lane, undefined);
    return false;
  }
}
