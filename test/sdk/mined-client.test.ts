/** The client of several nodes of a mined chain: no votes, no certificates, "final" is a depth and says which. */
import { afterEach, describe, expect, it } from "vitest";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { Client } from "../../src/sdk/client.ts";
import { alice, bob } from "../rpc/fake-node.ts";
import { DEPTH, MinedNode } from "../rpc/mined-node.ts";
import { serve, until } from "../rpc/serve.ts";

const opened: MinedNode[] = [];

async function servedNode() {
  const node = await MinedNode.open();
  opened.push(node);
  const { url } = await serve({}, { api: node.api });
  return { node, url };
}

afterEach(async () => {
  for (const node of opened.splice(0)) await node.stop();
});

describe("a client of a mined chain", () => {
  it("takes a depth for final, tells it, and asks no number of nodes to agree", async () => {
    const [first, second] = [await servedNode(), await servedNode()];
    const { node } = first;
    const genesis = formatGenesis(node.genesis);
    const client = new Client([first.url, second.url], { genesis, resendMs: 60_000 });
    const tx = alice.transfer({ chain: node.chainRef, nonce: 0, to: bob.address, amount: 5n });
    const sending = client.send(tx, { wait: "final", timeoutMs: 30_000 });
    await until(() => node.replica.pool.status().transactions === 1);
    await node.generate(DEPTH + 1);
    expect(await sending).toMatchObject({
      status: "final",
      blockHeight: 1,
      confirmations: DEPTH + 1,
      finalityDepth: DEPTH,
      finality: { by: "node", nodes: [first.url], depth: DEPTH },
    });
  });

  it("counts equal answers of any nodes when it is told how many may lie", async () => {
    const [first, second] = [await servedNode(), await servedNode()];
    const tx = alice.transfer({ chain: first.node.chainRef, nonce: 0, to: bob.address, amount: 5n });
    const client = new Client([first.url, second.url], { faults: 1, resendMs: 60_000 });
    const sending = client.send(tx, { wait: "final", timeoutMs: 30_000 });
    for (const { node } of [first, second]) {
      await until(() => node.replica.pool.status().transactions === 1);
    }
    await first.node.generate(DEPTH + 1);
    await second.node.follow(first.node, 1);
    expect(await sending).toMatchObject({
      status: "final",
      finality: { by: "answers", nodes: expect.arrayContaining([first.url, second.url]), depth: DEPTH },
    });
  });

  it("gives orders to the miner of the first node alone", async () => {
    const [first, second] = [await servedNode(), await servedNode()];
    const client = new Client(["http://127.0.0.1:1", first.url, second.url]);
    await client.call("chain_getHead");
    await expect(client.call("miner_status")).rejects.toThrow("127.0.0.1:1");
    const direct = new Client([second.url, first.url]);
    await direct.call("miner_start", { coinbase: alice.addressHex });
    expect([first, second].map(({ node }) => node.replica.mining.isOn)).toEqual([false, true]);
  });
});
