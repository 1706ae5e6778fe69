/**
 * The one Ed25519 rule of the chain (decision 3). A signature is valid iff ZIP-215 says so. Libraries disagree on
 * edge cases, so: where the native library accepts, accept (it never accepts what ZIP-215 rejects: measured over 3,000
 * edge cases and tested in test/crypto); where it does not, the kernel for signatures decides (signature-kernel.ts), and
 * @noble/ed25519, several times slower, where there is no WebAssembly. Many are judged together, with the same verdicts,
 * by batch-verification.ts. The result does not depend on which of them a node has.
 * Sources: RFC 8032, ZIP-215, "Taming the many EdDSAs" (eprint 2020/1244).
 *
 * This folder: hashes, the one rule for signatures and its ways to be quick, Merkle trees. Not here: keys on disk
 * (node/home) or at a signer (node/signer), and which signatures a chain has accepted (chain/execution).
 */

import * as noble from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { must } from "../base/assert.ts";
import { type Address, hex0x } from "../base/bytes.ts";
import {
  type BatchVerdicts,
  judgeEach,
  KERNEL_CHECK_US,
  type SignatureClaim,
  verifyByKernel,
  verifyTogether,
} from "./batch-verification.ts";
import { openSignatureKernel, type SignatureKernel } from "./signature-kernel.ts";

export type { BatchVerdicts, SignatureClaim } from "./batch-verification.ts";

noble.hashes.sha512 = sha512;

export const SIGNATURE_BYTES = 64;
export const PUBLIC_KEY_BYTES = 32;
export const SEED_BYTES = 32;

/** Signs with one key. Ed25519 is deterministic: the same message gives the same 64 bytes. */
export interface Signer {
  readonly publicKey: Address;
  sign(message: Uint8Array): Uint8Array;
}

/** A fast library. `verify` may refuse what ZIP-215 accepts, never the reverse. */
interface NativeEd25519 {
  readonly name: string;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  signer(seed: Uint8Array): Signer;
}

/** Counts for the metrics `sig_verify_total{path}`: by the native library, what it refused, by equations of many. */
export const verifyCounts = { native: 0, fallback: 0, batch: 0 };

/** One check by the native library (measured: 60 us with sodium-native, twice that with node:crypto). */
export const QUICK_CHECK_US = 60;

const native: NativeEd25519 | undefined = openSodium() ?? openNodeCrypto();
/** "sodium-native", "node:crypto" or "noble": what this process verifies with first. */
export const nativeName: string = native?.name ?? "noble";

/** The rules where the kernel, or without one noble, decides what the native library refuses. */
export function rulesWith(kernel: SignatureKernel | undefined): SignatureRules {
  function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
    verifyCounts.native++;
    if (native?.verify(publicKey, message, signature) === true) return true;
    verifyCounts.fallback++;
    return kernel === undefined
      ? verifyZip215(publicKey, message, signature)
      : verifyByKernel(kernel, { publicKey, message, signature });
  }
  function judgeOne({ publicKey, message, signature }: SignatureClaim) {
    const before = verifyCounts.fallback;
    const isValid = verifySignature(publicKey, message, signature);
    const refused = verifyCounts.fallback - before;
    return { isValid, workUs: QUICK_CHECK_US + refused * KERNEL_CHECK_US };
  }
  if (kernel === undefined) return { verifySignature, verifyQuickly };
  const verifyEach = (claims: readonly SignatureClaim[]): BatchVerdicts => {
    if (!claims.every(hasLengths)) return judgeEach(claims, judgeOne);
    verifyCounts.batch += claims.length;
    return verifyTogether(kernel, claims, judgeOne);
  };
  return { verifySignature, verifyQuickly, verifyEach };
}

function hasLengths({ publicKey, signature }: SignatureClaim): boolean {
  return publicKey.length === PUBLIC_KEY_BYTES && signature.length === SIGNATURE_BYTES;
}

/**
 * The rule at admission: what the native library refuses may be dropped without slow verification (20 times cheaper against
 * a flood of bad signatures). Never a verdict on validity, and never cached.
 */
export function verifyQuickly(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  verifyCounts.native++;
  return (native?.verify ?? verifyZip215)(publicKey, message, signature);
}

/**
 * The two rules as one object: pure functions, so that whoever runs many replicas in one process may hand in a
 * memo of them.
 */
export interface SignatureRules {
  /** The consensus rule: true iff the signature is valid by ZIP-215. Wrong lengths are invalid. */
  readonly verifySignature: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  readonly verifyQuickly: typeof verifyQuickly;
  /**
   * verifySignature of each, quicker for many. Only where there is a kernel: there what the native library refuses
   * costs hardly more than what it accepts, and nothing has to be done to put it off.
   */
  readonly verifyEach?: ((claims: readonly SignatureClaim[]) => BatchVerdicts) | undefined;
}

