/**
 * Who leaves a full pool for a newcomer, worked out before its signature is looked at and before anything moves.
 * The rule: the lane that holds the lowest fee gives its last transaction, of several such lanes the one whose last
 * is the youngest; again, until there is room. A last transaction is worth no more than the lowest fee before it,
 * since it can run only after that one; so a low fee cannot hide before a high one, and no lane gets a hole.
 */
import { IndexedHeap } from "./heap.ts";
import { type Entry, type Lane, leastFeeOf } from "./lane.ts";

export interface PoolBounds {
  readonly transactionsMax: number;
  readonly bytesMax: number;
}

/** What a plan reads of the pool. */
export interface Holdings {
  readonly size: number;
  readonly bytes: number;
  lane(sender: Entry["transaction"]["from"]): Lane | undefined;
  /** Lanes, the one that gives first first. */
  lanesByWorth(): Iterator<Lane, undefined>;
}

/**
 * Either who leaves, or a fee with which the newcomer would have stayed: the least such fee, or one more where it
 * would not be its lane's last.
 */
export type EvictionPlan =
  | { readonly enters: true; readonly victims: readonly Entry[] }
  | { readonly enters: false; readonly leastFee: bigint };

const NOBODY: EvictionPlan = { enters: true, victims: [] };

/**
 * @param replaced what the newcomer takes the place of; it leaves anyway and is not among the victims.
 */
export function planEviction(
  pool: Holdings,
  newcomer: Entry,
  replaced: Entry | undefined,
  bounds: PoolBounds,
): EvictionPlan {
  let count = pool.size + (replaced === undefined ? 1 : 0) - bounds.transactionsMax;
  let bytes = pool.bytes + lengthOf(newcomer) - lengthOf(replaced) - bounds.bytesMax;
  if (count <= 0 && bytes <= 0) return NOBODY;
  const order = victimsInOrder(pool, newcomer);
  const victims: Entry[] = [];
  let enters = true;
  let leastFee = 0n;
  while (count > 0 || bytes > 0) {
    const { value: victim } = order.next();
    if (victim === undefined) break; // unreachable while the bounds hold one transaction of any size
    if (victim.entry === newcomer) {
      enters = false;
      continue; // what it would have had to pay shows in who would leave next
    }
    victims.push(victim.entry);
    leastFee = victim.worth + 1n;
    count--;
    bytes -= lengthOf(victim.entry);
  }
  return enters ? { enters, victims } : { enters, leastFee };
}

/** Orders lanes, and lanes cut short, by who gives first. */
export function givesBefore(a: Cut, b: Cut): boolean {
  return a.leastFee !== b.leastFee ? a.leastFee < b.leastFee : a.last!.sequence > b.last!.sequence;
}

/** A lane as it would be after some of its last entries left. */
export interface Cut {
  readonly entries: readonly Entry[];
  readonly leastFee: bigint;
  readonly last: Entry | undefined;
}

interface Victim {
  readonly entry: Entry;
  readonly worth: bigint;
}

/** All entries and the newcomer, in the order in which they would leave. Worths only rise. */
function* victimsInOrder(pool: Holdings, newcomer: Entry): Generator<Victim, undefined> {
  const own = pool.lane(newcomer.transaction.from);
  const cuts = new IndexedHeap<Cut>(givesBefore);
  cuts.add(cutOf(withNewcomer(own?.entries ?? [], newcomer)));
  const lanes = pool.lanesByWorth();
  let fresh = nextOther(lanes, own);
  for (;;) {
    const cut = cuts.top();
    if (fresh !== undefined && (cut === undefined || givesBefore(fresh, cut))) {
      cuts.add({ entries: fresh.entries, leastFee: fresh.leastFee, last: fresh.last });
      fresh = nextOther(lanes, own);
    } else if (cut?.last !== undefined) {
      yield { entry: cut.last, worth: cut.leastFee };
      cuts.remove(cut);
      if (cut.entries.length > 1) cuts.add(cutOf(cut.entries.slice(0, -1)));
    } else {
      return undefined;
    }
  }
}

function nextOther(lanes: Iterator<Lane, undefined>, own: Lane | undefined): Lane | undefined {
  const { value: lane } = lanes.next();
  return lane !== undefined && lane === own ? lanes.next().value : lane;
}

function cutOf(entries: readonly Entry[]): Cut {
  return { entries, leastFee: leastFeeOf(entries), last: entries[entries.length - 1] };
}

/** The newcomer's lane with the newcomer in its place. */
function withNewcomer(entries: readonly Entry[], newcomer: Entry): readonly Entry[] {
  const { nonce } = newcomer.transaction;
  const below = entries.filter(({ transaction }) => transaction.nonce < nonce);
  const above = entries.filter(({ transaction }) => transaction.nonce > nonce);
  return [...below, newcomer, ...above];
}

function lengthOf(entry: Entry | undefined): number {
  return entry?.transaction.bytes.length ?? 0;
}
