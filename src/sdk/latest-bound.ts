/**
 * How high a block can have been that was final before validators were asked, by what they say of their COMMITs. Counts and
 * heights only; whose claims count is decided by the caller. The argument: docs/adr/0031-01.
 */
import { quorumOf } from "../consensus/pbft/quorum.ts";

/** So many of n validators have one among them that is correct and signed, whatever quorum it was. */
export function claimsNeeded(n: number): number {
  const { f, quorum } = quorumOf(n);
  return n - quorum + f + 1;
}

/**
 * Of the Q that signed a block, Q - f at least are correct, and of these all but those that have not answered claim it:
 * as many claims reach a block that is final.
 * @param claims heights, one a validator
 * @returns undefined while they are too few
 */
export function boundOf(claims: readonly bigint[], n: number): bigint | undefined {
  if (claims.length < claimsNeeded(n)) return undefined;
  const { f, quorum } = quorumOf(n);
  return [...claims].sort(descending)[quorum - f - (n - claims.length) - 1];
}

function descending(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? 1 : -1;
}
