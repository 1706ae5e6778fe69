/** Committed blocks as they are sent to whoever lacks them, by mail and in answers of anti-entropy. */

import { encodeSealedParts } from "../../chain/block-file.ts";
import type { Chain } from "../../chain/chain.ts";

/**
 * Encoded sealed blocks from a height up, at least one if there is one. Without block 0. It ends early where a block
 * is gone, because the chain is just leaving it for another branch.
 */
export function encodedBlocks(chain: Chain, fromHeight: bigint, bytesMax: number): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  for (let height = fromHeight; height > 0n && height <= chain.head.summary.height; height++) {
    const encoded = storedBlock(chain.store, height);
    if (encoded === undefined) break;
    bytes += encoded.length;
    if (blocks.length > 0 && bytes > bytesMax) break;
    blocks.push(encoded);
  }
  return blocks;
}

/** A block as it is stored: its transactions are not decoded to be encoded again. */
function storedBlock(store: Chain["store"], height: bigint): Uint8Array | undefined {
  const hash = store.hashAt(height);
  if (hash === undefined) return undefined;
  const [head, body, seal] = [store.head(hash), store.bodyBytes(hash), store.seal(hash)];
  if (head === undefined || body === undefined || seal === undefined) return undefined;
  return encodeSealedParts(head, body, seal);
}
