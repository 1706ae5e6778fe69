/**
 * The node's index of events and of accounts' transactions (config index.events): follows the chain in the background,
 * a slice at a time, and says at which heights something may stand. What it has not reached is read from the blocks, so
 * it is never waited for. It writes its keys and how far it is in one batch, unsynced: after a crash it goes on from
 * what is there.
 *
 * This folder: the index and its keys. Not here: reading the events it points at (rpc/answers).
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { BranchChange, Chain, HeadChange } from "../../chain/chain.ts";
import type { ModuleSet } from "../../chain/modules/module-set.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type {
  EventHeights,
  EventIndexApi,
  EventIndexStatus,
  ModuleEventsQuery,
  TransactionsQuery,
} from "../../rpc/event-index-api.ts";
import {
  accountSubject,
  EVENT_ERA_BLOCKS,
  EVENT_INDEX_KEY,
  eventEra,
  eventEraStart,
  eventIndexRange,
  eventSubject,
  heightOfEventIndexKey,
} from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";
import { ANY_KIND, indexOperations } from "./event-index-keys.ts";

export interface EventIndexPorts {
  readonly kv: Kv;
  readonly chain: Pick<Chain, "store" | "head">;
  /** Those that run now. */
  readonly modules: () => ModuleSet;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** It could not be read or written. */
  failed(error: unknown): void;
}

/** Milliseconds of work in a slice, and of rest behind it: the node has other things to do. */
const SLICE_MS = 8;
const REST_MS = 8;
/** Blocks that are indexed in one batch. */
const BATCH_BLOCKS = 64;
/** Heights that one answer names, and eras that are looked at for it. */
const HEIGHTS_MAX = 512;
const ERAS_MAX = 256;
/** Milliseconds between two lines of the log while it is being built. */
const PROGRESS_MS = 10_000;
/** Keys that are removed at once. */
const REMOVED_AT_ONCE = 1_000;

/** Blocks `from` to `to` are indexed; `hash` is that of `to`. */
interface Extent {
  readonly from: bigint;
  readonly to: bigint;
  readonly hash: Hash;
}

export class EventIndex implements EventIndexApi {
  readonly #ports: EventIndexPorts;
  #extent: Extent;
  /** Grows with each reorganisation and removal: what was under way then is done anew. */
  #changes = 0;
  #newest: Pick<HeadChange, "sealed" | "receipts"> | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #isStopped = false;
  #built = { sinceMs: 0, blocks: 0, loggedMs: 0 };

  private constructor(ports: EventIndexPorts, extent: Extent) {
    this.#ports = ports;
    this.#extent = extent;
  }

  /** Opens the index as far as it was when the node stopped, without what has left the chain since. */
  static open(ports: EventIndexPorts): EventIndex {
    const { store } = ports.chain;
    const first = store.firstHeight() === 1n ? 0n : store.firstHeight();
    const lowest = store.lowestBody() === 1n ? 0n : store.lowestBody();
    const kept = readExtent(ports.kv.get(EVENT_INDEX_KEY));
    const nothing = { from: lowest, to: lowest - 1n, hash: new Uint8Array(32) as Hash };
    if (kept === undefined || kept.to < kept.from || kept.from < first || kept.to < lowest - 1n)
      return new EventIndex(ports, nothing);
    let { to, hash } = kept;
    while (!isAt(store.hashAt(to), hash)) {
      const head = store.head(hash);
      if (head === undefined || to <= kept.from) return new EventIndex(ports, nothing);
      to--;
      hash = head.header.previousHash;
    }
    return new EventIndex(ports, { from: kept.from, to, hash });
  }

