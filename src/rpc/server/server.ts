/**
 * The RPC server: JSON-RPC by POST /, a WebSocket at /ws, read methods by GET, probes; one port, node:http. It
 * decides on HTTP's own terms (method, type, size, host, how many at once) and hands texts to the dispatcher. It
 * refuses to know what a method does. The adapter for node:http and ws. docs/rpc.md, "Transport".
 *
 * This folder: HTTP: requests, who may call (access.ts), probes, the files of the explorer. Not here: what a call does,
 * and what it may cost (rpc/budgets).
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { InvariantError } from "../../base/assert.ts";
import { parseUtf8Document } from "../../base/bytes.ts";
import { RPC_BODY_BYTES_MAX, RPC_REQUESTS_MAX, RPC_SOCKETS_MAX } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { didYouMean } from "../../base/suggest.ts";
import { WaitSlots, Waits } from "../answers/waits.ts";
import type { NodeApi } from "../api.ts";
import { NO_OBSERVER, type RpcObserver } from "../budgets/call-observer.ts";
import { RPC_CLIENT_MS, RPC_TOTAL_MS } from "../budgets/call-queue.ts";
import {
  HeldRpcBytes,
  type Holding,
  RPC_CLIENT_HELD_BYTES_MAX,
  RPC_HELD_BYTES_MAX,
  RPC_PARSED_FACTOR,
} from "../budgets/client-held-bytes.ts";
import { Connections, RPC_CLIENT_SOCKETS_MAX, RPC_PIPELINED_MAX } from "../budgets/connections.ts";
import { type Connection, Dispatcher } from "../jsonrpc/jsonrpc.ts";
import type { MethodTable } from "../jsonrpc/method.ts";
import { METHOD_TABLE } from "../methods/method-table.ts";
import { Notices } from "../websocket/notices.ts";
import { WebSocketConnection } from "../websocket/websocket.ts";
import {
  type AccessOptions,
  type AllowedCallers,
  accessOf,
  checkHost,
  checkOneHost,
  checkOrigin,
  checkQuery,
  checkSite,
  clientOf,
  corsHeaders,
  isAdmin,
  isOwnRequest,
  payerOf,
  reachableOrigins,
} from "./access.ts";
import { readBody } from "./body.ts";
import { ExplorerFiles, isExplorerPath } from "./explorer-files.ts";
import { createTimedServer } from "./http-timing.ts";
import { describeListenError } from "./listen-error.ts";
import { findProbe } from "./probes.ts";
import { isJson, malformedStatus, pathOf, queryParams, searchOf } from "./request-parts.ts";

export interface RpcServerOptions extends AllowedCallers {
  /** The port to listen on. 0 takes any free one. */
  readonly port: number;
  readonly host?: string;
  /** What admin methods need, as `Authorization: Bearer TOKEN`; without one any caller on loopback has them. */
  readonly adminToken?: string;
}

export interface RpcServerPorts {
  readonly api: NodeApi;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly observer?: RpcObserver;
  readonly methods?: MethodTable;
  /** Called when a handler found the node contradicting itself. */
  readonly broken?: (error: InvariantError) => void;
}

/** Milliseconds that a peer may take to read an answer. */
const ANSWER_MS_MAX = 30_000;
/** Milliseconds between two pings of a WebSocket. One without an answer ends it. */
const PING_INTERVAL_MS = 30_000;

/** Frames of one WebSocket message. */
const FRAGMENTS_MAX = 1_024;

