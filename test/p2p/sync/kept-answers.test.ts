/** Answers that many ask for are made once: counted by encodings, not by time. */
import { describe, expect, it } from "vitest";
import { asHash, equalBytes, type Hash } from "../../../src/base/bytes.ts";
import {
  HEADS_ENCODED_BYTES_MAX,
  HEADS_PER_ANSWER_MAX,
  POOL_NAMED_MAX,
  POOL_PRICES_MAX,
} from "../../../src/base/limits.ts";
import type { BlockHead } from "../../../src/chain/types/block.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { EncodedHeads, type HeadsLedger } from "../../../src/p2p/sync/encoded-heads.ts";
import { SettledPool } from "../../../src/p2p/sync/settled-pool.ts";
import { alice, bob, extend, openChain, transfer } from "../../chain/fixtures.ts";
import { VirtualTime } from "../virtual-time.ts";

const named = (text: string): Hash => asHash(sha256(new TextEncoder().encode(text)));

/** Heads whose hash and height count; all else is that of one real head. */
async function ledgerOf(length: number) {
  const template = await extend(await openChain(), transfer(alice, bob.publicKey, 1n));
  const headOf = (branch: string, height: number): BlockHead => ({
    ...template,
    hash: named(`${branch} ${height}`),
    summary: { ...template.summary, height: BigInt(height) },
  });
  let chain: BlockHead[] = [];
  const set = (branch: string, from: number, to: number) => {
    chain = chain.slice(0, from);
    for (let height = from; height <= to; height++) chain.push(headOf(branch, height));
  };
  set("a", 0, length);
  let reads = 0;
  const placeOf = (hash: Hash) => chain.findIndex((head) => equalBytes(head.hash, hash));
  const ledger: HeadsLedger = {
    head: () => ({ hash: chain.at(-1)!.hash }) as ReturnType<HeadsLedger["head"]>,
    isOnChain: (hash) => placeOf(hash) >= 0,
    forkPoint: (locator) => locator.find((hash) => placeOf(hash) >= 0) ?? chain[0]!.hash,
    headsAfter: (locator, countMax) => {
      const from = placeOf(ledger.forkPoint(locator)) + 1;
      reads += Math.min(countMax, chain.length - from);
      return chain.slice(from, from + countMax);
    },
  };
  return { ledger, set, at: (height: number) => chain[height]!.hash, reads: () => reads };
}

/** After its kind an answer says how many heads it has. */
function countOf(answer: Uint8Array): number {
  return new DataView(answer.buffer, answer.byteOffset).getUint32(1);
}

describe("answers about heads", () => {
  it("are encoded once for all who ask for the same range", async () => {
    const { ledger, at, reads } = await ledgerOf(2 * HEADS_PER_ANSWER_MAX + 10);
    const heads = new EncodedHeads(ledger);
    for (let asker = 0; asker < 50; asker++) {
      const stranger = named(`unknown ${asker}`);
      for (const from of [0, HEADS_PER_ANSWER_MAX, 2 * HEADS_PER_ANSWER_MAX])
        heads.answer([stranger, at(from)]);
    }
    expect(heads.counts.encodings).toBe(3);
    expect(reads()).toBe(2 * HEADS_PER_ANSWER_MAX + 10);
  });

  it("are encoded anew where the chain has grown or moved to another branch, and only there", async () => {
    const full = HEADS_PER_ANSWER_MAX;
    const { ledger, set, at } = await ledgerOf(full + 5);
    const heads = new EncodedHeads(ledger);
    const ask = (height: number) => countOf(heads.answer([at(height)]));
    expect([ask(0), ask(full), ask(full + 5)]).toEqual([full, 5, 0]);
    set("a", full + 6, full + 6);
    expect([ask(0), ask(full), ask(full + 5)]).toEqual([full, 6, 1]);
    expect(heads.counts.encodings).toBe(5);
    // A branch of the same length that leaves the chain above the first range, then one below its end.
    set("b", full + 2, full + 6);
    expect([ask(0), ask(full)]).toEqual([full, 6]);
    expect(heads.counts.encodings).toBe(6);
    set("c", full - 1, full + 6);
    expect(ask(0)).toBe(full);
    expect(heads.counts.encodings).toBe(7);
  });

  it("are kept up to a number of bytes", async () => {
    const { ledger, at } = await ledgerOf(HEADS_PER_ANSWER_MAX + 60);
    const heads = new EncodedHeads(ledger);
    for (let from = 0; from < 60; from++) heads.answer([at(from)]);
    const { bytes, encodings } = heads.counts;
    expect(encodings).toBe(60);
    expect(bytes).toBeLessThanOrEqual(HEADS_ENCODED_BYTES_MAX);
    expect(bytes).toBeGreaterThan(HEADS_ENCODED_BYTES_MAX / 2);
    heads.answer([at(59)]);
    expect(heads.counts.encodings).toBe(60);
    heads.answer([at(0)]);
    expect(heads.counts.encodings).toBe(61);
  });
});

describe("the settled part of a pool", () => {
  const hashes = Array.from({ length: 100 }, (_, i) => named(`transaction ${i}`));

  function world() {
    const time = new VirtualTime();
    let head = named("head");
    const pool = new SettledPool({ scheduler: time, headHash: () => head, hashes: () => [...hashes] });
    return { time, pool, move: () => (head = named("next")) };
  }

  it("is listed once for all who compare within a quarter of a second, and anew for another head or price", async () => {
    const { time, pool, move } = world();
    for (let asker = 0; asker < 50; asker++) pool.list(0n);
    expect(pool.counts.lists).toBe(1);
    pool.list(1n);
    pool.list(0n);
    expect(pool.counts.lists).toBe(2);
    await time.pass(250);
    pool.list(0n);
    expect(pool.counts.lists).toBe(3);
    move();
    pool.list(0n);
    expect(pool.counts.lists).toBe(4);
    for (let price = 10n; price < 10n + BigInt(POOL_PRICES_MAX); price++) pool.list(price);
    pool.list(0n);
    expect(pool.counts.lists).toBe(5 + POOL_PRICES_MAX);
  });

  it("is named once for a question for names and the question for transactions after it", () => {
    const { pool } = world();
    const { hashes: listed } = pool.list(0n);
    const names = pool.name(7n, listed);
    expect(pool.name(7n, listed)).toBe(names);
    expect(pool.find(7n, new Set([names[3]!, names[99]!]))).toEqual([hashes[3], hashes[99]]);
    expect(pool.find(7n, new Set([names[3]!, 1n]))).toBeUndefined();
    expect(pool.find(8n, new Set([names[3]!]))).toBeUndefined();
    expect(pool.counts.namings).toBe(1);
    for (let salt = 10n; salt < 10n + BigInt(POOL_NAMED_MAX); salt++) pool.name(salt, listed);
    expect(pool.find(7n, new Set([names[3]!]))).toBeUndefined();
  });
});
