/** Transfers of a load, read back by the ledger's own decoder. */
import { describe, expect, it } from "vitest";
import { asHash, hex } from "../../../src/base/bytes.ts";
import { decodeTransaction } from "../../../src/chain/types/transaction.ts";
import { Transfers } from "../../../src/tools/bench/transfers.ts";

const seeds = Array.from({ length: 6 }, (_, i) => new Uint8Array(32).fill(i + 1));
const chain = { chainId: 7n, genesisHash: asHash(new Uint8Array(32)) };

function decode(bytes: Uint8Array) {
  const decoded = decodeTransaction(bytes, 65_535);
  if (!decoded.ok) throw new Error(decoded.fault.detail);
  return decoded.value;
}

describe("Transfers", () => {
  it("gives each account's nonces in order, each account to one node, signed in advance or not", () => {
    const transfers = new Transfers(seeds, 2, chain);
    transfers.signRound();
    const senders = [0, 1].map((node) => {
      const taken = transfers.take(node, 9).map(({ id, bytes }) => {
        const transaction = decode(bytes);
        expect(hex(transaction.id)).toBe(id);
        return transaction;
      });
      expect(taken.map(({ nonce }) => nonce)).toEqual([0n, 0n, 0n, 1n, 1n, 1n, 2n, 2n, 2n]);
      return new Set(taken.map(({ from }) => hex(from)));
    });
    expect(senders.map((set) => set.size)).toEqual([3, 3]);
    expect([...senders[0]!].some((sender) => senders[1]!.has(sender))).toBe(false);
    expect(transfers.signedLate).toBe(12);
  });
});
