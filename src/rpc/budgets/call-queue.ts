/**
 * When a call may run. Calls run on the loop on which votes are counted, so they get little of it: one at a time, a
 * pause for everything else after a few milliseconds, the clients in turn, and each client and all together no more
 * computing than their budget refills. Who owes waits, and is told RATE_LIMIT when that would take too long. It knows
 * no method and no transport; what a call cost is measured as the time that the loop computed meanwhile.
 *
 * This folder: what a caller may cost: turns of the loop, connections, bytes held. Not here: what peers may cost (p2p,
 * node/ingress).
 */
import { must } from "../../base/assert.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { type BucketShape, TokenBucket, TokenBuckets } from "../../base/token-bucket.ts";
import { CallError } from "../errors.ts";
import { computingClock, loopActiveMs } from "./computing-clock.ts";

/** Milliseconds of computing for one client (an address, or whoever has the node's token). */
export const RPC_CLIENT_MS: BucketShape = { capacity: 1_000, perSecond: 250 };
/** The same for all clients together, whoever has the token apart. */
export const RPC_TOTAL_MS: BucketShape = { capacity: 1_000, perSecond: 350 };
/** Milliseconds of calls after which everything else has a turn. */
export const RPC_TURN_MS_MAX = 4;
/** Calls of one client that wait for their turn. */
export const RPC_QUEUED_CALLS_MAX = 1_024;
/** Milliseconds that a call waits for its turn before it is refused. */
export const RPC_QUEUED_MS_MAX = 10_000;
/** The most that one call is charged: what took longer was the machine's doing. */
const CHARGED_MS_MAX = 250;
/** Milliseconds after which a call that waits for the disk no longer keeps others waiting. */
const HELD_UP_MS_MAX = 500;
/** Clients whose debt is remembered: more than can be connected at once. */
const CLIENTS_MAX = 4_096;

/** The client who may do everything with the node: its calls are charged to itself alone. */
export const OPERATOR = "operator";

export interface Caller {
  /** The client whose budget pays. */
  readonly client: string;
  /** Nobody will read the answer. */
  isGone(): boolean;
}

/**
 * Called between two items of a long call: it lets everything else have a turn when the call has computed for a
 * while.
 */
export type Pause = () => Promise<void>;

interface Waiting {
  readonly caller: Caller;
  readonly sinceMs: number;
  /** That are run in this turn. */
  readonly calls: number;
  start(pause: Pause): Promise<unknown>;
  refuse(error: CallError): void;
}

export interface CallQueuePorts {
  readonly scheduler: Scheduler;
  /** Milliseconds that the loop was busy since some moment: what turns are bounded by. */
  readonly busyMs?: () => number;
  /** Milliseconds that it computed meanwhile: what clients pay for. As `busyMs` where that alone is given. */
  readonly computedMs?: () => number;
  /** Resolves when everything else had a turn. */
  readonly pause?: () => Promise<void>;
}

export class CallQueue {
  readonly #ports: Required<CallQueuePorts>;
  readonly #clients = new TokenBuckets<string>(RPC_CLIENT_MS, CLIENTS_MAX);
  #total: TokenBucket | undefined;
  /** Calls that wait by client, in the order of the clients' turns. */
  readonly #waiting = new Map<string, Waiting[]>();
  #draining = false;
  /** Milliseconds since everything else had a turn; kept while nobody waits, for calls that come one by one. */
  #spentMs = 0;

  constructor(ports: CallQueuePorts) {
    const { busyMs = loopActiveMs } = ports;
    this.#ports = { pause: nextTurn, computedMs: ports.busyMs ?? computingClock(), ...ports, busyMs };
  }

