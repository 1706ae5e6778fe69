/**
 * Virtual time for tests: timers fire in order when the test lets time pass, and between two of them everything
 * that was resolved runs to its end.
 */
import type { Scheduler } from "../../src/base/scheduler.ts";

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualTime implements Scheduler {
  #nowMs = 1_000_000;
  #behindMs = 0;
  #order = 0;
  readonly #tasks = new Set<Task>();

  now(): number {
    return this.#nowMs - this.#behindMs;
  }

  /** The clock shows less from now on; what waits is not moved by it. */
  setBack(ms: number): void {
    this.#behindMs += ms;
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { atMs: this.#nowMs + delayMs, order: this.#order++, run };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  get pending(): number {
    return this.#tasks.size;
  }

  /** Lets `durationMs` pass. */
  async pass(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      await settle();
      const next = [...this.#tasks].sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#tasks.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = endMs;
  }

  /** The process has no processor for `durationMs`: timers that were due meanwhile fire after it. */
  async stall(durationMs: number): Promise<void> {
    this.#nowMs += durationMs;
    await this.pass(0);
  }
}

/** Runs every microtask that is due. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
