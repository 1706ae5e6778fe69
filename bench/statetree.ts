/**
 * What one changed account costs in the state tree:
 *
 *   npx tsx bench/statetree.ts [levels,...] [accounts,...] [accounts a batch]
 *
 * For each page size and number of accounts it fills a LevelDB store, changes random accounts in batches as
 * blocks do (hash keys and values, update the tree, write the pages in one synced batch). It prints per changed
 * account: CPU time of the update alone and with the writing (all threads), time by the clock, the update in
 * SHA-256 of 65 bytes, measured in the same rounds, bytes and pages written, and the update's ratio to the first
 * number of accounts. CPU time is disturbed less by other work on the machine than the clock's.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashStateKey, hashStateValue } from "../src/chain/state/state-proof.ts";
import {
  type PageReader,
  pageKeyBytes,
  type TreeChange,
  type TreeUpdate,
  updateTree,
} from "../src/chain/state/state-tree.ts";
import { TopPages } from "../src/chain/state/top-pages.ts";
import { Writer } from "../src/codec/writer.ts";
import { sha256 } from "../src/crypto/hash.ts";
import { pageKey } from "../src/storage/keys.ts";
import type { Kv, KvOperation } from "../src/storage/kv.ts";
import { openLevel } from "../src/storage/level.ts";

const WARM_ROUNDS = 15;
const MEASURED_ROUNDS = 30;
const FILL_BATCH = 20_000;

const numbers = (text: string | undefined, fallback: number[]) => text?.split(",").map(Number) ?? fallback;
const levelsList = numbers(process.argv[2], [2, 4, 6, 8]);
const BATCH = Number(process.argv[4] ?? 1_000);
const accountsList = numbers(process.argv[3], [10_000, 100_000, 1_000_000]);

/** User and system time of all threads so far, ms. */
function cpuNowMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

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

/** One store of the measurement and what its batches cost. */
class Subject {
  readonly accounts: number;
  readonly #levels: number;
  readonly #kv: Kv;
  readonly #reader: PageReader;
  readonly #topPages: TopPages;
  readonly #random: () => number;
  readonly wallMs: number[] = [];
  readonly treeMs: number[] = [];
  readonly cpuMs: number[] = [];
  bytes = 0;
  pages = 0;

  constructor(accounts: number, levels: number, kv: Kv) {
    this.accounts = accounts;
    this.#levels = levels;
    this.#kv = kv;
    this.#topPages = new TopPages((id) => kv.get(pageKey(pageKeyBytes(id))));
    this.#reader = { page: (id) => this.#topPages.page(id) };
    this.#random = randomNumbers(accounts);
  }

  /** In the order of key hashes, so that each page is written about once. */
  async fill(): Promise<void> {
    const all = Array.from({ length: this.accounts }, (_, account) => change(account, 0));
    all.sort((a, b) => Buffer.compare(a.keyHash, b.keyHash));
    for (let i = 0; i < all.length; i += FILL_BATCH) {
      await this.#write(updateTree(this.#reader, all.slice(i, i + FILL_BATCH), this.#levels), false);
    }
  }

  async batch(version: number, counted: boolean): Promise<void> {
    const picked = new Set<number>();
    while (picked.size < BATCH) picked.add(this.#random() % this.accounts);
    const cpu = cpuNowMs();
    const start = performance.now();
    const changes = [...picked].map((account) => change(account, version));
    const update = updateTree(this.#reader, changes, this.#levels);
    const updated = cpuNowMs();
    const operations = await this.#write(update, true);
    if (!counted) return;
    this.wallMs.push(performance.now() - start);
    this.treeMs.push(updated - cpu);
    this.cpuMs.push(cpuNowMs() - cpu);
    this.pages += operations.length;
    for (const op of operations) this.bytes += op.key.length + (op.kind === "put" ? op.value.length : 0);
  }

  close(): Promise<void> {
    return this.#kv.close();
  }

  async #write(update: TreeUpdate, sync: boolean): Promise<readonly KvOperation[]> {
    const operations = operationsOf(update);
    this.#topPages.suspend(update.pages.keys());
    await this.#kv.write(operations, { sync });
    this.#topPages.resume(update.pages);
    return operations;
  }
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >>> 1]!;
/** From milliseconds a batch to microseconds a changed account. */
const us = (batchMs: number) => ((batchMs * 1000) / BATCH).toFixed(1);

/** Microseconds of CPU time for one hash of a tree node's 65 bytes. */
function hashUs(): number {
  const block = new Uint8Array(65);
  const start = cpuNowMs();
  for (let i = 0; i < 5_000; i++) sha256(block);
  return (cpuNowMs() - start) / 5;
}

/**
 * All sizes take turns, batch by batch, with a sample of the hash rate in each round: the machine's speed may
 * change while this runs, the ratios hold.
 */
async function measure(levels: number, directory: string): Promise<void> {
  const subjects: Subject[] = [];
  const hashTimes: number[] = [];
  try {
    for (const accounts of accountsList) {
      const kv = await openLevel(join(directory, `${levels}-${accounts}`));
      subjects.push(new Subject(accounts, levels, kv));
      await subjects.at(-1)!.fill();
    }
    for (let round = -WARM_ROUNDS; round < MEASURED_ROUNDS; round++) {
      hashTimes.push(hashUs());
      for (const subject of subjects) await subject.batch(round + 100, round >= 0);
    }
  } finally {
    for (const subject of subjects) await subject.close();
  }
  print(levels, subjects, median(hashTimes));
}

function print(levels: number, subjects: readonly Subject[], oneHashUs: number): void {
  for (const subject of subjects) {
    const cells = [
      levels,
      subject.accounts,
      us(median(subject.treeMs)),
      us(median(subject.cpuMs)),
      us(median(subject.wallMs)),
      ((median(subject.treeMs) * 1000) / BATCH / oneHashUs).toFixed(1),
      Math.round(subject.bytes / BATCH / MEASURED_ROUNDS),
      (subject.pages / BATCH / MEASURED_ROUNDS).toFixed(2),
      (median(subject.treeMs) / median(subjects[0]!.treeMs)).toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

console.log(`batches of ${BATCH} accounts\n`);
console.log(
  "| levels | accounts | update, CPU us | with writing, CPU us | clock us | update in hashes | bytes | pages | ratio |",
);
console.log("|---|---|---|---|---|---|---|---|---|");
const directory = await mkdtemp(join(tmpdir(), "quorate-bench-"));
try {
  for (const levels of levelsList) await measure(levels, directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
console.log(`\nSHA-256 of 65 bytes: ${hashUs().toFixed(2)} us at the end`);