export class RpcServer {
  readonly #options: RpcServerOptions & { readonly host: string };
  readonly #access: AccessOptions;
  readonly #ports: Required<RpcServerPorts>;
  readonly #dispatcher: Dispatcher;
  readonly #waits: Waits;
  readonly #http: Server;
  readonly #upgrader = new WebSocketServer({
    noServer: true,
    maxPayload: RPC_BODY_BYTES_MAX,
    maxFragments: FRAGMENTS_MAX,
  });
  readonly #slots = new WeakMap<Duplex, WaitSlots>();
  readonly #sockets = new Set<WebSocketConnection>();
  #cancelPing = (): void => undefined;
  readonly #memory = new HeldRpcBytes();
  readonly #notices = new Notices();
  readonly #connections = new Connections();
  readonly #explorer: ExplorerFiles;
  #requests = 0;
  #subscriptions = 0;

  constructor(options: RpcServerOptions, ports: RpcServerPorts) {
    this.#options = { host: "127.0.0.1", ...options };
    this.#access = accessOf(options);
    this.#explorer = new ExplorerFiles(reachableOrigins(this.#access));
    this.#ports = { observer: NO_OBSERVER, methods: METHOD_TABLE, broken: () => undefined, ...ports };
    this.#waits = new Waits(this.#ports);
    this.#dispatcher = new Dispatcher({ ...this.#ports, waits: this.#waits });
    this.#http = createTimedServer();
  }

  /** @throws Error when the port is in use or may not be used, saying what to do. */
  async start(): Promise<void> {
    this.#http.on("connection", (socket) => this.#connected(socket));
    this.#http.on("request", (request, response) => void this.#receive(request, response));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("clientError", (error, socket) => this.#refuseMalformed(error, socket));
    await this.#listen();
    this.#waits.start();
    this.#schedulePing();
    this.#ports.log.log("info", "rpc", "bounds", {
      bytes: RPC_HELD_BYTES_MAX,
      bytesPerClient: RPC_CLIENT_HELD_BYTES_MAX,
      connections: RPC_SOCKETS_MAX,
      connectionsPerClient: RPC_CLIENT_SOCKETS_MAX,
      computingMsPerSecond: RPC_TOTAL_MS.perSecond,
      computingMsPerSecondPerClient: RPC_CLIENT_MS.perSecond,
    });
  }

  /** Ends waits, subscriptions and connections; resolves when the port is free. */
  async stop(): Promise<void> {
    this.#cancelPing();
    this.#waits.stop();
    for (const socket of this.#sockets) socket.stop();
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    // One turn, so that the answers of the ended waits leave.
    await new Promise((resolve) => setImmediate(resolve));
    this.#http.closeAllConnections();
    await closed;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    const { host } = this.#options;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.port}`;
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => reject(describeListenError(error, host, port));
      this.#http.once("error", failed);
      this.#http.listen(port, host, () => {
        this.#http.off("error", failed);
        resolve();
      });
    });
  }

  #connected(socket: Socket): void {
    const slots = new WaitSlots();
    this.#slots.set(socket, slots);
    this.#connections.add(socket, clientOf(socket.remoteAddress));
    socket.once("close", () => slots.close());
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = this.#connections.of(request.socket);
    if (connection === undefined) return;
    // Answers go out in order: one that is not read holds those after it.
    if (connection.requests >= RPC_PIPELINED_MAX) {
      request.socket.destroy();
      return;
    }
    connection.requests++;
    this.#requests++;
    response.once("close", () => {
      this.#requests--;
      connection.requests--;
    });
    try {
      await this.#route(request, response);
    } catch (error) {
      // A probe whose port failed.
      this.#ports.log.log("warn", "rpc", "request failed", { error: String(error) });
      if (!response.headersSent) this.#refuse(response, 500, "Internal error\n");
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { origin } = request.headers;
    const reason = this.#checkCaller(request);
    if (reason !== undefined) return this.#refuse(response, 403, reason);
    if (this.#requests > RPC_REQUESTS_MAX && findProbe(pathOf(request)) === undefined) {
      return this.#refuse(
        response.setHeader("retry-after", "1"),
        429,
        `more than ${RPC_REQUESTS_MAX} requests in progress\n`,
      );
    }
    for (const [name, value] of Object.entries(corsHeaders(origin, this.#access))) {
      response.setHeader(name, value);
    }
    switch (request.method) {
      case "POST":
        return this.#post(request, response);
      case "GET":
      case "HEAD":
        return this.#get(request, response);
      case "OPTIONS":
        response.writeHead(204).end();
        return;
      default:
        response.setHeader("allow", "GET, HEAD, POST, OPTIONS");
        return this.#refuse(response, 405, "use POST / for JSON-RPC, or GET\n");
    }
  }

  /** The reason to refuse whoever asks, or undefined. */
  #checkCaller({ headers, rawHeaders }: IncomingMessage): string | undefined {
    const { host, origin } = headers;
    return (
      checkOneHost(rawHeaders) ?? checkHost(host, this.#access) ?? checkOrigin(origin, host, this.#access)
    );
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (pathOf(request) !== "/") return this.#refuse(response, 404, "JSON-RPC is at POST /\n");
    if (!isJson(request)) return this.#refuse(response, 415, "send content-type: application/json\n");
    if ((request.headers["content-encoding"] ?? "identity") !== "identity")
      return this.#refuse(response, 415, "send the body as it is, without content-encoding\n");
    const holding = this.#hold(request, response);
    const body = await readBody(request, holding);
    if (body.kind === "broken") return;
    if (body.kind === "too-large") {
      return this.#refuse(response, 413, `a body has at most ${RPC_BODY_BYTES_MAX} bytes\n`);
    }
    if (body.kind === "no-room" || !holding.grow(body.bytes.length * (RPC_PARSED_FACTOR - 1))) {
      return this.#refuseHeld(response);
    }
    const connection = { ...this.#connectionOf(request, response), keep: holding.grow };
    const answer = await this.#dispatcher.answer(parseUtf8Document(body.bytes), connection);
    if (answer === undefined) response.writeHead(204).end();
    else if (!holding.grow(answer.length)) this.#refuseHeld(response);
    else this.#send(response, 200, "application/json", answer);
  }

  async #get(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    const search = searchOf(request);
    if (isExplorerPath(path, request.headers)) return this.#sendFile(request, response, search);
    const query = new URLSearchParams(search);
    const probe = findProbe(path);
    if (probe !== undefined) {
      const { status, type, body } = await probe(this.#ports, query);
      return this.#send(response, status, type, body);
    }
    const twice = checkQuery(query);
    if (twice !== undefined) return this.#refuse(response, 400, twice);
    if (path === "/ws") return this.#refuse(response, 426, "connect to /ws with a WebSocket\n");
    const foreign = checkSite(request.headers);
    if (foreign !== undefined) return this.#refuse(response, 403, foreign);
    const name = path.slice(1);
    const method = this.#ports.methods.get(name);
    if (method === undefined) {
      const near = didYouMean(name, this.#ports.methods.keys());
      return this.#refuse(response, 404, `nothing here${near}; GET /rpc.discover lists the methods\n`);
    }
    if (method.kind !== "read" || method.transport === "websocket") {
      return this.#refuse(response.setHeader("allow", "POST"), 405, `${name} is not for GET\n`);
    }
    if (method.costly === true && !isOwnRequest(request.headers)) {
      return this.#refuse(response, 403, `${name} by GET needs the header content-type: application/json\n`);
    }
    const answer = await this.#dispatcher.call(
      name,
      queryParams(query),
      this.#connectionOf(request, response),
    );
    const holding = this.#hold(request, response);
    if (!holding.grow(answer.length)) return this.#refuseHeld(response);
    this.#send(response, 200, "application/json", answer);
  }

  /** What this request holds, until it is answered or broken off. */
  #hold(request: IncomingMessage, response: ServerResponse): Holding {
    const holding = this.#memory.begin(payerOf(request, this.#options.adminToken));
    response.once("close", () => holding.release());
    return holding;
  }

  #refuseHeld(response: ServerResponse): void {
    response.setHeader("retry-after", "1");
    this.#refuse(response, 429, "this client, or all together, have too much in progress or unread\n");
  }

  #connectionOf(request: IncomingMessage, response: ServerResponse): Connection {
    const slots = this.#slots.get(request.socket) ?? new WaitSlots();
    const { adminToken } = this.#options;
    const caller = { client: payerOf(request, adminToken), isGone: () => response.destroyed };
    return { slots, isLocal: isAdmin(request, adminToken), subscriptions: undefined, caller };
  }

  /** A file of the explorer, held like any answer until it is read. */
  #sendFile(request: IncomingMessage, response: ServerResponse, search: string): void {
    const { status, headers, body } = this.#explorer.answer(pathOf(request), search, request.headers);
    const holding = this.#hold(request, response);
    if (!holding.grow(body.length)) return this.#refuseHeld(response);
    this.#sendWith(response, status, headers, body);
  }

  #send(response: ServerResponse, status: number, type: string, body: string): void {
    const headers = {
      "content-type": type,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    };
    this.#sendWith(response, status, headers, body);
  }

  #sendWith(
    response: ServerResponse,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
  ): void {
    if (response.destroyed) return;
    const cancel = this.#ports.scheduler.after(ANSWER_MS_MAX, () => response.destroy());
    response.once("close", cancel);
    const length = status === 304 ? {} : { "content-length": Buffer.byteLength(body) };
    response.writeHead(status, { ...headers, ...length });
    response.end(body);
  }

  /** Says no before the body was read: the connection cannot be used further. */
  #refuse(response: ServerResponse, status: number, reason: string): void {
    this.#ports.observer.requestRefused(status);
    response.setHeader("connection", "close");
    this.#send(response, status, "text/plain; charset=utf-8", reason);
  }

  #refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    const status = malformedStatus(error);
    this.#ports.observer.requestRefused(Number.parseInt(status, 10));
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
    else socket.destroy();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const open = this.#connections.of(socket);
    // An answer that is still owed would come after the first frames, and be read as frames.
    if (open === undefined || open.requests > 0) return void socket.destroy();
    const isForeign = this.#checkCaller(request);
    if (isForeign !== undefined || pathOf(request) !== "/ws") {
      const status = isForeign === undefined ? "404 Not Found" : "403 Forbidden";
      this.#ports.observer.requestRefused(Number.parseInt(status, 10));
      const words = isForeign ?? "the WebSocket is at /ws\n";
      return void socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n${words}`);
    }
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new WebSocketConnection(webSocket, {
        api: this.#ports.api,
        dispatcher: this.#dispatcher,
        scheduler: this.#ports.scheduler,
        isLocal: isAdmin(request, this.#options.adminToken),
        client: payerOf(request, this.#options.adminToken),
        memory: this.#memory,
        notices: this.#notices,
        subscriptionsChanged: (difference) => this.#countSubscriptions(difference),
      });
      this.#sockets.add(connection);
      socket.prependListener("data", (bytes: Buffer) => connection.arrived(bytes.length));
      open.isAwaited = () => connection.isAwaited();
      webSocket.once("close", () => this.#sockets.delete(connection));
      connection.start();
    });
  }

  #countSubscriptions(difference: 1 | -1): void {
    this.#subscriptions += difference;
    this.#ports.observer.subscriptionsChanged(this.#subscriptions);
  }

  #schedulePing(): void {
    this.#cancelPing = this.#ports.scheduler.after(PING_INTERVAL_MS, () => {
      for (const socket of this.#sockets) socket.ping();
      this.#schedulePing();
    });
  }
}
