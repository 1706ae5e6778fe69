/** One sender's queue: long ones must not cost more than they hold. */
import { expect, it } from "vitest";
import { asAddress } from "../../src/base/bytes.ts";
import { type QueueEntry, SenderQueue } from "../../src/mempool/sender-queue.ts";

it("a sender queue lets thousands of used nonces go without looking at every fee for each of them", () => {
  const count = 4_000;
  let looked = 0;
  const senderQueue = new SenderQueue(asAddress(new Uint8Array(32)), "sender", 0n);
  for (let i = 0; i < count; i++) {
    const transaction = {
      nonce: BigInt(i),
      bytes: new Uint8Array(1),
      get fee() {
        looked++;
        return BigInt(i % 7);
      },
    };
    senderQueue.insert({ transaction, cost: 2n, sequence: i, addedMs: i } as unknown as QueueEntry);
  }
  expect(senderQueue.moveAccount(BigInt(count - 1)).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: count - 1 }, (_, i) => i),
  );
  expect(senderQueue).toMatchObject({ cost: 2n, executable: 1, leastFee: BigInt((count - 1) % 7) });
  expect(looked).toBeLessThan(count * 100);
});
