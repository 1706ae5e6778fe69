/**
 * Whether signatures are judged on a thread of their own, and from how many on: measured when the node has started. A
 * thread helps where a core is free for it. Where it answers late, as its core is taken, or where batches are so small
 * that handing them over costs as much as judging them, the main thread judges.
 */
import { utf8 } from "../../base/bytes.ts";
import { BATCH_MIN } from "../../crypto/batch-verification.ts";
import { createSigner, ED25519, SEED_BYTES, type SignatureClaim } from "../../crypto/keys.ts";
import type { ThreadedVerifier } from "./threaded-verifier.ts";

export type VerifierUse = "auto" | "on" | "off";

/** Signatures of one measurement. */
const TRIAL_CLAIMS = 64;
/** Measurements of each. The quickest of them counts: the first ones compile. */
const TRIALS = 4;
/** On so many cores or fewer none is thought to be free. */
const CORES_TAKEN = 2;
/** A thread that takes so many times as long as the main one has no core of its own. */
const TIMES_AS_LONG_MAX = 2;

export interface VerifierTrial {
  /** Milliseconds for {@link TRIAL_CLAIMS} signatures on the main thread. */
  readonly hereMs: number;
  /** The same until the thread's answer is here. */
  readonly thereMs: number;
}

/** Undefined where the thread has ended meanwhile. */
export async function tryVerifier(
  verifier: Pick<ThreadedVerifier, "judge">,
): Promise<VerifierTrial | undefined> {
  const claims = trialClaims();
  let [hereMs, thereMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < TRIALS; i++) {
    const startMs = performance.now();
    ED25519.verifyEach?.(claims);
    const judgedMs = performance.now();
    if ((await verifier.judge(claims)) === undefined) return undefined;
    hereMs = Math.min(hereMs, judgedMs - startMs);
    thereMs = Math.min(thereMs, performance.now() - judgedMs);
  }
  return { hereMs, thereMs };
}

/** The least batch that is worth handing over. Undefined where none is. */
export function batchMinOf({ hereMs, thereMs }: VerifierTrial, use: VerifierUse): number | undefined {
  if (use === "auto" && thereMs > TIMES_AS_LONG_MAX * hereMs) return undefined;
  // A batch should take the main thread as long as it is late for being judged elsewhere.
  const lateMs = Math.max(0, thereMs - hereMs);
  return Math.max(BATCH_MIN, Math.min(TRIAL_CLAIMS, Math.ceil((TRIAL_CLAIMS * lateMs) / hereMs)));
}

/** Whether it is worth a trial. Without the kernel the main thread checks quickly, one by one, and judges nothing together. */
export function isWorthTrying(use: VerifierUse, cores: number): boolean {
  if (ED25519.verifyEach === undefined || use === "off") return false;
  return use === "on" || cores > CORES_TAKEN;
}

function trialClaims(): SignatureClaim[] {
  return Array.from({ length: TRIAL_CLAIMS }, (_, i) => {
    const signer = createSigner(new Uint8Array(SEED_BYTES).fill(i));
    const message = utf8(`trial ${i}`);
    return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
  });
}