  /**
   * Runs `work` in its turn and gives what it gives. A `work` that waits for something that is not computing (a block)
   * must return it boxed, so that the turn ends before. One that computes for long calls the pause that it is given.
   * @param calls that `work` runs one after the other in this turn
   * @param owedMs what another thread has computed for them: the client pays it besides
   * @throws CallError RATE_LIMIT when the client waits with too much already, or would wait for too long
   */
  run<T>(caller: Caller, work: (pause: Pause) => T | Promise<T>, calls = 1, owedMs = 0): Promise<T> {
    if (owedMs > 0) this.#charge(caller.client, owedMs);
    const line = this.#waiting.get(caller.client) ?? [];
    const waiting = line.reduce((sum, each) => sum + each.calls, 0);
    if (waiting + calls > RPC_QUEUED_CALLS_MAX) {
      return Promise.reject(rateLimit(`${waiting} calls of this client wait for their turn`, 1_000));
    }
    return new Promise<T>((resolve, reject) => {
      const start = async (pause: Pause) => {
        try {
          resolve(await work(pause));
        } catch (error) {
          reject(error);
        }
      };
      line.push({ caller, sinceMs: this.#ports.scheduler.now(), calls, start, refuse: reject });
      this.#waiting.set(caller.client, line);
      if (!this.#draining) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    // Calls that arrived together are known before the first runs.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const next = this.#take();
      if (typeof next === "number") await this.#sleep(next);
      else if (next !== undefined) await this.#perform(next);
      if (this.#spentMs < RPC_TURN_MS_MAX) continue;
      this.#spentMs = 0;
      await this.#ports.pause();
    }
    this.#draining = false;
  }

  /** The next call that is paid for, or how many milliseconds until there is one. Undefined asks to look again. */
  #take(): Waiting | number | undefined {
    const nowMs = this.#ports.scheduler.now();
    let leastMs = RPC_QUEUED_MS_MAX;
    for (const [client, line] of this.#waiting) {
      this.#refuseLate(line, nowMs);
      if (line.length === 0) {
        this.#waiting.delete(client);
        continue;
      }
      const waitMs = this.#waitMs(client, nowMs);
      if (waitMs <= 0) return this.#shift(client, line);
      leastMs = Math.min(leastMs, waitMs);
    }
    return this.#waiting.size === 0 ? undefined : Math.ceil(leastMs);
  }

  /** Takes the first call of a client's line. That client is then the last to have another turn. */
  #shift(client: string, line: Waiting[]): Waiting {
    const next = must(line.shift(), "an empty line is not kept");
    this.#waiting.delete(client);
    if (line.length > 0) this.#waiting.set(client, line);
    return next;
  }

  #refuseLate(line: Waiting[], nowMs: number): void {
    while (line.length > 0) {
      const { caller, sinceMs, refuse } = must(line[0], "the line is not empty");
      const isLate = nowMs - sinceMs > RPC_QUEUED_MS_MAX;
      if (!isLate && !caller.isGone()) return;
      line.shift();
      const waitMs = Math.ceil(this.#waitMs(caller.client, nowMs));
      refuse(
        rateLimit(`no turn within ${RPC_QUEUED_MS_MAX} ms: this client or all together ask too much`, waitMs),
      );
    }
  }

  #waitMs(client: string, nowMs: number): number {
    const ownMs = this.#clients.of(client, nowMs).waitMs(0, nowMs);
    return client === OPERATOR ? ownMs : Math.max(ownMs, this.#all(nowMs).waitMs(0, nowMs));
  }

  async #perform({ caller: { client }, start }: Waiting): Promise<void> {
    const { scheduler } = this.#ports;
    const turn = new Turn(this.#ports, this.#spentMs, (ms) => this.#charge(client, ms));
    // Until it has ended, or is held up.
    this.#spentMs = RPC_TURN_MS_MAX;
    let cancel = () => {};
    const heldUp = new Promise<void>((resolve) => {
      cancel = scheduler.after(HELD_UP_MS_MAX, resolve);
    });
    const ended = start(() => turn.pause()).then(() => {
      this.#spentMs = turn.end();
    });
    await Promise.race([ended, heldUp]);
    cancel();
  }

  #charge(client: string, ms: number): void {
    const nowMs = this.#ports.scheduler.now();
    const charged = Math.min(CHARGED_MS_MAX, ms);
    this.#clients.of(client, nowMs).charge(charged, nowMs);
    if (client !== OPERATOR) this.#all(nowMs).charge(charged, nowMs);
  }

  #all(nowMs: number): TokenBucket {
    this.#total ??= new TokenBucket(RPC_TOTAL_MS, nowMs);
    return this.#total;
  }

  /** Sleeps a little at most, because another client that owes nothing may come meanwhile. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.scheduler.after(Math.min(ms, SLEEP_MS_MAX), resolve);
    });
  }
}

const SLEEP_MS_MAX = 20;

function rateLimit(detail: string, retryAfterMs: number): CallError {
  return new CallError("RATE_LIMIT", `${detail}; try again in ${retryAfterMs} ms`, { retryAfterMs });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type TurnPorts = Pick<Required<CallQueuePorts>, "busyMs" | "computedMs" | "pause">;

/** The computing of one call, without what everything else did in its turns between. */
class Turn {
  readonly #ports: TurnPorts;
  readonly #charge: (ms: number) => void;
  #sinceMs: number;
  #computedMs: number;
  /** Spent before {@link #sinceMs} since everything else had a turn. */
  #beforeMs: number;

  constructor(ports: TurnPorts, beforeMs: number, charge: (ms: number) => void) {
    this.#ports = ports;
    this.#charge = charge;
    this.#beforeMs = beforeMs;
    this.#sinceMs = ports.busyMs();
    this.#computedMs = ports.computedMs();
  }

  async pause(): Promise<void> {
    const ms = this.#ports.busyMs() - this.#sinceMs;
    if (this.#beforeMs + ms < RPC_TURN_MS_MAX) return;
    this.#pay();
    await this.#ports.pause();
    this.#beforeMs = 0;
    this.#sinceMs = this.#ports.busyMs();
    this.#computedMs = this.#ports.computedMs();
  }

  /** @returns milliseconds since everything else had a turn */
  end(): number {
    this.#pay();
    return this.#beforeMs + this.#ports.busyMs() - this.#sinceMs;
  }

  #pay(): void {
    this.#charge(this.#ports.computedMs() - this.#computedMs);
  }
}
