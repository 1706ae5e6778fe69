/** What this node says of itself at each handshake. */
import type { Hash } from "../base/bytes.ts";
import type { Signer } from "../crypto/keys.ts";
import { signClaim } from "./transport/handshake.ts";
import { type Hello, WIRE_VERSION } from "./transport/wire.ts";

export interface Introduction {
  readonly chainId: bigint;
  readonly genesisHash: Hash;
  readonly name: string;
  /** This node's consensus key, if it validates. */
  readonly signer: Signer | undefined;
}

/** The claim is signed once; the height is that of each moment. */
export function helloMaker(
  { chainId, genesisHash, name, signer }: Introduction,
  peerId: string,
  headHeight: () => bigint,
): () => Hello {
  const claim = signer === undefined ? undefined : signClaim(signer, genesisHash, peerId);
  return () => ({ wireVersion: WIRE_VERSION, chainId, genesisHash, name, headHeight: headHeight(), claim });
}
