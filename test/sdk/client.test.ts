/** The client against a real server: typed calls, batches, refusals, time-outs, subscriptions; and the wallet. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, expectTypeOf, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { hex0x, showHash, utf8 } from "../../src/base/bytes.ts";
import { anchor } from "../../src/chain/modules/anchor.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import {
  decodeTransaction,
  transactionSigningBytes,
  unsignedPart,
} from "../../src/chain/types/transaction.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { verifySignature } from "../../src/crypto/keys.ts";
import { Client, RpcError, type WaitFor, Wallet } from "../../src/sdk/client.ts";
import { alice, bob, chainRef, genesisHash } from "../rpc/fake-node.ts";
import { atEnd, serve, until } from "../rpc/serve.ts";

const webSocket = (url: string) => new WebSocket(url);

describe("the client", () => {
  it("calls methods by their types", async () => {
    const { node, url } = await serve();
    const client = new Client(`${url}/`);
    expect((await client.call("chain_getHead")).height).toBe(0);
    expect((await client.block(0))!.hash).toBe(showHash(genesisHash));
    expect(await client.chain()).toEqual(chainRef);
    expect((await client.account(bob.address)).balance).toBe("500");
    const tx = alice.transfer({
      chain: await client.chain(),
      nonce: await client.nextNonce(alice.addressHex),
      to: bob.addressHex,
      amount: 5n,
    });
    const sent = client.send(tx, { wait: "final" });
    await until(() => node.pooled.length === 1);
    await node.commit();
    expect((await sent).receipt!.status).toBe("success");
    expect(await client.nextNonce(alice.address)).toBe(1n);
    expect((await client.call("tx_get", { hash: hex0x(tx.id) }))!.status).toBe("final");
  });

  it("throws the node's refusal with code and data", async () => {
    const { url } = await serve();
    const client = new Client(url);
    const refused = await client.call("chain_getBlock", { block: 9 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RpcError);
    expect(refused).toMatchObject({ code: -32001, data: { code: "BLOCK_NOT_FOUND", head: 0 } });
  });

  it("gives the answers of a batch in order, refusals among them", async () => {
    const { url } = await serve();
    const client = new Client(url);
    const answers = await client.batch([
      { method: "chain_getHeader", params: { block: 0 } },
      { method: "chain_getHeader", params: { block: 7 } },
      { method: "chain_getHead" },
    ]);
    expect(answers).toMatchObject([{ height: 0 }, { code: -32001 }, { height: 0 }]);
    expect(await client.batch([])).toEqual([]);
    await expect(client.batch(Array(101).fill({ method: "chain_getHead" }))).rejects.toBeInstanceOf(RpcError);
  });

  it("names the server when it cannot be reached, is no server of ours, or does not answer in time", async () => {
    const silent = createServer((request, response) => {
      if (request.headers["x-test"] === undefined && silentMode === "html") response.end("<html>");
    });
    let silentMode = "html";
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    atEnd(() => silent.closeAllConnections());
    atEnd(() => silent.close());
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await expect(new Client(url).call("chain_getHead")).rejects.toThrow(url);
    silentMode = "silent";
    await expect(new Client(url, { timeoutMs: 30 }).call("chain_getHead")).rejects.toThrow(
      "no answer in 30 ms",
    );
    await expect(new Client("http://127.0.0.1:1").call("chain_getHead")).rejects.toThrow(
      "http://127.0.0.1:1: ",
    );
  });

  it("subscribes, hears every block in order, and ends", async () => {
    const { node, url } = await serve();
    const client = new Client(url, { webSocket });
    atEnd(() => client.close());
    const heights: [number, number][] = [];
    const end = await client.subscribe("newHeads", ({ height }, seq) => heights.push([height, seq]));
    await node.commit();
    await node.commit();
    await until(() => heights.length === 2);
    await end();
    await end();
    await node.commit();
    await client.call("chain_getHead");
    expect(heights).toEqual([
      [1, 1],
      [2, 2],
    ]);
    await expect(client.subscribe("tx", () => undefined)).rejects.toBeInstanceOf(RpcError);
  });

  it("does not miss the news that come with the answer to a subscription", async () => {
    const { node, url } = await serve();
    const tx = alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 5n });
    node.submit(tx.bytes);
    await node.commit();
    const client = new Client(url, { webSocket });
    atEnd(() => client.close());
    const seen: string[] = [];
    const filter = { hash: hex0x(tx.id) };
    await client.subscribe<{ status: string }>("tx", ({ status }) => seen.push(status), { filter });
    await until(() => seen.length === 1);
    expect(seen).toEqual(["final"]);
  });

  it("tells that the connection ended, and opens another for the next subscription", async () => {
    const { server, url } = await serve();
    const client = new Client(url, { webSocket, reconnectMs: 0 });
    const reasons: string[] = [];
    await client.subscribe("newHeads", () => undefined, { onClose: (reason) => reasons.push(reason) });
    await server.stop();
    await until(() => reasons.length === 1);
    await expect(client.subscribe("newHeads", () => undefined)).rejects.toThrow();
  });

  it("ends a connection on which a node sends what is no JSON-RPC, with the reason, and nothing worse", async () => {
    for (const text of ["{", "", "null", "7", "[]", '{"params":7}', '{"id":1,"error":"no"}', "\u001b[2J"]) {
      const hostile = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      atEnd(() => hostile.close());
      await once(hostile, "listening");
      hostile.on("connection", (socket) => socket.on("message", () => socket.send(text)));
      const client = new Client(`http://127.0.0.1:${(hostile.address() as AddressInfo).port}`, { webSocket });
      const refusal = await client.subscribe("newHeads", () => undefined).catch((error: Error) => error);
      expect(String(refusal), text).toContain(
        `the node sent a message that is no JSON-RPC: ${JSON.stringify(text)}`,
      );
    }
  });

  it("subscribes by the WebSocket of ws where there is no global one", async () => {
    const { url } = await serve();
    const had = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    Reflect.deleteProperty(globalThis, "WebSocket");
    atEnd(() => had !== undefined && Object.defineProperty(globalThis, "WebSocket", had));
    const end = await new Client(url).subscribe("newHeads", () => undefined);
    await end();
  });
});

it("the client types the block of a transaction as known after a wait for it alone", () => {
  const client = new Client("http://127.0.0.1:1");
  const send = <W extends WaitFor>(wait: W) => client.send("0x", { wait });
  expectTypeOf<Awaited<ReturnType<typeof send<"final">>>["blockHeight"]>().toEqualTypeOf<number>();
  expectTypeOf<Awaited<ReturnType<typeof send<"included">>>["receipt"]["index"]>().toEqualTypeOf<number>();
  type Accepted = Awaited<ReturnType<typeof send<"accepted">>>;
  expectTypeOf<Accepted["blockHeight"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Awaited<ReturnType<typeof send<WaitFor>>>["blockHeight"]>().toEqualTypeOf<
    number | undefined
  >();
});

describe("the wallet", () => {
  const wallet = Wallet.fromSeed(sha256(utf8("a seed")));

  it("is the same for the same seed and another for another", () => {
    expect(Wallet.fromSeed(sha256(utf8("a seed"))).addressHex).toBe(wallet.addressHex);
    const { wallet: fresh, seed } = Wallet.generate();
    expect(Wallet.fromSeed(seed).addressHex).toBe(fresh.addressHex);
    expect(fresh.addressHex).not.toBe(wallet.addressHex);
    expect(() => Wallet.fromSeed(new Uint8Array(31))).toThrow(RangeError);
  });

  it("prints its address as hex, wherever it is printed, and is bytes all the same", () => {
    const { address, addressHex } = wallet;
    expect([`${address}`, inspect(address)]).toEqual([addressHex, addressHex]);
    expect(inspect({ address })).toContain(`address: ${addressHex}`);
    expect(JSON.stringify({ address })).toBe(`{"address":"${addressHex}"}`);
    expect([address.length, hex0x(address), Object.keys(address).length]).toEqual([32, addressHex, 32]);
  });

  it("signs transfers and anchors that decode and verify", () => {
    const transfer = wallet.transfer({
      chain: { chainId: 31337n, genesisHash: showHash(genesisHash) },
      nonce: 7,
      to: alice.addressHex,
      amount: 2n ** 64n - 1n,
      fee: 3n,
      validUntilHeight: 9n,
      memo: "für dich",
    });
    const anchored = wallet.anchor({ chain: chainRef, nonce: 8n, digest: sha256(utf8("document")) });
    for (const tx of [transfer, anchored]) {
      const decoded = decodeTransaction(tx.bytes, 1_000);
      expect(decoded.ok && decoded.value.id).toEqual(tx.id);
      const signed = transactionSigningBytes(genesisHash, unsignedPart(tx));
      expect(verifySignature(wallet.address, signed, tx.signature)).toBe(true);
    }
    expect(transfer).toMatchObject({ nonce: 7n, fee: 3n, validUntilHeight: 9n, chainId: 31337n });
    const call = bank.decodeCall(transfer.payload);
    expect(call.ok && bank.describeCall(call.value)).toMatchObject({
      amount: `${2n ** 64n - 1n}`,
      memo: "für dich",
    });
    expect(anchor.decodeCall(anchored.payload)).toMatchObject({
      ok: true,
      value: { digest: sha256(utf8("document")) },
    });
  });

  it("refuses what no transaction can carry", () => {
    const order = { chain: chainRef, nonce: 0, to: alice.address, amount: 1n };
    expect(() => wallet.transfer({ ...order, amount: 2n ** 64n })).toThrow("amount");
    expect(() => wallet.transfer({ ...order, amount: -1n })).toThrow("amount");
    expect(() => wallet.transfer({ ...order, fee: -1n })).toThrow("fee");
    expect(() => wallet.transfer({ ...order, nonce: -1 })).toThrow("nonce");
    expect(() => wallet.transfer({ ...order, to: "0x12" })).toThrow("to: 32 bytes expected");
    expect(() => wallet.transfer({ ...order, memo: "ü".repeat(65) })).toThrow("130 bytes");
    expect(() => wallet.transfer({ ...order, chain: { chainId: 1n, genesisHash: "x" } })).toThrow(
      "genesisHash",
    );
    expect(() => wallet.anchor({ chain: chainRef, nonce: 0, digest: new Uint8Array(31) })).toThrow("digest");
  });
});
