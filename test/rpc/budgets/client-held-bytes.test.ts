/** What clients can make the RPC server hold: each way by which memory or connections were once others' to choose. */
import { once } from "node:events";
import { request } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { RPC_BODY_BYTES_MAX } from "../../../src/base/limits.ts";
import {
  HeldRpcBytes,
  RPC_CLIENT_HELD_BYTES_MAX,
  RPC_CLIENT_RESERVED_BYTES,
  RPC_HELD_BYTES_MAX,
} from "../../../src/rpc/budgets/client-held-bytes.ts";
import { RPC_CLIENT_SOCKETS_MAX, RPC_PIPELINED_MAX } from "../../../src/rpc/budgets/connections.ts";
import { Notices, RPC_NOTICES_PER_TURN_MAX } from "../../../src/rpc/websocket/notices.ts";
import { atEnd, connect, post, serve, until } from "../serve.ts";

const HEAD = '{"jsonrpc":"2.0","id":1,"method":"chain_getHead"}';
const POST = "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n";

async function tcp(port: number): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => undefined);
  atEnd(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

describe("bytes that the RPC server holds", () => {
  it("for one client and for all have a bound, below which who holds little is always served", () => {
    const held = new HeldRpcBytes();
    const greedy = Array.from({ length: 4 }, (_, i) => held.begin(`greedy${i}`));
    for (const one of greedy) {
      expect(one.grow(RPC_CLIENT_HELD_BYTES_MAX + 1)).toBe(false);
      while (one.grow(1024 * 1024));
    }
    expect(held.total).toBeLessThanOrEqual(RPC_HELD_BYTES_MAX + 4 * RPC_CLIENT_RESERVED_BYTES);
    const modest = held.begin("modest");
    expect(modest.grow(RPC_CLIENT_RESERVED_BYTES)).toBe(true);
    expect(modest.grow(1)).toBe(false);
    for (const one of [...greedy, ...greedy, modest]) one.release();
    expect([held.total, held.of("greedy0"), held.of("modest")]).toEqual([0, 0, 0]);
  });

  it("of bodies that are never finished are bounded, and others are answered", async () => {
    const { server, url } = await serve();
    const unfinished = Buffer.alloc(RPC_BODY_BYTES_MAX - 1, 0x20);
    const refused: string[] = [];
    const sockets = Math.ceil(RPC_CLIENT_HELD_BYTES_MAX / RPC_BODY_BYTES_MAX) + 4;
    for (let i = 0; i < sockets; i++) {
      const socket = await tcp(server.port);
      socket.on("data", (data) => refused.push(String(data).slice(9, 12)));
      socket.write(`${POST}content-length: ${RPC_BODY_BYTES_MAX}\r\n\r\n`);
      socket.write(unfinished);
    }
    await until(() => refused.length >= 4);
    expect(new Set(refused)).toEqual(new Set(["429"]));
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("of a body in pieces of one byte are no more than of the body", async () => {
    const { url } = await serve();
    const body = `"${"x".repeat(20_000)}"`;
    const sent = request(url, { method: "POST", headers: { "content-type": "application/json" } });
    const answered = once(sent, "response");
    for (const byte of body) sent.write(byte);
    sent.end();
    const [response] = await answered;
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  it("of pipelined requests whose answers nobody reads are bounded: the connection is closed", async () => {
    const { server, observer } = await serve();
    const socket = await tcp(server.port);
    // A reset is one way to be closed.
    socket.on("error", () => undefined);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.pause();
    const one = `${POST}content-length: ${HEAD.length}\r\n\r\n${HEAD}`;
    socket.write(one.repeat(20 * RPC_PIPELINED_MAX));
    socket.resume();
    await closed;
    // How many were answered before too many waited at once is a matter of timing; all of them never are.
    expect(observer.calls.length).toBeLessThan(20 * RPC_PIPELINED_MAX);
  });

  it("of a WebSocket message in frames of one byte are bounded: the connection is closed", async () => {
    const { url } = await serve();
    const { socket } = await connect(url);
    const closed = once(socket, "close");
    socket.on("error", () => undefined);
    for (let i = 0; i < 5_000; i++) socket.send("x", { fin: false });
    await closed;
  });

  it("of a WebSocket's unread batches are bounded, and given back when it ends", async () => {
    const { url, observer } = await serve();
    const peer = await connect(url);
    peer.socket.pause();
    const padding = "x".repeat(9_000);
    const call = { jsonrpc: "2.0", id: padding, method: "chain_getHead" };
    const batch = JSON.stringify(Array(100).fill(call));
    for (let i = 0; i < 60; i++) peer.socket.send(batch);
    const closed = once(peer.socket, "close");
    await until(
      () => observer.calls.some(({ code }) => code !== 0) || observer.calls.length >= 1_000,
      20_000,
    );
    peer.socket.resume();
    peer.socket.terminate();
    await closed;
    expect((await post(url, HEAD)).status).toBe(200);
  });
});

describe("connections of the RPC server", () => {
  it("that are silent, half-sent or idle make way for new ones, and health is answered", async () => {
    const { server, url } = await serve();
    const silent = await connect(url);
    const silentClosed = once(silent.socket, "close");
    const subscribed = await connect(url);
    await subscribed.call("sub_subscribe", { topic: "newHeads" });
    for (let i = 0; i < RPC_CLIENT_SOCKETS_MAX + 40; i++) (await tcp(server.port)).write("GET /health HTT");
    const response = await fetch(`${url}/health`);
    expect(response.status).toBe(200);
    await silentClosed;
    expect(subscribed.socket.readyState).toBe(subscribed.socket.OPEN);
  });
});

describe("notices of subscriptions", () => {
  it("are encoded once and sent a bounded number at a time, in order", async () => {
    const notices = new Notices();
    const events = {};
    let shown = 0;
    const show = () => ({ shown: ++shown });
    for (let i = 0; i < 500; i++) expect(notices.textOf("newHeads", events, show)).toBe('{"shown":1}');
    const sent: number[] = [];
    for (let i = 0; i < 500; i++) notices.add(() => sent.push(i));
    let last = 0;
    while (sent.length < 500) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(sent.length - last).toBeLessThanOrEqual(RPC_NOTICES_PER_TURN_MAX);
      last = sent.length;
    }
    expect(sent).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });
});
