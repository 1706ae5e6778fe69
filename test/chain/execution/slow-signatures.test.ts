/** Signatures that only ZIP-215 accepts: how many of them a block may make this node verify slowly before anybody has to. */
import { expect, it } from "vitest";
import { EMPTY, utf8 } from "../../../src/base/bytes.ts";
import { Chain } from "../../../src/chain/chain.ts";
import { AcceptedSignatures, SlowSignatureLimit } from "../../../src/chain/execution/accepted-signatures.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import type { Block } from "../../../src/chain/types/block.ts";
import { signTransaction } from "../../../src/chain/types/transaction.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { ED25519, type SignatureRules } from "../../../src/crypto/keys.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { slowSigner } from "../../crypto/slow-signer.ts";
import { bob, genesis, genesisHash, openChain, plainRules, sealed } from "../fixtures.ts";

const slow = slowSigner(sha256(utf8("test person alice")));
const payload = bank.encodeCall({ to: bob.publicKey, amount: 1n, memo: EMPTY });

async function slowBlock(count: number): Promise<Block> {
  const transactions = Array.from({ length: count }, (_, nonce) => {
    const fields = { chainId: genesis.chainId, nonce: BigInt(nonce), fee: 0n, validUntilHeight: 0n };
    return signTransaction({ ...fields, module: bank.id, payload }, slow, genesisHash);
  });
  const chain = await openChain();
  const proposal = { timeMs: genesis.timeMs + 1_000n, proposer: 0 };
  return chain.buildBlock(chain.head.hash, proposal, () => transactions, false)!;
}

/** A chain that counts what it verifies slowly. */
async function counted() {
  const counts = { slow: 0 };
  const rules: SignatureRules = {
    verifyQuickly: ED25519.verifyQuickly,
    verifySignature: (...claim) => {
      counts.slow++;
      return ED25519.verifySignature(...claim);
    },
  };
  const signatures = new AcceptedSignatures(genesisHash, rules);
  const chain = await Chain.open(genesis, { kv: new MemoryKv(), rules: plainRules, signatures });
  return { chain, counts };
}

it("a block's execution verifies no more slow signatures than the limit, and gives no verdict beyond it", async () => {
  const block = await slowBlock(5);
  const { chain, counts } = await counted();
  const limit = new SlowSignatureLimit(3);
  chain.checkBlock(block, limit);
  expect(limit).toMatchObject({ count: 4, isExceeded: true });
  expect(counts.slow).toBe(3);
  const exact = new SlowSignatureLimit(5);
  expect((await counted()).chain.checkBlock(block, exact)).toEqual({ kind: "valid" });
  expect(exact.isExceeded).toBe(false);
});

it("a block's execution judges a sealed block by the whole rule, though it was given up as a proposal", async () => {
  const block = await slowBlock(5);
  const { chain } = await counted();
  chain.checkBlock(block, new SlowSignatureLimit(0));
  expect(chain.head.summary.height).toBe(0n);
  expect(await chain.importBlock(sealed(block))).toEqual({ kind: "imported" });
});

it("a block's execution counts nothing of a block that the native library accepts", async () => {
  const other = await openChain();
  const proposal = { timeMs: genesis.timeMs + 1_000n, proposer: 0 };
  const block = other.buildBlock(other.head.hash, proposal, () => [], true)!;
  const limit = new SlowSignatureLimit(0);
  expect((await counted()).chain.checkBlock(block, limit)).toEqual({ kind: "valid" });
  expect(limit.count).toBe(0);
});
