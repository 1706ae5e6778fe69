/**
 * The kernel for signatures: the batch equation of ZIP-215 over up to 512 signatures, in WebAssembly. Adapter of
 * kernel/signatures/*.ts, which `npm run build` compiles into dist. It takes one batch at a time and says for any range
 * of it whether the equation holds; what that means for each signature is the matter of batch-verification.ts. Between
 * batches it keeps decoded public keys, which change no answer. Everything is synchronous and determined by its input.
 * Source: docs/batch-verification.md.
 */
import { sha512 as nobleSha512 } from "@noble/hashes/sha2.js";
import { assert } from "../base/assert.ts";
import { byteText, utf8 } from "../base/bytes.ts";

const SIGNATURE_BYTES = 64;
const KEY_BYTES = 32;
const HASH_BYTES = 64;
const COEFFICIENT_BYTES = 16;
/** R, s, A and the hash of one signature. */
const TRANSCRIPT_BYTES = SIGNATURE_BYTES + KEY_BYTES + HASH_BYTES;
const TRANSCRIPT_TAG = utf8("quorate/batch/v1");
/** Longer messages are copied to memory of their own to be hashed. */
const SCRATCH_BYTES = 2_048;

/** That this key signed this message. */
interface Claim {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

interface Place {
  readonly value: number;
}

/** What kernel/signatures/verify.ts exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly signaturesMax: Place;
  readonly keptKeysMax: Place;
  readonly pointBytes: Place;
  readonly keptKeyBytes: Place;
  readonly signaturesAt: Place;
  readonly hashesAt: Place;
  readonly coefficientsAt: Place;
  readonly keyOfAt: Place;
  readonly keyAtAt: Place;
  readonly soundAt: Place;
  readonly encodingsAt: Place;
  readonly newKeysAt: Place;
  readonly keysAt: Place;
  readonly memoryEnd: Place;
  start(): void;
  decodeKeys(count: number): void;
  keep(from: number, to: number): void;
  prepare(count: number): void;
  holds(from: number, to: number, keys: number): number;
}

// Not import statements: this file must also load in a browser, where neither module is. Types of WebAssembly come with
// those of browsers only.
const nodeCrypto = globalThis.process?.getBuiltinModule?.("node:crypto");
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly?: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: object };
  };
};

export class SignatureKernel {
  /** Signatures of one batch at most. */
  readonly countMax: number;
  readonly #exports: Exports;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #transcript: Uint8Array;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  /** Its beginnings, by their length. */
  readonly #scratches: Uint8Array[] = [];
  /** Where the decoded keys lie that are kept, by the text of the key. */
  readonly #kept = new Map<string, number>();
  /** A key found no room: before the next batch all are forgotten. */
  #isFull = false;
  /** How many keys the batch has that is loaded. */
  #keyCount = 0;

  /** @param module the compiled kernel's bytes. @throws Error where WebAssembly or its vectors are missing */
  constructor(module: Uint8Array) {
    if (WebAssembly === undefined) throw new Error("there is no WebAssembly here");
    this.#exports = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as Exports;
    const { buffer } = this.#exports.memory;
    assert(this.#exports.memoryEnd.value <= buffer.byteLength, "the kernel's memory has room for its arrays");
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.countMax = this.#exports.signaturesMax.value;
    this.#transcript = new Uint8Array(TRANSCRIPT_TAG.length + this.countMax * TRANSCRIPT_BYTES);
    this.#transcript.set(TRANSCRIPT_TAG);
    this.#exports.start();
  }

  /**
   * Takes a batch: decodes it and derives its coefficients.
   * @param claims 1 to countMax, with keys of 32 bytes and signatures of 64
   */
  load(claims: readonly Claim[]): void {
    assert(claims.length > 0 && claims.length <= this.countMax, "a batch fits the kernel");
    this.#loadKeys(claims);
    // Counted, as all that is done for each signature: entries() makes a pair for each.
    let i = 0;
    for (const claim of claims) this.#loadSignature(i++, claim);
    this.#deriveCoefficients(claims.length);
    this.#exports.prepare(claims.length);
  }

  /** Whether key and R of signature `i` are points and s < L: where not, it is invalid, and no range looks at it. */
  isSound(i: number): boolean {
    return this.#bytes[this.#exports.soundAt.value + i] === 1;
  }

  /**
   * Whether the equation holds over the sound ones from `from` to before `to`: exact for a single one, and where all of
   * several are valid. Where any of several is not, it holds with a chance of 2^-128.
   */
  holds(from: number, to: number): boolean {
    return this.#exports.holds(from, to, this.#keyCount) === 1;
  }

  /** Those of the batch that is loaded, 16 bytes each. */
  coefficients(count: number): Uint8Array[] {
    const { value } = this.#exports.coefficientsAt;
    return Array.from({ length: count }, (_, i) =>
      this.#bytes.slice(value + COEFFICIENT_BYTES * i, value + COEFFICIENT_BYTES * (i + 1)),
    );
  }

  #loadKeys(claims: readonly Claim[]): void {
    if (this.#isFull) this.#kept.clear();
    this.#isFull = false;
    const { keyOfAt, keyAtAt, encodingsAt } = this.#exports;
    const numbers = new Map<string, number>();
    const fresh: { readonly text: string; readonly number: number }[] = [];
    let at = keyOfAt.value / 4;
    for (const { publicKey } of claims) {
      const text = byteText(publicKey);
      let number = numbers.get(text);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(text, number);
        const kept = this.#kept.get(text);
        if (kept === undefined) {
          this.#bytes.set(publicKey, encodingsAt.value + KEY_BYTES * fresh.length);
          fresh.push({ text, number });
        } else this.#words[keyAtAt.value / 4 + number] = kept;
      }
      this.#words[at++] = number;
    }
    this.#keyCount = numbers.size;
    this.#exports.decodeKeys(fresh.length);
    for (const [i, { text, number }] of fresh.entries()) this.#takeKey(i, text, number);
  }

