/**
 * The client of a node: every method of the table typed by its schemas, over HTTP, and subscriptions over a
 * WebSocket. Runs in Node and in browsers: it imports types of the table only. An answer that is an error is thrown
 * as RpcError with the node's code; a broken connection or a time-out is an Error with its cause.
 */
import type { z } from "zod";
import { hex0x, parseShownHash } from "../base/bytes.ts";
import { type SocketMaker, SubscriptionSocket } from "./clientsocket.ts";
import type { Methods } from "./methods/table.ts";
import { RpcError } from "./rpcerror.ts";
import type { ChainRef } from "./wallet.ts";

export { RpcError } from "./rpcerror.ts";
export { type AnchorOrder, type ChainRef, type TransferOrder, Wallet } from "./wallet.ts";

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
  /** Milliseconds for an answer, beside what the call itself says it waits. 30,000 by default. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
  /** For subscriptions where there is no global WebSocket (Node 20): `(url) => new WebSocket(url)` of ws. */
  readonly webSocket?: SocketMaker;
}

/** Params may be left out where none is required. */
type ParamsArgument<M extends MethodName> =
  Record<string, never> extends ParamsOf<M> ? [params?: ParamsOf<M>] : [params: ParamsOf<M>];

interface Response {
  readonly id: number | null;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: unknown };
}

const TIMEOUT_MS = 30_000;

export class Client {
  readonly url: string;
  readonly #options: ClientOptions;
  #lastId = 0;
  #socket: SubscriptionSocket | undefined;

  /** @param url of the RPC server, such as "http://127.0.0.1:18545" */
  constructor(url: string, options: ClientOptions = {}) {
    this.url = url.replace(/\/+$/, "");
    this.#options = options;
  }

  /** @throws RpcError when the node refuses; Error when it does not answer. */
  async call<M extends MethodName>(method: M, ...[params]: ParamsArgument<M>): Promise<ResultOf<M>> {
    const request = this.#request(method, params);
    const response = (await this.#post(request, waitOf(params))) as Response;
    return resultOf(response) as ResultOf<M>;
  }

  /** Calls in one request, at most 100; the answers in their order, a refusal as an RpcError among them. */
  async batch<M extends MethodName>(calls: readonly BatchCall<M>[]): Promise<(ResultOf<M> | RpcError)[]> {
    if (calls.length === 0) return [];
    const requests = calls.map(({ method, params }) => this.#request(method, params));
    const waitMs = Math.max(...calls.map(({ params }) => waitOf(params)));
    const answered = await this.#post(requests, waitMs);
    if (!Array.isArray(answered)) throw refusalOf(answered as Response);
    const byId = new Map((answered as Response[]).map((response) => [response.id, response]));
    return requests.map(({ id }) => {
      const response = byId.get(id);
      if (response === undefined) throw new Error(`${this.url} left call ${id} of a batch unanswered`);
      return response.error === undefined ? (response.result as ResultOf<M>) : refusalOf(response);
    });
  }

  /** What a wallet must know of the chain to sign. */
  async chain(): Promise<ChainRef> {
    const { chainId, genesisHash } = await this.call("node_info");
    return { chainId: BigInt(chainId), genesisHash: parseShownHash(genesisHash)! };
  }

  block(block: BlockName = "latest"): Promise<ResultOf<"chain_getBlock">> {
    return this.call("chain_getBlock", { block });
  }

  async account(address: string | Uint8Array): Promise<ResultOf<"account_get">> {
    return this.call("account_get", { address: hexOf(address) });
  }

  /** The nonce of the sender's next transaction, counting what is in the pool. */
  async nextNonce(address: string | Uint8Array): Promise<bigint> {
    return BigInt((await this.account(address)).pendingNonce);
  }

  /** @param tx a signed transaction, or its bytes */
  send(
    tx: { readonly bytes: Uint8Array } | Uint8Array | string,
    options: { readonly wait?: WaitFor; readonly timeoutMs?: number } = {},
  ): Promise<ResultOf<"tx_send">> {
    const bytes = typeof tx === "object" && "bytes" in tx ? tx.bytes : tx;
    return this.call("tx_send", { tx: hexOf(bytes), ...options });
  }

  /**
   * Starts a subscription over a WebSocket, opened at the first one.
   * @returns a function that ends it
   */
  subscribe<T = unknown>(
    topic: ParamsOf<"sub_subscribe">["topic"],
    listener: (result: T, seq: number) => void,
    options: {
      readonly filter?: { readonly hash: string };
      readonly onClose?: (reason: string) => void;
    } = {},
  ): Promise<() => Promise<void>> {
    this.#socket ??= new SubscriptionSocket(
      `${this.url.replace(/^http/, "ws")}/ws`,
      this.#options.webSocket,
      () => {
        this.#socket = undefined;
      },
    );
    const { filter, onClose } = options;
    const params = filter === undefined ? { topic } : { topic, filter };
    return this.#socket.subscribe(params, (result, seq) => listener(result as T, seq), onClose);
  }

  /** Ends the subscriptions. */
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #request(method: string, params: unknown) {
    return {
      jsonrpc: "2.0",
      id: ++this.#lastId,
      method,
      ...(params === undefined ? {} : { params }),
    } as const;
  }

  async #post(body: unknown, waitMs: number): Promise<unknown> {
    const timeoutMs = (this.#options.timeoutMs ?? TIMEOUT_MS) + waitMs;
    try {
      const response = await (this.#options.fetch ?? fetch)(`${this.url}/`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text.slice(0, 200).trim()}`);
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`${this.url}: ${describe(error, timeoutMs)}`, { cause: error });
    }
  }
}

function resultOf(response: Response): unknown {
  if (response.error !== undefined) throw refusalOf(response);
  return response.result;
}

function refusalOf({ error }: Response): RpcError {
  return new RpcError(error ?? { code: 0, message: "an answer that is neither result nor error" });
}

/** What tx_send may wait by its own parameters, ms. */
function waitOf(params: unknown): number {
  const { wait, timeoutMs } = (params ?? {}) as { wait?: string; timeoutMs?: number | string };
  return wait === "included" || wait === "final" ? Number(timeoutMs ?? 10_000) : 0;
}

function hexOf(bytes: string | Uint8Array): string {
  return typeof bytes === "string" ? bytes : hex0x(bytes);
}

function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer in ${timeoutMs} ms`;
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}
