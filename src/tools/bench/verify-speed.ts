/**
 * How many signatures one core of this machine verifies a second, by the library that the node verifies with: the
 * limit that no honest network passes. Measured on messages of a transfer's size and many keys, in slices with
 * pauses, because a neighbour on a shared machine comes and goes.
 */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { assert, must } from "../../base/assert.ts";
import { createSigner, SEED_BYTES, verifySignature } from "../../crypto/keys.ts";
import { median } from "./statistics.ts";

const KEYS = 64;
const MESSAGE_BYTES = 150;
const SLICE_MS = 100;
const PAUSE_MS = 20;
/** How many checks lie between two looks at the clock. */
const STRIDE = 32;

export interface SignedMessage {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** The median of the slices, checks a second. */
export async function measureVerifications(slices: number, signal?: AbortSignal): Promise<number> {
  const signed = makeSigned();
  verifySlice(signed);
  const speeds: number[] = [];
  for (let i = 0; i < slices; i++) {
    speeds.push(verifySlice(signed));
    await pause(PAUSE_MS, undefined, { ...(signal === undefined ? {} : { signal }) });
  }
  return median(speeds);
}

function verifySlice(signed: readonly SignedMessage[]): number {
  const started = performance.now();
  let count = 0;
  let elapsedMs = 0;
  while (elapsedMs < SLICE_MS) {
    for (let i = 0; i < STRIDE; i++) {
      const { publicKey, message, signature } = must(signed[count++ % KEYS], "every key has signed");
      assert(verifySignature(publicKey, message, signature), "a signature of ours is valid");
    }
    elapsedMs = performance.now() - started;
  }
  return (1_000 * count) / elapsedMs;
}

/** @param count of different keys */
export function makeSigned(count: number = KEYS): SignedMessage[] {
  return Array.from({ length: count }, (_, i) => {
    const seed = createHash("sha256").update(`bench ${i}`).digest().subarray(0, SEED_BYTES);
    const signer = createSigner(new Uint8Array(seed));
    const message = new Uint8Array(MESSAGE_BYTES).fill(i);
    return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
  });
}
