/**
 * Computing takes time: the processor of one simulated node. What a node does between two awaits costs virtual time,
 * by the signatures that it checks and makes and by the messages and bytes that it takes in; meanwhile nothing else
 * happens at it, as on the one thread of a real node. Timers come first, then the connections in turn, each in order,
 * so that a fast sender has no larger share than a slow one. Floods of whatever is dear to judge are found by this.
 */
import type { SignatureRules, Signer } from "../../crypto/keys.ts";
import type { NodeId } from "./schedule.ts";
import type { VirtualTime } from "./time.ts";

/** What work costs, in milliseconds of one thread. */
export interface ComputingCosts {
  /** A signature check by the native library. */
  readonly quickCheckMs: number;
  /** What ZIP-215 costs in addition where the native library refuses. */
  readonly slowCheckMs: number;
  readonly signingMs: number;
  /** Taking in one message, and each byte of it. */
  readonly messageMs: number;
  readonly byteMs: number;
}

/** What was measured with sodium-native on a small cloud machine, rounded up. */
export const COMPUTING: ComputingCosts = {
  quickCheckMs: 0.06,
  slowCheckMs: 1.5,
  signingMs: 0.03,
  messageMs: 0.005,
  byteMs: 0.000_01,
};

/** Signature checks of a node since its first start. */
export interface CheckCounts {
  quick: number;
  slow: number;
}

/** What is read of one connection before the next has its turn: as much as a socket gives at once. */
const READ_BYTES = 65_536;
/** Messages of one connection that wait; beyond it the oldest is lost, as in a sender's outbox. */
const WAITING_MAX = 8_192;

type Task = () => unknown;

interface Message {
  readonly bytes: number;
  readonly task: Task;
}

/** What came from one node and waits. */
interface Inbox {
  readonly messages: Message[];
  /** Read since its turn began. */
  readBytes: number;
  /** The last task asked for a pause (back-pressure): nothing more is read until it has ended. */
  isPaused: boolean;
}

export class Processor {
  readonly costs: ComputingCosts;
  readonly checks: CheckCounts = { quick: 0, slow: 0 };
  /** The time spent computing, ms. */
  busyMs = 0;
  readonly #time: VirtualTime;
  /** The inboxes in turn: who was served last stands last. */
  #inboxes = new Map<NodeId, Inbox>();
  #timers: Task[] = [];
  #busyUntilMs = 0;
  #isWoken = false;

  constructor(time: VirtualTime, costs: ComputingCosts) {
    this.#time = time;
    this.costs = costs;
  }

  /** When what was begun is done; what the node says leaves then. */
  get freeAtMs(): number {
    return Math.max(this.#time.nowMs, this.#busyUntilMs);
  }

  /** The power failed: what waited is lost. */
  reset(): void {
    this.#inboxes = new Map();
    this.#timers = [];
    this.#busyUntilMs = this.#time.nowMs;
  }

  /** Computes for so long, now. */
  charge(ms: number): void {
    this.busyMs += ms;
    this.#busyUntilMs = this.freeAtMs + ms;
  }

  /** A message from a node: taken in when its turn has come. `task` may return a promise to ask for a pause. */
  receive(from: NodeId, bytes: number, task: Task): void {
    const inbox = this.#inboxes.get(from) ?? { messages: [], readBytes: 0, isPaused: false };
    this.#inboxes.set(from, inbox);
    if (inbox.messages.length >= WAITING_MAX) inbox.messages.shift();
    inbox.messages.push({ bytes, task });
    this.#next();
  }

  /** A timer has fired: its task runs as soon as the thread is free. */
  fire(task: Task): void {
    this.#timers.push(task);
    this.#next();
  }

  /** The same rules, whose checks take time. A refusal by the native library goes to the slow verifier where one is asked. */
  rules(inner: SignatureRules): SignatureRules {
    const quick: SignatureRules["verifyQuickly"] = (key, message, signature) => {
      this.checks.quick++;
      this.charge(this.costs.quickCheckMs);
      return inner.verifyQuickly(key, message, signature);
    };
    return {
      verifyQuickly: quick,
      verifySignature: (key, message, signature) => {
        if (quick(key, message, signature)) return true;
        this.checks.slow++;
        this.charge(this.costs.slowCheckMs);
        return inner.verifySignature(key, message, signature);
      },
    };
  }

  signer(inner: Signer): Signer {
    return {
      publicKey: inner.publicKey,
      sign: (message) => {
        this.charge(this.costs.signingMs);
        return inner.sign(message);
      },
    };
  }

  /** Takes one task at a time, and the next when this one, with all that follows from it at once, is paid for. */
  #next(): void {
    if (this.#isWoken) return;
    if (this.#time.nowMs < this.#busyUntilMs) return this.#wake();
    const timer = this.#timers.shift();
    if (timer !== undefined) timer();
    else if (!this.#readOne()) return;
    if (this.#timers.length > 0 || this.#inboxes.size > 0) this.#wake();
  }

  #wake(): void {
    this.#isWoken = true;
    this.#time.at(this.freeAtMs, () => {
      this.#isWoken = false;
      this.#next();
    });
  }

  #readOne(): boolean {
    for (const [from, inbox] of this.#inboxes) {
      if (inbox.isPaused) continue;
      const message = inbox.messages.shift();
      inbox.readBytes += message?.bytes ?? 0;
      const goesOn = inbox.messages.length > 0;
      if (!goesOn || inbox.readBytes >= READ_BYTES) {
        inbox.readBytes = 0;
        this.#inboxes.delete(from);
        if (goesOn) this.#inboxes.set(from, inbox);
      }
      if (message === undefined) continue;
      this.charge(this.costs.messageMs + message.bytes * this.costs.byteMs);
      const pause = message.task();
      if (pause instanceof Promise) this.#pause(from, inbox, pause);
      return true;
    }
    return false;
  }

  #pause(from: NodeId, inbox: Inbox, until: Promise<unknown>): void {
    inbox.isPaused = true;
    this.#inboxes.set(from, inbox);
    const resume = () => {
      inbox.isPaused = false;
      this.#next();
    };
    until.then(resume, resume);
  }
}
