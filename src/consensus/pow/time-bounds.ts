/**
 * Time under proof of work: the lower bound is the median of the last eleven blocks and part of validity; the upper
 * bound is a matter of the local clock, hence temporary, and never makes a block invalid. A block may be older than
 * its parent. Times are u32 seconds since the Unix epoch; no clock is read here. Source: pow.md 2.4.
 */

import { must } from "../../base/assert.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import type { Header } from "../../chain/types/block.ts";

/**
 * A branch as the rules look back at it, from the parent of the block that is judged or made: an Ancestry, or less,
 * since times and bits are all they read.
 */
export interface Past {
  /** The height of the parent. */
  readonly height: bigint;
  headerAt(height: bigint): Pick<Header, "time" | "bits">;
}

/** How many blocks the median is taken of. */
export const MEDIAN_SPAN = 11;

/**
 * The median time of the last eleven blocks, the parent included, or of all where there are fewer. In
 * seconds.
 */
export function medianTimePast(past: Past): number {
  const times: number[] = [];
  for (let height = past.height; height >= 0n && times.length < MEDIAN_SPAN; height--) {
    insert(times, past.headerAt(height).time);
  }
  return must(times[times.length >> 1], "a branch has a block");
}

/** Into an ascending list: faster than sorting eleven numbers at the end (measured), and a check does it per header. */
function insert(times: number[], time: number): void {
  let at = times.push(time) - 1;
  for (; at > 0; at--) {
    const before = times[at - 1];
    if (before === undefined || before <= time) break;
    times[at] = before;
  }
  times[at] = time;
}

/**
 * The local clock, in seconds, from which a block of this time is no longer early. Until then it is kept and tried
 * again, or dropped; it is never called invalid, since the answer would depend on when one asks.
 */
export function dueAt(time: number, parameters: Pick<PowParameters, "futureLimit">): number {
  return time - parameters.futureLimit;
}
