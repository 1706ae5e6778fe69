/**
 * The cache of accepted signatures: what admission may drop, a block must still be able to carry (decision 3).
 */
import { describe, expect, it } from "vitest";
import { asAddress, asHash, concatBytes, EMPTY, utf8 } from "../../../src/base/bytes.ts";
import { AcceptedSignatures } from "../../../src/chain/execution/accepted-signatures.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import {
  decodeTransaction,
  encodeUnsigned,
  type SignedTransaction,
  signTransaction,
  type Transaction,
} from "../../../src/chain/types/transaction.ts";
import {
  createSigner,
  type SignatureClaim,
  type SignatureRules,
  verifyCounts,
  verifyQuickly,
  verifySignature,
} from "../../../src/crypto/keys.ts";
import { slowSigner } from "../../crypto/slow-signer.ts";

const genesisHash = asHash(new Uint8Array(32).fill(7));
const seed = new Uint8Array(32).fill(1);
const signer = createSigner(seed);
const call = bank.encodeCall({ to: signer.publicKey, amount: 1n, memo: EMPTY });
const fields = { chainId: 1n, nonce: 0n, fee: 1n, validUntilHeight: 0n, module: bank.id, payload: call };

const honest = (nonce = 0n) => signTransaction({ ...fields, nonce }, signer, genesisHash);

function withSignature(transaction: Transaction, signature: Uint8Array): SignedTransaction {
  const decoded = decodeTransaction(concatBytes(encodeUnsigned(transaction), signature), 65_535);
  if (!decoded.ok) throw new Error(decoded.fault.detail);
  return decoded.value;
}

const acceptedByZip215Only = (nonce = 0n) =>
  signTransaction({ ...fields, nonce }, slowSigner(seed), genesisHash);

/** The neutral element as key, any S: valid for every message by ZIP-215. */
function smallOrderSender(): SignedTransaction {
  const neutral = Uint8Array.of(1, ...new Uint8Array(31));
  return withSignature({ ...fields, from: asAddress(neutral) }, concatBytes(neutral, new Uint8Array(32)));
}

/** A node that cannot judge together, and has the whole rule by noble only. */
const WITHOUT_KERNEL: SignatureRules = { verifySignature, verifyQuickly };

