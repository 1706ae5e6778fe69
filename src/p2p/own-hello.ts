/** What this node says of itself at each handshake. */
import type { Hash } from "../base/bytes.ts";
import { RULES_KNOWN } from "../chain/governance/rules-version.ts";
import type { Signer } from "../crypto/keys.ts";
import { signClaim } from "./transport/handshake.ts";
import { type Hello, type HelloStorage, WIRE_VERSION, WIRE_VERSION_MIN } from "./transport/wire.ts";

export interface Introduction {
  readonly chainId: bigint;
  readonly genesisHash: Hash;
  readonly name: string;
  /** This node's consensus key, if it validates. */
  readonly signer: Signer | undefined;
  /** The highest rules that this program knows. */
  readonly rulesKnown?: number;
}

/** What changes from one handshake to the next. */
export interface OwnChain {
  headHeight(): bigint;
  /** An archive from block 1 on if left out. */
  storage?(): HelloStorage;
}

const ARCHIVE: HelloStorage = { mode: "archive", lowestBody: 1n };

/** The claim is signed once; the rest is that of each moment. */
export function helloMaker(
  { chainId, genesisHash, name, signer, rulesKnown = RULES_KNOWN }: Introduction,
  peerId: string,
  chain: OwnChain,
): () => Hello {
  const claim = signer === undefined ? undefined : signClaim(signer, genesisHash, peerId);
  const wire = { wireVersion: WIRE_VERSION, wireVersionMin: WIRE_VERSION_MIN };
  return () => ({
    ...wire,
    chainId,
    genesisHash,
    name,
    headHeight: chain.headHeight(),
    storage: chain.storage?.() ?? ARCHIVE,
    rules: rulesKnown,
    claim,
  });
}
