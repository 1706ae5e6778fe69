/**
 * Signatures of a simulated world. `ed25519`: the chain's own rule behind a memo shared by all replicas of a run, and
 * what was signed here is known to be valid, so that a signature costs one signing and no verification. `ideal`: a
 * keyed hash in place of Ed25519, verifiable only here, eight times cheaper to make. In both nobody can sign for a key that
 * it does not hold, which is all that the protocol asks of signatures; bytes and lengths are the same.
 */
import { type Address, byteText, EMPTY, equalBytes } from "../../base/bytes.ts";
import { prefixedHashInto } from "../../crypto/hash.ts";
import {
  createSigner,
  ED25519,
  SIGNATURE_BYTES,
  type SignatureRules,
  type Signer,
} from "../../crypto/keys.ts";

export type SignatureScheme = "ed25519" | "ideal";

export interface SignatureWorld {
  /** Signatures made here. */
  readonly counts: { signed: number };
  readonly rules: SignatureRules;
  /** The signer of a seed, which is the same one for the same seed. @param publicKey of that seed */
  signer(seed: Uint8Array, publicKey: Address): Signer;
}

/** Verdicts that the memo remembers. Beyond it all are forgotten and verified anew if needed. */
const MEMO_MAX = 200_000;

export function signatureWorld(scheme: SignatureScheme): SignatureWorld {
  return scheme === "ideal" ? new IdealSignatures() : new MemoizedEd25519();
}

class MemoizedEd25519 implements SignatureWorld {
  readonly counts = { signed: 0 };
  readonly rules: SignatureRules = {
    verifySignature: (key, message, signature) => this.#verify("verifySignature", key, message, signature),
    verifyQuickly: (key, message, signature) => this.#verify("verifyQuickly", key, message, signature),
  };
  readonly #verdicts = new Map<string, boolean>();
  readonly #signers = new Map<string, Signer>();

  signer(seed: Uint8Array, publicKey: Address): Signer {
    const id = byteText(seed);
    const known = this.#signers.get(id);
    if (known !== undefined) return known;
    const { sign } = createSigner(seed);
    const signatures = new Map<string, Uint8Array>();
    const signer: Signer = {
      publicKey,
      sign: (message) => {
        this.counts.signed++;
        const text = byteText(message);
        const before = signatures.get(text);
        if (before !== undefined) return before.slice();
        const signature = sign(message);
        signatures.set(text, signature);
        for (const rule of ["verifySignature", "verifyQuickly"] as const) {
          this.#remember(memoKey(rule, publicKey, message, signature), true);
        }
        return signature.slice();
      },
    };
    this.#signers.set(id, signer);
    return signer;
  }

  #verify(
    rule: "verifySignature" | "verifyQuickly",
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ): boolean {
    const key = memoKey(rule, publicKey, message, signature);
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = ED25519[rule](publicKey, message, signature);
    this.#remember(key, verdict);
    return verdict;
  }

  #remember(key: string, verdict: boolean): void {
    if (this.#verdicts.size >= MEMO_MAX) this.#verdicts.clear();
    this.#verdicts.set(key, verdict);
  }
}

function memoKey(
  rule: "verifySignature" | "verifyQuickly",
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): string {
  // Which rule asked, in one character; the lengths of key and signature are fixed, so the text is unambiguous.
  return rule[6] + byteText(publicKey) + byteText(signature) + byteText(message);
}

class IdealSignatures implements SignatureWorld {
  readonly counts = { signed: 0 };
  readonly rules: SignatureRules;
  readonly #seeds = new Map<string, Uint8Array>();
  readonly #signers = new Map<string, Signer>();
  /** What was signed here, by the text of the signature: a comparison is cheaper than a hash. */
  readonly #made = new Map<string, Signed>();

  constructor() {
    const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
      this.#verify(publicKey, message, signature);
    this.rules = { verifySignature: verify, verifyQuickly: verify };
  }

  signer(seed: Uint8Array, publicKey: Address): Signer {
    const id = byteText(seed);
    const known = this.#signers.get(id);
    if (known !== undefined) return known;
    this.#seeds.set(byteText(publicKey), seed.slice());
    const signer: Signer = { publicKey, sign: (message) => this.#sign(seed, publicKey, message) };
    this.#signers.set(id, signer);
    return signer;
  }

  #sign(seed: Uint8Array, publicKey: Uint8Array, message: Uint8Array): Uint8Array {
    this.counts.signed++;
    const signature = keyedHash(seed, message);
    if (this.#made.size >= MEMO_MAX) this.#made.clear();
    this.#made.set(byteText(signature), { publicKey, message });
    return signature;
  }

  #verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const made = this.#made.get(byteText(signature));
    // A signature tells its message: no two have the same.
    if (made !== undefined) return equalBytes(made.publicKey, publicKey) && equalBytes(made.message, message);
    const seed = this.#seeds.get(byteText(publicKey));
    return seed !== undefined && equalBytes(keyedHash(seed, message), signature);
  }
}

interface Signed {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
}

const hashInto = prefixedHashInto(EMPTY);

/** SHA-256(seed | message) in the first half, which the second repeats, so that each byte counts. */
function keyedHash(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES);
  hashInto(signature, 0, seed, message);
  signature.copyWithin(32, 0, 32);
  return signature;
}
