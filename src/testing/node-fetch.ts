/**
 * `fetch` for nodes in this process: from a URL to the node's JSON-RPC, with virtual time passing until it answers.
 * It fails as the global fetch does: a TypeError when nobody is there, the signal's reason when the caller gives up.
 */
import type { NodeRpc } from "./node-rpc.ts";
import { WAIT_MS } from "./shared-time.ts";

export interface NodeFetchPorts {
  /** Undefined while the node is down. In its next life it is another one. */
  readonly rpcOf: (node: number) => NodeRpc | undefined;
  /** Lets virtual time pass until `done`. @returns whether it came true */
  readonly run: (ms: number, done: () => boolean) => Promise<boolean>;
}

export class NodeFetch {
  readonly urls: readonly string[];
  readonly #ports: NodeFetchPorts;

  constructor(nodes: number, ports: NodeFetchPorts) {
    this.urls = Array.from({ length: nodes }, (_, node) => `http://node${node}.test`);
    this.#ports = ports;
  }

  async fetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
    const request = new Request(input, init);
    const node = this.urls.indexOf(new URL(request.url).origin);
    if (node < 0) throw notFound(request.url, this.urls);
    const rpc = this.#ports.rpcOf(node);
    if (rpc === undefined) throw unreachable(`${this.urls[node]} refuses connections: node ${node} is down`);
    request.signal.throwIfAborted();
    let outcome: { readonly answer: Response } | { readonly error: unknown } | undefined;
    void rpc.answer(request).then(
      (answer) => {
        outcome = { answer };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    const isDown = () => this.#ports.rpcOf(node) !== rpc;
    await this.#ports.run(WAIT_MS, () => outcome !== undefined || request.signal.aborted || isDown());
    request.signal.throwIfAborted();
    if (outcome !== undefined && "answer" in outcome) return outcome.answer;
    if (outcome !== undefined) throw outcome.error;
    throw unreachable(
      isDown() ? `node ${node} went down before it answered` : `no answer in ${WAIT_MS} ms of virtual time`,
    );
  }
}

function notFound(url: string, urls: readonly string[]): TypeError {
  const last = urls.length === 1 ? "" : ` to ${urls.at(-1)}`;
  return unreachable(`no node of this devnet is at ${url}; there is ${urls[0]}${last}`);
}

/** An error as the global fetch words it: the reason is the cause. */
function unreachable(reason: string): TypeError {
  return new TypeError("fetch failed", { cause: new Error(reason) });
}
