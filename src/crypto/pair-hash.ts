/**
 * SHA-256(domain | left 32 | right 32), the hash of every inner node of every tree, without a copy of its inputs
 * and without an array for its result. It is the hottest function of a block after the signatures.
 */
import { sha256Into } from "./hash.ts";

const block = new Uint8Array(65);

/** Reads 32 bytes of `left` at `leftAt` and of `right` at `rightAt`, writes 32 bytes into `target` at `targetAt`. */
export function hashPairInto(
  domain: number,
  left: Uint8Array,
  leftAt: number,
  right: Uint8Array,
  rightAt: number,
  target: Uint8Array,
  targetAt: number,
): void {
  block[0] = domain;
  // A loop over typed arrays: a call to check each byte, or a view to copy from, would cost more than the copying.
  for (let i = 0; i < 32; i++) {
    block[1 + i] = left[leftAt + i] as number;
    block[33 + i] = right[rightAt + i] as number;
  }
  sha256Into(block, target, targetAt);
}
