/**
 * Signatures judged together: each has exactly the verdict that it has alone, whatever its company. The oracle is
 * @noble/ed25519 by ZIP-215; `npm run signatures` compares millions in the same way.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseHex, utf8 } from "../../src/base/bytes.ts";
import { BATCH_MIN, KERNEL_CHECK_US, verifyTogether } from "../../src/crypto/batch-verification.ts";
import {
  createSigner,
  ED25519,
  QUICK_CHECK_US,
  rulesWith,
  type SignatureClaim,
  type SignatureRules,
  verifySignature,
  verifyZip215,
} from "../../src/crypto/keys.ts";
import { openSignatureKernel, SignatureKernel } from "../../src/crypto/signature-kernel.ts";
import { RememberedSignatures, SignatureMeter } from "../../src/crypto/signature-meter.ts";
import { Random } from "../../src/tools/sim/random.ts";
import { drawBatch, makeCases } from "./signature-cases.ts";

const verifyEach = (claims: readonly SignatureClaim[]) => ED25519.verifyEach!(claims).verdicts;
const bytes = (text: string): Uint8Array => parseHex(text)!;
const oracle = ({ publicKey, message, signature }: SignatureClaim) =>
  verifyZip215(publicKey, message, signature);

function load<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/ed25519/${name}.json`, import.meta.url), "utf8")) as T;
}

/** Every vector that the project has. */
function vectors(): SignatureClaim[] {
  const rfc = load<Record<"pub" | "msg" | "sig", string>[]>("rfc8032").map(({ pub, msg, sig }) => [
    pub,
    msg,
    sig,
  ]);
  const speccheck = load<Record<"pub_key" | "message" | "signature", string>[]>("speccheck").map(
    ({ pub_key, message, signature }) => [pub_key, message, signature],
  );
  interface Group {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly { readonly msg: string; readonly sig: string }[];
  }
  const wycheproof = load<{ testGroups: readonly Group[] }>("wycheproof").testGroups.flatMap(
    ({ publicKey, tests }) => tests.map(({ msg, sig }) => [publicKey.pk, msg, sig]),
  );
  const claims = [...rfc, ...speccheck, ...wycheproof].map(([key, message, signature]) => ({
    publicKey: bytes(key!),
    message: bytes(message!),
    signature: bytes(signature!),
  }));
  const message = utf8("Zcash");
  const zip215 = load<{ vk_bytes: string; sig_bytes: string }[]>("zip215").map(({ vk_bytes, sig_bytes }) => ({
    publicKey: bytes(vk_bytes),
    message,
    signature: bytes(sig_bytes),
  }));
  return [...claims, ...zip215].filter(({ signature }) => signature.length === 64);
}

const honest = (count: number): SignatureClaim[] =>
  Array.from({ length: count }, (_, i) => {
    const signer = createSigner(new Uint8Array(32).fill(i % 200).fill(7, 20));
    const message = new Uint8Array(i % 90).fill(i);
    return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
  });

it("batch verification has its kernel, which `npm run build` makes", () => {
  expect(ED25519.verifyEach).toBeDefined();
});

it("batch verification gives each vector of ZIP-215, RFC 8032, Wycheproof and speccheck its verdict, all in one batch", () => {
  const claims = vectors();
  expect(claims.length).toBeGreaterThan(350);
  const expected = claims.map(oracle);
  expect(verifyEach(claims)).toEqual(expected);
  expect(verifyEach([...claims].reverse())).toEqual([...expected].reverse());
});

it("batch verification gives each vector its verdict alone, by the kernel where the native library refuses", () => {
  const claims = vectors().filter((_, i) => i % 4 === 0);
  const alone = claims.map(({ publicKey, message, signature }) =>
    verifySignature(publicKey, message, signature),
  );
  expect(alone).toEqual(claims.map(oracle));
});

it("batch verification gives honest and hostile signatures their verdicts in any company and order, in batches of 0 to 64 and more", () => {
  const random = new Random("batch-verification");
  const pool = makeCases(random, 200);
  const sizes = [...Array.from({ length: 65 }, (_, i) => i), 100, 300];
  for (const size of sizes) {
    const batch = drawBatch(random, pool, size);
    const verdicts = verifyEach(batch);
    const differing = batch.filter(({ isValid }, i) => verdicts[i] !== isValid);
    expect(differing.map(({ kind }) => kind)).toEqual([]);
  }
});

it("batch verification finds the one invalid signature among n, wherever it stands", () => {
  const claims = honest(70);
  for (const at of [0, 1, 34, 35, 68, 69]) {
    const batch = claims.map((claim, i) => (i === at ? { ...claim, message: utf8("another") } : claim));
    expect(verifyEach(batch).flatMap((isValid, i) => (isValid ? [] : [i]))).toEqual([at]);
  }
});

it("batch verification takes more at once than the kernel holds, and the same claim many times", () => {
  const [claim] = honest(1);
  const batch = Array.from({ length: 1_030 }, () => claim!);
  batch[900] = { ...claim!, message: utf8("another") };
  expect(verifyEach(batch).flatMap((isValid, i) => (isValid ? [] : [i]))).toEqual([900]);
});