export const ED25519: SignatureRules = rulesWith(openSignatureKernel());

/** The consensus rule: true iff the signature is valid by ZIP-215. Wrong lengths are invalid. */
export const verifySignature = ED25519.verifySignature;

/** ZIP-215 by @noble/ed25519: the slow verifier. */
export function verifyZip215(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return noble.verify(signature, message, publicKey, { zip215: true });
  } catch {
    return false; // noble throws on undecodable points and scalars
  }
}

/** @param seed 32 secret bytes (RFC 8032 "private key"). @throws RangeError on another length. */
export function createSigner(seed: Uint8Array): Signer {
  if (seed.length !== SEED_BYTES) throw new RangeError(`an Ed25519 seed has 32 bytes, got ${seed.length}`);
  if (native !== undefined) return native.signer(seed);
  const copy = seed.slice();
  const publicKey = noble.getPublicKey(copy) as Address;
  return { publicKey, sign: (message) => noble.sign(message, copy) };
}

/**
 * Whether a public key may be registered (genesis, validators) or admitted to the pool: canonical (y < p) and not
 * of small order. Verification itself does not ask this: it would not be ZIP-215.
 */
export function isStrongPublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return false;
  const lowest = must(publicKey[0], "a key has 32 bytes");
  if (lowest < P_LOWEST_BYTE && !SMALL_ORDER_LOWEST_BYTES.has(lowest)) return true; // nine keys of ten
  const y = yCoordinate(publicKey);
  return y < P && !SMALL_ORDER_Y.includes(y);
}

const P = (1n << 255n) - 19n;

// The y coordinates of the eight points of small order: 0 (order 4), 1 (order 1), p-1 (order 2) and the two of
// order 8, which solve d*y^4 + 2*y^2 = 1 (their doubles have y = 0).
const SMALL_ORDER_Y: readonly bigint[] = [
  0n,
  1n,
  P - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
];

// Every y from p on starts with 0xed or more, little-endian, and is 0xff or 0x7f from there on.
const P_LOWEST_BYTE = Number(P & 0xffn);
const SMALL_ORDER_LOWEST_BYTES: ReadonlySet<number> = new Set(SMALL_ORDER_Y.map((y) => Number(y & 0xffn)));

/** The y coordinate that a key of 32 bytes names, below 2^255. */
function yCoordinate(publicKey: Uint8Array): bigint {
  // The highest bit is the sign of x.
  return BigInt(hex0x(publicKey.slice().reverse())) & (P + 18n);
}

interface Sodium {
  crypto_sign_verify_detached(
    signature: Uint8Array,
    message: Uint8Array,
    publicKey: Uint8Array,
  ): boolean | undefined;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void;
}

/** sodium-native is an optional dependency: undefined where its prebuilt binary is missing, and in browsers. */
function openSodium(): NativeEd25519 | undefined {
  let sodium: Sodium;
  try {
    const module = globalThis.process?.getBuiltinModule?.("node:module");
    if (module === undefined) return undefined;
    sodium = module.createRequire(import.meta.url)("sodium-native") as Sodium;
  } catch {
    return undefined;
  }
  return {
    name: "sodium-native",
    // `=== true`: sodium-native answers undefined for memory backed by a SharedArrayBuffer.
    verify: (publicKey, message, signature) =>
      sodium.crypto_sign_verify_detached(signature, message, publicKey) === true,
    signer(seed) {
      const publicKey = new Uint8Array(PUBLIC_KEY_BYTES) as Address;
      const secretKey = new Uint8Array(64);
      sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed.slice());
      return {
        publicKey,
        sign(message) {
          const signature = new Uint8Array(SIGNATURE_BYTES);
          sodium.crypto_sign_detached(signature, message, secretKey);
          return signature;
        },
      };
    },
  };
}

/** node:crypto: half of sodium's speed, always there in Node. Keys go in as JWK (13 times cheaper than DER). */
function openNodeCrypto(): NativeEd25519 | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.("node:crypto");
  if (crypto === undefined) return undefined;
  const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  return {
    name: "node:crypto",
    verify(publicKey, message, signature) {
      const key = { kty: "OKP", crv: "Ed25519", x: base64url(publicKey) };
      try {
        return crypto.verify(null, message, crypto.createPublicKey({ key, format: "jwk" }), signature);
      } catch {
        return false; // a key that does not decode
      }
    },
    signer(seed) {
      const publicKey = noble.getPublicKey(seed) as Address;
      const key = { kty: "OKP", crv: "Ed25519", x: base64url(publicKey), d: base64url(seed) };
      const secret = crypto.createPrivateKey({ key, format: "jwk" });
      return { publicKey, sign: (message) => new Uint8Array(crypto.sign(null, message, secret)) };
    },
  };
}
