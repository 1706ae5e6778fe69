/**
 * The power switch of one life of a node, between its start and its crash. Every port asks it before it acts, so a
 * crash falls exactly between two actions on the world: what comes after it in the same turn of the replica never
 * happens. It counts the actions over all lives of the node, which makes each of them a possible moment of a crash.
 */
import { must } from "../../base/assert.ts";
import type { Crash } from "./schedule.ts";

/** Counts and armed crashes of a node, over all its lives. */
export class CrashTrigger {
  actions = 0;
  writes = 0;
  flushes = 0;
  readonly #armed: Crash[];
  readonly #blow: (crash: Crash) => void;
  #disarmed = false;

  constructor(crashes: readonly Crash[], blow: (crash: Crash) => void) {
    this.#armed = crashes.filter(({ when }) => when.kind !== "time");
    this.#blow = blow;
  }

  /** Arms crashes after so many further writes, the second counted from the first, and so on. */
  armWrites(counts: readonly number[], crashAt: (count: number) => Crash): void {
    let count = this.writes;
    for (const further of counts) {
      count += further;
      this.#armed.push(crashAt(count));
    }
  }

  disarm(): void {
    this.#disarmed = true;
  }

  action(): void {
    this.actions++;
    this.#check("action", this.actions);
  }

  write(): void {
    this.writes++;
    this.#check("write", this.writes);
  }

  flush(): void {
    this.flushes++;
    this.#check("flush", this.flushes);
  }

  #check(kind: "action" | "write" | "flush", count: number): void {
    if (this.#disarmed || this.#armed.length === 0) return;
    const index = this.#armed.findIndex(({ when }) => when.kind === kind && when.count === count);
    if (index < 0) return;
    const [crash] = this.#armed.splice(index, 1);
    this.#blow(must(crash, "it was found at this index"));
  }
}

export class Power {
  on = true;
  readonly #trigger: CrashTrigger;

  constructor(trigger: CrashTrigger) {
    this.#trigger = trigger;
  }

  /** Is asked before an action. @returns false: there is no power (any more), do nothing. */
  act(): boolean {
    if (this.on) this.#trigger.action();
    return this.on;
  }

  /** While records are on their way to the disk. @returns false: they may have arrived in part */
  flushing(): boolean {
    if (this.on) this.#trigger.flush();
    return this.on;
  }

  /** Is asked after something became durable, before anybody is told. @returns false: tell nobody. */
  wrote(): boolean {
    if (this.on) this.#trigger.write();
    return this.on;
  }
}

/** What a dead node's disk answers: nothing, ever. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
