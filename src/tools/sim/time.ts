/**
 * Virtual time: events in the order of their times, ties in the order of their making. Between two instants
 * everything that was resolved runs to its end, so that the order of all things depends on the seed alone. Each
 * replica has a clock of its own on top, which is wrong by an offset, a drift and jumps.
 * It knows nothing of what happens.
 */
import { must } from "../../base/assert.ts";
import type { Scheduler } from "../../base/scheduler.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  /** What is to run. Undefined when it was cancelled. */
  run: (() => void) | undefined;
}

export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  /** Milliseconds since the run began, of which there may be a fraction. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have not happened, cancelled ones included. */
  get pending(): number {
    return this.#heap.length;
  }

  /** Calls `run` once. The returned function cancels it. */
  at(atMs: number, run: () => void): () => void {
    const event: Event = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run };
    push(this.#heap, event);
    return () => {
      event.run = undefined;
    };
  }

  after(delayMs: number, run: () => void): () => void {
    return this.at(this.#nowMs + delayMs, run);
  }

  /**
   * Lets time pass until `done` (asked after each instant) or until `untilMs`, which is then now.
   * @returns whether `done` came true.
   */
  async run(untilMs: number, done: () => boolean = () => false): Promise<boolean> {
    await settle();
    for (;;) {
      if (done()) return true;
      const atMs = this.#heap[0]?.atMs;
      if (atMs === undefined || atMs > untilMs) break;
      this.#nowMs = atMs;
      // What happens at one instant happens at different replicas: they are let settle together.
      if (this.#runInstant(atMs)) await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    return false;
  }

  #runInstant(atMs: number): boolean {
    let happened = false;
    while (this.#heap[0]?.atMs === atMs) {
      const { run } = pop(this.#heap);
      if (run === undefined) continue;
      happened = true;
      run();
    }
    return happened;
  }
}

/**
 * Resolves when every microtask has run: ticks come after them in Node. It takes no turn of the event loop, which
 * costs ten times as much (measured).
 */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

export interface ClockError {
  /** Ahead of true time at the start, ms. */
  readonly offsetMs: number;
  /** 0.01: a hundredth too fast. */
  readonly drift: number;
}

/** A replica's own clock. */
export class SkewedClock implements Scheduler {
  readonly #time: VirtualTime;
  readonly #epochMs: number;
  #error: ClockError;

  /** @param epochMs Unix time at the beginning of virtual time */
  constructor(time: VirtualTime, epochMs: number, error: ClockError = { offsetMs: 0, drift: 0 }) {
    this.#time = time;
    this.#epochMs = epochMs;
    this.#error = error;
  }

  /** The clock is set, ahead or back. */
  jump(byMs: number): void {
    this.#error = { ...this.#error, offsetMs: this.#error.offsetMs + byMs };
  }

  now(): number {
    const { offsetMs, drift } = this.#error;
    return Math.floor(this.#epochMs + offsetMs + this.#time.nowMs * (1 + drift));
  }

  /** A timer runs at the clock's pace and does not jump with it. */
  after(delayMs: number, task: () => void): () => void {
    return this.#time.after(Math.max(0, delayMs) / (1 + this.#error.drift), task);
  }
}

function at(heap: readonly Event[], index: number): Event {
  return must(heap[index], "the index is within the heap");
}

function push(heap: Event[], event: Event): void {
  let place = heap.length;
  heap.push(event);
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = at(heap, parent);
    if (!isBefore(event, above)) break;
    heap[place] = above;
    place = parent;
  }
  heap[place] = event;
}

function pop(heap: Event[]): Event {
  const first = at(heap, 0);
  const last = at(heap, heap.length - 1);
  heap.pop();
  if (heap.length === 0) return first;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(at(heap, child + 1), at(heap, child))) child++;
    const below = at(heap, child);
    if (!isBefore(below, last)) break;
    heap[place] = below;
    place = child;
  }
  heap[place] = last;
  return first;
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
