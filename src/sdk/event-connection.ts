/**
 * One stream of events at one node: its notifications in order, each handed over once, acknowledged when its items were
 * taken, so that the node never sends more than a window ahead. A gap, or an item out of order, ends the connection as a
 * broken one would. In Node and in browsers.
 */
import { must } from "../base/assert.ts";
import type { EventCursor } from "../chain/types/event-cursor.ts";
import { type SocketMaker, SubscriptionSocket } from "./client-socket.ts";
import type { Endpoint } from "./endpoint.ts";

export interface RawItem {
  readonly type: string;
  readonly cursor: EventCursor;
}

export interface EventConnectionOptions {
  readonly make: SocketMaker | undefined;
  readonly heartbeatMs: number;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Items of one notification, and notifications ahead of what was taken. */
const BATCH = 128;
const WINDOW = 8;
/** Milliseconds after which an acknowledgement that was refused (the node computes too much) is sent again. */
const AGAIN_MS = 250;

export class EventConnection {
  readonly #socket: SubscriptionSocket;
  /** Notifications whose items were not all taken. */
  readonly #waiting: { readonly seq: number; readonly items: readonly RawItem[] }[] = [];
  #taken = 0;
  #id = "";
  #seq = 0;
  #acknowledged = 0;
  #ended: string | undefined;
  #wake: () => void = () => undefined;
  #again: ReturnType<typeof setTimeout> | undefined;

  private constructor(endpoint: Endpoint, { make, heartbeatMs }: EventConnectionOptions) {
    const ended = (reason: string) => {
      this.#ended = reason;
      clearTimeout(this.#again);
      this.#wake();
    };
    this.#socket = new SubscriptionSocket(endpoint, { make, heartbeatMs, ended });
  }

  /** @throws RpcError when the node refuses, Error when it does not answer */
  static async open(endpoint: Endpoint, options: EventConnectionOptions): Promise<EventConnection> {
    const connection = new EventConnection(endpoint, options);
    try {
      const params = { ...options.params, batch: BATCH, window: WINDOW };
      connection.#id = await connection.#socket.openStream(params, (result, seq) =>
        connection.#receive(result, seq),
      );
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Items are here that were not taken. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** The next item, or undefined when the connection has ended. */
  async take(): Promise<RawItem | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#ended !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const { items, seq } = must(this.#waiting[0], "the list is not empty");
    const item = must(items[this.#taken], "what has no items is not kept");
    this.#taken++;
    if (this.#taken === items.length) {
      this.#waiting.shift();
      this.#taken = 0;
      if (seq - this.#acknowledged >= WINDOW / 2) this.#acknowledge(seq);
    }
    return item;
  }

  close(): void {
    this.#socket.close();
  }

  #receive(result: unknown, seq: number): void {
    if (seq !== ++this.#seq || !Array.isArray(result)) return this.#socket.leave("notifications are missing");
    if (result.length > 0) this.#waiting.push({ seq, items: result as RawItem[] });
    this.#wake();
  }

  #acknowledge(seq: number): void {
    this.#acknowledged = Math.max(seq, this.#acknowledged);
    this.#socket.ask("sub_ack", { id: this.#id, seq: this.#acknowledged }).catch(() => {
      if (this.#ended !== undefined) return;
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.#acknowledge(this.#acknowledged), AGAIN_MS);
    });
  }
}
