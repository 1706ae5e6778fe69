/** A node's WebSocket in memory: the shipped methods and streams behind sockets that a test may cut at any moment. */
import type { NodeApi } from "../../src/rpc/api.ts";
import { CallError } from "../../src/rpc/errors.ts";
import { type CallContext, runMethod } from "../../src/rpc/jsonrpc/method.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";
import { Subscriptions } from "../../src/rpc/websocket/subscriptions.ts";
import type { SocketLike } from "../../src/sdk/client-socket.ts";

type Listener = (event: { data: unknown }) => void;

export class VirtualServer {
  readonly #api: NodeApi;
  readonly #open = new Set<VirtualSocket>();
  isDown = false;

  constructor(api: NodeApi) {
    this.#api = api;
  }

  connect(): SocketLike {
    const socket = new VirtualSocket(this.#api, () => this.#open.delete(socket));
    this.#open.add(socket);
    if (this.isDown) queueMicrotask(() => socket.close());
    else socket.start();
    return socket;
  }

  /** Cuts all connections, in the middle of whatever is on its way. */
  cut(): void {
    for (const socket of this.#open) socket.close();
  }
}

class VirtualSocket implements SocketLike {
  readyState = 0;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #subscriptions: Subscriptions;
  readonly #api: NodeApi;
  readonly #gone: () => void;

  constructor(api: NodeApi, gone: () => void) {
    this.#api = api;
    this.#gone = gone;
    this.#subscriptions = new Subscriptions({
      api,
      notices: { textOf: (_topic, _events, show) => JSON.stringify(show()), add: (send) => send() },
      send: (text) => this.#dispatch("message", text),
      sendPaced: async (text) => this.#later(() => this.#dispatch("message", text)),
      turn: (work) => work(async () => undefined),
      rest: () => new Promise((resolve) => setImmediate(resolve)),
      failed: (error) => {
        throw error;
      },
      tooSlow: () => undefined,
      changed: () => undefined,
    });
  }

  start(): void {
    this.#later(() => {
      this.readyState = 1;
      this.#dispatch("open");
    });
  }

  addEventListener(type: string, listener: Listener | (() => void)): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener as Listener]);
  }

  send(text: string): void {
    void this.#answer(JSON.parse(text));
  }

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#subscriptions.close();
    this.#gone();
    this.#later(() => this.#dispatch("close"));
  }

  async #answer({ id, method, params }: { id: number; method: string; params: unknown }): Promise<void> {
    const started: string[] = [];
    const own = this.#subscriptions;
    const begun = (subscription: string) => {
      started.push(subscription);
      return subscription;
    };
    const context = {
      api: this.#api,
      methods: METHOD_TABLE,
      pause: async () => undefined,
      subscriptions: {
        add: (topic, hash) => begun(own.add(topic, hash)),
        addStream: async (order) => begun(await own.addStream(order)),
        acknowledge: (stream, seq) => own.acknowledge(stream, seq),
        remove: (subscription) => own.remove(subscription),
      },
    } as CallContext;
    let answer: object;
    try {
      answer = { result: await runMethod(METHOD_TABLE.get(method)!, context, params) };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      answer = { error: { code: error.number, message: error.message, data: { code: error.code } } };
    }
    this.#later(() => {
      this.#dispatch("message", JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
      for (const subscription of started) own.release(subscription);
    });
  }

  #later(run: () => void): void {
    setImmediate(run);
  }

  #dispatch(type: string, data?: string): void {
    if (this.readyState === 3 && type !== "close") return;
    for (const listener of this.#listeners.get(type) ?? []) listener({ data });
  }
}
