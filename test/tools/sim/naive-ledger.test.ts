/** The checkers' own ledger and the chain's must give the same roots, receipts and accounts, whatever is executed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteText, hex } from "../../../src/base/bytes.ts";
import { readAccount } from "../../../src/chain/modules/accounts.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { verifySignature } from "../../../src/crypto/keys.ts";
import { NaiveLedger, NaiveRefusal, naiveMerkleRoot } from "../../../src/tools/sim/naive-ledger.ts";
import {
  alice,
  anchorOf,
  bob,
  build,
  carol,
  extend,
  genesis,
  genesisHash,
  openChain,
  proposer,
  transfer,
} from "../../chain/fixtures.ts";

const PEOPLE = [alice, bob, carol];

function naive(): NaiveLedger {
  const rules = { chainId: genesis.chainId, minFee: 0n, genesisHash, verify: verifySignature };
  return new NaiveLedger(genesis.accounts, rules);
}

const step = fc.record({
  from: fc.integer({ min: 0, max: 1 }),
  to: fc.integer({ min: 0, max: 2 }),
  amount: fc.constantFrom(0n, 1n, 300n, 2n ** 64n - 1n),
  fee: fc.constantFrom(0n, 2n),
  document: fc.option(fc.constantFrom("a", "b")),
});

describe("the naive ledger", () => {
  it("has the chain's state root, receipts root and accounts after any transfers and anchors", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 4 }), async (blocks) => {
        const chain = await openChain();
        const ledger = naive();
        const nonces = [0n, 0n];
        for (const steps of blocks) {
          const transactions = steps.map(({ from, to, amount, fee, document }) => {
            const changes = { nonce: nonces[from]!, fee };
            nonces[from]!++;
            if (document !== null) return anchorOf(PEOPLE[from]!, document, changes);
            return transfer(PEOPLE[from]!, PEOPLE[to]!.publicKey, amount, changes);
          });
          const { summary, transactions: included } = await extend(chain, ...transactions);
          const envelopes = included.map(({ bytes }) => bytes);
          const { height, timeMs } = summary;
          const receipts = ledger.execute(envelopes, { height, timeMs, feeRecipient: proposer.publicKey });
          expect(hex(naiveMerkleRoot(receipts))).toBe(hex(summary.receiptsRoot));
          expect(hex(naiveMerkleRoot(envelopes.map(sha256)))).toBe(hex(summary.txRoot));
          expect(hex(ledger.stateRoot())).toBe(hex(summary.stateRoot));
        }
        for (const { publicKey } of [...PEOPLE, proposer]) {
          const account = ledger.accounts.get(byteText(publicKey));
          expect(readAccount(chain.committed, publicKey)).toEqual(account);
        }
        expect(ledger.supply).toBe(1_500n);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses a transaction that was executed before, one out of order and one that is not signed", async () => {
    const block = build(await openChain(), transfer(alice, bob.publicKey, 1n));
    const context = { height: 1n, timeMs: 1n, feeRecipient: proposer.publicKey };
    const [once] = block.transactions.map(({ bytes }) => bytes);
    expect(() => naive().execute([once!, once!], context)).toThrow(NaiveRefusal);
    const later = transfer(alice, bob.publicKey, 1n, { nonce: 1n });
    expect(() => naive().execute([later.bytes], context)).toThrow("nonce 1, the account's is 0");
    const forged = Uint8Array.from(once!);
    forged[forged.length - 1]! ^= 1;
    expect(() => naive().execute([forged], context)).toThrow("not valid");
  });
});
