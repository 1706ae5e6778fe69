/**
 * What checking signatures costs, as an estimate in microseconds: so that work can be charged to whoever caused it
 * without a clock. And a memory of accepted signatures, so that the same certificate costs its checks once, whoever
 * shows it. Both are the rules of keys.ts with something beside them; neither changes a verdict.
 */
import { must } from "../base/assert.ts";
import { byteText, EMPTY } from "../base/bytes.ts";
import { dropOldest } from "../base/drop-oldest.ts";
import { CHECKED_SIGNATURES_MAX } from "../base/limits.ts";
import { type BatchVerdicts, KERNEL_CHECK_US, type SignatureClaim } from "./batch-verification.ts";
import { prefixedHashInto } from "./hash.ts";
import { ED25519, QUICK_CHECK_US, type SignatureRules } from "./keys.ts";

/** What ZIP-215 costs in addition where the native library refuses and there is no kernel (measured: 1.3 to 1.5 ms). */
export const SLOW_CHECK_US = 1_500;
/** Finding a signature in the memory: a hash. */
const REMEMBERED_CHECK_US = 4;

export class SignatureMeter implements SignatureRules {
  /** Estimated microseconds of all checks so far; only ever grows. */
  spentUs = 0;
  readonly verifyEach: SignatureRules["verifyEach"];
  readonly #inner: SignatureRules;
  readonly #slowCheckUs: number;

  constructor(inner: SignatureRules = ED25519) {
    const { verifyEach } = inner;
    this.#inner = inner;
    this.#slowCheckUs = verifyEach === undefined ? SLOW_CHECK_US : KERNEL_CHECK_US;
    this.verifyEach = verifyEach && ((claims) => this.#charged(verifyEach(claims)));
  }

  verifyQuickly(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    this.spentUs += QUICK_CHECK_US;
    return this.#inner.verifyQuickly(publicKey, message, signature);
  }

  verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (this.verifyQuickly(publicKey, message, signature)) return true;
    this.spentUs += this.#slowCheckUs;
    return this.#inner.verifySignature(publicKey, message, signature);
  }

  #charged(judged: BatchVerdicts): BatchVerdicts {
    this.spentUs += judged.workUs;
    return judged;
  }
}

const hashInto = prefixedHashInto(EMPTY);
/** The last key's hash: each is a text before the next is made. */
const digest = new Uint8Array(32);

export class RememberedSignatures implements SignatureRules {
  readonly verifyEach: SignatureRules["verifyEach"];
  readonly #meter: SignatureMeter;
  readonly #countMax: number;
  /**
   * What was accepted, by a hash of key, signature and message, in the order of acceptance. It is true where
   * the native library accepted.
   */
  readonly #accepted = new Map<string, boolean>();

  constructor(meter: SignatureMeter, countMax: number = CHECKED_SIGNATURES_MAX) {
    const { verifyEach } = meter;
    this.#meter = meter;
    this.#countMax = countMax;
    this.verifyEach = verifyEach && ((claims) => this.#judgeUnknown(claims, verifyEach));
  }

  verifyQuickly(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const key = this.#keyOf(publicKey, message, signature);
    if (this.#accepted.get(key) === true) return true;
    if (!this.#meter.verifyQuickly(publicKey, message, signature)) return false;
    this.#remember(key, true);
    return true;
  }

  verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const key = this.#keyOf(publicKey, message, signature);
    if (this.#accepted.has(key)) return true;
    const before = this.#meter.spentUs;
    if (!this.#meter.verifySignature(publicKey, message, signature)) return false;
    this.#remember(key, this.#meter.spentUs - before <= QUICK_CHECK_US);
    return true;
  }

  /** Those that are not remembered, together. That the native library accepts them too is not known. */
  #judgeUnknown(
    claims: readonly SignatureClaim[],
    verifyEach: NonNullable<SignatureRules["verifyEach"]>,
  ): BatchVerdicts {
    const before = this.#meter.spentUs;
    const keys = claims.map(({ publicKey, message, signature }) =>
      this.#keyOf(publicKey, message, signature),
    );
    const verdicts = keys.map((key) => this.#accepted.has(key));
    const unknown = verdicts.flatMap((isKnown, i) => (isKnown ? [] : [i]));
    const judged =
      unknown.length === 0
        ? []
        : verifyEach(unknown.map((i) => must(claims[i], "the index is one of a claim"))).verdicts;
    for (const [at, i] of unknown.entries()) {
      verdicts[i] = must(judged[at], "each unknown signature was judged");
      if (judged[at]) this.#remember(must(keys[i], "each claim has a key"), false);
    }
    return { verdicts, workUs: this.#meter.spentUs - before };
  }

  /** Lengths of key and signature are fixed where anything is accepted, so the text is unambiguous. */
  #keyOf(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): string {
    this.#meter.spentUs += REMEMBERED_CHECK_US;
    hashInto(digest, 0, publicKey, signature, message);
    return byteText(digest);
  }

  #remember(key: string, isQuick: boolean): void {
    this.#accepted.set(key, isQuick);
    if (this.#accepted.size > this.#countMax) dropOldest(this.#accepted);
  }
}