  /** Builds what is missing, in the background; also told of each head, whose block it does not read again then. */
  advance(newest?: Pick<HeadChange, "sealed" | "receipts">): void {
    if (newest !== undefined) this.#newest = newest;
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    this.#built = { sinceMs: this.#now(), blocks: 0, loggedMs: this.#now() };
    this.#running = this.#build()
      .catch((error: unknown) => this.#ports.failed(error))
      .finally(() => {
        this.#isRunning = false;
      });
  }

  /** Is called before the heads that entered are told. */
  branchChanged({ ancestor }: Pick<BranchChange, "ancestor">): void {
    this.#changes++;
    if (this.#extent.to <= ancestor.summary.height) return;
    this.#extent = { ...this.#extent, to: ancestor.summary.height, hash: ancestor.hash };
  }

  /**
   * Removes what is below a height, in whole eras of 4,096 blocks; what stays begins at `status().from`.
   * @param height of the lowest block that is here: an index that had not come so far goes on there
   */
  async pruneBelow(height: bigint): Promise<void> {
    const era = eventEra(height);
    const eraFrom = era * EVENT_ERA_BLOCKS;
    const { from, to, hash } = this.#extent;
    // What is not in the index yet is no more here to be read.
    const isBehind = to + 1n < height && height <= this.#ports.chain.head.summary.height;
    const lowest = isBehind ? height : eraFrom;
    if (lowest > from) {
      this.#changes++;
      const nothing = { from: lowest, to: lowest - 1n, hash: new Uint8Array(32) as Hash };
      this.#extent = to < lowest ? nothing : { from: lowest, to, hash };
    }
    const range = { from: eventEraStart(0n), to: eventEraStart(era) };
    for (;;) {
      const entries = await this.#ports.kv.entries({ ...range, limit: REMOVED_AT_ONCE });
      if (entries.length === 0) break;
      await this.#ports.kv.write(
        entries.map(([key]): KvOperation => ({ kind: "delete", key })),
        { sync: false },
      );
    }
    await this.#ports.kv.write([extentOperation(this.#extent)], { sync: false });
  }

  /** Resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  status(): EventIndexStatus {
    const { from, to } = this.#extent;
    const { sinceMs, blocks } = this.#built;
    const ms = this.#now() - sinceMs;
    const isBehind = to + 1n < this.#ports.chain.head.summary.height;
    return { from, to, blocksPerSecond: isBehind && ms > 0 ? (1_000 * blocks) / ms : undefined };
  }

  async heights(
    query: TransactionsQuery | ModuleEventsQuery,
    from: bigint,
    to: bigint,
  ): Promise<EventHeights | undefined> {
    const subject = subjectOf(query);
    const { from: lowest, to: highest } = this.#extent;
    if (subject === undefined || from < lowest || from > highest) return undefined;
    const last = to < highest ? to : highest;
    const heights: bigint[] = [];
    let era = eventEra(from);
    for (let eras = 0; eras < ERAS_MAX && era <= eventEra(last); eras++, era++) {
      const limit = HEIGHTS_MAX - heights.length;
      const entries = await this.#ports.kv.entries({
        ...eventIndexRange(era, subject, { from, to: last }),
        limit,
      });
      for (const [key] of entries) heights.push(heightOfEventIndexKey(key));
      const end = heights.at(-1);
      if (end !== undefined && heights.length >= HEIGHTS_MAX) return { heights, upTo: end };
    }
    const looked = era * EVENT_ERA_BLOCKS - 1n;
    return { heights, upTo: looked < last ? looked : last };
  }

  async #build(): Promise<void> {
    const { scheduler } = this.#ports;
    while (!this.#isStopped) {
      const beganMs = this.#now();
      while (this.#now() - beganMs < SLICE_MS && !this.#isStopped) {
        if (!(await this.#batch())) return;
      }
      this.#logProgress();
      await new Promise<void>((resolve) => void scheduler.after(REST_MS, resolve));
    }
  }

  /** False when there is nothing more to index now. */
  async #batch(): Promise<boolean> {
    const before = this.#changes;
    const top = this.#ports.chain.head.summary.height;
    const operations: KvOperation[] = [];
    let extent = this.#extent;
    const beganMs = this.#now();
    for (let i = 0; i < BATCH_BLOCKS && extent.to < top; i++) {
      if (this.#now() - beganMs >= SLICE_MS) break;
      const next = this.#read(extent);
      if (next === undefined) break;
      operations.push(...next.operations);
      extent = next.extent;
    }
    const blocks = Number(extent.to - this.#extent.to);
    if (blocks === 0) return false;
    await this.#ports.kv.write([...operations, extentOperation(extent)], { sync: false });
    if (before === this.#changes) this.#extent = extent;
    this.#built = { ...this.#built, blocks: this.#built.blocks + blocks };
    return true;
  }

  /** The next block's keys. Undefined where it does not stand on the last one: the chain is changing, and will tell. */
  #read(extent: Extent): { readonly operations: KvOperation[]; readonly extent: Extent } | undefined {
    const { store } = this.#ports.chain;
    const height = extent.to + 1n;
    const hash = store.hashAt(height);
    const head = hash === undefined ? undefined : store.head(hash);
    if (hash === undefined || head === undefined) return undefined;
    const isFirst = height === extent.from;
    if (!isFirst && !equalBytes(head.header.previousHash, extent.hash)) return undefined;
    const newest = isAt(this.#newest?.sealed.block.hash, hash) ? this.#newest : undefined;
    const transactions = newest?.sealed.block.transactions ?? store.body(hash);
    const receipts = newest?.receipts ?? store.receipts(hash);
    if (transactions === undefined || receipts === undefined) return undefined;
    const operations = indexOperations({ height, transactions, receipts }, this.#ports.modules());
    return { operations, extent: { from: extent.from, to: height, hash } };
  }

  #logProgress(): void {
    const nowMs = this.#now();
    if (nowMs - this.#built.loggedMs < PROGRESS_MS) return;
    this.#built = { ...this.#built, loggedMs: nowMs };
    const { to, blocksPerSecond } = this.status();
    const head = this.#ports.chain.head.summary.height;
    const fields = { height: to, head, blocksPerSecond: Math.round(blocksPerSecond ?? 0) };
    this.#ports.log.log("info", "index", "building the index of events", fields);
  }

  #now(): number {
    return this.#ports.scheduler.now();
  }
}

function subjectOf(query: TransactionsQuery | ModuleEventsQuery): Uint8Array | undefined {
  if (query.kind === "transactions") return accountSubject(query.account);
  if (query.module === undefined) return undefined;
  return eventSubject(query.module, query.eventKind ?? ANY_KIND);
}

function isAt(found: Hash | undefined, hash: Hash): boolean {
  return found !== undefined && equalBytes(found, hash);
}

/** from u64, blocks u64, hash 32: the count, since what is empty ends below its beginning. */
function extentOperation({ from, to, hash }: Extent): KvOperation {
  const value = new Writer(48)
    .u64(from)
    .u64(to + 1n - from)
    .raw(hash)
    .finish();
  return { kind: "put", key: EVENT_INDEX_KEY, value };
}

function readExtent(bytes: Uint8Array | undefined): Extent | undefined {
  if (bytes === undefined) return undefined;
  const reader = new Reader(bytes);
  const from = reader.u64();
  const to = from + reader.u64() - 1n;
  return { from, to, hash: must(reader.raw(32), "an extent names a block") as Hash };
}