  /** Key `i` of those that were decoded just now, key `number` of the batch. */
  #takeKey(i: number, text: string, number: number): void {
    const { keyAtAt, encodingsAt, newKeysAt, keysAt, pointBytes, keptKeyBytes, keptKeysMax } = this.#exports;
    const isPoint = this.#bytes[encodingsAt.value + KEY_BYTES * i] === 1;
    const at = newKeysAt.value + pointBytes.value * i;
    this.#words[keyAtAt.value / 4 + number] = isPoint ? at : 0;
    if (!isPoint) return;
    if (this.#kept.size >= keptKeysMax.value) {
      this.#isFull = true;
      return;
    }
    const kept = keysAt.value + keptKeyBytes.value * this.#kept.size;
    this.#exports.keep(at, kept);
    this.#words[keyAtAt.value / 4 + number] = kept;
    this.#kept.set(text, kept);
  }

  #loadSignature(i: number, { publicKey, message, signature }: Claim): void {
    const { signaturesAt, hashesAt } = this.#exports;
    const length = 2 * KEY_BYTES + message.length;
    const hashed = length <= SCRATCH_BYTES ? this.#scratchOf(length) : new Uint8Array(length);
    // Both halves, of which the key takes the place of the second: a view of the first would cost more.
    hashed.set(signature);
    hashed.set(publicKey, KEY_BYTES);
    hashed.set(message, 2 * KEY_BYTES);
    const hashAt = hashesAt.value + HASH_BYTES * i;
    const at = signaturesAt.value + SIGNATURE_BYTES * i;
    sha512Into(hashed, this.#bytes, hashAt);
    this.#bytes.set(signature, at);
    const transcriptAt = TRANSCRIPT_TAG.length + TRANSCRIPT_BYTES * i;
    this.#transcript.set(signature, transcriptAt);
    this.#transcript.set(publicKey, transcriptAt + SIGNATURE_BYTES);
    const to = transcriptAt + SIGNATURE_BYTES + KEY_BYTES;
    for (let k = 0; k < HASH_BYTES; k++) this.#transcript[to + k] = this.#bytes[hashAt + k] as number;
  }

  #scratchOf(length: number): Uint8Array {
    let view = this.#scratches[length];
    view ??= this.#scratches[length] = this.#scratch.subarray(0, length);
    return view;
  }

  /** z = SHA-512(SHA-512(transcript of the whole batch) | counter), four of 128 bits from each hash, none of them 0. */
  #deriveCoefficients(count: number): void {
    const { coefficientsAt } = this.#exports;
    const seed = new Uint8Array(HASH_BYTES + 4);
    sha512Into(this.#transcript.subarray(0, TRANSCRIPT_TAG.length + TRANSCRIPT_BYTES * count), seed, 0);
    const perHash = HASH_BYTES / COEFFICIENT_BYTES;
    for (let i = 0; i < count; i += perHash) {
      new DataView(seed.buffer).setUint32(HASH_BYTES, i / perHash);
      sha512Into(seed, this.#bytes, coefficientsAt.value + COEFFICIENT_BYTES * i);
    }
    for (let i = 0; i < count; i++) {
      const at = coefficientsAt.value / 4 + 4 * i;
      const isZero = [0, 1, 2, 3].every((word) => this.#words[at + word] === 0);
      if (isZero) this.#words[at] = 1;
    }
  }
}

/**
 * The kernel of this process. It is undefined where there is no WebAssembly with vectors, no file, or no
 * build.
 */
export function openSignatureKernel(): SignatureKernel | undefined {
  try {
    const fs = globalThis.process?.getBuiltinModule?.("node:fs");
    // The same from src/crypto and from dist/crypto.
    return fs === undefined
      ? undefined
      : new SignatureKernel(
          fs.readFileSync(new URL("../../dist/crypto/signature-kernel.wasm", import.meta.url)),
        );
  } catch {
    return undefined;
  }
}

function sha512Into(bytes: Uint8Array, target: Uint8Array, at: number): void {
  if (nodeCrypto?.hash === undefined) {
    target.set(nobleSha512(bytes), at);
    return;
  }
  const digest = nodeCrypto.hash("sha512", bytes, "binary");
  for (let i = 0; i < HASH_BYTES; i++) target[at + i] = digest.charCodeAt(i);
}
