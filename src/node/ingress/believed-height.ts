/**
 * Which height this node has reason to believe that the chain has. What one peer tells of its head is a claim: it may
 * tell any number. Where blocks are mined, a header proves itself; where validators agree, one of f+1 is honest.
 * Source: docs/adr/0011.
 */
import type { PeerView } from "../ports.ts";

/**
 * @param count of the validators
 * @returns the greatest height that f+1 validators tell or exceed; undefined while fewer are connected
 */
export function heightOfValidators(
  peers: readonly Pick<PeerView, "validator" | "height">[],
  count: number,
): bigint | undefined {
  const heights = new Map<number, bigint>();
  for (const { validator, height } of peers) {
    if (validator !== undefined && height !== undefined) heights.set(validator, height);
  }
  const faulty = Math.floor((count - 1) / 3);
  return [...heights.values()].sort((a, b) => (a > b ? -1 : 1))[faulty];
}
