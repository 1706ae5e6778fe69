/**
 * The verifier's thread: judges signatures by the one rule of the chain, batch after batch, and answers in order. It
 * knows no chain and no block. Whoever loads the chain's code here loads the same rule that the node executes by.
 */
import { parentPort } from "node:worker_threads";
import { type BatchVerdicts, ED25519 } from "../../crypto/keys.ts";
import { SignatureMeter } from "../../crypto/signature-meter.ts";
import { unpackClaims } from "./packed-claims.ts";

export interface VerifierTask {
  readonly number: number;
  /** As packed-claims.ts packs them. */
  readonly packed: ArrayBuffer;
}

export interface VerifierAnswer extends BatchVerdicts {
  readonly number: number;
}

const meter = new SignatureMeter(ED25519);

function judge(packed: ArrayBuffer): BatchVerdicts {
  const claims = unpackClaims(packed);
  if (meter.verifyEach !== undefined) return meter.verifyEach(claims);
  const before = meter.spentUs;
  const verdicts = claims.map(({ publicKey, message, signature }) =>
    meter.verifySignature(publicKey, message, signature),
  );
  return { verdicts, workUs: meter.spentUs - before };
}

parentPort?.on("message", ({ number, packed }: VerifierTask) => {
  parentPort?.postMessage({ number, ...judge(packed) } satisfies VerifierAnswer);
});
