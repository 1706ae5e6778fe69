/** tx_send and its four waits: what ends a wait, what a repeated call is answered, what bounds them. */
import { describe, expect, it } from "vitest";
import { hex0x } from "../../src/base/bytes.ts";
import type { SignedTransaction } from "../../src/chain/types/transaction.ts";
import { alice, bob, chainRef } from "./fake-node.ts";
import { post, rpc, serve, until } from "./serve.ts";

const transfer = (nonce: number, amount = 1n) =>
  alice.transfer({ chain: chainRef, nonce, to: bob.address, amount });
const send = (url: string, tx: SignedTransaction, params: Record<string, unknown> = {}) =>
  rpc(url, "tx_send", { tx: hex0x(tx.bytes), ...params });

describe("tx_send", () => {
  it("by default answers once the transaction is checked and pooled", async () => {
    const { node, url } = await serve();
    const tx = transfer(0);
    expect((await send(url, tx)).result).toEqual({ txHash: hex0x(tx.id), status: "pending" });
    expect(node.pooled).toHaveLength(1);
    expect((await send(url, tx)).error).toMatchObject({ code: -32003, data: { code: "TX_DUPLICATE" } });
  });

  it("in a batch is told what comes together, whatever each waits for, and has a verdict for each", async () => {
    const { node, url } = await serve();
    const [first, second] = [transfer(0), transfer(1)];
    const calls = [first, second, first].map((tx, id) => ({
      ...{ jsonrpc: "2.0", id, method: "tx_send" },
      params: { tx: hex0x(tx.bytes), ...(id === 1 ? { wait: "none" } : {}) },
    }));
    const { json } = await post(url, JSON.stringify(calls));
    const answers = json as { id: number; result?: object; error?: { data: { code: string } } }[];
    expect(node.prepared).toEqual([3]);
    expect(answers.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(answers[1]!.result).toEqual({ txHash: hex0x(second.id), status: "pending" });
    expect(answers[2]!.error!.data.code).toBe("TX_DUPLICATE");
    expect(node.submitted).toBe(3);
  });

  it("at a full pool says when to try again", async () => {
    const { node, url } = await serve();
    node.submit = () => ({ ok: false, fault: { code: "MEMPOOL_FULL", detail: "full" } });
    for (const wait of ["accepted", "final"]) {
      const { error } = await send(url, transfer(0), { wait });
      expect(error).toMatchObject({ code: -32005, data: { code: "MEMPOOL_FULL", retryAfterMs: 1_000 } });
    }
  });

  it("with wait none tells only whether it decodes", async () => {
    const { node, url } = await serve();
    const tx = transfer(0);
    expect((await send(url, tx, { wait: "none" })).result).toEqual({
      txHash: hex0x(tx.id),
      status: "pending",
    });
    expect((await send(url, tx, { wait: "none" })).result.status).toBe("pending");
    expect(node.submitted).toBe(2);
    expect((await rpc(url, "tx_send", { tx: "0x00", wait: "none" })).error.data.code).toBe("TX_MALFORMED");
  });

  it.each(["included", "final"])(
    "with wait %s answers with the receipt when the block is there",
    async (wait) => {
      const { node, url } = await serve();
      const tx = transfer(0);
      const answer = send(url, tx, { wait });
      await until(() => node.pooled.length === 1);
      await node.commit();
      expect((await answer).result).toMatchObject({
        txHash: hex0x(tx.id),
        status: "final",
        blockHeight: 1,
        receipt: { status: "success", final: true, confirmations: 1 },
      });
    },
  );

  it("refuses at once what the node refuses, whatever the wait", async () => {
    const { node, url } = await serve();
    node.pooled.push(transfer(0), transfer(1));
    const { error } = await send(url, transfer(0, 2n), { wait: "final" });
    expect(error).toMatchObject({ code: -32003, message: "nonce 0, the account expects 2" });
    expect(error.data.code).toBe("TX_NONCE_TOO_LOW");
  });

  it("answers a repeated call like the first: from the pool by waiting, from the chain at once", async () => {
    const { node, url } = await serve();
    const tx = transfer(0);
    const answers = [send(url, tx, { wait: "final" }), send(url, tx, { wait: "final" })];
    await until(() => node.submitted === 2);
    await node.commit();
    for (const answer of answers)
      expect((await answer).result).toMatchObject({ status: "final", blockHeight: 1 });
    expect((await send(url, tx, { wait: "included" })).result).toMatchObject({
      status: "final",
      blockHeight: 1,
    });
  });

  it("tells that time is up, with the hash to ask for", async () => {
    const { url } = await serve();
    const tx = transfer(0);
    expect((await send(url, tx, { wait: "final", timeoutMs: 20 })).error).toMatchObject({
      code: -32010,
      message: expect.stringContaining("may still be included"),
      data: { code: "WAIT_TIMEOUT", txHash: hex0x(tx.id) },
    });
    for (const timeoutMs of [0, 600_001, -1]) {
      expect((await send(url, tx, { timeoutMs })).error.code).toBe(-32602);
    }
  });

  it.each([
    ["expired", "TX_EXPIRED"],
    ["replaced", "TX_REPLACED"],
    ["evicted", "TX_DROPPED"],
  ] as const)("ends when the transaction is %s from the pool", async (reason, code) => {
    const { node, url } = await serve();
    const tx = transfer(0);
    const answer = send(url, tx, { wait: "final" });
    await until(() => node.pooled.length === 1);
    node.emit("dropped", { id: tx.id, reason });
    expect((await answer).error).toMatchObject({ code: -32003, data: { code, txHash: hex0x(tx.id) } });
  });

  it("sends a batch in order, and its waits end together", async () => {
    const { node, url } = await serve();
    const txs = [0, 1, 2, 3, 4].map((nonce) => transfer(nonce));
    const batch = txs.map((tx, id) => ({
      jsonrpc: "2.0",
      id,
      method: "tx_send",
      params: { tx: hex0x(tx.bytes), wait: "final" },
    }));
    const answer = post(url, JSON.stringify(batch));
    await until(() => node.pooled.length === 5);
    expect(node.pooled.map((tx) => tx.nonce)).toEqual([0n, 1n, 2n, 3n, 4n]);
    await node.commit();
    const { json } = await answer;
    expect(json.map(({ result }: { result: { status: string } }) => result.status)).toEqual(
      Array(5).fill("final"),
    );
  });

  it("lets a connection wait 16 times at once and refuses the next before sending it", async () => {
    const { node, url, observer } = await serve();
    const batch = Array.from({ length: 18 }, (_, nonce) => ({
      jsonrpc: "2.0",
      id: nonce,
      method: "tx_send",
      params: { tx: hex0x(transfer(nonce).bytes), wait: "final" },
    }));
    const answer = post(url, JSON.stringify(batch));
    await until(() => node.pooled.length === 16);
    // Calls take turns: a block before the last two were judged would free places for them.
    await until(() => observer.calls.filter(({ code }) => code === -32005).length === 2);
    await node.commit();
    const { json } = await answer;
    expect(json[15].result.status).toBe("final");
    expect(json[16].error).toMatchObject({ code: -32005, data: { code: "TOO_MANY_WAITS" } });
    expect(node.submitted).toBe(16);
    // The places are free again.
    const next = send(url, transfer(16), { wait: "final" });
    await until(() => node.pooled.length === 1);
    await node.commit();
    expect((await next).result.status).toBe("final");
  });

  it("gives up a wait whose caller has gone", async () => {
    const { node, url, observer } = await serve();
    const abort = new AbortController();
    const params = { tx: hex0x(transfer(0).bytes), wait: "final" };
    const gone = fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tx_send", params }),
      signal: abort.signal,
    }).catch((error: Error) => error.name);
    await until(() => node.pooled.length === 1);
    abort.abort();
    expect(await gone).toBe("AbortError");
    await until(() => observer.calls.some(({ code }) => code === -32002));
  });

  it("answers waiting callers when the server stops", async () => {
    const { node, server, url } = await serve();
    const answer = send(url, transfer(0), { wait: "final" });
    await until(() => node.pooled.length === 1);
    await server.stop();
    expect((await answer).error).toMatchObject({ code: -32002, data: { code: "STOPPING" } });
    expect(node.listeners("head") + node.listeners("finalized") + node.listeners("dropped")).toBe(0);
  });

  it("answers as a notification with nothing, and sends all the same", async () => {
    const { node, url } = await serve();
    const params = { tx: hex0x(transfer(0).bytes) };
    const { status, text } = await post(url, JSON.stringify({ jsonrpc: "2.0", method: "tx_send", params }));
    expect([status, text]).toEqual([204, ""]);
    expect(node.pooled).toHaveLength(1);
  });

  it("keeps a failing pool's insides to itself", async () => {
    const { node, url, lines } = await serve();
    node.submitThrows = new Error("at secret.ts:1");
    for (const wait of ["none", "accepted", "final"]) {
      const answer = await send(url, transfer(0), { wait });
      expect(answer.error).toEqual({ code: -32603, message: "Internal error", data: { code: "INTERNAL" } });
    }
    expect(JSON.stringify(lines)).toContain("secret");
  });
});
