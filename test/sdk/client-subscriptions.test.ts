/** Subscriptions of the client that outlive their node: real servers that stop, refuse or go silent. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Client, type MissedBlocks } from "../../src/sdk/client.ts";
import { atEnd, serve, until } from "../rpc/serve.ts";

const webSocket = (url: string, options: object) => new WebSocket(url, options);

function subscriber(urls: readonly string[], options: object = {}) {
  const client = new Client(urls, { webSocket, ...options });
  atEnd(() => client.close());
  const heights: number[] = [];
  const breaks: string[] = [];
  const resumed: MissedBlocks[] = [];
  const closed: string[] = [];
  const begin = () =>
    client.subscribe<{ height: number }>("newHeads", ({ height }) => heights.push(height), {
      onBreak: (reason) => breaks.push(reason),
      onResume: (missed) => resumed.push(missed),
      onClose: (reason) => closed.push(reason),
    });
  return { client, begin, heights, breaks, resumed, closed };
}

it("the client goes on with the next node when its own stops, and says which heights it may have missed", async () => {
  const [first, second] = [await serve(), await serve()];
  const { begin, heights, breaks, resumed, closed } = subscriber([first.url, second.url]);
  const end = await begin();
  await first.node.commit();
  await second.node.commit();
  await until(() => heights.length === 1);
  for (let i = 0; i < 3; i++) await second.node.commit();
  await first.server.stop();
  await until(() => resumed.length === 1);
  // What was heard of a head is at most a heartbeat old: from there on nothing is certain.
  expect(resumed).toEqual([{ url: second.url, fromHeight: 1, toHeight: 4 }]);
  expect([breaks.length, closed]).toEqual([1, []]);
  await second.node.commit();
  await until(() => heights.length === 2);
  expect(heights).toEqual([1, 5]);
  await end();
  await second.node.commit();
  expect(heights).toEqual([1, 5]);
});

it("the client leaves a node that is silent after a few seconds, whether it hangs before or after the first answer", async () => {
  const hung = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  atEnd(() => {
    for (const socket of hung.clients) socket.terminate();
    hung.close();
  });
  await once(hung, "listening");
  let answers = 2; // the head, the subscription
  hung.on("connection", (socket) =>
    socket.on("message", (data) => {
      if (answers-- <= 0) return;
      const { id, method } = JSON.parse(String(data));
      const result = method === "chain_getHead" ? { height: 7 } : "0x1";
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result }));
    }),
  );
  const hungUrl = `http://127.0.0.1:${(hung.address() as AddressInfo).port}`;
  const { node, url } = await serve();
  await node.commit();
  const { begin, breaks, resumed } = subscriber([hungUrl, url], { heartbeatMs: 1_000 });
  await begin();
  await until(() => resumed.length === 1);
  expect(breaks).toEqual(["no answer in 2000 ms"]);
  expect(resumed).toEqual([{ url, fromHeight: 8, toHeight: 1 }]);
  const other = subscriber([hungUrl, url], { heartbeatMs: 1_000 });
  await other.begin();
  await node.commit();
  await until(() => other.heights.length === 1);
});

/** As the WebSocket of Node 22 where nobody listens: it tells of an error, and of no close after it. */
class Unreachable extends EventTarget {
  readonly readyState = 3;

  constructor() {
    super();
    setImmediate(() => this.dispatchEvent(new Event("error")));
  }

  send(): void {}

  close(): void {}
}

it("the client goes on with the next node where a socket tells of an error and of no close, as Node 22's does", async () => {
  const { url } = await serve();
  const asked: string[] = [];
  const client = new Client(["http://127.0.0.1:1", url], {
    webSocket: (to: string, options: object) => {
      asked.push(to);
      return to.includes(":1/") ? (new Unreachable() as unknown as WebSocket) : new WebSocket(to, options);
    },
  });
  atEnd(() => client.close());
  const heights: number[] = [];
  const end = await client.subscribe<{ height: number }>("newHeads", ({ height }) => heights.push(height));
  expect(asked).toEqual(["ws://127.0.0.1:1/ws", `${url.replace("http", "ws")}/ws`]);
  await end();
});

it("the client tells that it ended when no node comes back in time, and nothing after close", async () => {
  const { server, url } = await serve();
  const { client, begin, breaks, closed } = subscriber([url], { reconnectMs: 150 });
  await begin();
  await server.stop();
  await until(() => closed.length === 1);
  expect([breaks.length, closed[0]]).toEqual([1, expect.stringContaining(url)]);
  const again = await serve();
  const other = subscriber([again.url]);
  await other.begin();
  other.client.close();
  await again.server.stop();
  expect([other.breaks, other.closed]).toEqual([[], []]);
  client.close();
});

it("the client keeps subscriptions that a node refuses to renew from going on, and says why", async () => {
  const { server, url } = await serve();
  const refusing = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  atEnd(() => {
    for (const socket of refusing.clients) socket.terminate();
    refusing.close();
  });
  await once(refusing, "listening");
  refusing.on("connection", (socket) =>
    socket.on("message", (data) => {
      const { id, method } = JSON.parse(String(data));
      const refusal = { error: { code: -32004, message: "not here" } };
      const answer = method === "chain_getHead" ? { result: { height: 1 } } : refusal;
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
    }),
  );
  const other = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
  const { begin, closed, resumed } = subscriber([url, other]);
  await begin();
  await server.stop();
  await until(() => closed.length === 1);
  expect([closed, resumed]).toEqual([["not here"], []]);
});

it("the client sends credentials of a URL as a header, over HTTP and WebSocket, and shows them nowhere", async () => {
  const seen: IncomingHttpHeaders[] = [];
  const proxy = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(401).end("no\n");
  });
  proxy.on("upgrade", (request, socket) => {
    seen.push(request.headers);
    socket.destroy();
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  atEnd(() => proxy.closeAllConnections());
  atEnd(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const client = new Client(`http://user:p%40ss@127.0.0.1:${port}/`, { webSocket, reconnectMs: 0 });
  const errors = [
    await client.call("chain_getHead").catch((error: unknown) => error),
    await client.subscribe("newHeads", () => undefined).catch((error: unknown) => error),
    await new Client("http://user:p%40ss@127.0.0.1:1").call("chain_getHead").catch((error: unknown) => error),
    await (async () => new Client("http://user:p%40ss@[::bad"))().catch((error: unknown) => error),
  ];
  const authorization = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
  expect(seen.map((headers) => headers.authorization)).toEqual([authorization, authorization]);
  const shown = [client, client.url, ...errors].map((value) => inspect(value, { depth: 9 })).join("\n");
  expect(shown).toContain(`http://127.0.0.1:${port}: HTTP 401`);
  expect(shown).not.toMatch(/user|p%40ss|p@ss/);
});
