/**
 * The client's WebSocket for subscriptions: one connection, requests by id, events by subscription. It speaks to
 * any WebSocket of the browser's form (the browser's own, Node 22's, ws). It does not reconnect: a gap in the news
 * is the caller's to close, so it is told when the connection ends.
 */
import { RpcError } from "./rpcerror.ts";

/** The part of the browser's WebSocket that is used. */
export interface SocketLike {
  readonly readyState: number;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  send(text: string): void;
  close(): void;
}

export type SocketMaker = (url: string) => SocketLike;

type Listener = (result: unknown, seq: number) => void;

interface Incoming {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: unknown };
  readonly params?: { readonly subscription: string; readonly seq: number; readonly result: unknown };
  readonly dropped?: number;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class SubscriptionSocket {
  readonly #socket: SocketLike;
  readonly #opened: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<string, Listener>();
  readonly #onClose = new Map<string, (reason: string) => void>();
  readonly #closed: () => void;
  #lastId = 0;
  #reason = "connection closed";
  #ended = false;

  constructor(url: string, make: SocketMaker = makeGlobal, closed: () => void = () => undefined) {
    this.#closed = closed;
    this.#socket = make(url);
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener("open", resolve);
      this.#socket.addEventListener("close", () => reject(new Error(`${url}: connection closed`)));
    });
    this.#opened.catch(() => undefined);
    this.#socket.addEventListener("message", ({ data }) => this.#receiveText(String(data)));
    this.#socket.addEventListener("error", () => undefined); // "close" follows
    this.#socket.addEventListener("close", () => this.#end());
  }

  /** @throws RpcError when the node refuses */
  async subscribe(
    params: { readonly topic: string; readonly filter?: { readonly hash: string } },
    listener: Listener,
    onClose: (reason: string) => void = () => undefined,
  ): Promise<() => Promise<void>> {
    await this.#opened;
    const id = (await this.#call("sub_subscribe", params, (subscription) => {
      this.#listeners.set(subscription, listener);
      this.#onClose.set(subscription, onClose);
    })) as string;
    return async () => {
      if (!this.#listeners.delete(id)) return;
      this.#onClose.delete(id);
      await this.#call("sub_unsubscribe", { id });
    };
  }

  close(): void {
    this.#socket.close();
  }

  /** `answered` runs before any later message is looked at. */
  #call(method: string, params: unknown, answered?: (result: string) => void): Promise<unknown> {
    if (this.#ended) return Promise.reject(new Error(this.#reason));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve: (result) => {
          answered?.(result as string);
          resolve(result);
        },
        reject,
      });
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /** What a node sends is no reason for this process to end: the connection is, with what was wrong. */
  #receiveText(text: string): void {
    if (this.#ended) return;
    const message = parseMessage(text);
    if (message !== undefined) return this.#receive(message);
    this.#reason = `the node sent a message that is no JSON-RPC: ${JSON.stringify(text.slice(0, SHOWN_MAX))}`;
    this.#end();
    this.#socket.close();
  }

  #receive(message: Incoming): void {
    if (message.params !== undefined) {
      const { subscription, seq, result } = message.params;
      this.#listeners.get(subscription)?.(result, seq);
      return;
    }
    if (message.dropped !== undefined)
      this.#reason = `the node dropped ${message.dropped}: too slow a consumer`;
    const pending = this.#pending.get(message.id ?? -1);
    if (pending === undefined) return;
    this.#pending.delete(message.id!);
    if (message.error === undefined) pending.resolve(message.result);
    else pending.reject(new RpcError(message.error));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { reject } of this.#pending.values()) reject(new Error(this.#reason));
    this.#pending.clear();
    for (const onClose of this.#onClose.values()) onClose(this.#reason);
    this.#onClose.clear();
    this.#listeners.clear();
    this.#closed();
  }
}

/** Characters of a message that an error shows. */
const SHOWN_MAX = 80;

/** Undefined for what has not the form of an answer or of a notification. */
function parseMessage(text: string): Incoming | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(message)) return undefined;
  const { params, error } = message;
  if (params !== undefined && !(isObject(params) && typeof params.subscription === "string"))
    return undefined;
  if (error !== undefined && !isObject(error)) return undefined;
  return message as Incoming;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function makeGlobal(url: string): SocketLike {
  const { WebSocket } = globalThis as { WebSocket?: new (url: string) => SocketLike };
  if (WebSocket === undefined) {
    throw new Error("no WebSocket here: hand one to the client, { webSocket: (url) => new WebSocket(url) }");
  }
  return new WebSocket(url);
}
