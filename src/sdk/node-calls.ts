/**
 * Calls to the nodes of a network, typed by the schemas of the table, and subscriptions: what of the client only asks.
 * With several URLs a call goes to the next node when one does not answer. An answer that is an error is thrown as
 * RpcError with the node's code; a broken connection or a time-out is an Error. In Node and in browsers.
 */
import type { z } from "zod";
import { must } from "../base/assert.ts";
import { ADMIN_METHODS } from "../rpc/admin-methods.ts";
import type { Methods } from "../rpc/methods/method-table.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { SocketMaker } from "./client-socket.ts";
import { ClientSubscriptions, type SubscriptionEvents } from "./client-subscriptions.ts";
import { type CallLimits, Endpoint } from "./endpoint.ts";
import type { TrustedGenesis } from "./trusted-genesis.ts";

export type MethodName = keyof Methods;
export type ParamsOf<M extends MethodName> = z.input<Methods[M]["params"]>;
export type ResultOf<M extends MethodName> = z.output<Methods[M]["result"]>;
/** A block by height, hash or tag. */
export type BlockName = ParamsOf<"chain_getBlock">["block"];
export type WaitFor = NonNullable<ParamsOf<"tx_send">["wait"]>;

/** One call of a batch. */
export interface BatchCall<M extends MethodName = MethodName> {
  readonly method: M;
  readonly params?: ParamsOf<M>;
}

export interface ClientOptions {
  /** Milliseconds that an answer may take, beside what the call itself says it waits. 30,000 by default. */
  readonly timeoutMs?: number;
  /**
   * T_client: without an answer for so many ms the next node is asked, and for a transaction all are. 5,000
   * by default.
   */
  readonly resendMs?: number;
  /**
   * What is trusted: the text of genesis.json, or what openGenesis (quorate/verify) made of it. Then `send` believes
   * "final" only with a certificate that it checked, or f+1 equal answers of validators. Where blocks are mined
   * "final" is the depth that a node waits for, told in `finality.depth`.
   */
  readonly genesis?: string | TrustedGenesis;
  /**
   * How many of the nodes may lie: "final" takes one more equal answers. By default what the genesis can bear; with
   * neither, one node's word is taken. Needs as many URLs, each of a node of its own.
   */
  readonly faults?: number;
  readonly fetch?: typeof fetch;
  /**
   * The token of the node at a URL, for its admin methods (rpc.token in its home). It is asked for, and sent,
   * with these alone.
   */
  readonly token?: (url: string) => string | undefined;
  /**
   * Makes the sockets of subscriptions, instead of the global WebSocket, or that of ws where there is none
   * (Node 20).
   */
  readonly webSocket?: SocketMaker;
  /**
   * How long a subscription whose connection broke looks for another node, ms: 300,000 by default; with 0 it does not
   * look.
   */
  readonly reconnectMs?: number;
  /**
   * A subscription's node that says nothing for so many ms is asked, and left when it stays silent as long
   * again. 3,000 by default.
   */
  readonly heartbeatMs?: number;
}

/** @property filter of the topic `tx` */
export type SubscriptionOptions = SubscriptionEvents & { readonly filter?: { readonly hash: string } };

/** Params may be left out where none is required. */
type ParamsArgument<M extends MethodName> =
  Record<string, never> extends ParamsOf<M> ? [params?: ParamsOf<M>] : [params: ParamsOf<M>];

export const TIMEOUT_MS = 30_000;
export const RESEND_MS = 5_000;
export const WAIT_MS = 10_000;
export const RECONNECT_MS = 300_000;
export const HEARTBEAT_MS = 3_000;

export class NodeCalls {
  readonly #endpoints: readonly Endpoint[];
  protected readonly options: ClientOptions;
  /** Index of the node that answered last. */
  #preferred = 0;
  #subscriptions: ClientSubscriptions | undefined;

  /**
   * @param url of the RPC server, such as "http://127.0.0.1:18545", or of several, the one to ask first in front
   * @throws RangeError for no URL, one that is none, or too few of them for `faults`
   */
  constructor(url: string | readonly string[], options: ClientOptions = {}) {
    const urls = Array.isArray(url) ? [...new Set<string>(url)] : [url as string];
    const { faults = 0, genesis } = options;
    if (urls.length === 0) throw new RangeError("no URL to ask");
    if (!Number.isSafeInteger(faults) || faults < 0) throw new RangeError(`faults: ${faults}`);
    if (genesis === undefined && urls.length <= faults) {
      throw new RangeError(`${faults + 1} equal answers take ${faults + 1} URLs, ${urls.length} given`);
    }
    this.#endpoints = urls.map((one) => new Endpoint(one, options.fetch, options.token));
    this.options = options;
  }

