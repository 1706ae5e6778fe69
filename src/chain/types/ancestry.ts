/**
 * A branch seen from its last block: the headers that a rule may look back at (median time past, retargets). Pure;
 * where the headers come from (memory, the store, a file) is its maker's matter. Source: pow.md 2.4, 2.5.
 */
import type { Header } from "./block.ts";

export interface Ancestry {
  /** Height of the last block of the branch: the parent of the block that is judged or made. */
  readonly height: bigint;
  /** The header at `height` on this branch, 0 up to and including `this.height`. */
  headerAt(height: bigint): Header;
}
