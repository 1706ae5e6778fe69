/**
 * One WebSocket of the client for subscriptions: requests by id, events by subscription. It speaks to any WebSocket
 * of the browser's form: the browser's own, Node 22's, and ws, which is taken where there is no global one. It asks a silent node for its head, because browsers
 * cannot ping, and ends when that stays unanswered. It does not reconnect: client-subscriptions.ts does.
 */

import { must } from "../base/assert.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { packagedWebSocket } from "./packaged-socket.ts";

/** The part of the browser's WebSocket that is used. */
export interface SocketLike {
  readonly readyState: number;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  send(text: string): void;
  close(): void;
}

/** `headers` is not empty where the URL of the node has credentials. */
export type SocketMaker = (
  url: string,
  options: { readonly headers: Readonly<Record<string, string>> },
) => SocketLike;

export interface SocketOptions {
  readonly make?: SocketMaker | undefined;
  readonly heartbeatMs: number;
  /** Called once when the connection ends, with the reason. */
  readonly ended: (reason: string) => void;
}

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
  readonly url: string;
  /** Resolves when the node has answered: it is there, and how high its chain is. */
  readonly opened: Promise<void>;
  readonly #socket: SocketLike;
  readonly #options: SocketOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<string, Listener>();
  #lastId = 0;
  #reason = "connection closed";
  #ended = false;
  #height = 0;
  /** Whether anything came since the last look. */
  #isAlive = true;
  #heartbeat: ReturnType<typeof setTimeout> | undefined;
  /** Tells who waits for it to be open that it will not be. */
  #refuseOpened: ((error: Error) => void) | undefined;

  constructor(endpoint: Endpoint, options: SocketOptions) {
    this.url = endpoint.url;
    this.#options = options;
    this.#socket = makeSocket(endpoint, options.make);
    const connected = new Promise<void>((resolve, reject) => {
      this.#socket.addEventListener("open", resolve);
      this.#refuseOpened = reject;
    });
    this.opened = connected.then(async () => void (await this.askHeight()));
    this.opened.catch(() => undefined);
    this.#socket.addEventListener("message", ({ data }) => this.#receiveText(String(data)));
    // "close" follows, but not where Node 22 could not connect (seen with 22.23.3).
    this.#socket.addEventListener("error", () => this.#end());
    this.#socket.addEventListener("close", () => this.#end());
    this.#scheduleLook();
  }

  /** The highest block that the node was heard to have. */
  get height(): number {
    return this.#height;
  }

  /** The height of the node's head. */
  async askHeight(): Promise<number> {
    const head = (await this.#call("chain_getHead", {})) as { readonly height?: unknown } | null;
    if (typeof head?.height === "number") this.#height = Math.max(this.#height, head.height);
    return this.#height;
  }

  /** @returns a function that ends it. @throws RpcError when the node refuses */
  async subscribe(
    params: { readonly topic: string; readonly filter?: { readonly hash: string } },
    listener: Listener,
  ): Promise<() => Promise<void>> {
    await this.opened;
    const id = (await this.#call("sub_subscribe", params, (subscription) => {
      this.#listeners.set(subscription, listener);
    })) as string;
    return async () => {
      if (!this.#listeners.delete(id)) return;
      await this.#call("sub_unsubscribe", { id });
    };
  }

  /** Starts a stream and gives its id; `listener` has its notifications. @throws RpcError when the node refuses */
  async openStream(params: object, listener: Listener): Promise<string> {
    await this.opened;
    const listen = (id: string) => void this.#listeners.set(id, listener);
    return (await this.#call("sub_subscribe", params, listen)) as string;
  }

  /** @throws RpcError when the node refuses; Error when the connection ends before it answers */
  ask(method: string, params: object): Promise<unknown> {
    return this.#call(method, params);
  }

  /** Ends it for what the node did. */
  leave(reason: string): void {
    this.#giveUp(reason);
  }

  close(): void {
    this.#socket.close();
    this.#end();
  }

  /** A node that is silent for one period is asked, and given up after two. A socket that never opens is silent too. */
  #scheduleLook(): void {
    const { heartbeatMs } = this.#options;
    this.#heartbeat = setTimeout(() => {
      if (!this.#isAlive) return this.#giveUp(`no answer in ${2 * heartbeatMs} ms`);
      this.#isAlive = false;
      if (this.#socket.readyState === OPEN) this.askHeight().catch(() => undefined);
      this.#scheduleLook();
    }, heartbeatMs);
  }

  #giveUp(reason: string): void {
    if (this.#ended) return;
    this.#reason = reason;
    // A node that is silent does not answer the end of a connection either: nobody waits for it.
    this.#end();
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
    this.#isAlive = true;
    const message = parseMessage(text);
    if (message !== undefined) return this.#receive(message);
    this.#giveUp(`the node sent a message that is no JSON-RPC: ${JSON.stringify(text.slice(0, SHOWN_MAX))}`);
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
    this.#pending.delete(must(message.id, "only an answer with an id is pending"));
    if (message.error === undefined) pending.resolve(message.result);
    else pending.reject(new RpcError(message.error));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#heartbeat);
    const error = new Error(`${this.url}: ${this.#reason}`);
    this.#refuseOpened?.(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#listeners.clear();
    this.#options.ended(this.#reason);
  }
}

/** The value of WebSocket.readyState while it is open. */
const OPEN = 1;

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

/** No WebSocket could be made, which no other attempt at this URL will change: `cause` says why. */
export class SocketNotMade extends Error {}

/** @throws SocketNotMade */
function makeSocket({ url, authorization }: Endpoint, make: SocketMaker = makeDefault): SocketLike {
  try {
    return make(`${url.replace(/^http/, "ws")}/ws`, { headers: authorization });
  } catch (cause) {
    throw new SocketNotMade(`${url}: ${(cause as Error).message}`, { cause });
  }
}

export type SocketClass = new (url: string, options?: unknown) => SocketLike;

function makeDefault(
  url: string,
  options: { readonly headers: Readonly<Record<string, string>> },
): SocketLike {
  const { WebSocket = packagedWebSocket } = globalThis as { WebSocket?: SocketClass };
  if (WebSocket === undefined) {
    throw new Error("no WebSocket here: hand one to the client, { webSocket: (url) => new WebSocket(url) }");
  }
  if (Object.keys(options.headers).length === 0) return new WebSocket(url);
  try {
    return new WebSocket(url, options); // as Node's takes them
  } catch (cause) {
    throw new Error("the WebSocket of a browser sends no credentials", { cause });
  }
}
