/**
 * A cluster in one thread and in virtual time: a seeded generator decides how long things take, what is lost and
 * in which order mail arrives, so that one seed is one run. Checkers watch every effect with arithmetic of their
 * own: one block per height, one vote per replica, view, height and phase, also across restarts.
 */
import { hex } from "../../../src/base/bytes.ts";
import type { Effect, EngineSettings, Timer } from "../../../src/consensus/engine.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import type { Fixture } from "./fixture.ts";
import { Host, type World } from "./host.ts";

export interface ClusterOptions {
  readonly seed: number;
  /** Probability that a message is lost. */
  readonly loss?: number;
  /** Longest delay of a message, ms. */
  readonly delayMs?: number;
  readonly targetHeight: bigint;
  readonly settings?: Partial<EngineSettings>;
}

export const SETTINGS: EngineSettings = {
  statusIntervalMs: 1_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 2_000,
  timeoutMaxMs: 60_000,
  resendIntervalMs: 1_000,
  fairnessTimeoutMs: 20_000,
};

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** mulberry32: small, seeded, good enough to vary schedules. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Cluster implements World {
  readonly fixture: Fixture;
  readonly settings: EngineSettings;
  readonly hosts: Host[];
  targetHeight: bigint;
  /** Whether mail from one to another may pass. */
  linked: (from: number, to: number) => boolean = () => true;
  /** Whether this very message may pass. */
  passes: (message: PbftMessage, from: number, to: number) => boolean = () => true;
  readonly faults: { author: number; evidence: Uint8Array }[] = [];
  readonly halted = new Set<number>();
  readonly #options: ClusterOptions;
  readonly #random: () => number;
  #events: Event[] = [];
  #order = 0;
  #now = 0;
  readonly #timers = new Map<string, Timer>();
  readonly #votes = new Map<string, string>();
  readonly #committed = new Map<bigint, string>();

  constructor(fixture: Fixture, options: ClusterOptions) {
    this.fixture = fixture;
    this.#options = options;
    this.settings = { ...SETTINGS, ...options.settings };
    this.targetHeight = options.targetHeight;
    this.#random = randomNumbers(options.seed);
    this.hosts = fixture.signers.map((_, id) => new Host(id, this));
  }

  now(): number {
    return Math.floor(this.#now);
  }

  start(): this {
    for (const host of this.hosts) host.start();
    return this;
  }

  /** Runs until `done` holds. @returns false when `limitMs` of virtual time have passed without. */
  run(done: () => boolean, limitMs = 60_000): boolean {
    const deadline = this.#now + limitMs;
    while (!done()) {
      const event = this.#events[0];
      if (event === undefined || event.at > deadline) {
        this.#now = deadline;
        return false;
      }
      this.#events.shift();
      this.#now = event.at;
      event.run();
      this.#check();
    }
    return true;
  }

  /** All replicas that run hold the chain up to `height`. */
  reached(height: bigint, except: readonly number[] = []): boolean {
    return this.hosts.every((host) => except.includes(host.id) || host.height >= height);
  }

  mail(from: number, to: number, bytes: Uint8Array, message: PbftMessage): void {
    if (this.#random() < (this.#options.loss ?? 0) || !this.linked(from, to)) return;
    if (!this.passes(message, from, to)) return;
    const host = this.hosts[to]!;
    this.#schedule(1 + this.#random() * (this.#options.delayMs ?? 20), () => host.receive(bytes));
  }

  timer(host: Host, timer: Timer, delayMs: number): void {
    const key = `${host.id} ${timer.name}`;
    this.#timers.set(key, timer);
    const { incarnation } = host;
    this.#schedule(delayMs, () => {
      if (this.#timers.get(key) === timer && host.incarnation === incarnation) {
        host.reportPending();
        host.step({ kind: "timer-fired", timer });
      }
    });
  }

  clearTimer(host: Host, name: string): void {
    this.#timers.delete(`${host.id} ${name}`);
  }

  local(host: Host, _what: string, task: () => void): void {
    const { incarnation } = host;
    this.#schedule(1, () => {
      if (host.incarnation === incarnation && host.engine !== undefined) task();
    });
  }

  serve(from: number, to: number, fromHeight: bigint): void {
    for (const bytes of this.hosts[from]!.blocksFrom(fromHeight)) {
      if (!this.linked(from, to) || this.#random() < (this.#options.loss ?? 0)) return;
      this.#schedule(5, () => {
        if (this.hosts[to]!.engine !== undefined) this.hosts[to]!.importBytes(bytes);
      });
    }
  }

  sync(host: Host, height: bigint): void {
    const ahead = this.hosts.find((other) => other.height >= height && this.linked(other.id, host.id));
    if (ahead !== undefined) this.serve(ahead.id, host.id, host.height + 1n);
  }

  observe(host: Host, effect: Effect<PbftMessage>): void {
    if (effect.kind === "report-fault") this.faults.push(effect);
    if (effect.kind === "announce" && effect.event.type === "diverged") this.halted.add(host.id);
    if (effect.kind === "broadcast" || effect.kind === "send") this.#noteVote(effect.message);
  }

  /** After a time of the schedule's own choosing. */
  after(delayMs: number, task: () => void): void {
    this.#schedule(delayMs, task);
  }

  #noteVote(message: PbftMessage): void {
    if (message.type !== "pre-prepare" && message.type !== "prepare" && message.type !== "commit") return;
    const phase = message.type === "commit" ? "commit" : "prepare";
    const place = `${message.from} ${message.epoch} ${message.view} ${message.height} ${phase}`;
    const earlier = this.#votes.get(place);
    if (earlier !== undefined && earlier !== hex(message.hash)) throw new Error(`two votes: ${place}`);
    this.#votes.set(place, hex(message.hash));
  }

  /** One block per height, whoever committed it. */
  #check(): void {
    for (const { height, tip } of this.hosts) {
      const first = this.#committed.get(height);
      if (first === undefined) this.#committed.set(height, hex(tip.hash));
      else if (first !== hex(tip.hash)) throw new Error(`a fork at height ${height}`);
    }
  }

  #schedule(delayMs: number, run: () => void): void {
    const event = { at: this.#now + delayMs, order: this.#order++, run };
    // A sorted insertion from the end: queues are short.
    let place = this.#events.length;
    while (place > 0 && this.#events[place - 1]!.at > event.at) place--;
    this.#events.splice(place, 0, event);
  }
}
