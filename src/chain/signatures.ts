/**
 * Signatures of one chain's transactions, each checked once per node: the pool's check is remembered, so that a block
 * need not repeat it. Only acceptances are remembered, by the hash of the whole envelope with its signature; a
 * native refusal is a door's policy and never a verdict, or a transaction that only ZIP-215 accepts, gossiped to
 * half the net, would split the chain. Decision 3.
 */
import { type Hash, hex } from "../base/bytes.ts";
import { ACCEPTED_SIGNATURES_MAX } from "../base/limits.ts";
import { isStrongPublicKey, verifyQuickly, verifySignature } from "../crypto/keys.ts";
import { type SignedTransaction, transactionSigningBytes, unsignedPart } from "./transaction.ts";

export class AcceptedSignatures {
  readonly #genesisHash: Hash;
  readonly #capacity: number;
  /** Hex hashes of whole envelopes, oldest first. */
  readonly #accepted = new Set<string>();

  /** @param genesisHash the chain whose signatures these are: a cache never serves two. */
  constructor(genesisHash: Hash, capacity = ACCEPTED_SIGNATURES_MAX) {
    this.#genesisHash = genesisHash;
    this.#capacity = capacity;
  }

  /** The door's rule: native only, strong keys only. false says nothing about validity in a block. */
  admit(tx: SignedTransaction): boolean {
    return this.#check(
      tx,
      (key, message, signature) => isStrongPublicKey(key) && verifyQuickly(key, message, signature),
    );
  }

  /** The consensus rule: ZIP-215. */
  validate(tx: SignedTransaction): boolean {
    return this.#check(tx, verifySignature);
  }

  #check(tx: SignedTransaction, verify: typeof verifySignature): boolean {
    const id = hex(tx.hash);
    if (this.#accepted.has(id)) return true;
    const message = transactionSigningBytes(this.#genesisHash, unsignedPart(tx));
    if (!verify(tx.from, message, tx.signature)) return false;
    this.#accepted.add(id);
    if (this.#accepted.size > this.#capacity) this.#accepted.delete(this.#accepted.values().next().value!);
    return true;
  }
}
