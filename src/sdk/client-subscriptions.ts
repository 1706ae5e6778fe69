/**
 * The client's subscriptions, which outlive the connection and the node that they began with: when it breaks or goes
 * silent, the next node is asked for the same, and each subscriber is told between which heights events may have been
 * missed. One connection at a time. It gives up when no node can be had for a given time. In Node and in browsers.
 */

import { must } from "../base/assert.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import { type SocketMaker, SubscriptionSocket } from "./client-socket.ts";
import type { Endpoint } from "./endpoint.ts";

/** Blocks of which events may have been missed; none when `toHeight` is below `fromHeight`. */
export interface MissedBlocks {
  /** The URL of the node that the subscription goes on with. */
  readonly url: string;
  readonly fromHeight: number;
  readonly toHeight: number;
}

export interface SubscriptionEvents {
  /** The connection broke or went silent; another node is sought. */
  readonly onBreak?: ((reason: string) => void) | undefined;
  /** It goes on. A transaction's status is told anew by itself. */
  readonly onResume?: ((missed: MissedBlocks) => void) | undefined;
  /**
   * Called when it ended for good: a node refuses it, or none could be had in time. It is not called after `close()`.
   */
  readonly onClose?: ((reason: string) => void) | undefined;
}

export interface SubscriptionTiming {
  /** How long other nodes are sought, ms. With 0 none is. */
  readonly reconnectMs: number;
  /** A node that is silent for so long is asked for its head, and is given up when it stays silent as long again. */
  readonly heartbeatMs: number;
}

interface Topic {
  readonly topic: string;
  readonly filter?: { readonly hash: string };
}

interface Subscription {
  readonly topic: Topic;
  readonly listener: (result: unknown, seq: number) => void;
  readonly events: SubscriptionEvents;
  /** Ends it at the node. */
  end: () => Promise<void>;
  /** The socket on which it is open. */
  socket: SubscriptionSocket | undefined;
  /** The highest that the node was known to have while it was open. */
  height: number;
  isEnded: boolean;
}

const PAUSE_MS = 100;
const PAUSE_MS_MAX = 5_000;

export class ClientSubscriptions {
  readonly #endpoints: () => readonly Endpoint[];
  readonly #make: SocketMaker | undefined;
  readonly #timing: SubscriptionTiming;
  readonly #open = new Set<Subscription>();
  #socket: SubscriptionSocket | undefined;
  #connecting: Promise<SubscriptionSocket> | undefined;
  #opening: SubscriptionSocket | undefined;
  /** The URL of the node whose connection ended last: it is asked after the others. */
  #leftUrl: string | undefined;
  #recovering = false;
  #isClosed = false;
  #wake: () => void = () => undefined;

  /** @param endpoints lists all, with the one to ask first in front; `failed` leaves one behind. */
  constructor(
    endpoints: () => readonly Endpoint[],
    make: SocketMaker | undefined,
    timing: SubscriptionTiming,
  ) {
    this.#endpoints = endpoints;
    this.#make = make;
    this.#timing = timing;
  }

  /** @returns a function that ends it. @throws RpcError when the node refuses; Error when none can be had */
  async subscribe(
    topic: Topic,
    listener: Subscription["listener"],
    events: SubscriptionEvents,
  ): Promise<() => Promise<void>> {
    const subscription: Subscription = {
      topic,
      listener,
      events,
      end: async () => undefined,
      socket: undefined,
      height: 0,
      isEnded: false,
    };
    const socket = await this.#connected();
    await this.#begin(subscription, socket);
    this.#open.add(subscription);
    // It may have broken while the answer was on its way.
    if (this.#socket !== socket) this.#lost("connection closed");
    return async () => {
      subscription.isEnded = true;
      if (!this.#open.delete(subscription)) return;
      if (subscription.socket === this.#socket) await subscription.end();
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const subscription of this.#open) subscription.isEnded = true;
    this.#open.clear();
    this.#opening?.close();
    this.#socket?.close();
    this.#socket = undefined;
    this.#wake();
  }

  async #begin(subscription: Subscription, socket: SubscriptionSocket): Promise<void> {
    const { topic, listener } = subscription;
    const deliver = (result: unknown, seq: number) => {
      if (!subscription.isEnded) listener(result, seq);
    };
    subscription.end = await socket.subscribe(topic, deliver);
    subscription.socket = socket;
    subscription.height = Math.max(subscription.height, socket.height);
  }

  /** The connection, or a new one: each node is tried once. @throws Error */
  #connected(): Promise<SubscriptionSocket> {
    if (this.#socket !== undefined) return Promise.resolve(this.#socket);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<SubscriptionSocket> {
    const errors: Error[] = [];
    const all = this.#endpoints();
    const left = all.filter(({ url }) => url === this.#leftUrl);
    for (const endpoint of [...all.filter((one) => !left.includes(one)), ...left]) {
      const socket = new SubscriptionSocket(endpoint, {
        make: this.#make,
        heartbeatMs: this.#timing.heartbeatMs,
        ended: (reason) => this.#ended(socket, reason),
      });
      this.#opening = socket;
      try {
        await socket.opened;
        if (this.#isClosed) throw new Error("the client is closed");
        this.#socket = socket;
        return socket;
      } catch (error) {
        socket.close();
        if (this.#isClosed) throw error;
        errors.push(error as Error);
      } finally {
        this.#opening = undefined;
      }
    }
    if (errors.length === 1) throw must(errors[0], "there is one error");
    throw new Error(errors.map(({ message }) => message).join("; "), { cause: errors[0] });
  }

  #ended(socket: SubscriptionSocket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#leftUrl = socket.url;
    if (this.#isClosed) return;
    for (const subscription of this.#open) {
      subscription.height = Math.max(subscription.height, socket.height);
      subscription.events.onBreak?.(reason);
    }
    this.#lost(reason);
  }

  #lost(reason: string): void {
    if (this.#timing.reconnectMs <= 0) this.#endAll(reason);
    else void this.#recover();
  }

  async #recover(): Promise<void> {
    if (this.#recovering) return;
    this.#recovering = true;
    const deadline = performance.now() + this.#timing.reconnectMs;
    let reason = "";
    try {
      for (let pauseMs = PAUSE_MS; this.#open.size > 0; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
        try {
          if (await this.#renewAll(await this.#connected())) return;
        } catch (error) {
          reason = error instanceof Error ? error.message : String(error);
        }
        if (performance.now() + pauseMs > deadline) return this.#endAll(reason);
        await this.#pause(pauseMs);
      }
    } finally {
      this.#recovering = false;
    }
  }

  /** @returns whether all are open there. @throws Error when the connection breaks meanwhile */
  async #renewAll(socket: SubscriptionSocket): Promise<boolean> {
    for (const subscription of [...this.#open].filter((one) => one.socket !== socket)) {
      const fromHeight = subscription.height + 1;
      try {
        await this.#begin(subscription, socket);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        this.#open.delete(subscription);
        subscription.events.onClose?.(error.message);
        continue;
      }
      // Asked when the events flow again, so that no block lies between.
      const toHeight = await socket.askHeight();
      subscription.height = Math.max(subscription.height, toHeight);
      if (this.#open.has(subscription))
        subscription.events.onResume?.({ url: socket.url, fromHeight, toHeight });
    }
    return this.#socket === socket;
  }

  #endAll(reason: string): void {
    const ended = [...this.#open];
    this.#open.clear();
    for (const { events } of ended) events.onClose?.(reason);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
