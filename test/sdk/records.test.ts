/** Blocks and transactions read at a chosen level from nodes that lie, lag or do not know them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  Client,
  type ClientOptions,
  NotAgreedError,
  NotProvenError,
  ReadError,
} from "../../src/sdk/client.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { LyingFetch } from "./lying-fetch.ts";

type Devnet = Awaited<ReturnType<typeof devnet>>;
let net: Devnet;
let liars: LyingFetch;
let sent: { readonly id: string; readonly height: number };

/** Alice pays bob; all nodes that are connected have the block. */
async function pay(nodes: readonly number[]): Promise<{ id: string; height: number }> {
  const [node = 0] = nodes;
  const { id, height } = await net.final(net.transfer({ from: "alice", to: "bob", amount: 5n, node }));
  await net.until(() => nodes.every((one) => net.height(one) >= height));
  return { id, height };
}

beforeAll(async () => {
  net = await devnet({ validators: 4, accounts: 2, balance: 1_000n });
  sent = await pay([0, 1, 2, 3]);
});
afterAll(() => net.stop());
beforeEach(() => {
  liars = new LyingFetch(net);
});
afterEach(() => net.heal());

const client = (nodes: readonly number[] = [0, 1, 2, 3], options: ClientOptions = {}) =>
  new Client(
    nodes.map((node) => net.urls[node]!),
    { fetch: liars.fetch, genesis: net.genesis, ...options },
  );
const short = { timeoutMs: 1_500 };
const url = (node: number) => net.urls[node]!;

/** One character of a hex answer is another. */
function bent(own: Record<string, unknown>, field: string): Record<string, unknown> {
  const text = String(own[field]);
  const at = text.length - 3;
  return { ...own, [field]: `${text.slice(0, at)}${text[at] === "0" ? "1" : "0"}${text.slice(at + 1)}` };
}

describe("a block", () => {
  it("is proven by one node: its certificate, and its transactions under its header", async () => {
    const { value, ...answer } = await client().block(sent.height, { level: "proven" });
    expect(answer).toMatchObject({
      height: sent.height,
      checked: ["validators", "certificate", "value"],
      unchecked: [],
      nodes: [url(0)],
    });
    expect(answer.signers.length).toBeGreaterThanOrEqual(3);
    expect(value.transactions.map(({ txHash }) => txHash)).toEqual([sent.id]);
    const byHash = await client().block(value.hash as never, { level: "proven" });
    expect(byHash.value).toEqual(value);
  });

  it("is proven where it is block 0, which the genesis makes", async () => {
    expect((await client().block(0, {})).value).toMatchObject({ height: 0, transactions: [] });
  });

  it("is believed of nobody who forges its seal, its summary or its transactions: it is named, the next is asked", async () => {
    liars.lie(0, "chain_getFinalityProof", (own) => bent(own, "seal"));
    liars.lie(1, "chain_getFinalityProof", (own) => bent(own, "summary"));
    liars.lie(2, "chain_getBlock", (own) => ({ ...own, txs: [] }));
    for (const liar of [0, 1, 2]) {
      const { nodes, disbelieved } = await client([liar, 3]).block(sent.height, { level: "proven" });
      expect([nodes, disbelieved.map(({ node }) => node)]).toEqual([[url(3)], [url(liar)]]);
    }
  });

  it("is not another one than was asked for", async () => {
    const other = await new Client(url(0), { fetch: net.fetch }).call("chain_getFinalityProof", { block: 0 });
    liars.lie(0, "chain_getFinalityProof", () => other);
    const { nodes, disbelieved } = await client().block(sent.height, { level: "one" });
    expect(nodes).toEqual([url(1)]);
    expect(disbelieved[0]?.said).toMatch(/a proof of block 0 .*, asked was/);
  });

  it("of level one is what a node says, all of it unchecked but that it fits together", async () => {
    liars.lie(0, "chain_getFinalityProof", (own) => bent(own, "seal"));
    const answer = await client([0]).block(sent.height, { level: "one" });
    expect(answer).toMatchObject({
      checked: [],
      unchecked: ["validators", "certificate", "value"],
      signers: [],
    });
  });

  it("that no node has is no answer, in words and at once, since nobody can prove that there is none", async () => {
    const read = client().block(999, { level: "proven" });
    await expect(read).rejects.toThrow(NotProvenError);
    await expect(client().block(999, { level: "one" })).rejects.toThrow(ReadError);
  });

  it("is asked for by any name that chain_getBlock takes", async () => {
    for (const [name, height] of [
      ["earliest", 0],
      [`${sent.height}`, sent.height],
      [`0x${sent.height.toString(16)}`, sent.height],
    ] as const) {
      const answer = await client([0]).block(name, short);
      expect([answer.height, answer.unchecked, answer.disbelieved]).toEqual([height, [], []]);
    }
    for (const name of ["latest", "finalized"] as const)
      expect(await client([0]).block(name, short)).toMatchObject({ unchecked: ["freshness"] });
  });

  it("that is the latest may become another one between two answers of a node, which is no lie", async () => {
    const before = await new Client(url(0), { fetch: net.fetch }).call("chain_getFinalityProof", {
      block: 0,
    });
    for (const level of ["one", "proven", "agreed"] as const) {
      let asked = 0;
      liars.lie(0, "chain_getFinalityProof", (own) => (asked++ === 0 ? before : own));
      const options = { level, ...short };
      const answer = await client([0], { faults: 0 }).block("latest", options);
      expect([answer.height >= sent.height, answer.disbelieved, asked]).toEqual([true, [], 2]);
    }
  });

  it("that is the latest is read from the next node where one is below the height that is asked for", async () => {
    net.partition([[0, 1, 2], [3]]);
    const { height } = await pay([0, 1, 2]);
    for (const level of ["one", "proven"] as const) {
      const found = await client([3, 0]).block("latest", { level, minHeight: height });
      expect([found.nodes, found.height >= height, found.disbelieved]).toEqual([[url(0)], true, []]);
      await expect(client([3]).block("latest", { level, minHeight: height, timeoutMs: 300 })).rejects.toThrow(
        new RegExp(`${height} is asked for`),
      );
    }
  });

  it("has no level latest: it does not change", async () => {
    await expect(client().block("latest", { level: "latest" })).rejects.toThrow(/does not change/);
    const bare = client([0], { genesis: undefined as never });
    await expect(bare.block(1, { level: "proven" })).rejects.toThrow(/needs the genesis/);
    expect((await bare.block(1, {})).level).toBe("one");
  });
});

