/** HTTP: paths, types, sizes, who may call, probes, and that no bytes can hurt the server. */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RPC_BODY_BYTES_MAX } from "../../../src/base/limits.ts";
import { systemScheduler } from "../../../src/node/assembly/system.ts";
import { OPERATOR } from "../../../src/rpc/budgets/call-queue.ts";
import { clientOf, isLocalCaller, payerOf } from "../../../src/rpc/server/access.ts";
import { RpcServer } from "../../../src/rpc/server/server.ts";
import { Client } from "../../../src/sdk/client.ts";
import { FakeNode, peer } from "../fake-node.ts";
import { atEnd, connect, post, rawRequest, rpc, serve } from "../serve.ts";

const HEAD = '{"jsonrpc":"2.0","id":1,"method":"chain_getHead"}';

describe("the RPC server", () => {
  it("binds to loopback unless told otherwise", async () => {
    const { url } = await serve();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it("says which port is in use and what to do", async () => {
    const { node, server } = await serve();
    const second = new RpcServer(
      { port: server.port },
      { api: node, scheduler: systemScheduler, log: { log: () => undefined } },
    );
    await expect(second.start()).rejects.toThrow(
      `RPC: port ${server.port} on 127.0.0.1 is in use: stop the process that holds it, or choose another port`,
    );
    await second.stop();
  });

  it("takes JSON by POST / only", async () => {
    const { url, observer } = await serve();
    expect((await post(url, HEAD)).json.result.height).toBe(0);
    expect((await post(url, HEAD, { "content-type": "application/json; charset=utf-8" })).status).toBe(200);
    expect((await post(url, HEAD, { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(`${url}/rpc`, HEAD)).status).toBe(404);
    expect((await fetch(url, { method: "PUT", body: "x" })).status).toBe(405);
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${url}/ws`)).status).toBe(426);
    expect(observer.refused).toEqual([415, 404, 405, 404, 426]);
  });

  it("answers errors of JSON-RPC with HTTP 200", async () => {
    const { url } = await serve();
    for (const body of ["", "{", "[]", "1", '{"jsonrpc":"2.0","method":"nothing","id":1}']) {
      const { status, json } = await post(url, body);
      expect([status, json.error.code < 0]).toEqual([200, true]);
    }
  });

  it("takes no body in another coding, which would be read as what it is not", async () => {
    const { url } = await serve();
    expect((await post(url, HEAD, { "content-encoding": "gzip" })).status).toBe(415);
    expect((await post(url, HEAD, { "content-encoding": "identity" })).status).toBe(200);
  });

  it("refuses a parameter that a GET names twice", async () => {
    const { url } = await serve();
    const path = "/node_info?a=1&a=2";
    const { status, text } = await rawRequest(url, { path, headers: { host: "127.0.0.1" } });
    expect([status, text]).toEqual([400, 'the parameter "a" is given twice\n']);
  });

  it("opens no WebSocket while an answer is owed on its connection: the answer's bytes would be read as frames", async () => {
    const { server } = await serve();
    const socket = connectTcp(server.port, "127.0.0.1");
    let received = "";
    socket.on("data", (bytes) => (received += String(bytes)));
    const upgrade =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const host = "Host: 127.0.0.1";
    socket.write(`GET /health HTTP/1.1\r\n${host}\r\n\r\nGET /ws HTTP/1.1\r\n${host}\r\n${upgrade}\r\n\r\n`);
    await once(socket, "close");
    expect(received).not.toContain("101 Switching Protocols");
  });

  it("refuses a body beyond 1 MiB, announced or not", async () => {
    const { url } = await serve();
    const fits = `"${"x".repeat(RPC_BODY_BYTES_MAX - 2)}"`;
    expect((await post(url, fits)).json.error.code).toBe(-32600);
    expect((await post(url, `${fits} `)).status).toBe(413);
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
        controller.close();
      },
    });
    const headers = { "content-type": "application/json" };
    const streamed = await fetch(url, {
      method: "POST",
      headers,
      body: chunks,
      duplex: "half",
    } as RequestInit);
    expect(streamed.status).toBe(413);
    expect((await post(url, HEAD)).status).toBe(200);
  });

  it("lets reads be called by GET, as a browser would", async () => {
    const { node, url } = await serve();
    await node.commit();
    const get = async (path: string) => {
      const response = await fetch(`${url}${path}`, { headers: { "content-type": "application/json" } });
      return {
        status: response.status,
        json: response.status === 200 ? ((await response.json()) as never) : undefined,
      };
    };
    expect(await get("/chain_getBlock?block=1&full=true")).toMatchObject({
      status: 200,
      json: { jsonrpc: "2.0", result: { height: 1, txs: [] }, id: null },
    });
    expect((await get("/chain_getHead")).json).toMatchObject({ result: { height: 1 } });
    expect((await get("/rpc.discover")).json).toMatchObject({ result: { openrpc: "1.3.2" } });
    expect((await get("/chain_getBlock?block=99")).json).toMatchObject({ error: { code: -32001 } });
    expect((await get("/chain_getBlock?blok=1")).json).toMatchObject({ error: { code: -32602 } });
    expect((await get("/tx_send?tx=0x00")).status).toBe(405);
    expect((await get("/sub_subscribe?topic=newHeads")).status).toBe(405);
    expect((await get("/chain_getBlok")).status).toBe(404);
    expect((await get("/../../etc/passwd")).status).toBe(404);
  });

  it("answers to addresses and localhost, and to a name only when configured", async () => {
    const { url } = await serve({ allowedHosts: ["node.example"] });
    const status = async (host: string) =>
      (await rawRequest(url, { path: "/version", headers: { host } })).status;
    for (const host of [
      "127.0.0.1:1",
      "localhost",
      "LOCALHOST:5",
      "[::1]:80",
      "10.0.0.1",
      "node.example:99",
    ]) {
      expect(await status(host), host).toBe(200);
    }
    for (const host of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "node.example.evil",
      "a.localhost",
      "a b",
    ]) {
      expect(await status(host), host).toBe(403);
    }
  });

  it("refuses two Host headers, over HTTP and for a WebSocket", async () => {
    const { server } = await serve();
    const hosts = "Host: 127.0.0.1\r\nhost: evil.example\r\n";
    for (const rest of [
      "connection: close\r\n",
      "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    ]) {
      const socket = connectTcp(server.port, "127.0.0.1");
      atEnd(() => socket.destroy());
      socket.write(`GET /ws HTTP/1.1\r\n${hosts}${rest}\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(String(answer)).toMatch(/^HTTP\/1.1 403 .*2 Host headers: send one/s);
    }
  });

  it("lets no foreign page call, unless its origin is configured", async () => {
    const { url } = await serve({ allowedOrigins: ["https://good.example"] });
    const call = (origin: string) =>
      rawRequest(url, {
        method: "POST",
        headers: { origin, "content-type": "application/json" },
        body: HEAD,
      });
    for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1", "x"]) {
      expect((await call(origin)).status, origin).toBe(403);
    }
    expect((await call(url)).status).toBe(200);
    const good = await call("https://good.example");
    expect(good.headers["access-control-allow-origin"]).toBe("https://good.example");
    const preflight = await rawRequest(url, {
      method: "OPTIONS",
      headers: { origin: "https://good.example" },
    });
    expect([preflight.status, preflight.headers["access-control-allow-headers"]]).toEqual([
      204,
      "content-type, authorization",
    ]);
    const plain = await rawRequest(url, { path: "/version" });
    expect(plain.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("lets pages that this machine serves call ordinary methods where the chain is for play", async () => {
    const { url, node } = await serve({ allowsLocalPages: true });
    const order = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "devnet_setPartition",
      params: { blocked: ["node3"] },
    });
    for (const origin of [
      "http://localhost:5173",
      "http://127.0.0.1:3000",
      "https://[::1]:8443",
      "http://localhost",
    ]) {
      const headers = { origin, "sec-fetch-site": "cross-site", "content-type": "application/json" };
      const answer = await rawRequest(url, { method: "POST", headers, body: HEAD });
      expect([answer.status, answer.headers["access-control-allow-origin"]], origin).toEqual([200, origin]);
      expect(await (await connect(url, { origin })).ask(HEAD)).toMatchObject({ result: { height: 0 } });
      expect((await post(url, order, { origin })).json.error.code).toBe(-32011);
    }
    expect(node.blocked).toEqual([]);
    for (const origin of [
      "null",
      "http://localhost.evil.example:3000",
      "http://evil.example",
      "http://127.0.0.1.evil.example",
      "http://10.0.0.1:3000",
      "http://localhost:1@evil.example",
      "file://localhost",
    ]) {
      const headers = { origin, "content-type": "application/json" };
      expect((await rawRequest(url, { method: "POST", headers, body: HEAD })).status, origin).toBe(403);
    }
    // A picture that a page of this machine or another shows: no Origin, so nobody was asked.
    const picture = { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" };
    expect((await rawRequest(url, { path: "/chain_getHead", headers: picture })).status).toBe(403);
    // A name that an attacker made to point here.
    const rebound = { host: "evil.example:18545", origin: "http://localhost:5173" };
    expect((await rawRequest(url, { path: "/chain_getHead", headers: rebound })).status).toBe(403);
  });

  it("answers admin methods to programs of this machine alone, over HTTP and WebSocket, and never by GET", async () => {
    const { url, node } = await serve({ allowedOrigins: ["*"] });
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "devnet_setPartition",
      params: { blocked: ["node3"] },
    });
    const headers = { origin: "https://page.example" };
    expect((await post(url, body, headers)).json.error).toMatchObject({
      code: -32011,
      data: { code: "AUTH_REQUIRED" },
    });
    expect(await (await connect(url, headers)).ask(body)).toMatchObject({ error: { code: -32011 } });
    expect((await fetch(`${url}/devnet_setPartition?blocked=node3`)).status).toBe(405);
    expect(node.blocked).toEqual([]);
    expect((await post(url, body, { origin: url })).json.result).toBeDefined();
    expect(await (await connect(url)).ask(body)).toMatchObject({ result: {} });
    expect(node.blocked.length).toBe(1);
    // By address, because a test has no other machine to call from.
    for (const [address, local] of [
      ["127.0.0.1", true],
      ["::1", true],
      ["::ffff:127.8.0.1", true],
      ["10.0.0.2", false],
      ["::ffff:10.0.0.2", false],
      ["1127.0.0.1", false],
      [undefined, false],
    ] as const) {
      expect(isLocalCaller(address, { host: "127.0.0.1:1" }), address).toBe(local);
    }
    for (const header of [
      "forwarded",
      "via",
      "x-forwarded-for",
      "x-forwarded-host",
      "x-real-ip",
      "cf-connecting-ip",
      "true-client-ip",
    ]) {
      expect((await post(url, body, { [header]: "for=10.0.0.2" })).json.error.code).toBe(-32011);
    }
  });

  it("refuses what a page of another site makes a browser GET, and costly GETs that it may have", async () => {
    const { node, url, observer } = await serve({ allowedOrigins: ["https://good.example"] });
    await node.commit();
    const get = async (path: string, headers: Record<string, string>) =>
      (await rawRequest(url, { path, headers: { host: "127.0.0.1", ...headers } })).status;
    const block = "/chain_getBlock?block=1&full=true";
    for (const site of ["cross-site", "same-site"]) {
      expect(await get(block, { "sec-fetch-site": site }), site).toBe(403);
      expect(await get("/chain_getHead", { "sec-fetch-site": site }), site).toBe(403);
    }
    expect(observer.calls).toEqual([]);
    expect(await get(block, {})).toBe(403);
    expect(await get(block, { accept: "application/json" })).toBe(403);
    expect(await get("/chain_getHead", {})).toBe(200);
    expect(await get(block, { "content-type": "application/json" })).toBe(200);
    for (const site of ["none", "same-origin"])
      expect(await get(block, { "sec-fetch-site": site })).toBe(200);
    const good = { "sec-fetch-site": "cross-site", origin: "https://good.example" };
    expect(await get(block, good)).toBe(200);
  });

  it("counts an IPv6 subscriber by its /64, and an IPv4 address however it is written", () => {
    expect(clientOf("::ffff:10.0.0.2")).toBe("10.0.0.2");
    expect(clientOf("10.0.0.2")).toBe("10.0.0.2");
    expect(clientOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(clientOf("2001:db8:1:2::6")).toBe("2001:db8:1:2::/64");
    expect(clientOf("2001:db8::6")).toBe("2001:db8:0:0::/64");
    expect(clientOf("::1")).toBe("0:0:0:0::/64");
    expect(clientOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
    expect(clientOf(undefined)).toBe("unknown");
  });

  it("lets whoever brings the node's token pay from the operator's budget, and nobody else", () => {
    const paid = (authorization: string | undefined, adminToken: string | undefined) =>
      payerOf({ socket: { remoteAddress: "127.0.0.1" }, headers: { authorization } }, adminToken);
    expect(paid("Bearer t0ken", "t0ken")).toBe(OPERATOR);
    for (const wrong of [undefined, "", "Bearer ", "Bearer t0ke", "t0ken"])
      expect(paid(wrong, "t0ken"), wrong).toBe("127.0.0.1");
    expect(paid(undefined, undefined)).toBe("127.0.0.1");
    expect(paid("Bearer undefined", undefined)).toBe("127.0.0.1");
  });

  it("answers admin methods to whoever brings the node's token, and to nobody for an address", async () => {
    const { url, node } = await serve({ adminToken: "t0ken" });
    const params = { blocked: ["node3"] };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "devnet_setPartition", params });
    for (const authorization of ["", "Bearer ", "Bearer t0ke", "t0ken", "Basic t0ken"]) {
      const { json } = await post(url, body, { authorization });
      expect(json.error, authorization).toMatchObject({ data: { code: "AUTH_REQUIRED" } });
    }
    expect((await post(url, body)).json.error.code).toBe(-32011);
    expect(await (await connect(url)).ask(body)).toMatchObject({ error: { code: -32011 } });
    expect(node.blocked).toEqual([]);
    const authorization = "Bearer t0ken";
    expect((await post(url, body, { authorization })).json.result).toBeDefined();
    expect(await (await connect(url, { authorization })).ask(body)).toMatchObject({ result: {} });
    const client = new Client(url, { token: (asked) => (asked === url ? "t0ken" : undefined) });
    expect(await client.call("devnet_setPartition", params)).toBeDefined();
  });

  it("closes everything at once when it stops", async () => {
    const { server, url } = await serve();
    const idle = connectTcp(server.port, "127.0.0.1");
    await once(idle, "connect");
    const closed = once(idle, "close");
    await server.stop();
    await closed;
    await expect(fetch(url)).rejects.toThrow();
  });
});

describe("the probes", () => {
  const get = async (url: string) => {
    const response = await fetch(url);
    return { status: response.status, json: (await response.json()) as never };
  };

  it("tell health by the database's answer", async () => {
    const { node, url } = await serve();
    expect(await get(`${url}/health`)).toEqual({ status: 200, json: { healthy: true } });
    node.storeFails = true;
    expect(await get(`${url}/health`)).toMatchObject({ status: 503, json: { healthy: false } });
  });

  it("tell readiness by peers, quorum and blocks behind", async () => {
    const { node, url } = await serve();
    expect(await get(`${url}/ready`)).toMatchObject({
      status: 200,
      json: { ready: true, synced: true, height: 0, peers: 3, quorumReachable: true, view: 0 },
    });
    expect((await get(`${url}/ready?minPeers=3&maxBlocksBehind=0`)).status).toBe(200);
    expect((await get(`${url}/ready?minPeers=4`)).status).toBe(503);
    node.peerList = [{ ...peer(1), height: 2n ** 64n - 1n }, peer(2)];
    expect(await get(`${url}/ready`)).toMatchObject({
      status: 200,
      json: { synced: true, verifiedHeight: 0, bestPeerHeight: "18446744073709551615" },
    });
    node.believed = 3n;
    expect(await get(`${url}/ready`)).toMatchObject({
      status: 503,
      json: { synced: false, verifiedHeight: 3 },
    });
    expect((await get(`${url}/ready?maxBlocksBehind=3`)).status).toBe(200);
    node.believed = 0n;
    node.peerList = [peer(1), peer(undefined)];
    expect(await get(`${url}/ready`)).toMatchObject({ status: 503, json: { quorumReachable: false } });
    node.validates = false;
    expect(await get(`${url}/ready`)).toMatchObject({
      status: 200,
      json: { quorumReachable: null, view: null },
    });
    for (const query of ["minPeers=x", "minPeers=-1", "minPeers=03", "peers=1"]) {
      expect((await get(`${url}/ready?${query}`)).status, query).toBe(400);
    }
  });

  it("give version and metrics", async () => {
    const { url } = await serve();
    expect(await get(`${url}/version`)).toMatchObject({
      json: { name: "quorate", version: "0.1.0", chainId: 31337 },
    });
    const metrics = await fetch(`${url}/metrics`);
    expect(metrics.headers.get("content-type")).toContain("version=0.0.4");
    expect(await metrics.text()).toBe("chain_height 1\n");
  });
});

describe("hostile bytes at the RPC server", () => {
  const answered = (json: unknown) =>
    (Array.isArray(json) ? json : [json]).every(
      (answer) => answer?.jsonrpc === "2.0" && ("result" in answer || typeof answer.error?.code === "number"),
    );

  it("in a body get an answer of JSON-RPC, never a crash or a stack", async () => {
    const { url, lines } = await serve();
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.constantFrom("[".repeat(100_000), '{"a":'.repeat(50_000), "\ufeff1", "nul", '"\\ud800"'),
      fc.uint8Array().map((bytes) => String.fromCharCode(...bytes)),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const { status, json, text: answer } = await post(url, text);
        expect(answer).not.toMatch(/\.ts:\d|node_modules|\n {4}at /);
        expect(status === 204 || (status === 200 && answered(json))).toBe(true);
      }),
      { numRuns: 150 },
    );
    expect(lines).toEqual([]);
  });

  it("in params of every method are refused by name, never by an internal error", async () => {
    const { node, url, lines } = await serve();
    await node.commit();
    const methods = [
      "chain_getBlock",
      "chain_getBlockRange",
      "tx_send",
      "tx_simulate",
      "tx_get",
      "account_get",
      "state_query",
      "rpc.discover",
    ];
    const names = fc.constantFrom(
      "block",
      "full",
      "from",
      "to",
      "tx",
      "wait",
      "timeoutMs",
      "hash",
      "address",
      "path",
      "prove",
      "__proto__",
    );
    const values = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        "latest",
        "0x",
        "0x00",
        `0x${"ab".repeat(32)}`,
        `account/0x${"ab".repeat(32)}`,
        2 ** 53,
        -0,
        "0x1fffffffffffff",
      ),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`),
    );
    const params = fc.oneof(fc.dictionary(names, values, { maxKeys: 4 }), fc.array(values, { maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), params, async (method, sent) => {
        const answer = await rpc(url, method, sent);
        if (answer.error !== undefined) expect(answer.error.code).not.toBe(-32603);
      }),
      { numRuns: 300 },
    );
    expect(lines).toEqual([]);
  });

  it("instead of HTTP close the connection and nothing else", async () => {
    const { server, url, observer } = await serve();
    for (const bytes of [
      "\x16\x03\x01\x02\x00",
      "GET\r\n\r\n",
      `GET / HTTP/1.1\r\nhost: ${"x".repeat(20_000)}\r\n\r\n`,
    ]) {
      const socket = connectTcp(server.port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write(bytes);
      socket.resume();
      await once(socket, "close");
    }
    expect(observer.refused).toHaveLength(3);
    expect((await rpc(url, "chain_getHead")).result.height).toBe(0);
  });
});

it("the RPC server serves without an observer", async () => {
  const node = await FakeNode.open();
  const server = new RpcServer(
    { port: 0 },
    { api: node, scheduler: systemScheduler, log: { log: () => undefined } },
  );
  await server.start();
  atEnd(() => server.stop());
  expect((await rpc(server.url, "chain_getHead")).result.height).toBe(0);
});
