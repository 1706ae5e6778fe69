/**
 * Follows a stream of events over any number of connections: when one breaks or its node cannot serve, the next node goes
 * on behind the last cursor, so that each item is given once and in order. It gives up when all nodes say that what
 * comes next is not there, or none answers for a time. In Node and in browsers.
 */
import { type EventCursor, formatCursor, parseCursor } from "../chain/types/event-cursor.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import { type SocketMaker, SocketNotMade } from "./client-socket.ts";
import type { Endpoint } from "./endpoint.ts";
import { EventConnection, type RawItem } from "./event-connection.ts";
import { EventTrail } from "./event-trail.ts";
import type { EventsStart, StreamOptions } from "./event-types.ts";
import { EventsLostError } from "./events-lost.ts";

export interface FollowerPorts {
  /** All nodes, with the one to ask first in front. */
  endpoints(): readonly Endpoint[];
  readonly make: SocketMaker | undefined;
  readonly heartbeatMs: number;
  readonly reconnectMs: number;
}

export interface FollowerOrder {
  readonly topic: string;
  readonly filter?: Readonly<Record<string, unknown>>;
}

/** Answers by which a node says that it cannot serve this reader, though another may. */
const NOT_HERE = ["CURSOR_NOT_FOUND", "PRUNED", "BLOCK_NOT_FOUND", "METHOD_NOT_FOUND"];
/** Answers after which it is asked again. */
const NOT_NOW = ["CURSOR_AHEAD", "SYNCING", "STOPPING", "RATE_LIMIT", "TOO_MANY_SUBSCRIPTIONS", "INTERNAL"];
const PAUSE_MS = 100;
const PAUSE_MS_MAX = 5_000;

/** Gives each item once and in order; ends when `signal` says so. @throws EventsLostError, RpcError, Error */
export async function* followEvents(
  order: FollowerOrder,
  options: StreamOptions,
  ports: FollowerPorts,
): AsyncGenerator<RawItem, void, undefined> {
  const follower = new EventFollower(order, options, ports);
  try {
    await follower.begin();
    for (;;) {
      const item = await follower.next();
      if (item === undefined) return;
      yield item;
    }
  } finally {
    follower.end();
  }
}

class EventFollower {
  readonly #order: FollowerOrder;
  readonly #options: StreamOptions;
  readonly #ports: FollowerPorts;
  #trail = new EventTrail();
  /** Where to begin as long as nothing was taken. */
  #start: EventsStart | undefined;
  #connection: EventConnection | undefined;
  /** The URL whose connection ended last: it is asked after the others. */
  #left: string | undefined;
  /** Items given and not saved. */
  #unsaved = 0;
  /** Connections since the last item. */
  #fruitless = 0;
  #isOver = false;
  #cut: () => void = () => undefined;

  constructor(order: FollowerOrder, options: StreamOptions, ports: FollowerPorts) {
    this.#order = order;
    this.#options = options;
    this.#ports = ports;
  }

