/** Committed blocks as they are sent to whoever lacks them, by mail and in answers of anti-entropy. */

import type { Chain } from "../../chain/chain.ts";
import { encodeSealedBlock } from "../../chain/types/block.ts";

/**
 * Encoded sealed blocks from a height up, at least one if there is one. Without block 0. It ends early where a block
 * is gone, because the chain is just leaving it for another branch.
 */
export function encodedBlocks(chain: Chain, fromHeight: bigint, bytesMax: number): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  for (let height = fromHeight; height > 0n && height <= chain.head.summary.height; height++) {
    const sealed = chain.sealedBlockAt(height);
    if (sealed === undefined) break;
    const encoded = encodeSealedBlock(sealed);
    bytes += encoded.length;
    if (blocks.length > 0 && bytes > bytesMax) break;
    blocks.push(encoded);
  }
  return blocks;
}
