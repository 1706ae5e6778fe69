/**
 * JSON-RPC of quorate/testing: the ordinary client over `fetch` and at a real port. Goal: what a program does with a
 * node it does with a devnet of its tests, and what a network does to it happens here too.
 */
import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { Client, RpcError, Sender } from "../../src/sdk/client.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";

it("a devnet of the tests lets the ordinary client pay by fetch, and checks the certificate against the genesis", async () => {
  const net = await devnet();
  const client = new Client(net.urls, { fetch: net.fetch, genesis: net.genesis });
  const { wallet } = net.account("alice");
  const { address: to } = net.account("bob");
  const nonce = await client.nextNonce(wallet.address);
  const tx = wallet.transfer({ chain: await client.chain(), nonce, to, amount: 5n });
  const sent = await client.send(tx, { wait: "final" });
  expect(sent.blockHeight).toBe(1);
  expect(sent.finality).toMatchObject({ by: "certificate" });
  expect((await client.account(to)).balance).toBe("1000005");
  expect(net.balance("bob")).toBe(1_000_005n);
  await net.stop();
});

it("a devnet of the tests pays many at once with one Sender, through a crash of the primary", async () => {
  const net = await devnet();
  const client = new Client(net.urls, { fetch: net.fetch });
  const sender = new Sender(client, net.account("alice").wallet);
  const { address: to } = net.account("bob");
  net.crash(0);
  const payments = Array.from({ length: 6 }, () => sender.transfer({ to, amount: 7n }, { wait: "final" }));
  await Promise.all(payments);
  expect(net.balance("bob")).toBe(1_000_042n);
  await net.stop();
});

it("a devnet of the tests takes no virtual time for a question, and the same time for the same calls", async () => {
  const run = async () => {
    const net = await devnet();
    const client = new Client(net.urls[1]!, { fetch: net.fetch });
    expect((await client.block("latest"))?.height).toBe(0);
    expect(net.nowMs).toBe(0);
    const tx = net.account("alice").wallet.transfer({
      chain: net.chain,
      nonce: 0n,
      to: net.account("bob").address,
      amount: 1n,
    });
    await client.send(tx, { wait: "final" });
    await net.stop();
    return net.nowMs;
  };
  const first = await run();
  expect(first).toBeGreaterThan(0);
  expect(await run()).toBe(first);
});

it("a devnet of the tests fails as the global fetch does when a node is down, goes down, or is none", async () => {
  const net = await devnet({ validators: 1 });
  const client = new Client(net.urls, { fetch: net.fetch });
  await expect(net.fetch("http://example.com/")).rejects.toThrow(TypeError);
  const { wallet } = net.account("alice");
  const { address: to } = net.account("bob");
  const tx = wallet.transfer({ chain: net.chain, nonce: 0n, to, amount: 1n });
  const aborted = AbortSignal.abort(new Error("given up"));
  await expect(net.fetch(`${net.urls[0]}/chain_getHead`, { signal: aborted })).rejects.toThrow("given up");
  const sending = client.send(tx, { wait: "final", timeoutMs: 1_000 });
  net.crash(0);
  await expect(sending).rejects.toThrow("refuses connections: node 0 is down");
  await net.stop();
});

it("a devnet of the tests answers GET, probes and refusals as a node's port does", async () => {
  const net = await devnet();
  const [url] = net.urls;
  const head = await (await net.fetch(`${url}/chain_getBlock?block=0`)).json();
  expect(head).toMatchObject({ jsonrpc: "2.0", result: { height: 0 } });
  expect((await net.fetch(`${url}/health`)).status).toBe(200);
  expect((await net.fetch(`${url}/nothing`)).status).toBe(404);
  expect((await net.fetch(`${url}/tx_send`)).status).toBe(405);
  const client = new Client(url!, { fetch: net.fetch });
  await expect(client.call("chain_getBlock", { block: "nonsense" })).rejects.toThrow(RpcError);
  await net.stop();
});

it("a devnet of the tests serves a node at a real port, with subscriptions, through a crash", async () => {
  const net = await devnet();
  const url = await net.serve(1);
  const client = new Client(url, { webSocket: (at) => new WebSocket(at) as never });
  const heights: number[] = [];
  await client.subscribe<{ height: number }>("newHeads", ({ height }) => heights.push(height));
  const { wallet } = net.account("alice");
  const order = { chain: await client.chain(), to: net.account("bob").address, amount: 5n };
  const { blockHeight } = await client.send(wallet.transfer({ ...order, nonce: 0n }), { wait: "final" });
  await expect.poll(() => heights, { timeout: 10_000 }).toEqual([blockHeight]);
  net.crash(1);
  await expect
    .poll(() => client.call("node_info").catch(String), { timeout: 10_000 })
    .toContain("fetch failed");
  net.restart(1);
  await expect.poll(() => client.call("node_info").catch(() => undefined), { timeout: 10_000 }).toBeDefined();
  client.close();
  await net.stop();
  await expect(fetch(url)).rejects.toThrow("fetch failed");
});