describe("a transaction", () => {
  it("is proven with its receipt by one node", async () => {
    const { value, checked, unchecked } = await client().transaction(sent.id);
    expect([checked, unchecked]).toEqual([["validators", "certificate", "value"], []]);
    expect(value).toMatchObject({ height: sent.height, index: 0, outcome: { status: "success" } });
    expect(value.transaction).toMatchObject({ txHash: sent.id, call: { type: "transfer", amount: "5" } });
  });

  it("is believed of nobody who shows another receipt, another transaction or a forged certificate", async () => {
    liars.lie(0, "tx_getProof", (own) => bent(own, "receipt"));
    liars.lie(1, "tx_getProof", (own) => bent(own, "tx"));
    liars.lie(2, "tx_getProof", (own) => bent(own, "seal"));
    for (const liar of [0, 1, 2]) {
      const { nodes, disbelieved } = await client([liar, 3]).transaction(sent.id, { level: "proven" });
      expect([nodes, disbelieved.map(({ node }) => node)]).toEqual([[url(3)], [url(liar)]]);
    }
  });

  it("is agreed by f+1 nodes, of whom one that shows another receipt is no part", async () => {
    liars.lie(0, "tx_getProof", (own) => bent(own, "receipt"));
    const { nodes, value, checked } = await client().transaction(sent.id, { level: "agreed" });
    expect(checked).toEqual(["agreement"]);
    expect(nodes).toHaveLength(2);
    expect(nodes).not.toContain(url(0));
    expect(value.outcome.status).toBe("success");
  });

  it("is read from the next node where one lags and does not know it, which is no lie", async () => {
    net.partition([[0, 1, 2], [3]]);
    const { id } = await pay([0, 1, 2]);
    const found = await client([3, 0]).transaction(id, { level: "proven" });
    expect([found.nodes, found.disbelieved]).toEqual([[url(0)], []]);
    await expect(client([3, 0]).transaction(id, { level: "agreed", ...short })).rejects.toThrow(
      NotAgreedError,
    );
    await expect(client([3]).transaction(id, { level: "one", ...short })).rejects.toThrow(/does not know it/);
  });

  it("under a digest that was anchored is read by name", async () => {
    expect(await client().anchor(`0x${"ab".repeat(32)}`)).toMatchObject({ level: "proven", value: null });
  });
});

describe("a block and a transaction of a mined chain", () => {
  it("are held to the work on them, and that nothing heavier leaves them out is named unchecked", async () => {
    const mined = await devnet({ consensus: "pow", accounts: 2 });
    try {
      const id = mined.transfer({ from: "alice", to: "bob", amount: 5n });
      await mined.mine(3);
      await mined.until(() => mined.height(1) === 3);
      const lies = new LyingFetch(mined);
      const reader = new Client(mined.urls, { fetch: lies.fetch, genesis: mined.genesis });
      const found = await reader.transaction(id as string);
      expect(found).toMatchObject({ level: "proven", checked: ["work", "value"], unchecked: ["heaviest"] });
      const { value } = await reader.block(found.height, { level: "proven" });
      expect(value.transactions[found.value.index]?.txHash).toBe(found.value.transaction.txHash);
      lies.lie(0, "tx_getProof", (own) => bent(own, "header"));
      const again = await reader.transaction(id as string);
      expect([again.nodes, again.disbelieved.length]).toEqual([[mined.urls[1]], 1]);
      expect((await reader.block("latest", {})).unchecked).toEqual(["heaviest", "freshness"]);
    } finally {
      await mined.stop();
    }
  });
});
