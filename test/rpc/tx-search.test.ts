/** tx_search: the newest first, by pages without gaps or doubles, of one account, within its bounds. */
import { describe, expect, it } from "vitest";
import { Client } from "../../src/sdk/client.ts";
import { alice, bob, chainRef } from "./fake-node.ts";
import { rpc, serve } from "./serve.ts";

async function served() {
  const { node, url } = await serve();
  const client = new Client(url);
  let [aliceNonce, bobNonce] = [0, 0];
  const block = async (fromAlice: number, fromBob: number) => {
    for (let i = 0; i < fromAlice; i++)
      node.submit(
        alice.transfer({ chain: chainRef, nonce: aliceNonce++, to: bob.address, amount: 1n }).bytes,
      );
    for (let i = 0; i < fromBob; i++)
      node.submit(bob.transfer({ chain: chainRef, nonce: bobNonce++, to: bob.address, amount: 1n }).bytes);
    await node.commit();
  };
  return { client, block, url };
}

describe("tx_search", () => {
  it("gives every transaction once, the newest first, however small the pages", async () => {
    const { client, block } = await served();
    for (const [a, b] of [
      [2, 1],
      [0, 0],
      [3, 0],
    ] as const)
      await block(a, b);
    const all = await client.call("tx_search", {});
    expect(all.items.map(({ height, index }) => [height, index])).toEqual([
      [3, 2],
      [3, 1],
      [3, 0],
      [1, 2],
      [1, 1],
      [1, 0],
    ]);
    expect(all).toMatchObject({ scannedTo: 0, nextCursor: null });
    const paged: typeof all.items = [];
    let cursor: string | null | undefined;
    do {
      const page = await client.call("tx_search", { limit: 2, ...(cursor == null ? {} : { cursor }) });
      paged.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(paged).toEqual(all.items);
  });

  it("finds what an account sent and what names it", async () => {
    const { client, block } = await served();
    await block(2, 1);
    const of = async (address: string) => (await client.call("tx_search", { address })).items.length;
    expect([await of(alice.addressHex), await of(bob.addressHex), await of(`0x${"00".repeat(32)}`)]).toEqual([
      2, 3, 0,
    ]);
  });

  it("refuses a cursor that is none, and takes one above the head for the head", async () => {
    const { block, url, client } = await served();
    await block(1, 0);
    for (const cursor of ["x", "1-", "-1", "1-2-x"]) {
      const { error } = await rpc(url, "tx_search", { cursor });
      expect(error?.data?.code, cursor).toBe("INVALID_PARAMS");
    }
    expect((await client.call("tx_search", { cursor: "99-0" })).items).toHaveLength(1);
  });
});
