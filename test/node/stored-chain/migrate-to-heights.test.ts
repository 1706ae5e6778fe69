/** A database of format 3, made out of one of this program's, comes back as it was. */
import { describe, expect, it } from "vitest";
import { concatBytes, EMPTY, type Hash, hex } from "../../../src/base/bytes.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import type { ChainStore } from "../../../src/chain/store.ts";
import { placeOf } from "../../../src/chain/types/block.ts";
import { moveToHeights } from "../../../src/node/stored-chain/migrate-to-heights.ts";
import {
  bodyKey,
  HISTORY_BUCKETS,
  receiptsKey,
  sealKey,
  transactionKeys,
  undoKey,
} from "../../../src/storage/database-keys.ts";
import type { Kv, KvOperation } from "../../../src/storage/kv.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { alice, bob, extend, openChain, transfer } from "../../chain/fixtures.ts";
import { mineOn, openMinedChain } from "../../chain/pow-fixtures.ts";

const EVERYTHING = { from: EMPTY, to: new Uint8Array(40).fill(0xff) };

async function contents(kv: Kv): Promise<string[]> {
  return (await kv.entries(EVERYTHING)).map(([key, value]) => `${hex(key)} ${hex(value)}`);
}

/** Puts a block where format 3 had it. */
function backOperations(kv: Kv, store: ChainStore, hash: Hash): KvOperation[] {
  const place = placeOf(store.head(hash)!);
  const moved = [bodyKey, sealKey, receiptsKey, undoKey].flatMap((keyOf, i): KvOperation[] => {
    const value = kv.get(keyOf(place));
    if (value === undefined) return [];
    const old = concatBytes(Uint8Array.of(0x02 + i), hash);
    return [
      { kind: "delete", key: keyOf(place) },
      { kind: "put", key: old, value },
    ];
  });
  const ids = (store.body(hash) ?? []).map(({ id }) => id);
  const places = transactionKeys(place, ids).flatMap((key, i): KvOperation[] => {
    if (kv.get(key) === undefined) return [];
    const old = concatBytes(Uint8Array.of(0x07), ids[i]!, hash);
    return [
      { kind: "delete", key },
      { kind: "put", key: old, value: Uint8Array.of(0, 0, 0, i) },
    ];
  });
  return [...moved, ...places];
}

async function asFormat3(kv: Kv, store: ChainStore, hashes: readonly Hash[]): Promise<void> {
  await kv.write(
    hashes.flatMap((hash) => backOperations(kv, store, hash)),
    { sync: true },
  );
  const left = (await kv.entries(EVERYTHING)).filter(([key]) => HISTORY_BUCKETS.has(key[0]));
  expect(left).toEqual([]);
}

describe("moving the blocks of a database to their heights", () => {
  it("leaves of a final chain what this program writes itself", async () => {
    const kv = new MemoryKv();
    const chain = await openChain(kv);
    await extend(
      chain,
      transfer(alice, bob.publicKey, 1n),
      transfer(alice, bob.publicKey, 2n, { nonce: 1n }),
    );
    await extend(chain);
    const before = await contents(kv);
    await asFormat3(
      kv,
      chain.store,
      [0n, 1n, 2n].map((height) => chain.store.hashAt(height)!),
    );
    const shown: string[] = [];
    await moveToHeights(kv, (done, total) => shown.push(`${done}/${total}`));
    expect(await contents(kv)).toEqual(before);
    expect(shown).toEqual(["1/3", "2/3", "3/3"]);
    await moveToHeights(kv, () => undefined);
    expect(await contents(kv)).toEqual(before);
  });

  it("goes on where it was broken off, and leaves a pruned block without its body", async () => {
    const kv = new MemoryKv();
    const chain = await openChain(kv);
    for (const nonce of [0n, 1n, 2n]) await extend(chain, transfer(alice, bob.publicKey, 1n, { nonce }));
    const hashes = [0n, 1n, 2n, 3n].map((height) => chain.store.hashAt(height)!);
    const pruned = placeOf(chain.store.head(hashes[1]!)!);
    const gone = [bodyKey(pruned), receiptsKey(pruned), undoKey(pruned)];
    const places = transactionKeys(
      pruned,
      chain.store.body(hashes[1]!)!.map(({ id }) => id),
    );
    await kv.write(
      [...gone, ...places].map((key) => ({ kind: "delete", key })),
      { sync: true },
    );
    const before = await contents(kv);
    // A batch holds whole blocks, so these are those that it had come to.
    for (const moved of [0, 1, 3]) {
      const left = hashes.slice(moved).flatMap((hash) => backOperations(kv, chain.store, hash));
      await kv.write(left, { sync: true });
      expect(await contents(kv)).not.toEqual(before);
      await moveToHeights(kv, () => undefined);
      expect(await contents(kv)).toEqual(before);
    }
  });

  it("moves a body that cannot be read as it is", async () => {
    const kv = new MemoryKv();
    const chain = await openChain(kv);
    await extend(chain, transfer(alice, bob.publicKey, 1n));
    const hash = chain.store.hashAt(1n)!;
    await asFormat3(kv, chain.store, [chain.store.hashAt(0n)!, hash]);
    const old = concatBytes(Uint8Array.of(0x02), hash);
    const damaged = kv.get(old)!.slice(0, -1);
    await kv.write([{ kind: "put", key: old, value: damaged }], { sync: true });
    await moveToHeights(kv, () => undefined);
    const place = placeOf(chain.store.head(hash)!);
    expect(kv.get(bodyKey(place))).toEqual(damaged);
    expect(kv.get(sealKey(place))).toBeDefined();
    expect(kv.get(old)).toBeUndefined();
  });

  it("leaves of a mined chain its branches too", async () => {
    const kv = new MemoryKv();
    const chain = await openMinedChain({ kv });
    const rival = mineOn(chain, [], 1);
    for (let i = 0; i < 3; i++) await chain.importBlock(mineOn(chain));
    await chain.importBlock(rival);
    const hashes = [0n, 1n, 2n, 3n].map((height) => chain.store.hashAt(height)!);
    expect(branchesOf(chain).tree.get(rival.block.hash)).toBeDefined();
    const before = await contents(kv);
    await asFormat3(kv, chain.store, [...hashes, rival.block.hash]);
    await moveToHeights(kv, () => undefined);
    expect(await contents(kv)).toEqual(before);
  });
});
