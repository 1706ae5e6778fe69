/**
 * Bytes that this process allocates on V8's heap: what is in use before each collection, less what was after the one before.
 * That is exact whatever was freed in between, and needs no flag of Node. Of bytes beyond the heap (those of buffers) the
 * same sum is a least: some are counted as freed a while after their collection.
 */
import { GCProfiler, getHeapStatistics } from "node:v8";

/** What is in use at one moment, in bytes. */
export interface HeapUse {
  readonly heap: number;
  readonly external: number;
}

/** What is in use before and after one collection, and how long the main thread stood still for it. */
export interface Collection {
  readonly kind: string;
  readonly before: HeapUse;
  readonly after: HeapUse;
  readonly pauseUs: number;
}

export interface Allocated extends HeapUse {
  /** Collections of the young generation, and of everything. */
  readonly young: number;
  readonly full: number;
  /** Milliseconds for which collections held up the main thread. */
  readonly pausedMs: number;
}

/** The kinds that V8 names a collection; its other steps only begin or end one. */
const YOUNG = ["Scavenge", "MinorMarkCompact", "MinorMarkSweep"];
const FULL = ["MarkSweepCompact", "MarkCompact"];

/** What was allocated from the first moment to the last. */
export function sumAllocated(first: HeapUse, collections: readonly Collection[], last: HeapUse): Allocated {
  let [heap, external, pausedUs] = [0, 0, 0];
  let left = first;
  for (const { before, after, pauseUs } of collections) {
    heap += before.heap - left.heap;
    external += before.external - left.external;
    pausedUs += pauseUs;
    left = after;
  }
  return {
    heap: heap + last.heap - left.heap,
    external: external + last.external - left.external,
    young: collections.filter(({ kind }) => YOUNG.includes(kind)).length,
    full: collections.filter(({ kind }) => FULL.includes(kind)).length,
    pausedMs: pausedUs / 1_000,
  };
}

/** Counts from when it is made to when it is asked, once. */
export class AllocationMeter {
  readonly #profiler = new GCProfiler();
  readonly #first: HeapUse;

  constructor() {
    this.#first = heapUse();
    this.#profiler.start();
  }

  stop(): Allocated {
    const last = heapUse();
    const { statistics } = this.#profiler.stop();
    const collections = statistics.map(({ gcType, cost, beforeGC, afterGC }) => ({
      kind: gcType,
      before: useOf(beforeGC),
      after: useOf(afterGC),
      pauseUs: cost,
    }));
    return sumAllocated(this.#first, collections, last);
  }
}

function heapUse(): HeapUse {
  return { heap: getHeapStatistics().used_heap_size, external: process.memoryUsage().external };
}

function useOf({
  heapStatistics: { usedHeapSize, externalMemory },
}: {
  readonly heapStatistics: { readonly usedHeapSize: number; readonly externalMemory: number };
}): HeapUse {
  return { heap: usedHeapSize, external: externalMemory };
}
