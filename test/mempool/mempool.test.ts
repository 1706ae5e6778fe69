/** The pool's own rules: sender queues, replacement, eviction, expiry, the re-check against a new head, reorgs, digests. */
import { describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import { AcceptedSignatures } from "../../src/chain/execution/accepted-signatures.ts";
import type { SignedTransaction } from "../../src/chain/types/transaction.ts";
import { createSigner, ED25519, verifyCounts } from "../../src/crypto/keys.ts";
import { Mempool } from "../../src/mempool/mempool.ts";
import { selectTransactions } from "../../src/mempool/template.ts";
import { slowSigner } from "../crypto/slow-signer.ts";
import { genesis, genesisHash, headOf, nameOf, sender, transfer, worldOf } from "./world.ts";

const [a, b, c, d] = [sender("a"), sender("b"), sender("c"), sender("d")] as const;
const head = headOf([a, b, c, d], 1_000n);

const contents = (pool: Mempool) =>
  pool
    .hashes()
    .map((hash) => nameOf(pool.getByHash(hash)!))
    .sort();

function fill(pool: Mempool, transactions: readonly SignedTransaction[], nowMs = 0): void {
  for (const transaction of transactions) expect(pool.add(transaction, nowMs)).toMatchObject({ ok: true });
}

describe("queues of senders in the pool", () => {
  it("count as executable what follows the account's nonce without a hole, and queue the rest", () => {
    const { pool } = worldOf(head);
    fill(pool, [transfer(a, { nonce: 1 }), transfer(a, { nonce: 3 })]);
    expect(pool.status()).toMatchObject({ transactions: 2, executable: 0, queued: 2, senders: 1 });
    expect(pool.pendingNonce(a.publicKey)).toBe(0n);
    fill(pool, [transfer(a, { nonce: 0 })]);
    expect(pool.status()).toMatchObject({ transactions: 3, executable: 2, queued: 1 });
    expect(pool.pendingNonce(a.publicKey)).toBe(2n);
    fill(pool, [transfer(a, { nonce: 2 })]);
    expect(pool.executable).toBe(4);
    expect(pool.pendingNonce(a.publicKey)).toBe(4n);
    expect(pool.pendingNonce(b.publicKey)).toBe(0n);
  });

  it("find a transaction by id and by hash", () => {
    const { pool } = worldOf(head);
    const transaction = transfer(a);
    fill(pool, [transaction]);
    expect(pool.get(transaction.id)).toBe(transaction);
    expect(pool.getByHash(transaction.hash)).toBe(transaction);
    expect(pool.get(transaction.hash)).toBeUndefined();
  });
});

describe("replacement in the pool", () => {
  it("takes the place of the same nonce and leaves the sender's queue whole", () => {
    const { pool, story } = worldOf(head);
    const better = transfer(a, { nonce: 1, fee: 12 });
    fill(pool, [transfer(a), transfer(a, { nonce: 1 }), transfer(a, { nonce: 2 }), better]);
    expect(pool.executable).toBe(3);
    expect(pool.get(better.id)).toBe(better);
    expect(story.slice(-2)).toEqual(["replaced a/1", "added a/1"]);
  });

  it("counts only the difference against the sender's balance", () => {
    const { pool } = worldOf(head);
    fill(pool, [transfer(a, { amount: 980, fee: 10 }), transfer(a, { amount: 980, fee: 20 })]);
    expect(pool.add(transfer(a, { amount: 980, fee: 22 }), 0)).toMatchObject({
      fault: { code: "TX_INSUFFICIENT_FUNDS" },
    });
  });
});

describe("a full pool", () => {
  it("gives its lowest fee first, and of equal ones the youngest", () => {
    const { pool, story } = worldOf(head, { transactionsMax: 3 });
    fill(pool, [transfer(a, { fee: 20 }), transfer(b, { fee: 10 }), transfer(c, { fee: 10 })]);
    fill(pool, [transfer(d, { fee: 11 })]);
    expect(story.slice(-2)).toEqual(["evicted c/0", "added d/0"]);
    expect(contents(pool)).toEqual(["a/0", "b/0", "d/0"]);
  });

  it("takes from the end of the queue that holds the lowest fee, so that no queue gets a hole", () => {
    const { pool, story } = worldOf(head, { transactionsMax: 4 });
    fill(pool, [transfer(a, { fee: 3 }), transfer(a, { nonce: 1, fee: 90 }), transfer(b), transfer(c)]);
    fill(pool, [transfer(d, { fee: 4 })]);
    expect(story.slice(-2)).toEqual(["evicted a/1", "added d/0"]);
    expect(pool.executable).toBe(4);
  });

  it("refuses a newcomer that would itself be the victim and says what would enter", () => {
    const { pool } = worldOf(head, { transactionsMax: 2 });
    fill(pool, [transfer(a, { fee: 10 }), transfer(b, { fee: 12 })]);
    const before = pool.hashes();
    const verdict = pool.add(transfer(c, { fee: 10 }), 0);
    expect(verdict).toMatchObject({ fault: { code: "MEMPOOL_FULL" } });
    if (!verdict.ok) expect(verdict.fault.detail).toMatch(/fee 10 is too low .* least fee that enters is 11/);
    expect(pool.hashes()).toEqual(before);
    expect(pool.status().minFeeToEnter).toBe(11n);
    fill(pool, [transfer(c, { fee: 11 })]);
  });

  it("does not let a high fee behind a low one of the same sender push others out", () => {
    const { pool } = worldOf(head, { transactionsMax: 2 });
    fill(pool, [transfer(a, { fee: 5 }), transfer(b, { fee: 6 })]);
    const verdict = pool.add(transfer(a, { nonce: 1, fee: 500 }), 0);
    expect(verdict).toMatchObject({ fault: { code: "MEMPOOL_FULL" } });
    if (!verdict.ok) expect(verdict.fault.detail).toContain("after 5 at another nonce");
    expect(contents(pool)).toEqual(["a/0", "b/0"]);
  });

  it("lets a sender fill a hole at the cost of the end of its own queue", () => {
    const { pool, story } = worldOf(head, { transactionsMax: 2 });
    fill(pool, [transfer(a, { nonce: 1, fee: 5 }), transfer(b, { fee: 6 })]);
    fill(pool, [transfer(a, { nonce: 0, fee: 5 })]);
    expect(story.slice(-2)).toEqual(["evicted a/1", "added a/0"]);
  });

  it("is full by bytes too, and gives what a large newcomer needs", () => {
    const size = transfer(a).bytes.length;
    const { pool, story } = worldOf(head, { bytesMax: 300 + size });
    fill(pool, [transfer(a, { fee: 10 }), transfer(b, { fee: 20 })]);
    fill(pool, [transfer(c, { fee: 15, memo: "x".repeat(300 - size) })]);
    expect(story.slice(2)).toEqual(["evicted a/0", "added c/0"]);
  });

  it("puts everything back when the newcomer does not pay for all it would displace", () => {
    const size = transfer(a).bytes.length;
    const { pool, story } = worldOf(head, { bytesMax: 2 * size + 10 });
    fill(pool, [transfer(a, { fee: 10 }), transfer(b, { fee: 20 })]);
    const before = [pool.hashes(), pool.status()];
    const verdict = pool.add(transfer(c, { fee: 15, memo: "x".repeat(20) }), 0);
    expect(verdict).toMatchObject({ fault: { code: "MEMPOOL_FULL" } });
    if (!verdict.ok) expect(verdict.fault.detail).toContain("least fee that enters is 21");
    expect([pool.hashes(), pool.status()]).toEqual(before);
    expect(story).toEqual(["added a/0", "added b/0"]);
  });

  it("asks for the minimal fee as long as there is room", () => {
    expect(worldOf(head).pool.status().minFeeToEnter).toBe(2n);
  });
});

describe("transactions that wait for an earlier nonce", () => {
  const many = Array.from({ length: 40 }, (_, i) => sender(String.fromCharCode(0x100 + i)));

  it("never push out what can run, whatever fee they offer", () => {
    const all = headOf([a, b, c, d, ...many]);
    const { pool, story } = worldOf(all, { transactionsMax: 64, queuedMax: 8 });
    const paid = [a, b, c, d].flatMap((from) =>
      Array.from({ length: 16 }, (_, nonce) => transfer(from, { nonce, fee: 2 })),
    );
    fill(pool, paid);
    for (const from of many) {
      for (let nonce = 1; nonce <= 64; nonce++) {
        const verdict = pool.add(transfer(from, { nonce, fee: 5_000 }), 0);
        expect(verdict).toMatchObject({ ok: false, fault: { code: "MEMPOOL_FULL" } });
      }
    }
    expect(story.filter((line) => !line.startsWith("added"))).toEqual([]);
    expect(pool.status()).toMatchObject({ transactions: 64, executable: 64, queued: 0, minFeeToEnter: 3n });
  });

  it("leave a full pool before any that can run, and cost it nothing to enter", () => {
    const { pool, story } = worldOf(head, { transactionsMax: 3 });
    fill(pool, [transfer(a, { nonce: 1, fee: 90 }), transfer(b, { fee: 5 }), transfer(c, { fee: 5 })]);
    expect(pool.status().minFeeToEnter).toBe(2n);
    fill(pool, [transfer(d, { fee: 2 })]);
    expect(story.slice(-2)).toEqual(["evicted a/1", "added d/0"]);
    expect(pool.status().minFeeToEnter).toBe(3n);
  });

  it("have a share of the pool, in which the sender with the most of them gives first", () => {
    const { pool, story } = worldOf(head, { queuedMax: 4 });
    fill(
      pool,
      [1, 2, 3, 4].map((nonce) => transfer(a, { nonce, fee: 90 })),
    );
    fill(pool, [transfer(b, { nonce: 7, fee: 2 }), transfer(c, { nonce: 1, fee: 2 })]);
    expect(story.slice(4)).toEqual(["evicted a/4", "added b/7", "evicted a/3", "added c/1"]);
    const verdict = pool.add(transfer(a, { nonce: 5, fee: 90 }), 0);
    expect(verdict).toMatchObject({ ok: false, fault: { code: "MEMPOOL_FULL" } });
    if (!verdict.ok) {
      expect(verdict.fault.detail).toContain("nonce 5 has to wait for nonce 0");
      expect(verdict.fault.detail).toContain("4 of 4 waiting transactions");
      expect(verdict.fault.detail).toContain("send nonce 0 first");
    }
    fill(pool, [transfer(d)]);
    expect(pool.status()).toMatchObject({ queued: 4, queuedMax: 4, executable: 1 });
  });

  it("have a share of its bytes too", () => {
    const size = transfer(a, { nonce: 1 }).bytes.length;
    const { pool } = worldOf(head, { queuedBytesMax: 2 * size });
    fill(pool, [transfer(a, { nonce: 1 }), transfer(b, { nonce: 1 })]);
    expect(pool.add(transfer(c, { nonce: 1 }), 0)).toMatchObject({ fault: { code: "MEMPOOL_FULL" } });
    expect(pool.status()).toMatchObject({ queuedBytes: 2 * size, queuedBytesMax: 2 * size });
  });

  it("get a sixteenth of the pool where nobody says how much", () => {
    expect(worldOf(head).pool.status()).toMatchObject({ queuedMax: 1_250, queuedBytesMax: 2 * 1024 * 1024 });
  });

  it("are told once they can run, in the order of their nonces, and only then", () => {
    const { pool, promoted } = worldOf(head);
    fill(pool, [transfer(a, { nonce: 2 }), transfer(a, { nonce: 1 }), transfer(b)]);
    expect(promoted).toEqual([]);
    expect(pool.isExecutable(transfer(a, { nonce: 1 }))).toBe(false);
    expect(pool.offered(0, 0n).length).toBe(1);
    fill(pool, [transfer(a)]);
    expect(promoted.map(nameOf)).toEqual(["a/1", "a/2"]);
    expect(pool.isExecutable(transfer(a, { nonce: 1 }))).toBe(true);
    expect(pool.offered(0, 0n).length).toBe(4);
  });

  it("are brought back to their share when one that could run expires before them", () => {
    const { pool, story } = worldOf(head, { nonceGapMax: 3, queuedMax: 2 });
    fill(pool, [transfer(a, { validUntil: 6 }), ...[1, 2, 3, 4, 5].map((nonce) => transfer(a, { nonce }))]);
    pool.headChanged(head.after([], 6n), [], 0);
    expect(story.slice(6)).toEqual(["expired a/0", "evicted a/5", "evicted a/4", "evicted a/3"]);
    expect(pool.status()).toMatchObject({ executable: 0, queued: 2 });
  });

  it("may be many while abandoned blocks give back what stood before them", () => {
    const included = [0, 1].map((nonce) => transfer(a, { nonce }));
    const { pool, story, promoted } = worldOf(head.after(included), { nonceGapMax: 2, queuedMax: 1 });
    fill(
      pool,
      [2, 3, 4, 5, 6].map((nonce) => transfer(a, { nonce })),
    );
    expect(pool.headReplaced(head, included, [], 0)).toBe(2);
    expect(story.slice(5)).toEqual(["added a/0", "added a/1"]);
    expect(pool.executable).toBe(7);
    expect(promoted).toEqual([]);
  });
});

describe("a long row of one sender in the pool", () => {
  /** How often a fee is read for one arrival at a full pool in which one sender has `count`. */
  function readsPerArrival(count: number): number {
    let reads = 0;
    const { pool } = worldOf(headOf([a, b], 10n ** 9n), { transactionsMax: count });
    const counted = (transaction: SignedTransaction): SignedTransaction => ({
      ...transaction,
      get fee() {
        reads++;
        return transaction.fee;
      },
    });
    for (let nonce = 0; nonce < count; nonce++) pool.add(counted(transfer(a, { nonce, fee: 9 })), 0);
    pool.add(counted(transfer(a, { nonce: count, fee: 9, memo: "first question" })), 0);
    reads = 0;
    const arrivals = [
      counted(transfer(a, { nonce: count, fee: 9 })),
      counted(transfer(a, { nonce: count >> 1, fee: 10, memo: "replacement" })),
      counted(transfer(b, { fee: 9 })),
      counted(transfer(b, { fee: 12 })),
      counted(transfer(b, { fee: 14 })),
    ];
    for (const arrival of arrivals) pool.add(arrival, 0);
    expect(pool.size).toBe(count);
    return reads / arrivals.length;
  }

  it("costs an arrival at a full pool no more than the logarithm of its length", () => {
    const [short, long] = [readsPerArrival(100), readsPerArrival(3_200)];
    expect(short).toBeLessThan(60);
    expect(long).toBeLessThan(short + 60);
  });
});

describe("expiry in the pool", () => {
  it("drops what the next block may not hold, and queues what stood behind it", () => {
    const { pool, story } = worldOf(head);
    fill(pool, [
      transfer(a, { nonce: 0 }),
      transfer(a, { nonce: 1, validUntil: 7 }),
      transfer(a, { nonce: 2 }),
    ]);
    pool.headChanged(head.after([], 6n), [], 0);
    expect(pool.executable).toBe(3);
    pool.headChanged(head.after([], 7n), [], 0);
    expect(story.slice(3)).toEqual(["expired a/1"]);
    expect(pool.status()).toMatchObject({ executable: 1, queued: 1 });
    fill(pool, [transfer(a, { nonce: 1 })]);
    expect(pool.executable).toBe(3);
  });

  it("drops what has waited too long, by the caller's clock", () => {
    const { pool, story } = worldOf(head, { ageMsMax: 100 });
    fill(pool, [transfer(a)], 1_000);
    fill(pool, [transfer(b)], 1_050);
    pool.dropAged(1_100);
    expect(pool.size).toBe(2);
    pool.dropAged(1_101);
    expect(story.slice(2)).toEqual(["aged a/0"]);
    pool.headChanged(head.after([]), [], 1_151);
    expect(pool.size).toBe(0);
  });
});

describe("a new head", () => {
  it("takes out what it included and what lost its nonce to another", () => {
    const { pool, story } = worldOf(head);
    const included = transfer(a);
    fill(pool, [included, transfer(a, { nonce: 1 }), transfer(b), transfer(b, { nonce: 1 })]);
    const foreign = transfer(b, { memo: "not ours" });
    pool.headChanged(head.after([included, foreign]), [included, foreign], 0);
    expect(story.slice(4)).toEqual(["included a/0", "stale b/0"]);
    expect(pool.executable).toBe(2);
  });

  it("takes from the end of a queue what the sender can no longer pay", () => {
    const { pool, story } = worldOf(head);
    fill(
      pool,
      [0, 1, 2].map((nonce) => transfer(a, { nonce, amount: 300 })),
    );
    const dear = transfer(a, { amount: 500, memo: "dear" });
    pool.headChanged(head.after([dear]), [dear], 0);
    expect(story.slice(3)).toEqual(["stale a/0", "unpayable a/2"]);
    expect(pool.executable).toBe(1);
  });

  it("looks only at the queues that the block touched", () => {
    const { pool } = worldOf(head);
    fill(pool, [transfer(a), transfer(b), transfer(c)]);
    const asked: string[] = [];
    const next = head.after([transfer(a)]);
    const spy = {
      height: next.height,
      account: (address: Parameters<typeof next.account>[0]) => {
        asked.push(hex(address).slice(0, 2));
        return next.account(address);
      },
    };
    pool.headChanged(spy, [transfer(a), transfer(d)], 0);
    expect(asked).toEqual(["61"]);
    expect(pool.size).toBe(2);
  });

  it("makes executable what waited for a nonce that another node's transaction used", () => {
    const { pool } = worldOf(head);
    fill(pool, [transfer(a, { nonce: 1 })]);
    const foreign = transfer(a, { memo: "not ours" });
    pool.headChanged(head.after([foreign]), [foreign], 0);
    expect(pool.executable).toBe(1);
  });
});

it("the pool judges the signatures of what came together first, each with the verdict that it gets alone", () => {
  const signers = Array.from({ length: 8 }, (_, i) => createSigner(new Uint8Array(32).fill(20 + i)));
  const signatures = new AcceptedSignatures(genesisHash);
  const pool = new Mempool({ genesis }, { head: headOf(signers), signatures });
  const sent = signers.map((signer) => transfer(signer));
  const forged = sent[3]!.bytes.slice();
  forged[forged.length - 1]! ^= 1;
  forged[forged.length - 40]! ^= 1;
  const envelopes = sent.map(({ bytes }, i) => (i === 3 ? forged : bytes));
  pool.prepare([...envelopes, new Uint8Array(3)]);
  expect(pool.hashes()).toEqual([]);
  expect(signatures.size).toBe(7);
  const before = { ...verifyCounts };
  const verdicts = envelopes.map((envelope) => pool.add(envelope, 0).ok);
  expect(verdicts).toEqual(sent.map((_, i) => i !== 3));
  expect(verifyCounts).toEqual(before);
});

it("the pool judges no signature again where some of what came together never come", () => {
  const signers = Array.from({ length: 12 }, (_, i) => createSigner(new Uint8Array(32).fill(40 + i)));
  const signatures = new AcceptedSignatures(genesisHash, undefined, 0);
  const pool = new Mempool({ genesis }, { head: headOf(signers), signatures });
  const envelopes = signers.map((signer) => transfer(signer).bytes);
  pool.prepare(envelopes);
  const before = { ...verifyCounts };
  const come = envelopes.filter((_, i) => i !== 0 && i !== 5 && i !== 11);
  expect(come.every((envelope) => pool.add(envelope, 0).ok)).toBe(true);
  expect(verifyCounts).toEqual(before);
});

describe("a reorg", () => {
  it("takes back the abandoned transactions that the new branch does not hold", () => {
    // g - x(a/0, b/0)          the pool holds a/1 and c/0
    //   \ y(b/0) - z
    const [a0, b0] = [transfer(a), transfer(b)];
    const { pool, story } = worldOf(head.after([a0, b0]));
    fill(pool, [transfer(a, { nonce: 1 }), transfer(c)]);
    const other = head.after([b0]).after([], 7n);
    expect(pool.headReplaced(other, [a0, b0], [b0], 0)).toBe(1);
    expect(story.slice(2)).toEqual(["added a/0"]);
    expect(contents(pool)).toEqual(["a/0", "a/1", "c/0"]);
    expect(pool.executable).toBe(3);
  });

  it("takes back nothing that only a block may carry without a kernel, so that no template ever holds it", () => {
    const seed = new Uint8Array(32).fill(5);
    const [slow, quick] = [slowSigner(seed), createSigner(new Uint8Array(32).fill(6))];
    const { verifyQuickly, verifySignature } = ED25519; // no kernel
    const signatures = new AcceptedSignatures(genesisHash, { verifyQuickly, verifySignature });
    const state = headOf([slow, quick]);
    const pool = new Mempool({ genesis }, { head: state, signatures });
    const abandoned = [transfer(slow), transfer(quick)];
    expect(abandoned.map((transaction) => signatures.validate(transaction))).toEqual([true, true]);
    expect(pool.headReplaced(state, abandoned, [], 0)).toBe(1);
    expect(pool.add(abandoned[0]!, 0)).toMatchObject({ ok: false, fault: { code: "TX_BAD_SIGNATURE" } });
    expect(selectTransactions(pool, state, genesis.limits)).toEqual([abandoned[1]]);
  });

  it("drops what is no longer payable although no transaction of its sender was touched", () => {
    const { pool, story } = worldOf(head);
    fill(pool, [transfer(a, { amount: 900 }), transfer(b)]);
    pool.headReplaced(head.with(a, { balance: 500n, nonce: 0n }).with(b, undefined), [], [], 0);
    expect(story.slice(2)).toEqual(["unpayable a/0", "unpayable b/0"]);
  });

  it("takes back what an abandoned block held and ignores what never left", () => {
    const { pool } = worldOf(head);
    const kept = transfer(a);
    fill(pool, [kept]);
    expect(pool.headReplaced(head, [kept, transfer(b)], [], 0)).toBe(1);
    expect(contents(pool)).toEqual(["a/0", "b/0"]);
  });
});

describe("hashes of the pool", () => {
  it("are equal for equal contents, whatever the order and history", () => {
    const [first, second] = [worldOf(head).pool, worldOf(head).pool];
    const transactions = [transfer(a), transfer(b), transfer(c)];
    fill(first, transactions);
    fill(second, [transfer(c, { nonce: 1 }), ...transactions.toReversed()]);
    expect(first.hashes()).toHaveLength(second.hashes().length - 1);
    first.add(transfer(c, { nonce: 1 }), 0);
    expect(new Set(first.hashes().map(hex))).toEqual(new Set(second.hashes().map(hex)));
  });

  it("are none in a pool that was full and is empty", () => {
    const { pool } = worldOf(head, { ageMsMax: 1 });
    fill(pool, [transfer(a), transfer(b)]);
    pool.dropAged(2);
    expect(pool.hashes()).toEqual([]);
    expect(pool.bytes).toBe(0);
  });
});
