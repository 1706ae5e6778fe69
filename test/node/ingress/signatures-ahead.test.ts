/** Signatures judged on another thread before admission: the same verdicts, and the main thread judges none of them again. */
import { expect, it } from "vitest";
import { concatBytes, EMPTY } from "../../../src/base/bytes.ts";
import { AcceptedSignatures } from "../../../src/chain/execution/accepted-signatures.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import { type SignedTransaction, signTransaction } from "../../../src/chain/types/transaction.ts";
import { createSigner, ED25519, type SignatureRules } from "../../../src/crypto/keys.ts";
import { Mempool } from "../../../src/mempool/mempool.ts";
import { SignaturesAhead } from "../../../src/node/ingress/signatures-ahead.ts";
import type { SignatureVerifier } from "../../../src/node/ports.ts";
import { genesis, genesisHash, headOf } from "../../mempool/world.ts";

const signers = Array.from({ length: 10 }, (_, i) => createSigner(new Uint8Array(32).fill(i + 1)));

function transferOf(sender: number, nonce = 0n): SignedTransaction {
  const signer = signers[sender]!;
  const payload = bank.encodeCall({ to: signer.publicKey, amount: 1n, memo: EMPTY });
  const fields = {
    chainId: genesis.chainId,
    nonce,
    fee: 10n,
    validUntilHeight: 0n,
    module: bank.id,
    payload,
  };
  return signTransaction(fields, signer, genesisHash);
}

function forged({ bytes }: SignedTransaction): Uint8Array {
  return concatBytes(bytes.subarray(0, bytes.length - 64), new Uint8Array(64).fill(1));
}

/** A pool with a verifier elsewhere, which may have died, and what was judged at either place. */
function setUp(isDead = false) {
  const judged = { here: 0, there: [] as number[] };
  const rules: SignatureRules = {
    verifySignature: (...claim) => {
      judged.here++;
      return ED25519.verifySignature(...claim);
    },
    verifyQuickly: ED25519.verifyQuickly,
    verifyEach: (claims) => {
      judged.here += claims.length;
      return ED25519.verifyEach!(claims);
    },
  };
  const verifier: SignatureVerifier = {
    batchMin: 4,
    async judge(claims) {
      judged.there.push(claims.length);
      return isDead ? undefined : ED25519.verifyEach!(claims);
    },
  };
  const signatures = new AcceptedSignatures(genesisHash, rules);
  const pool = new Mempool({ genesis }, { head: headOf(signers), signatures });
  return { judged, pool, ahead: new SignaturesAhead({ pool, signatures }, { verifier }) };
}

const codes = (pool: Mempool, envelopes: readonly Uint8Array[]) =>
  pool.addTogether(envelopes, 0).map((verdict) => (verdict.ok ? "ok" : verdict.fault.code));

it("signatures judged ahead are not judged again, whatever became of them", async () => {
  const { judged, pool, ahead } = setUp();
  const envelopes = signers.map((_, i) => (i === 3 ? forged(transferOf(i)) : transferOf(i).bytes));
  const done = await ahead.judge(envelopes);
  expect(done?.refused).toBe(1);
  expect(done?.computedMs).toBeGreaterThan(0);
  expect(pool.size).toBe(0);
  expect(codes(pool, envelopes)).toEqual(signers.map((_, i) => (i === 3 ? "TX_BAD_SIGNATURE" : "ok")));
  expect(judged).toEqual({ here: 0, there: [10] });
});

it("signatures ahead: the main thread judges what is too little, what is known, and what no thread has judged", async () => {
  const small = setUp();
  const few = [0, 1, 2].map((i) => transferOf(i).bytes);
  expect(small.ahead.judge(few)).toBeUndefined();
  expect(codes(small.pool, few)).toEqual(["ok", "ok", "ok"]);
  // Three of these are in the pool, and one is for nobody to judge.
  const more = [...few, transferOf(4).bytes, Uint8Array.of(1)];
  expect(small.ahead.judge(more)).toBeUndefined();
  expect(small.judged.there).toEqual([]);
  const dead = setUp(true);
  const envelopes = signers.map((_, i) => transferOf(i).bytes);
  expect(await dead.ahead.judge(envelopes)).toEqual({ computedMs: 0, refused: 0 });
  expect(codes(dead.pool, envelopes)).toEqual(signers.map(() => "ok"));
  expect(dead.judged).toEqual({ here: 10, there: [10] });
});

it("signatures ahead: a user pays for the other thread only where a signature is invalid, and is served at once without one", async () => {
  const { judged, pool, ahead } = setUp();
  const good = signers.map((_, i) => transferOf(i).bytes);
  expect(await ahead.prepare(good)).toBe(0);
  expect(codes(pool, good)).toEqual(signers.map(() => "ok"));
  const bad = signers.map((_, i) => forged(transferOf(i, 1n)));
  expect(await ahead.prepare(bad)).toBeGreaterThan(0);
  expect(codes(pool, bad)).toEqual(signers.map(() => "TX_BAD_SIGNATURE"));
  expect(judged).toEqual({ here: 0, there: [10, 10] });
  const alone = new SignaturesAhead({ pool, signatures: new AcceptedSignatures(genesisHash) }, {});
  expect(alone.prepare(signers.map((_, i) => transferOf(i, 1n).bytes))).toBeUndefined();
  expect(judged.here).toBe(10);
});
