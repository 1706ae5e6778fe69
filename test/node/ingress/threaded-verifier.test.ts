/** The verifier over a real thread: it judges, and leaves its work to others when it dies or ends. */
import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import { VERIFIER_BATCHES_QUEUED_MAX } from "../../../src/base/limits.ts";
import { createSigner, type SignatureClaim, verifyCounts } from "../../../src/crypto/keys.ts";
import { packClaims, unpackClaims } from "../../../src/node/ingress/packed-claims.ts";
import { ThreadedVerifier } from "../../../src/node/ingress/threaded-verifier.ts";
import { batchMinOf, isWorthTrying, tryVerifier } from "../../../src/node/ingress/verifier-trial.ts";
import { slowSigner } from "../../crypto/slow-signer.ts";

const running: ThreadedVerifier[] = [];
afterEach(async () => {
  for (const verifier of running.splice(0)) await verifier.close();
});

function open(startWorker?: () => Worker): {
  readonly verifier: ThreadedVerifier;
  readonly errors: string[];
} {
  const errors: string[] = [];
  const onError = ({ message }: Error) => void errors.push(message);
  const verifier = new ThreadedVerifier({
    onError,
    ...(startWorker === undefined ? {} : { startWorker }),
  });
  running.push(verifier);
  return { verifier, errors };
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

it("the verifier's thread judges batch after batch by the whole rule, and nothing of it here", async () => {
  const { verifier, errors } = open();
  const batches = ["one", "two"].map(claims);
  const before = { ...verifyCounts };
  const judged = await Promise.all(batches.map((batch) => verifier.judge(batch)));
  expect(judged.map((each) => each?.verdicts)).toEqual([
    [true, true, false],
    [true, true, false],
  ]);
  expect(verifier.judged).toBe(6);
  expect(verifyCounts).toEqual(before);
  expect(errors).toEqual([]);
});

it("the verifier's thread leaves what waits and what comes to who asks once its thread has died, and says so once", async () => {
  const { verifier, errors } = open(() => new Worker("throw new Error('out of luck')", { eval: true }));
  const batch = claims("hello");
  expect(await Promise.all([verifier.judge(batch), verifier.judge(batch)])).toEqual([undefined, undefined]);
  expect(await verifier.judge(batch)).toBeUndefined();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain("died (out of luck)");
});

it("the verifier's thread lets only so many batches wait, and none at its end", async () => {
  const { verifier, errors } = open(silent);
  const batch = claims("hello");
  const waiting = Array.from({ length: VERIFIER_BATCHES_QUEUED_MAX }, () => verifier.judge(batch));
  expect(await verifier.judge(batch)).toBeUndefined();
  await verifier.close();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]));
  expect(await verifier.judge(batch)).toBeUndefined();
  expect(errors).toEqual([]);
});

it("the verifier's thread gets claims of any length in one piece of memory", () => {
  const made = [0, 1, 300].flatMap((length) => claims("x".repeat(length)));
  expect(unpackClaims(packClaims(made))).toEqual(made.map((claim) => ({ ...claim })));
  expect(unpackClaims(packClaims([]))).toEqual([]);
  const [claim] = made;
  expect(() => packClaims([{ ...claim!, signature: new Uint8Array(63) }])).toThrow(RangeError);
});

it("the verifier's thread is given batches from a trial on, where it is quick enough", async () => {
  const { verifier } = open();
  expect(verifier.batchMin).toBe(Number.POSITIVE_INFINITY);
  expect(await tryVerifier(verifier)).toEqual({ hereMs: expect.any(Number), thereMs: expect.any(Number) });
  verifier.judgeAheadFrom(12);
  expect(verifier.batchMin).toBe(12);
  await verifier.close();
  expect(verifier.batchMin).toBe(Number.POSITIVE_INFINITY);
  expect(await tryVerifier(verifier)).toBeUndefined();
});

it.each([
  ["as quick as here", { hereMs: 2, thereMs: 2 }, 6, 6],
  ["a quarter later", { hereMs: 2, thereMs: 2.5 }, 16, 16],
  ["twice as long", { hereMs: 2, thereMs: 4 }, 64, 64],
  ["without a core of its own", { hereMs: 2, thereMs: 5 }, undefined, 64],
] as const)("the verifier's thread, %s: the least batch follows from the trial", (_, trial, auto, on) => {
  expect(batchMinOf(trial, "auto")).toBe(auto);
  expect(batchMinOf(trial, "on")).toBe(on);
});

it("the verifier's thread is tried where there are more than two cores, or where it is told to be", () => {
  expect([1, 2, 3, 8].map((cores) => isWorthTrying("auto", cores))).toEqual([false, false, true, true]);
  expect(isWorthTrying("on", 1)).toBe(true);
  expect(isWorthTrying("off", 8)).toBe(false);
});