describe("accepted signatures", () => {
  it.each([
    ["a mixed-order R", acceptedByZip215Only()],
    ["a small-order sender", smallOrderSender()],
  ])(
    "refuse %s at admission without a kernel and accept it in a block, in either order",
    (_, transaction) => {
      const admittedFirst = new AcceptedSignatures(genesisHash, WITHOUT_KERNEL);
      expect(admittedFirst.admit(transaction)).toBe(false);
      expect(admittedFirst.size).toBe(0);
      expect(admittedFirst.validate(transaction)).toBe(true);
      expect(admittedFirst.admit(transaction)).toBe(false);

      const blockFirst = new AcceptedSignatures(genesisHash, WITHOUT_KERNEL);
      expect(blockFirst.validate(transaction)).toBe(true);
      expect(blockFirst.admit(transaction)).toBe(false);
      expect(blockFirst.validate(transaction)).toBe(true);
    },
  );

  it("admit what only ZIP-215 accepts where there is a kernel, alone and in company, but no weak key", () => {
    const together = [0n, 1n, 2n, 3n, 4n, 5n].map(honest);
    const odd = acceptedByZip215Only(7n);
    const forged = withSignature({ ...fields, from: signer.publicKey }, honest(9n).signature);
    const weak = smallOrderSender();
    const signatures = new AcceptedSignatures(genesisHash);
    signatures.admitTogether([...together, odd, weak, forged]);
    const before = { ...verifyCounts };
    for (const transaction of [...together, odd]) expect(signatures.admit(transaction)).toBe(true);
    for (const transaction of [weak, forged]) expect(signatures.admit(transaction)).toBe(false);
    expect(verifyCounts).toEqual(before);
    const alone = new AcceptedSignatures(genesisHash);
    expect([odd, weak, forged].map((transaction) => alone.admit(transaction))).toEqual([true, false, false]);
  });

  it("validate a block's transactions together and say nothing of those that are invalid", () => {
    const together = [0n, 1n, 2n, 3n, 4n, 5n, 6n].map(honest);
    const forged = withSignature({ ...fields, from: signer.publicKey }, honest(9n).signature);
    const signatures = new AcceptedSignatures(genesisHash);
    signatures.validateTogether([...together, forged, smallOrderSender()]);
    expect(together.every((transaction) => signatures.remembers(transaction))).toBe(true);
    expect(signatures.remembers(forged)).toBe(false);
    expect(signatures.validate(forged)).toBe(false);
    expect(signatures.validate(smallOrderSender())).toBe(true);
    expect(signatures.admit(smallOrderSender())).toBe(false);
  });

  it("claim together what each claims alone, whatever lies beside it", () => {
    const claimed: SignatureClaim[] = [];
    const rules: SignatureRules = {
      verifySignature,
      verifyQuickly,
      verifyEach: (claims) => {
        claimed.push(...claims);
        return { verdicts: claims.map(() => true), workUs: 0 };
      },
    };
    const longer = {
      ...fields,
      payload: bank.encodeCall({ to: signer.publicKey, amount: 1n, memo: utf8("more") }),
    };
    const several = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((nonce) =>
      signTransaction({ ...(nonce % 2n === 0n ? fields : longer), nonce }, signer, genesisHash),
    );
    const signatures = new AcceptedSignatures(genesisHash, rules);
    signatures.admitTogether(several);
    expect(claimed).toEqual(several.map((transaction) => signatures.claimOf(transaction)));
  });

  it("verify a signature once per node, whichever comes first", () => {
    const signatures = new AcceptedSignatures(genesisHash);
    expect(signatures.admit(honest())).toBe(true);
    const before = verifyCounts.native;
    expect(signatures.validate(honest())).toBe(true);
    expect(signatures.admit(honest())).toBe(true);
    expect(verifyCounts.native).toBe(before);
  });

  it("refuse a wrong signature at admission and in blocks, and remember nothing of it", () => {
    const { signature } = honest(1n);
    const forged = withSignature({ ...fields, from: signer.publicKey }, signature);
    const signatures = new AcceptedSignatures(genesisHash);
    expect(signatures.admit(forged)).toBe(false);
    expect(signatures.validate(forged)).toBe(false);
    expect(signatures.size).toBe(0);
  });

  it("remember what the native library accepts, and leave the rest to who asks the whole rule elsewhere", () => {
    const signatures = new AcceptedSignatures(genesisHash);
    expect(signatures.validateQuickly(honest())).toBe(true);
    const odd = acceptedByZip215Only(1n);
    expect(signatures.validateQuickly(odd)).toBe(false);
    expect(signatures.remembers(odd)).toBe(false);
    const { publicKey, message, signature } = signatures.claimOf(odd);
    expect(verifySignature(publicKey, message, signature)).toBe(true);
    signatures.noteValid(odd);
    const before = { ...verifyCounts };
    expect(signatures.validate(honest()) && signatures.validate(odd)).toBe(true);
    expect(verifyCounts).toEqual(before);
  });

  it("admit nothing that was judged elsewhere, without a kernel", () => {
    const signatures = new AcceptedSignatures(genesisHash, WITHOUT_KERNEL);
    const odd = acceptedByZip215Only();
    signatures.noteValid(odd);
    expect(signatures.admit(odd)).toBe(false);
    expect(signatures.admit(honest())).toBe(true);
    signatures.noteValid(honest());
    const before = verifyCounts.native;
    expect(signatures.admit(honest())).toBe(true);
    expect(verifyCounts.native).toBe(before);
  });

  it("tell two signatures under one id apart", () => {
    const signatures = new AcceptedSignatures(genesisHash);
    const odd = acceptedByZip215Only();
    expect(odd.id).toEqual(honest().id);
    expect(signatures.validate(odd)).toBe(true);
    const forged = withSignature({ ...fields, from: signer.publicKey }, new Uint8Array(64).fill(9));
    expect(signatures.validate(forged)).toBe(false);
  });

  it("refuse a transaction signed for another chain's genesis", () => {
    const other = new AcceptedSignatures(asHash(new Uint8Array(32).fill(8)));
    expect(other.admit(honest())).toBe(false);
    expect(other.validate(honest())).toBe(false);
  });

  it("forget the oldest acceptances at the bound and verify it anew", () => {
    const signatures = new AcceptedSignatures(genesisHash, undefined, 4);
    for (const nonce of [0n, 1n, 2n, 3n]) expect(signatures.admit(honest(nonce))).toBe(true);
    expect(signatures.size).toBe(2);
    const before = verifyCounts.native;
    expect(signatures.validate(honest(2n))).toBe(true);
    expect(verifyCounts.native).toBe(before);
    expect(signatures.validate(honest(0n))).toBe(true);
    expect(verifyCounts.native).toBe(before + 1);
  });

  it("remember it with the decoded transaction, and no other, where none is remembered by hash", () => {
    const signatures = new AcceptedSignatures(genesisHash, undefined, 0);
    const transaction = honest();
    expect(signatures.admit(transaction)).toBe(true);
    expect(signatures.size).toBe(0);
    const before = verifyCounts.native;
    expect(signatures.admit(transaction) && signatures.validate(transaction)).toBe(true);
    expect(verifyCounts.native).toBe(before);
    expect(signatures.remembers(honest())).toBe(false);
  });

  it("say nothing of what another chain's have accepted", () => {
    const transaction = honest();
    expect(new AcceptedSignatures(genesisHash).admit(transaction)).toBe(true);
    const other = new AcceptedSignatures(asHash(new Uint8Array(32).fill(8)));
    expect(other.remembers(transaction)).toBe(false);
    expect(other.admit(transaction) || other.validate(transaction)).toBe(false);
    expect(new AcceptedSignatures(genesisHash).remembers(transaction)).toBe(false);
  });

  it("take a block's acceptance for none of admission's", () => {
    const signatures = new AcceptedSignatures(genesisHash, undefined, 0);
    const transaction = honest();
    expect(signatures.validate(transaction)).toBe(true);
    const before = verifyCounts.native;
    expect(signatures.admit(transaction)).toBe(true);
    expect(verifyCounts.native).toBe(before + 1);
  });
});
