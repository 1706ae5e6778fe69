/**
 * One node as the client asks it: a request over HTTP and its answer, within a time. A refusal of the node is thrown
 * as RpcError, everything else (no connection, no answer in time, an answer that is none) as an Error that names the
 * URL. It knows no method. In Node and in browsers.
 */
import { ADMIN_METHODS } from "../rpc/admin-methods.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import { readNodeUrl } from "./client-url.ts";

export interface CallLimits {
  /** How long to wait for the answer. */
  readonly timeoutMs: number;
  /** Ends the call early. */
  readonly signal?: AbortSignal;
}

interface Response {
  readonly id: number | null;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: unknown };
}

interface Call {
  readonly method: string;
  readonly params?: unknown;
}

export class Endpoint {
  /** The URL without credentials. */
  readonly url: string;
  readonly #fetch: typeof fetch;
  readonly #authorization: string | undefined;
  readonly #token: ((url: string) => string | undefined) | undefined;
  #lastId = 0;

  constructor(url: string, fetcher: typeof fetch | undefined, token?: (url: string) => string | undefined) {
    const address = readNodeUrl(url);
    this.url = address.url;
    this.#authorization = address.authorization;
    this.#token = token;
    this.#fetch = fetcher ?? ((input, init) => fetch(input, init));
  }

  /** What a request says of who sends it. */
  get authorization(): Readonly<Record<string, string>> {
    return this.#authorization === undefined ? {} : { authorization: this.#authorization };
  }

  /** @throws RpcError when the node refuses; Error when it does not answer. */
  async call(method: string, params: unknown, limits: CallLimits): Promise<unknown> {
    const { error, result } = (await this.#post(
      [method],
      this.#request({ method, params }),
      limits,
    )) as Response;
    if (error !== undefined) throw new RpcError(error);
    return result;
  }

  /** The answers in the order of the calls, a refusal as an RpcError among them. */
  async batch(calls: readonly Call[], limits: CallLimits): Promise<(unknown | RpcError)[]> {
    const requests = calls.map((call) => this.#request(call));
    const answered = await this.#post(
      calls.map(({ method }) => method),
      requests,
      limits,
    );
    if (!Array.isArray(answered)) throw refusalOf(answered as Response);
    const byId = new Map((answered as Response[]).map((response) => [response.id, response]));
    return requests.map(({ id }) => {
      const response = byId.get(id);
      if (response === undefined) throw new Error(`${this.url} left call ${id} of a batch unanswered`);
      return response.error === undefined ? response.result : refusalOf(response);
    });
  }

  #request({ method, params }: Call) {
    const id = ++this.#lastId;
    return { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) } as const;
  }

  /** The token goes to the node that is ordered, never with a mere question to any of several. */
  #headers(methods: readonly string[]): Record<string, string> {
    const isOrder = methods.some((method) => ADMIN_METHODS.has(method));
    const token = isOrder ? this.#token?.(this.url) : undefined;
    return {
      "content-type": "application/json",
      ...(token === undefined ? this.authorization : { authorization: `Bearer ${token}` }),
    };
  }

  async #post(
    methods: readonly string[],
    body: unknown,
    { timeoutMs, signal }: CallLimits,
  ): Promise<unknown> {
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = await this.#fetch(`${this.url}/`, {
        method: "POST",
        headers: this.#headers(methods),
        body: JSON.stringify(body),
        signal: signal === undefined ? late : AbortSignal.any([late, signal]),
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text.slice(0, 200).trim()}`);
      const answer: unknown = JSON.parse(text);
      if (typeof answer !== "object" || answer === null) throw new Error("an answer that is no JSON-RPC");
      return answer;
    } catch (error) {
      throw new Error(`${this.url}: ${describe(error, timeoutMs)}`, { cause: error });
    }
  }
}

function refusalOf({ error }: Response): RpcError {
  return new RpcError(error ?? { code: 0, message: "an answer that is neither result nor error" });
}

function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer in ${timeoutMs} ms`;
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}