  /** The URL of the node that is asked first. */
  get url(): string {
    return must(this.#endpoints[this.#preferred], "the preferred one is one of the endpoints").url;
  }

  /** @throws RpcError when the node refuses; Error when none answers. */
  call<M extends MethodName>(method: M, ...[params]: ParamsArgument<M>): Promise<ResultOf<M>> {
    const waitMs = waitOf(params);
    const ask = (endpoint: Endpoint, { timeoutMs }: CallLimits) =>
      endpoint.call(method, params, { timeoutMs: timeoutMs + waitMs }) as Promise<ResultOf<M>>;
    return this.#askOne([method], ask);
  }

  /** Calls in one request, at most 100; the answers in their order, a refusal as an RpcError among them. */
  async batch<M extends MethodName>(calls: readonly BatchCall<M>[]): Promise<(ResultOf<M> | RpcError)[]> {
    if (calls.length === 0) return [];
    const waitMs = Math.max(...calls.map(({ params }) => waitOf(params)));
    const ask = (endpoint: Endpoint, { timeoutMs }: CallLimits) =>
      endpoint.batch(calls, { timeoutMs: timeoutMs + waitMs }) as Promise<(ResultOf<M> | RpcError)[]>;
    return this.#askOne(
      calls.map(({ method }) => method),
      ask,
    );
  }

  /**
   * Starts a subscription over a WebSocket, opened at the first one. When its node ends or goes silent it goes on with
   * the next one (the same, where there is one URL) and says which heights it may have missed; `seq` begins anew then.
   * @returns a function that ends it
   * @throws RpcError when the node refuses, Error when none can be had
   */
  subscribe(
    topic: "newHeads" | "finalized",
    listener: (head: ResultOf<"chain_getHead">, seq: number) => void,
    options?: SubscriptionEvents,
  ): Promise<() => Promise<void>>;
  /** Subscribes to other topics, or where the caller says what it reads of a result. */
  subscribe<T = unknown>(
    topic: ParamsOf<"sub_subscribe">["topic"],
    listener: (result: T, seq: number) => void,
    options?: SubscriptionOptions,
  ): Promise<() => Promise<void>>;
  subscribe<T>(
    topic: ParamsOf<"sub_subscribe">["topic"],
    listener: (result: T, seq: number) => void,
    options: SubscriptionOptions = {},
  ): Promise<() => Promise<void>> {
    this.#subscriptions ??= this.#openSubscriptions();
    const { filter, ...events } = options;
    const params = filter === undefined ? { topic } : { topic, filter };
    return this.#subscriptions.subscribe(params, (result, seq) => listener(result as T, seq), events);
  }

  /** Ends the subscriptions. */
  close(): void {
    this.#subscriptions?.close();
    this.#subscriptions = undefined;
  }

  #openSubscriptions(): ClientSubscriptions {
    const { webSocket, reconnectMs = RECONNECT_MS, heartbeatMs = HEARTBEAT_MS } = this.options;
    return new ClientSubscriptions(() => this.inOrder(), webSocket, { reconnectMs, heartbeatMs });
  }

  /** The node that answered last, then the others in their order. */
  protected inOrder(): readonly Endpoint[] {
    const first = this.#preferred;
    return [...this.#endpoints.slice(first), ...this.#endpoints.slice(0, first)];
  }

  #limits(isLast: boolean): CallLimits {
    const { timeoutMs = TIMEOUT_MS, resendMs = RESEND_MS } = this.options;
    return { timeoutMs: isLast ? timeoutMs : Math.min(timeoutMs, resendMs) };
  }

  /** An order to one node is not another's: it goes to the first. */
  #askOne<T>(
    methods: readonly string[],
    ask: (endpoint: Endpoint, limits: CallLimits) => Promise<T>,
  ): Promise<T> {
    const isOrder = methods.some((method) => ADMIN_METHODS.has(method));
    const first = must(this.#endpoints[0], "there is a URL");
    return isOrder ? ask(first, this.#limits(true)) : this.#askAny(ask);
  }

  /** Asks one node after the other until one answers; a refusal is an answer unless the node cannot serve now. */
  async #askAny<T>(ask: (endpoint: Endpoint, limits: CallLimits) => Promise<T>): Promise<T> {
    const errors: Error[] = [];
    for (const [i, endpoint] of this.inOrder().entries()) {
      try {
        const answer = await ask(endpoint, this.#limits(i === this.#endpoints.length - 1));
        this.#preferred = this.#endpoints.indexOf(endpoint);
        return answer;
      } catch (error) {
        if (error instanceof RpcError && !CANNOT_SERVE.includes(error.data.code ?? "")) throw error;
        errors.push(error as Error);
      }
    }
    const refusal = errors.find((error) => error instanceof RpcError);
    if (refusal !== undefined || errors.length === 1)
      throw refusal ?? must(errors[0], "no endpoint answered");
    throw new Error(errors.map((error) => error.message).join("; "), { cause: errors[0] });
  }
}

/** Refusals of a node that is not able to answer now. */
const CANNOT_SERVE: readonly string[] = ["SYNCING", "STOPPING"];

/** What tx_send may wait by its own parameters, ms. */
function waitOf(params: unknown): number {
  const { wait, timeoutMs } = (params ?? {}) as { wait?: string; timeoutMs?: number | string };
  return wait === "included" || wait === "final" ? Number(timeoutMs ?? WAIT_MS) : 0;
}
