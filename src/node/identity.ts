/**
 * The libp2p identity of a node from its Ed25519 seed: the adapter for @libp2p/crypto and @libp2p/peer-id outside
 * the network code. A peer id names a public key; it is not the consensus key.
 */
import { publicKeyFromRaw } from "@libp2p/crypto/keys";
import { peerIdFromPublicKey } from "@libp2p/peer-id";
import { createSigner } from "../crypto/keys.ts";

/** The base58 peer id of the node whose identity key has this seed (32 bytes). */
export function peerIdOfSeed(seed: Uint8Array): string {
  return peerIdFromPublicKey(publicKeyFromRaw(createSigner(seed).publicKey)).toString();
}
