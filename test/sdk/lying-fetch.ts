/** `fetch` to the nodes of a devnet in a test, some of which answer some methods in another way. */
import type { BaseDevnet } from "../../src/testing/devnet-base.ts";

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

type Result = Record<string, unknown>;
/** Makes another result of the node's own; undefined: it keeps silent for ever. */
export type Lie = (own: Result, call: Call) => unknown;

export class LyingFetch {
  readonly #net: Pick<BaseDevnet, "fetch" | "urls">;
  readonly #lies = new Map<string, Lie>();
  /** Requests that a node got. */
  readonly requests = new Map<number, number>();

  constructor(net: Pick<BaseDevnet, "fetch" | "urls">) {
    this.#net = net;
  }

  /** @param node index of the node */
  lie(node: number, method: string, lie: Lie): this {
    this.#lies.set(`${node} ${method}`, lie);
    return this;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const node = this.#net.urls.indexOf(new URL(request.url).origin);
    this.requests.set(node, (this.requests.get(node) ?? 0) + 1);
    const body = JSON.parse(await request.clone().text()) as Call | Call[];
    const response = await this.#net.fetch(request);
    const answers = JSON.parse(await response.text()) as { id: number; result?: unknown }[];
    const changed = [body].flat().map((call) => {
      const own = [answers].flat().find((one) => one.id === call.id) as { result: Result };
      const lie = this.#lies.get(`${node} ${call.method}`);
      return lie === undefined ? own : { jsonrpc: "2.0", id: call.id, ...said(lie(own.result, call)) };
    });
    return new Response(JSON.stringify(Array.isArray(body) ? changed : changed[0]), { status: 200 });
  };
}

/** An Error is a refusal. */
function said(result: unknown): object {
  if (!(result instanceof Error)) return { result };
  return { error: { code: -32001, message: result.message, data: { code: result.message } } };
}
