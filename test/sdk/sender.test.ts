/**
 * Equal orders at once: each is paid, or says that it is not. Nodes are FakeNodes behind real servers; several senders
 * of one account stand for several processes.
 */
import { describe, expect, it } from "vitest";
import { hex0x } from "../../src/base/bytes.ts";
import { decodeTransaction } from "../../src/chain/types/transaction.ts";
import { CallError } from "../../src/rpc/errors.ts";
import type { Method } from "../../src/rpc/jsonrpc/method.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";
import { Client, OutcomeUnknownError, RpcError, Sender } from "../../src/sdk/client.ts";
import { NEVER_REACHED_HEIGHT } from "../../src/sdk/wallet.ts";
import { alice, bob, type FakeNode, genesis } from "../rpc/fake-node.ts";
import { serve, until } from "../rpc/serve.ts";

const order = { to: bob.address, amount: 7n };
const balance = (node: FakeNode) => node.account(bob.address).account.balance;

async function served(calls: Readonly<Record<string, Method["call"]>> = {}) {
  const methods = new Map(METHOD_TABLE);
  for (const [name, call] of Object.entries(calls)) methods.set(name, { ...methods.get(name)!, call });
  return serve({}, { methods });
}

const senderOf = (...urls: string[]) => new Sender(new Client(urls, { resendMs: 100 }), alice);

describe("equal orders at once", () => {
  it("of one sender are all accepted, each with a nonce of its own", async () => {
    const { node, url } = await served();
    const sender = senderOf(url);
    const sent = await Promise.all(Array.from({ length: 6 }, () => sender.transfer(order)));
    expect(sent.map(({ nonce }) => nonce)).toEqual([0n, 1n, 2n, 3n, 4n, 5n]);
    await node.commit();
    expect(balance(node)).toBe(500n + 6n * 7n);
  });

  it("of several senders are all paid: who lost a race for a nonce takes the next", async () => {
    const { node, url } = await served();
    const calls = Array.from({ length: 6 }, () => senderOf(url).transfer(order, { wait: "final" }));
    await until(() => node.pooled.length === 6);
    await node.commit();
    const sent = await Promise.all(calls);
    expect(new Set(sent.map(({ txHash }) => txHash)).size).toBe(6);
    expect(sent.every(({ status }) => status === "final")).toBe(true);
    expect(balance(node)).toBe(500n + 6n * 7n);
  });

  it("through nodes that do not know of each other never both count as paid", async () => {
    const nodes = [await served(), await served()];
    const [first, second] = nodes.map(({ url }) => senderOf(url).transfer(order, { wait: "final" }));
    await until(() => nodes.every(({ node }) => node.submitted === 2));
    const [winner] = nodes[0]!.node.pooled;
    expect(hex0x(winner!.bytes)).not.toBe(hex0x(nodes[1]!.node.pooled[0]!.bytes));
    // Before it happens, so that the refusal is never without a listener.
    const isOpen = expect(second).rejects.toMatchObject({ name: "OutcomeUnknownError", code: "TX_REPLACED" });
    await nodes[0]!.node.commit();
    nodes[1]!.node.emit("dropped", { id: nodes[1]!.node.pooled[0]!.id, reason: "replaced" });
    expect((await first!).status).toBe("final");
    await isOpen;
  });

  it("with an expiry of the caller's, whose bytes are equal, are paid once and the other call says so", async () => {
    const expiring = { ...order, validUntilHeight: 9n };
    const { call } = METHOD_TABLE.get("account_get")!;
    // The second asks for its nonce before the first has sent.
    const { node, url } = await served({
      account_get: async (context, params) => ({
        ...((await call(context, params)) as object),
        pendingNonce: 0,
      }),
    });
    await senderOf(url).transfer(expiring);
    await expect(senderOf(url).transfer(expiring)).rejects.toMatchObject({
      name: "OutcomeUnknownError",
      code: "TX_DUPLICATE",
    });
    await node.commit();
    expect(balance(node)).toBe(500n + 7n);
  });
});

describe("a sender", () => {
  it("takes no nonce for what is refused, and goes on", async () => {
    let refuse = true;
    const { call } = METHOD_TABLE.get("tx_send")!;
    const { node, url } = await served({
      tx_send: (context, params) => {
        if (refuse) throw new CallError("TX_INSUFFICIENT_FUNDS", "poor");
        return call(context, params);
      },
    });
    const sender = senderOf(url);
    await expect(sender.transfer(order)).rejects.toBeInstanceOf(RpcError);
    refuse = false;
    expect((await sender.transfer(order)).nonce).toBe(0n);
    expect(node.pooled.length).toBe(1);
  });

  it("makes transactions that never expire and tells what it signed", async () => {
    const { node, url } = await served();
    await senderOf(url).anchor({ digest: new Uint8Array(32).fill(1) });
    const decoded = decodeTransaction(node.pooled[0]!.bytes, genesis.limits.maxTxBytes);
    expect(decoded.ok && decoded.value.validUntilHeight >= NEVER_REACHED_HEIGHT).toBe(true);
    expect(decoded.ok && Number.isSafeInteger(Number(decoded.value.validUntilHeight))).toBe(true);
  });

  it("gives what was accepted again to a node that has lost it, rather than take its nonce again", async () => {
    const { node, url } = await served();
    const sender = senderOf(url);
    const { nonce } = await sender.transfer(order);
    node.pooled.splice(0); // as a node that was killed and has come back
    expect((await sender.transfer(order)).nonce).toBe(nonce + 1n);
    expect(node.pooled.map((tx) => tx.nonce)).toEqual([0n, 1n]);
  });

  it("says that it may still happen when the node goes away after it has accepted", async () => {
    let calls = 0;
    const { call } = METHOD_TABLE.get("tx_send")!;
    const { node, url } = await served({
      tx_send: (context, params) => {
        if (calls++ > 0) throw new CallError("SYNCING", "later");
        return call(context, params);
      },
    });
    const sent = senderOf(url).transfer(order, { wait: "final" });
    await expect(sent).rejects.toBeInstanceOf(OutcomeUnknownError);
    await expect(sent).rejects.toMatchObject({ txHash: hex0x(node.pooled[0]!.id) });
  });
});
