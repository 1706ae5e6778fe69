/** Looks for the nonce of a header on the spot, and says how many it has tried. Few hashes: the lab's chains are easy. */
import type { Hash } from "../../../base/bytes.ts";
import { encodeHeader, type Header } from "../../../chain/types/block.ts";
import { meetsTarget } from "../../../chain/types/target.ts";
import { sha256Into } from "../../../crypto/hash.ts";

/** The offset of the nonce in an encoded header. */
const NONCE_AT = 76;

export interface Found {
  readonly header: Header;
  readonly hash: Hash;
  readonly hashes: number;
}

/** @param firstNonce 32 bits; after the last comes 0 */
export function searchNonce(header: Header, firstNonce: number): Found {
  const bytes = encodeHeader(header);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const inner = new Uint8Array(32);
  const outer = new Uint8Array(32) as Hash;
  for (let hashes = 1; ; hashes++) {
    const nonce = (firstNonce + hashes - 1) >>> 0;
    view.setUint32(NONCE_AT, nonce, true);
    sha256Into(bytes, inner, 0);
    sha256Into(inner, outer, 0);
    if (meetsTarget(outer, header.bits)) return { header: { ...header, nonce }, hash: outer, hashes };
  }
}
