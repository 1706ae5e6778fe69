/** The WebSocket: same methods, subscriptions in order, bounds for peers that send too much or do not read. */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { hex0x, showHash } from "../../../src/base/bytes.ts";
import { RPC_BODY_BYTES_MAX } from "../../../src/base/limits.ts";
import type { EngineEvent } from "../../../src/consensus/engine.ts";
import { alice, bob, chainRef } from "../fake-node.ts";
import { atEnd, connect, serve, until } from "../serve.ts";

const call = (method: string, params: unknown = {}, id: number | undefined = 1) =>
  JSON.stringify({ jsonrpc: "2.0", method, params, ...(id === undefined ? {} : { id }) });

describe("a WebSocket", () => {
  it("answers the same methods and batches", async () => {
    const { url } = await serve();
    const peer = await connect(url);
    expect(await peer.call("chain_getHead")).toMatchObject({ result: { height: 0 }, id: 1 });
    expect(await peer.ask(`[${call("chain_getHead")},${call("no_such")}]`)).toMatchObject([
      { result: { height: 0 } },
      { error: { code: -32601 } },
    ]);
    peer.socket.send(call("chain_getHead", {}, undefined).replace(',"id":1', ""));
    expect(await peer.ask("{")).toMatchObject({ error: { code: -32700 }, id: null });
  });

  it("numbers the news of each subscription and tells them apart", async () => {
    const { node, url, observer } = await serve();
    const peer = await connect(url);
    expect(await peer.call("sub_subscribe", { topic: "newHeads" })).toMatchObject({ result: "0x1" });
    expect(await peer.call("sub_subscribe", ["finalized"])).toMatchObject({ result: "0x2" });
    expect(observer.subscriptions).toBe(2);
    for (const height of [1, 2]) {
      const { block } = await node.commit();
      for (const subscription of ["0x1", "0x2"]) {
        expect(await peer.next()).toMatchObject({
          jsonrpc: "2.0",
          method: "sub_event",
          params: { subscription, seq: height, result: { height, hash: showHash(block.hash) } },
        });
      }
    }
    expect(await peer.call("sub_unsubscribe", { id: "0x1" })).toMatchObject({ result: true });
    await node.commit();
    expect(await peer.next()).toMatchObject({ params: { subscription: "0x2", seq: 3 } });
    expect(await peer.call("sub_unsubscribe", { id: "0x1" })).toMatchObject({
      error: { code: -32001, data: { code: "SUBSCRIPTION_NOT_FOUND" } },
    });
  });

  it("follows one transaction from where it is now to its end", async () => {
    const { node, url } = await serve();
    const tx = alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 1n });
    const peer = await connect(url);
    const topic = { topic: "tx", filter: { hash: hex0x(tx.id) } };
    await peer.call("sub_subscribe", topic);
    node.submit(tx.bytes);
    await peer.call("sub_subscribe", topic);
    expect(await peer.next()).toMatchObject({
      params: { subscription: "0x2", seq: 1, result: { status: "pending" } },
    });
    await node.commit();
    const final = { status: "final", blockHeight: 1, receipt: { status: "success" } };
    expect(await peer.next()).toMatchObject({ params: { subscription: "0x1", seq: 1, result: final } });
    expect(await peer.next()).toMatchObject({ params: { subscription: "0x2", seq: 2, result: final } });
    await peer.call("sub_subscribe", topic);
    expect(await peer.next()).toMatchObject({ params: { subscription: "0x3", result: final } });
    node.emit("dropped", { id: tx.id, reason: "evicted" });
    expect(await peer.next()).toMatchObject({ params: { result: { status: "dropped" } } });
  });

  it("shows what the consensus engine does", async () => {
    const { node, url } = await serve();
    const peer = await connect(url);
    await peer.call("sub_subscribe", { topic: "consensus" });
    const { hash } = node.head();
    const event: EngineEvent = { type: "prepare", from: 2, view: 0n, height: 1n, hash };
    node.emit("consensus", { atMs: 1_700_000_000_000, event });
    expect(await peer.next()).toMatchObject({
      params: {
        result: { t: 1_700_000_000_000, type: "prepare", seq: 1, view: 0, digest: showHash(hash), from: 2 },
      },
    });
  });

  it("refuses a wrong topic, a missing or needless filter, and a 33rd subscription", async () => {
    const { url, node } = await serve();
    const peer = await connect(url);
    for (const params of [
      { topic: "blocks" },
      { topic: "tx" },
      { topic: "newHeads", filter: { hash: `0x${"ab".repeat(32)}` } },
    ]) {
      expect(await peer.call("sub_subscribe", params)).toMatchObject({ error: { code: -32602 } });
    }
    for (let i = 0; i < 32; i++) await peer.call("sub_subscribe", { topic: "newHeads" });
    expect(await peer.call("sub_subscribe", { topic: "newHeads" })).toMatchObject({
      error: { code: -32005, data: { code: "TOO_MANY_SUBSCRIPTIONS" } },
    });
    expect(node.listeners("head")).toBe(33); // one more: the server's waits
  });

  it("lets go of everything when the peer leaves", async () => {
    const { node, url, observer } = await serve();
    const peer = await connect(url);
    await peer.call("sub_subscribe", { topic: "consensus" });
    expect(node.listeners("consensus")).toBe(1);
    peer.socket.terminate();
    await until(() => node.listeners("consensus") === 0);
    expect(observer.subscriptions).toBe(0);
  });

  it("tells a peer that does not read how much was dropped, and closes", async () => {
    const { node, url } = await serve();
    const peer = await connect(url);
    await peer.call("sub_subscribe", { topic: "consensus" });
    const messages: string[] = [];
    peer.socket.removeAllListeners("message");
    peer.socket.on("message", (data) => messages.push(String(data)));
    const closed = once(peer.socket, "close");
    peer.socket.pause();
    const detail = "x".repeat(60_000);
    // The system's socket buffers take some megabytes before anything waits in the process.
    for (let i = 0; i < 2_000 && node.listeners("consensus") > 0; i++) {
      node.emit("consensus", { atMs: 0, event: { type: "diverged", height: 1n, detail } });
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(node.listeners("consensus")).toBe(0);
    peer.socket.resume();
    expect(await closed).toMatchObject([1013, Buffer.from("slow consumer")]);
    expect(JSON.parse(messages.at(-1)!)).toEqual({ dropped: 1 });
  });

  it("answers at most 256 messages at once", async () => {
    const { node, url } = await serve();
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    atEnd(() => socket.terminate());
    await once(socket, "open");
    const answers: { error?: { data: { code: string } } }[] = [];
    socket.on("message", (data) => answers.push(JSON.parse(String(data))));
    const release: (() => void)[] = [];
    node.headAt = () => new Promise((resolve) => release.push(() => resolve(node.head())));
    for (let i = 0; i < 257; i++) socket.send(call("chain_getHeader", { block: 0 }, i));
    await until(() => answers.length === 1);
    expect(answers[0]!.error!.data.code).toBe("RATE_LIMIT");
    await until(() => {
      for (const end of release.splice(0)) end();
      return answers.length === 257;
    });
  });

  it("closes on a message beyond 1 MiB", async () => {
    const { url } = await serve();
    const { socket } = await connect(url);
    socket.send("x".repeat(RPC_BODY_BYTES_MAX + 1));
    const [code] = await once(socket, "close");
    expect(code).toBe(1009);
  });

  it("is closed with a goodbye when the server stops", async () => {
    const { server, url } = await serve();
    const { socket } = await connect(url);
    const closed = once(socket, "close");
    await server.stop();
    expect([1001, 1006]).toContain((await closed)[0]);
  });

  it("is not opened for a foreign host, a foreign origin or another path", async () => {
    const { url } = await serve({ allowedOrigins: ["https://good.example"] });
    const open = async (path: string, headers: Record<string, string>) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}${path}`, { headers });
      atEnd(() => socket.terminate());
      const refused = once(socket, "unexpected-response").then(
        ([, response]) => response.statusCode as number,
      );
      const status = await Promise.race([once(socket, "open").then(() => 101), refused]);
      socket.on("error", () => undefined);
      socket.terminate();
      return status;
    };
    expect(await open("/ws", {})).toBe(101);
    expect(await open("/ws", { origin: "https://good.example" })).toBe(101);
    expect(await open("/ws", { origin: url })).toBe(101);
    expect(await open("/ws", { origin: "https://evil.example" })).toBe(403);
    expect(await open("/ws", { host: "evil.example" })).toBe(403);
    expect(await open("/other", {})).toBe(404);
  });

  it("survives any text and any bytes in its frames", async () => {
    const { url, lines } = await serve();
    const peer = await connect(url);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.uint8Array()), async (data) => {
        peer.socket.send(data);
        const answer = (await peer.next()) as unknown as { error: { code: number } } | unknown[];
        expect(Array.isArray(answer) || answer.error.code < 0).toBe(true);
      }),
      { numRuns: 150 },
    );
    expect(lines).toEqual([]);
  });

  it("survives frames that break the protocol, and closes on them", async () => {
    const { server, url, lines } = await serve();
    const upgrade =
      "GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 2, maxLength: 64 }), async (bytes) => {
        const socket = connectTcp(server.port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.write(upgrade);
        await once(socket, "data");
        // A reserved bit and then anything: no such frame is valid.
        socket.end(Buffer.concat([Buffer.from([0xf1]), bytes]));
        socket.resume();
        await once(socket, "close");
      }),
      { numRuns: 40 },
    );
    expect((await (await connect(url)).call("chain_getHead")).result).toBeDefined();
    expect(lines).toEqual([]);
  });
});
