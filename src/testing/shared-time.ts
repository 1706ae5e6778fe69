/**
 * One virtual time for several that wait for it at once: a test's own `final`, requests that are being answered, a
 * node that is served at a real port. Time passes while somebody waits, to the nearest limit, and each is told of its
 * condition at the instant at which it comes true.
 */
import type { VirtualTime } from "../tools/sim/time.ts";

/** How much virtual time a method of a devnet lets pass at most, ms. */
export const WAIT_MS = 120_000;

interface Waiter {
  readonly untilMs: number;
  readonly done: () => boolean;
  readonly resolve: (came: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class SharedTime {
  readonly #time: VirtualTime;
  readonly #waiters = new Set<Waiter>();
  #isRunning = false;
  /** Somebody came while time passes: its limit may be nearer. */
  #isChanged = false;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Lets `ms` pass at most. @returns whether `done` came true; what it throws is thrown */
  run(ms: number, done: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ untilMs: this.#time.nowMs + ms, done, resolve, reject });
      this.#isChanged = true;
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiters.size > 0) {
      this.#isChanged = false;
      const untilMs = Math.min(...[...this.#waiters].map((waiter) => waiter.untilMs));
      const before = this.#waiters.size;
      await this.#time.run(untilMs, () => this.#release() || this.#isChanged);
      if (!this.#isChanged) this.#expire();
      // Whoever waited no longer acts at this instant, before time goes on for the others.
      if (this.#waiters.size < before) await nextTurn();
    }
    this.#isRunning = false;
  }

  /** @returns whether anybody's condition came true */
  #release(): boolean {
    const before = this.#waiters.size;
    for (const waiter of this.#waiters) {
      try {
        if (!waiter.done()) continue;
        waiter.resolve(true);
      } catch (error) {
        waiter.reject(error);
      }
      this.#waiters.delete(waiter);
    }
    return this.#waiters.size < before;
  }

  #expire(): void {
    for (const waiter of this.#waiters) {
      if (waiter.untilMs > this.#time.nowMs) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(false);
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
