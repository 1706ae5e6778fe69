/** A running RPC server over a FakeNode on a free port, and what tests need to talk to it. Closed after each test. */
import { once } from "node:events";
import { request } from "node:http";
import { afterEach } from "vitest";
import { WebSocket } from "ws";
import type { LogFields, Logger } from "../../src/base/log.ts";
import { systemScheduler } from "../../src/node/assembly/system.ts";
import type { RpcObserver } from "../../src/rpc/budgets/call-observer.ts";
import { RpcServer, type RpcServerOptions, type RpcServerPorts } from "../../src/rpc/server/server.ts";
import { FakeNode } from "./fake-node.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export function atEnd(close: () => unknown): void {
  closing.push(close);
}

export interface LogLine {
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export class CountingObserver implements RpcObserver {
  readonly calls: { method: string; code: number }[] = [];
  readonly refused: number[] = [];
  subscriptions = 0;
  callAnswered(method: string, code: number): void {
    this.calls.push({ method, code });
  }
  requestRefused(status: number): void {
    this.refused.push(status);
  }
  subscriptionsChanged(open: number): void {
    this.subscriptions = open;
  }
}

export async function serve(options: Partial<RpcServerOptions> = {}, ports: Partial<RpcServerPorts> = {}) {
  const node = await FakeNode.open();
  const lines: LogLine[] = [];
  // What is told at "info" (the bounds at start) is no sign of trouble.
  const log: Logger = {
    log: (level, _component, message, fields) => {
      if (level !== "info") lines.push({ message, fields });
    },
  };
  const observer = new CountingObserver();
  const server = new RpcServer(
    { port: 0, ...options },
    { api: node, scheduler: systemScheduler, log, observer, ...ports },
  );
  await server.start();
  atEnd(() => server.stop());
  return { node, server, url: server.url, lines, observer };
}

/** POSTs text as JSON; the status and the parsed answer. */
export async function post(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    json: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : undefined,
  };
}

export async function rpc(url: string, method: string, params: unknown = {}) {
  return (await post(url, JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }))).json;
}

/** A request with headers that fetch does not let one set. */
export async function rawRequest(
  url: string,
  options: { method?: string; path?: string; headers?: Record<string, string>; body?: string },
) {
  const { port } = new URL(url);
  const { method = "GET", path = "/", headers = {}, body } = options;
  const sent = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

export interface TestSocket {
  readonly socket: WebSocket;
  /** Sends text and resolves with the next message. */
  ask(text: string): Promise<unknown>;
  call(
    method: string,
    params?: unknown,
  ): Promise<{ result?: unknown; error?: { code: number; data: unknown } }>;
  next(): Promise<Record<string, never>>;
}

/** A WebSocket to the server whose messages are read one by one. */
export async function connect(url: string, headers: Record<string, string> = {}): Promise<TestSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers });
  atEnd(() => socket.terminate());
  const queue: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    const take = waiting.shift();
    if (take === undefined) queue.push(message);
    else take(message);
  });
  await once(socket, "open");
  const next = () =>
    queue.length > 0
      ? Promise.resolve(queue.shift())
      : new Promise<unknown>((resolve) => waiting.push(resolve));
  const ask = (text: string) => {
    socket.send(text);
    return next();
  };
  const call = (method: string, params: unknown = {}) =>
    ask(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  return { socket, ask, call: call as TestSocket["call"], next: next as TestSocket["next"] };
}

/** Waits for a condition, at most `deadlineMs`. */
export async function until(condition: () => boolean, deadlineMs = 5_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