it("batch verification calls claims of wrong lengths invalid and judges the others", () => {
  const claims = honest(8);
  const batch = [
    ...claims,
    { ...claims[0]!, signature: new Uint8Array(63) },
    { ...claims[0]!, publicKey: new Uint8Array(33) },
  ];
  expect(verifyEach(batch)).toEqual([...claims.map(() => true), false, false]);
});

it("batch verification derives coefficients from the whole batch: the same for the same batch, others when anything differs", () => {
  const kernel = openSignatureKernel()!;
  const claims = honest(9);
  kernel.load(claims);
  const first = kernel.coefficients(9);
  kernel.load(honest(20));
  kernel.load(claims);
  expect(kernel.coefficients(9)).toEqual(first);
  const last = claims[8]!;
  const others = [
    [...claims.slice(0, 8), { ...last, message: utf8("x") }],
    [
      ...claims.slice(0, 8),
      { ...last, signature: last.signature.map((byte, i) => (i === 63 ? byte ^ 1 : byte)) },
    ],
    [...claims].reverse(),
  ];
  for (const batch of others) {
    kernel.load(batch);
    const changed = kernel.coefficients(9);
    for (let i = 0; i < 9; i++) expect(changed[i]).not.toEqual(first[i]);
  }
  expect(new Set(first.map(String)).size).toBe(9);
});

it("batch verification forgets kept keys when there are too many, and goes on giving right verdicts", () => {
  const kernel = openSignatureKernel()!;
  const make = (from: number) =>
    Array.from({ length: 400 }, (_, i) => {
      const seed = new Uint8Array(32).fill(9);
      new DataView(seed.buffer).setUint32(0, from + i);
      const signer = createSigner(seed);
      return { publicKey: signer.publicKey, message: seed, signature: signer.sign(seed) };
    });
  for (const from of [0, 400, 800, 0]) {
    const claims = make(from);
    kernel.load(claims);
    expect(kernel.holds(0, 400)).toBe(true);
    kernel.load(claims.map((claim, i) => (i === 399 ? { ...claim, message: utf8("x") } : claim)));
    expect([kernel.holds(0, 400), kernel.holds(0, 399)]).toEqual([false, true]);
  }
});

it("batch verification bounds the work of bisection by that of judging each alone, and says what it was", () => {
  const kernel = openSignatureKernel()!;
  const judgeOne = () => ({ isValid: false, workUs: QUICK_CHECK_US + KERNEL_CHECK_US });
  const work = (claims: readonly SignatureClaim[]) => verifyTogether(kernel, claims, judgeOne).workUs;
  const claims = honest(256);
  const bad = claims.map((claim) => ({ ...claim, message: utf8("another") }));
  const whole = work(claims);
  expect(whole).toBeLessThan((256 * QUICK_CHECK_US * 3) / 4);
  expect(work(claims.with(77, bad[77]!))).toBeLessThan(3 * whole);
  expect(work(bad)).toBeLessThan(2 * whole + 2.5 * 256 * KERNEL_CHECK_US);
});

it("batch verification judges few claims by the single rule", () => {
  const few = honest(BATCH_MIN - 1);
  let asked = 0;
  const judgeOne = () => {
    asked++;
    return { isValid: true, workUs: 1 };
  };
  verifyTogether(openSignatureKernel()!, few, judgeOne);
  expect(asked).toBe(few.length);
});

it("batch verification charges a batch to the meter, and remembers what was accepted but not that the native library accepts it", () => {
  const meter = new SignatureMeter();
  const remembered = new RememberedSignatures(meter);
  const claims = honest(20);
  const batch = claims.with(3, { ...claims[3]!, message: utf8("another") });
  const expected = claims.map((_, i) => i !== 3);
  expect(remembered.verifyEach!(batch).verdicts).toEqual(expected);
  const once = meter.spentUs;
  expect(once).toBeGreaterThan(10 * 20);
  const again = remembered.verifyEach!(batch);
  expect(again.verdicts).toEqual(expected);
  expect(meter.spentUs - once).toBe(again.workUs);
  expect(again.workUs).toBeLessThan(once / 2);
});

it("batch verification has no batches over rules that have none, so that simulations may hand in a memo", () => {
  const plain: SignatureRules = { verifySignature: () => true, verifyQuickly: () => true };
  expect(new RememberedSignatures(new SignatureMeter(plain)).verifyEach).toBeUndefined();
});

it("batch verification judges by noble where there is no WebAssembly: the same verdicts, and no batches", () => {
  const plain = rulesWith(undefined);
  expect(plain.verifyEach).toBeUndefined();
  const claims = vectors().filter((_, i) => i % 9 === 0);
  const verdicts = claims.map(({ publicKey, message, signature }) =>
    plain.verifySignature(publicKey, message, signature),
  );
  expect(verdicts).toEqual(verifyEach(claims));
});

it("batch verification refuses a module that is not the kernel", () => {
  expect(() => new SignatureKernel(new Uint8Array([0, 1, 2]))).toThrow();
});
