/**
 * The JSON-RPC of one node of a test: the shipped dispatcher and method table over the shipped replica, in one of its
 * lives. It answers what `fetch` asks, without a socket, and gives a real server what it needs. Every caller is the
 * node's own user, so admin methods need no token; nobody's computing is charged, so that answers follow from the
 * calls alone.
 */
import { must } from "../base/assert.ts";
import { RPC_BODY_BYTES_MAX } from "../base/limits.ts";
import { SILENT } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import { formatGenesis } from "../chain/genesis/genesis-file.ts";
import { ReplicaApi } from "../node/api/node-api.ts";
import { packageVersion } from "../node/home/package-version.ts";
import { WaitSlots, Waits } from "../rpc/answers/waits.ts";
import type { NodeInfo } from "../rpc/api.ts";
import { NO_OBSERVER } from "../rpc/budgets/call-observer.ts";
import { Dispatcher } from "../rpc/jsonrpc/jsonrpc.ts";
import { METHOD_TABLE } from "../rpc/methods/method-table.ts";
import type { MiningApi } from "../rpc/mining-api.ts";
import { findProbe } from "../rpc/server/probes.ts";
import type { SimNode } from "../tools/sim/sim-node.ts";

export interface NodeRpcOptions {
  readonly node: SimNode;
  readonly genesis: Genesis;
  readonly mode: NodeInfo["mode"];
  /** Blocks on top that make one final, where finality is not instant. */
  readonly finalityDepth?: number;
  readonly mining?: MiningApi;
  /** A handler contradicted itself. */
  readonly broken: (error: unknown) => void;
}

const CLIENT = "test";

/** The network of a test is cut by the test. */
const METHODS = new Map([...METHOD_TABLE].filter(([name]) => !name.startsWith("devnet_")));

export class NodeRpc {
  readonly api: ReplicaApi;
  readonly #scheduler: Scheduler;
  readonly #waits: Waits;
  readonly #dispatcher: Dispatcher;

  /** @param options of a node that is up */
  constructor(options: NodeRpcOptions) {
    const { node, broken } = options;
    this.#scheduler = node.clock;
    this.api = apiOf(options);
    this.#waits = new Waits({ api: this.api, scheduler: node.clock });
    this.#dispatcher = new Dispatcher({
      api: this.api,
      scheduler: node.clock,
      waits: this.#waits,
      methods: METHODS,
      observer: NO_OBSERVER,
      log: SILENT,
      broken,
      busyMs: () => 0,
      pause: () => Promise.resolve(),
    });
    this.#waits.start();
  }

  /** Answers as the node's port does: POST /, GET /method and the probes. */
  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (request.method === "GET" || request.method === "HEAD") return this.#get(url);
    if (request.method !== "POST") return text(405, "use POST / for JSON-RPC, or GET\n");
    if (url.pathname !== "/") return text(404, "JSON-RPC is at POST /\n");
    const body = await request.text();
    if (Buffer.byteLength(body) > RPC_BODY_BYTES_MAX) {
      return text(413, `a body has at most ${RPC_BODY_BYTES_MAX} bytes\n`);
    }
    const answer = await this.#dispatcher.answer(body, connectionOf(request));
    return answer === undefined ? new Response(null, { status: 204 }) : json(200, answer);
  }

  async #get(url: URL): Promise<Response> {
    const probe = findProbe(url.pathname);
    if (probe !== undefined) {
      const ports = { api: this.api, scheduler: this.#scheduler };
      const { status, type, body } = await probe(ports, url.searchParams);
      return new Response(body, { status, headers: { "content-type": type } });
    }
    const method = METHODS.get(url.pathname.slice(1));
    if (method === undefined) return text(404, "nothing here; GET /rpc.discover lists the methods\n");
    if (method.kind !== "read" || method.transport === "websocket") {
      return text(405, `${method.name} is not for GET\n`);
    }
    const params = Object.fromEntries(
      [...url.searchParams].map(([name, value]) => [name, queryValue(value)]),
    );
    const request = new Request(url);
    return json(200, await this.#dispatcher.call(method.name, params, connectionOf(request)));
  }
}

function apiOf({ node, genesis, mode, finalityDepth, mining }: NodeRpcOptions): ReplicaApi {
  const { clock } = node;
  const replica = must(node.replica, "the node is up");
  const network = must(node.network, "the node is up");
  const validator =
    replica.self === undefined ? undefined : replica.consensus.validators.members[replica.self];
  return new ReplicaApi(
    {
      info: {
        name: `node${node.id}`,
        version: packageVersion(),
        mode,
        peerId: network.peerId,
        startedAtMs: clock.now(),
      },
      genesisJson: JSON.parse(formatGenesis(genesis)),
      address: validator?.account ?? replica.mining.rewardTo,
      ...(finalityDepth === undefined ? {} : { finalityDepth }),
      expectsPeers: false,
    },
    {
      replica,
      network: { peers: () => network.peers(), addresses: [], blocked: [], block: () => undefined },
      scheduler: clock,
      renderMetrics: async () => "",
      ...(mining === undefined ? {} : { mining }),
    },
  );
}

function connectionOf(request: Request) {
  const caller = { client: CLIENT, isGone: () => request.signal.aborted };
  return { slots: new WaitSlots(), isLocal: true, subscriptions: undefined, caller };
}

/** Reads a value of a query as the node's port does: texts, and booleans by name. */
function queryValue(value: string): string | boolean {
  return value === "true" || value === "false" ? value === "true" : value;
}

function json(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}

function text(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