  async begin(): Promise<void> {
    const { checkpointer, from, signal } = this.#options;
    signal?.addEventListener("abort", () => this.#stop(), { once: true });
    if (signal?.aborted === true) return this.#stop();
    const loaded = await checkpointer?.load();
    const start = loaded ?? from;
    const cursors = cursorsOf(start);
    if (cursors === undefined) this.#start = start;
    else this.#trail = new EventTrail(cursors);
  }

  /** The next item, which says that the one before is dealt with. Undefined when it was told to stop. */
  async next(): Promise<RawItem | undefined> {
    await this.#save(this.#options.checkpointEvery ?? 1);
    while (!this.#isOver) {
      this.#connection ??= await this.#connect();
      const connection = this.#connection;
      if (connection === undefined) return undefined;
      if (!connection.isWaiting) await this.#save(1);
      const item = await connection.take();
      if (item !== undefined && this.#note(item)) {
        this.#fruitless = 0;
        if (item.type !== "progress") return item;
      } else if (!this.#isOver) await this.#leave(connection);
    }
    return undefined;
  }

  /** The last item may not be dealt with: it is not saved. */
  end(): void {
    this.#stop();
  }

  /** Notes how far the reader is; false for what a node may not send, and where it has nothing more. */
  #note({ type, cursor }: RawItem): boolean {
    if (type === "end") return false;
    if (type === "rollback") this.#trail.goBack(cursor);
    else if (this.#trail.isNext(cursor)) this.#trail.add(cursor);
    else return false;
    this.#unsaved++;
    return true;
  }

  async #save(every: number): Promise<void> {
    const { checkpointer } = this.#options;
    const { newest, cursors } = this.#trail;
    if (checkpointer === undefined || newest === undefined || this.#unsaved < Math.max(1, every)) return;
    this.#unsaved = 0;
    await checkpointer.save(newest, cursors.slice(1));
  }

  #stop(): void {
    this.#isOver = true;
    this.#connection?.close();
    this.#cut();
  }

  /** A node that gave nothing is not asked again at once. */
  async #leave(connection: EventConnection): Promise<void> {
    connection.close();
    this.#connection = undefined;
    if (this.#fruitless++ > 0) await this.#pause(Math.min(PAUSE_MS * 2 ** this.#fruitless, PAUSE_MS_MAX));
  }

  /** Undefined when it was told to stop. */
  async #connect(): Promise<EventConnection | undefined> {
    const endMs = performance.now() + this.#ports.reconnectMs;
    for (let pauseMs = PAUSE_MS; !this.#isOver; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      const { connection, errors } = await this.#tryAll();
      if (connection !== undefined) return connection;
      const lost = errors.filter((error) => NOT_HERE.includes(codeOf(error)));
      const last = errors.at(-1);
      if (lost.length === errors.length && last !== undefined) throw lostError(errors, codeOf(last));
      if (last !== undefined && errors.every((error) => error instanceof SocketNotMade)) throw last;
      if (performance.now() + pauseMs > endMs) {
        throw new Error(errors.map(({ message }) => message).join("; "), { cause: last });
      }
      await this.#pause(pauseMs);
    }
    return undefined;
  }

  async #tryAll(): Promise<{ readonly connection?: EventConnection; readonly errors: readonly Error[] }> {
    const errors: Error[] = [];
    const all = this.#ports.endpoints();
    const left = all.filter(({ url }) => url === this.#left);
    for (const endpoint of [...all.filter((one) => !left.includes(one)), ...left]) {
      if (this.#isOver) break;
      try {
        const connection = await this.#open(endpoint);
        this.#left = endpoint.url;
        return { connection, errors };
      } catch (error) {
        const isFinal = error instanceof RpcError && ![...NOT_HERE, ...NOT_NOW].includes(codeOf(error));
        if (isFinal) throw error;
        errors.push(error as Error);
      }
    }
    return { errors };
  }

  async #open(endpoint: Endpoint): Promise<EventConnection> {
    const { make, heartbeatMs } = this.#ports;
    const { final = false } = this.#options;
    await this.#fixStart(endpoint);
    const from = this.#trail.newest === undefined ? this.#start : this.#trail.cursors.map(formatCursor);
    const params = { ...this.#order, from, ...(final ? { final } : {}) };
    const connection = await EventConnection.open(endpoint, { make, heartbeatMs, params });
    if (this.#isOver) connection.close();
    return connection;
  }

  /** "Behind the head" is the head of when it began, whatever breaks off before the first item. */
  async #fixStart(endpoint: Endpoint): Promise<void> {
    if (this.#start !== undefined || this.#trail.newest !== undefined) return;
    const head = (await endpoint.call("chain_getHead", {}, { timeoutMs: HEAD_MS })) as {
      readonly height: number;
    };
    this.#start = head.height + 1;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#cut = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const HEAD_MS = 10_000;

/** Undefined for a height, or nothing. @throws RangeError for a text that is no cursor */
function cursorsOf(start: EventsStart | undefined): readonly EventCursor[] | undefined {
  if (start === undefined || typeof start === "number") return undefined;
  if (typeof start !== "string") return "height" in start ? [start] : start;
  const cursor = parseCursor(start);
  if (cursor === undefined)
    throw new RangeError(`from: expected a cursor as height:index:blockHash, found "${start}"`);
  return [cursor];
}

function codeOf(error: unknown): string {
  return error instanceof RpcError ? (error.data.code ?? "") : "";
}

function lostError(errors: readonly Error[], code: string): EventsLostError {
  return new EventsLostError(errors.map(({ message }) => message).join("; "), code, errors.at(-1));
}
