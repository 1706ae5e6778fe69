/**
 * A state tree of so many accounts over LevelDB, changed in batches as blocks do: what a changed account costs. Accounts are
 * drawn from numbers that follow from their count, so that every run changes the same ones.
 */
import { hashStateKey, hashStateValue } from "../../chain/state/state-proof.ts";
import {
  type PageReader,
  pageKeyBytes,
  type TreeChange,
  type TreeUpdate,
  updateTree,
} from "../../chain/state/state-tree.ts";
import { TopPages } from "../../chain/state/top-pages.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256 } from "../../crypto/hash.ts";
import { pageKey } from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";

const FILL_BATCH = 20_000;

/** User and system time of all threads so far, ms. */
function cpuNowMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Random numbers (xorshift32) that follow from the seed. */
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

/** One store of the measurement and what its batches cost, ms each. */
export class TreeSubject {
  readonly accounts: number;
  readonly #batch: number;
  readonly #levels: number | undefined;
  readonly #kv: Kv;
  readonly #reader: PageReader;
  readonly #topPages: TopPages;
  readonly #random: () => number;
  readonly wallMs: number[] = [];
  /** Processor time of the update alone, and with the writing. */
  readonly treeMs: number[] = [];
  readonly cpuMs: number[] = [];
  bytes = 0;
  pages = 0;

  /** @param batch accounts changed at once @param levels of a page; the ledger's own if left out */
  constructor(accounts: number, batch: number, kv: Kv, levels?: number) {
    this.accounts = accounts;
    this.#batch = batch;
    this.#levels = levels;
    this.#kv = kv;
    this.#topPages = new TopPages((id) => kv.get(pageKey(pageKeyBytes(id))));
    this.#reader = { page: (id) => this.#topPages.page(id) };
    this.#random = randomNumbers(accounts);
  }

  /** Fills in the order of key hashes, so that each page is written about once. */
  async fill(): Promise<void> {
    const all = Array.from({ length: this.accounts }, (_, account) => change(account, 0));
    all.sort((a, b) => Buffer.compare(a.keyHash, b.keyHash));
    for (let i = 0; i < all.length; i += FILL_BATCH) {
      await this.#write(updateTree(this.#reader, all.slice(i, i + FILL_BATCH), this.#levels), false);
    }
  }

  async change(version: number, counted: boolean): Promise<void> {
    const picked = new Set<number>();
    while (picked.size < this.#batch) picked.add(this.#random() % this.accounts);
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

/** Microseconds of processor time for one hash of a tree node's 65 bytes. */
export function treeHashUs(): number {
  const block = new Uint8Array(65);
  const start = cpuNowMs();
  for (let i = 0; i < 5_000; i++) sha256(block);
  return (cpuNowMs() - start) / 5;
}
