/**
 * The slow verifier's thread: judges signatures by the one rule of the chain, batch after batch, and answers in order. It
 * knows no chain and no block. Whoever loads the chain's code here loads the same rule that the node executes by.
 */
import { parentPort } from "node:worker_threads";
import { type SignatureClaim, verifySignature } from "../../crypto/keys.ts";

export interface SlowSignatureTask {
  readonly number: number;
  readonly claims: readonly SignatureClaim[];
}

export interface SlowSignatureAnswer {
  readonly number: number;
  /** What became of the claims, in their order. */
  readonly verdicts: readonly boolean[];
}

parentPort?.on("message", ({ number, claims }: SlowSignatureTask) => {
  const verdicts = claims.map(({ publicKey, message, signature }) =>
    verifySignature(publicKey, message, signature),
  );
  parentPort?.postMessage({ number, verdicts } satisfies SlowSignatureAnswer);
});
