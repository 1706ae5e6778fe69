/**
 * A node's identity on the network: an Ed25519 key whose public half is the peer id. It is not the key that signs
 * consensus messages; a HELLO's claim ties the two together. Adapter for @libp2p/crypto and @libp2p/peer-id.
 * Source: the libp2p specification, "Peer Ids and Keys".
 */
import "./polyfill.ts";
import { privateKeyFromRaw, publicKeyFromRaw } from "@libp2p/crypto/keys";
import type { PrivateKey } from "@libp2p/interface";
import { peerIdFromPublicKey, peerIdFromString } from "@libp2p/peer-id";
import { concatBytes } from "../../base/bytes.ts";
import { createSigner } from "../../crypto/keys.ts";

/** @param seed holds 32 secret bytes. @throws RangeError on another length. */
export function identityFromSeed(seed: Uint8Array): PrivateKey {
  return privateKeyFromRaw(concatBytes(seed, createSigner(seed).publicKey));
}

/** The peer id (base58) of the identity with this seed. @throws RangeError unless it has 32 bytes. */
export function peerIdFromSeed(seed: Uint8Array): string {
  return peerIdFromPublicKey(publicKeyFromRaw(createSigner(seed).publicKey)).toString();
}

/** The peer id's bytes (a multihash), which a validator claim signs. @throws Error when it is no peer id. */
export function peerIdBytes(peerId: string): Uint8Array {
  return peerIdFromString(peerId).toMultihash().bytes;
}

/** The 32 bytes of the Ed25519 public key that a peer id is. @throws Error when it is not such a peer id. */
export function publicBytesOf(peerId: string): Uint8Array {
  const bytes = peerIdBytes(peerId);
  if (bytes.length !== 38) throw new RangeError(`not an Ed25519 peer id: ${peerId}`);
  return bytes.subarray(6);
}

/** The peer id (base58) of an Ed25519 public key of 32 bytes. */
export function peerIdFromPublicBytes(publicKey: Uint8Array): string {
  return peerIdFromPublicKey(publicKeyFromRaw(publicKey)).toString();
}
