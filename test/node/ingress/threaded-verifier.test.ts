/** The slow verifier over a real thread: it judges, and leaves its work to others when it dies or ends. */
import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import { SLOW_BATCHES_QUEUED_MAX } from "../../../src/base/limits.ts";
import { createSigner, type SignatureClaim, verifyCounts } from "../../../src/crypto/keys.ts";
import { ThreadedVerifier } from "../../../src/node/ingress/threaded-verifier.ts";
import { slowSigner } from "../../crypto/slow-signer.ts";

const running: ThreadedVerifier[] = [];
afterEach(async () => {
  for (const slowVerifier of running.splice(0)) await slowVerifier.close();
});

function open(startWorker?: () => Worker): {
  readonly slowVerifier: ThreadedVerifier;
  readonly errors: string[];
} {
  const errors: string[] = [];
  const onError = ({ message }: Error) => void errors.push(message);
  const slowVerifier = new ThreadedVerifier({
    onError,
    ...(startWorker === undefined ? {} : { startWorker }),
  });
  running.push(slowVerifier);
  return { slowVerifier, errors };
}

const seed = new Uint8Array(32).fill(3);

/** By Alice, natively valid, only valid by the whole rule, and by nobody. */
function claims(text: string): readonly SignatureClaim[] {
  const message = utf8(text);
  return [createSigner(seed), slowSigner(seed), { ...slowSigner(seed), sign: () => new Uint8Array(64) }].map(
    (signer) => ({ publicKey: signer.publicKey, message, signature: signer.sign(message) }),
  );
}

const silent = () => new Worker("setInterval(() => undefined, 1_000)", { eval: true });

it("the slow verifier's thread judges batch after batch by the whole rule, and nothing of it here", async () => {
  const { slowVerifier, errors } = open();
  const batches = ["one", "two"].map(claims);
  const before = { ...verifyCounts };
  const verdicts = await Promise.all(batches.map((batch) => slowVerifier.judge(batch)));
  expect(verdicts).toEqual([
    [true, true, false],
    [true, true, false],
  ]);
  expect(slowVerifier.judged).toBe(6);
  expect(verifyCounts).toEqual(before);
  expect(errors).toEqual([]);
});

it("the slow verifier's thread leaves what waits and what comes to who asks once its thread has died, and says so once", async () => {
  const { slowVerifier, errors } = open(() => new Worker("throw new Error('out of luck')", { eval: true }));
  const batch = claims("hello");
  expect(await Promise.all([slowVerifier.judge(batch), slowVerifier.judge(batch)])).toEqual([
    undefined,
    undefined,
  ]);
  expect(await slowVerifier.judge(batch)).toBeUndefined();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain("died (out of luck)");
});

it("the slow verifier's thread lets only so many batches wait, and none at its end", async () => {
  const { slowVerifier, errors } = open(silent);
  const batch = claims("hello");
  const waiting = Array.from({ length: SLOW_BATCHES_QUEUED_MAX }, () => slowVerifier.judge(batch));
  expect(await slowVerifier.judge(batch)).toBeUndefined();
  await slowVerifier.close();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
  expect(await slowVerifier.judge(batch)).toBeUndefined();
  expect(errors).toEqual([]);
});
