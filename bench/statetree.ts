/**
 * What one changed account costs in the state tree:
 *
 *   npx tsx bench/statetree.ts [levels,...] [accounts,...] [MiB of page cache]
 *
 * For each page size and number of accounts it fills a LevelDB store, changes random accounts in batches as
 * blocks do (hash keys and values, update the tree, write the pages in one synced batch), and prints time, CPU
 * time of all threads and bytes written per changed account, beside the SHA-256 rate of the same run.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PageCache } from "../src/chain/pagecache.ts";
import { hashStateKey, hashStateValue } from "../src/chain/stateproof.ts";
import {
  type PageReader,
  pageKeyBytes,
  type TreeChange,
  type TreeUpdate,
  updateTree,
} from "../src/chain/statetree.ts";
import { Writer } from "../src/codec/writer.ts";
import { sha256 } from "../src/crypto/hash.ts";
import { pageKey } from "../src/storage/keys.ts";
import type { Kv, KvOperation } from "../src/storage/kv.ts";
import { openLevel } from "../src/storage/level.ts";

const BATCH = 1_000;
const WARM_BATCHES = 20;
const MEASURED_BATCHES = 40;
const FILL_BATCH = 20_000;

const numbers = (text: string | undefined, fallback: number[]) => text?.split(",").map(Number) ?? fallback;
const levelsList = numbers(process.argv[2], [2, 4, 6, 8]);
const cacheBytes = Number(process.argv[4] ?? 0) * 1024 * 1024;
const accountsList = numbers(process.argv[3], [10_000, 100_000, 1_000_000]);

/** Deterministic, so that every page size sees the same accounts (xorshift32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function change(account: number, version: number): TreeChange {
  const key = new Writer(33).u8(0).raw(new Uint8Array(24)).u64(BigInt(account)).finish();
  const value = new Writer(16).u64(BigInt(version)).u64(1n).finish();
  return { keyHash: hashStateKey(key), valueHash: hashStateValue(value) };
}

function operationsOf(update: TreeUpdate): KvOperation[] {
  return [...update.pages].map(([id, page]) => {
    const key = pageKey(pageKeyBytes(id));
    return page === undefined ? { kind: "delete", key } : { kind: "put", key, value: page };
  });
}

/** In the order of key hashes, so that each page is written about once. */
async function fill(kv: Kv, reader: PageReader, accounts: number, levels: number): Promise<void> {
  const all = Array.from({ length: accounts }, (_, account) => change(account, 0));
  all.sort((a, b) => Buffer.compare(a.keyHash, b.keyHash));
  for (let i = 0; i < accounts; i += FILL_BATCH) {
    await kv.write(operationsOf(updateTree(reader, all.slice(i, i + FILL_BATCH), levels)), { sync: false });
  }
}

interface Cost {
  wallUs: number;
  cpuUs: number;
  treeUs: number;
  bytes: number;
  pages: number;
}

async function measure(accounts: number, levels: number): Promise<Cost> {
  const directory = await mkdtemp(join(tmpdir(), "quorate-bench-"));
  const kv = await openLevel(directory);
  const store: PageReader = { page: (id) => kv.get(pageKey(pageKeyBytes(id))) };
  const cache = new PageCache({ bytesMax: cacheBytes }, { store });
  const reader = cacheBytes > 0 ? cache : store;
  try {
    await fill(kv, store, accounts, levels);
    const random = randomNumbers(accounts);
    const total = { wallUs: 0, cpuUs: 0, treeUs: 0, bytes: 0, pages: 0 };
    for (let batch = -WARM_BATCHES; batch < MEASURED_BATCHES; batch++) {
      const picked = new Set<number>();
      while (picked.size < BATCH) picked.add(random() % accounts);
      const cpu = process.cpuUsage();
      const start = performance.now();
      const update = updateTree(
        reader,
        [...picked].map((account) => change(account, batch + 100)),
        levels,
      );
      const updated = performance.now();
      const operations = operationsOf(update);
      await kv.write(operations, { sync: true });
      if (cacheBytes > 0) cache.written(update.pages);
      if (batch < 0) continue;
      const used = process.cpuUsage(cpu);
      total.wallUs += (performance.now() - start) * 1000;
      total.treeUs += (updated - start) * 1000;
      total.cpuUs += used.user + used.system;
      total.pages += operations.length;
      for (const op of operations) total.bytes += op.key.length + (op.kind === "put" ? op.value.length : 0);
    }
    const changed = BATCH * MEASURED_BATCHES;
    const per = (value: number) => value / changed;
    return {
      wallUs: per(total.wallUs),
      cpuUs: per(total.cpuUs),
      treeUs: per(total.treeUs),
      bytes: per(total.bytes),
      pages: per(total.pages),
    };
  } finally {
    await kv.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Hashes of a tree node's 65 bytes per second, on one thread. */
function shaRate(): number {
  const block = new Uint8Array(65);
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < 500; count += 1_000) for (let i = 0; i < 1_000; i++) sha256(block);
  return (count / (performance.now() - start)) * 1000;
}

shaRate();
console.log(`batches of ${BATCH} accounts, ${cacheBytes / 1024 / 1024} MiB of page cache\n`);
console.log(
  "| levels | accounts | SHA-256 k/s | us/account | as hashes | tree alone us | CPU us | bytes | pages | ratio |",
);
console.log("|---|---|---|---|---|---|---|---|---|---|");
for (const levels of levelsList) {
  let base: number | undefined;
  for (const accounts of accountsList) {
    // The machine's speed changes while this runs: each row is compared with the hash rate around it.
    const before = shaRate();
    const cost = await measure(accounts, levels);
    const rate = (before + shaRate()) / 2;
    const asHashes = (cost.wallUs * rate) / 1e6;
    base ??= asHashes;
    const cells = [
      levels,
      accounts,
      Math.round(rate / 1000),
      cost.wallUs.toFixed(1),
      asHashes.toFixed(1),
      cost.treeUs.toFixed(1),
      cost.cpuUs.toFixed(1),
      Math.round(cost.bytes),
      cost.pages.toFixed(2),
      (asHashes / base).toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
