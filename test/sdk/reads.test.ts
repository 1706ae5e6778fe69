/** Reads with a chosen level against nodes that lie, lag, are cut off or down: the shipped nodes on virtual time. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  Client,
  type ClientOptions,
  NotAgreedError,
  NotLatestError,
  NotProvenError,
  type ReadError,
} from "../../src/sdk/client.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { LyingFetch } from "./lying-fetch.ts";

type Devnet = Awaited<ReturnType<typeof devnet>>;
let net: Devnet;
let liars: LyingFetch;
let bob: string;

beforeEach(async () => {
  net = await devnet({ validators: 4, accounts: 3, balance: 1_000n });
  liars = new LyingFetch(net);
  bob = net.account("bob").address;
  await pay(5n);
});
afterEach(() => net.stop());

/** Bob gets it, and all nodes that are connected have the block. */
async function pay(amount: bigint, nodes: readonly number[] = [0, 1, 2, 3]): Promise<number> {
  const [node = 0] = nodes;
  const { height } = await net.final(net.transfer({ from: "alice", to: "bob", amount, node }));
  await net.until(() => nodes.every((one) => net.height(one) >= height));
  return height;
}

const client = (nodes: readonly number[] = [0, 1, 2, 3], options: ClientOptions = {}) =>
  new Client(
    nodes.map((node) => net.urls[node]!),
    { fetch: liars.fetch, genesis: net.genesis, ...options },
  );
const short = { timeoutMs: 1_000 };
const url = (node: number) => net.urls[node]!;
const fault = async <E extends ReadError>(read: Promise<unknown>): Promise<E> => {
  const error = await read.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as E;
};

/** What a node answers to everything now, and goes on answering. */
async function frozen(node: number, path: string): Promise<Record<string, unknown>> {
  const honest = new Client(url(node), { fetch: net.fetch });
  return (await honest.call("state_query", { path, prove: true })) as unknown as Record<string, unknown>;
}

describe("a read at level one", () => {
  it("gives what a node says, and names all of it unchecked", async () => {
    const richer = `${"01".repeat(8)}${"00".repeat(8)}`;
    liars.lie(0, "state_query", (own) => ({ ...own, value: `0x${richer}` }));
    const answer = await client([0]).account(bob, { level: "one" });
    expect(answer).toMatchObject({ level: "one", nodes: [url(0)], checked: [], signers: [] });
    expect(answer.value.balance).toBe(String(0x0101010101010101n));
    expect(answer.unchecked).toEqual(["validators", "certificate", "value", "freshness"]);
  });

  it("is the level of a client without a genesis", async () => {
    const answer = await client([1], { genesis: undefined as never }).account(bob, {});
    expect(answer).toMatchObject({ level: "one", value: { balance: "1005", nonce: 0 } });
  });

  it("goes on to the next node where one shows what no chain stores", async () => {
    liars.lie(0, "state_query", (own) => ({ ...own, value: "0x01" }));
    const answer = await client().account(bob, { level: "one" });
    expect(answer.nodes).toEqual([url(1)]);
    expect(answer.disbelieved).toMatchObject([
      { node: url(0), said: expect.stringMatching(/no chain stores/) },
    ]);
  });
});

describe("a read at level agreed", () => {
  const poorer = (own: Record<string, unknown>) => ({ ...own, value: `0x${"00".repeat(16)}` });

  it("takes f+1 equal answers and names who says otherwise", async () => {
    liars.lie(0, "state_query", poorer);
    const answer = await client().account(bob, { level: "agreed" });
    expect(answer).toMatchObject({ level: "agreed", value: { balance: "1005" }, checked: ["agreement"] });
    expect(answer.nodes).toHaveLength(2);
    expect(answer.nodes).not.toContain(url(0));
    expect(answer.disbelieved.map(({ node }) => node)).toEqual([url(0)]);
    expect(answer.unchecked).toContain("freshness");
  });

  it("waits for nodes to be at one height, and says where they are when they are not", async () => {
    net.partition([[0, 1, 2], [3]]);
    await pay(7n, [0, 1, 2]);
    const error = await fault<NotAgreedError>(client([0, 3]).account(bob, { level: "agreed", ...short }));
    expect(error).toBeInstanceOf(NotAgreedError);
    expect(error.message).toMatch(/1 of 2 equal answers at one height/);
    expect(error.answers.map(({ node }) => node)).toEqual([url(0), url(3)]);
    expect(error.message).toMatch(/1012.*1005/);
    const answer = await client([3, 0, 1]).account(bob, { level: "agreed" });
    expect(answer).toMatchObject({ value: { balance: "1012" } });
  });

  it("counts a node once, whatever number of URLs lead to it, and validators alone", async () => {
    const { nodeId } = await new Client(url(0), { fetch: net.fetch }).call("node_info");
    liars.lie(1, "node_info", (own) => ({ ...own, nodeId }));
    liars.lie(2, "node_info", (own) => ({ ...own, mode: "full" }));
    const error = await fault(client([0, 1, 2]).account(bob, { level: "agreed", ...short }));
    expect(error.message).toMatch(/1 of 2 equal answers.*is no validator/);
  });

  it("is refused at once where it cannot be", async () => {
    await expect(client([0]).account(bob, { level: "agreed" })).rejects.toThrow(
      "2 equal answers take 2 URLs, 1 given",
    );
    const bare = new Client(net.urls, { fetch: net.fetch });
    await expect(bare.account(bob, { level: "agreed" })).rejects.toThrow(/how many nodes may lie/);
  });
});

describe("a read at level proven", () => {
  it("asks one node and believes the certificate and the path", async () => {
    const answer = await client().account(bob, { level: "proven" });
    expect(answer).toMatchObject({
      value: { balance: "1005", nonce: 0 },
      checked: ["validators", "certificate", "value"],
      unchecked: ["freshness"],
      nodes: [url(0)],
      disbelieved: [],
    });
    expect(answer.signers.length).toBeGreaterThanOrEqual(3);
    expect([...liars.requests.keys()]).toEqual([0]);
  });

  it("is the level of a client with a genesis, and proves that there is nothing", async () => {
    const path = `anchor/0x${"ab".repeat(32)}`;
    expect(await client().read(path)).toMatchObject({ level: "proven", value: null });
    expect(await client().read(`account/0x${"cd".repeat(32)}`)).toMatchObject({ value: null });
    expect((await client().account(`0x${"cd".repeat(32)}`, {})).value).toEqual({ balance: "0", nonce: 0 });
    await expect(client().read("bank/everything")).rejects.toThrow(/no such state; there are accounts/);
    const path0 = `bank/accounts/0x${"cd".repeat(32)}`;
    expect(await client().read(path0)).toMatchObject({ level: "proven", value: null });
  });

  it.each<[string, Parameters<LyingFetch["lie"]>[2]]>([
    ["another balance", (own) => ({ ...own, value: `0x${"01".repeat(16)}` })],
    ["an account that is not there", (own) => ({ ...own, value: null })],
    [
      "a certificate of another block",
      (own) => ({ ...own, finality: { ...(own.finality as object), header: `0x${"02".repeat(80)}` } }),
    ],
    [
      "a seal without signatures",
      (own) => ({ ...own, finality: { ...(own.finality as object), seal: "0x00" } }),
    ],
    ["no proof", (own) => ({ ...own, proof: undefined })],
    ["nonsense", () => "yes"],
  ])("names a node that shows %s, and goes on to the next", async (_, lie) => {
    liars.lie(0, "state_query", lie);
    const answer = await client().account(bob, { level: "proven" });
    expect(answer).toMatchObject({ value: { balance: "1005" }, nodes: [url(1)] });
    expect(answer.disbelieved.map(({ node }) => node)).toEqual([url(0)]);
    const error = await fault(client([0]).account(bob, { level: "proven", ...short }));
    expect(error).toBeInstanceOf(NotProvenError);
    expect(error.message).toContain(`NOT BELIEVED ${url(0)}`);
  });

  it("may be old, unless a height is asked for", async () => {
    const old = await frozen(3, `account/${bob}`);
    const height = await pay(7n);
    liars.lie(3, "state_query", () => old);
    expect(await client([3, 0]).account(bob, { level: "proven" })).toMatchObject({
      value: { balance: "1005" },
    });
    expect(await client([3, 0]).account(bob, { level: "proven", minHeight: height })).toMatchObject({
      value: { balance: "1012" },
      nodes: [url(0)],
    });
    const error = await fault(client([3]).account(bob, { level: "proven", minHeight: height, ...short }));
    expect(error.message).toContain(`is at height ${height - 1}, ${height} is asked for`);
  });

  it("is refused without a genesis", async () => {
    const bare = new Client(net.urls, { fetch: net.fetch });
    await expect(bare.account(bob, { level: "proven" })).rejects.toThrow(/needs the genesis/);
  });
});

describe("a read at level latest", () => {
  it("is as new as what any node had before the call, whatever the laggard in front shows", async () => {
    const old = await frozen(0, `account/${bob}`);
    await pay(7n);
    liars.lie(0, "state_query", () => old);
    const answer = await client().account(bob, { level: "latest" });
    expect(answer).toMatchObject({ value: { balance: "1012" }, unchecked: [] });
    expect(answer.checked).toContain("freshness");
    expect(answer.nodes.length).toBeGreaterThanOrEqual(3);
  });

  it("never misses a block that one node alone holds: those that signed it say so", async () => {
    const old = await frozen(0, `account/${bob}`);
    const height = await pay(7n);
    // Only node 3 shows the block. The others signed COMMIT for it and seem not to have it.
    let isBehind = true;
    for (const node of [0, 1, 2]) {
      liars.lie(node, "state_query", (own) => (isBehind ? old : own));
      liars.lie(node, "consensus_getState", (own) => ({ ...own, lastPrepared: height }));
    }
    expect(await client([3]).account(bob, { level: "proven" })).toMatchObject({ height });
    const error = await fault<NotLatestError>(client([0, 1, 2]).account(bob, { level: "latest", ...short }));
    expect(error).toBeInstanceOf(NotLatestError);
    expect(error.message).toMatch(`a block at height ${height} may have been final before the call`);
    const read = client([0, 1, 2]).account(bob, { level: "latest" });
    setTimeout(() => {
      isBehind = false;
    }, 120);
    expect(await read).toMatchObject({ height, value: { balance: "1012" } });
    // With the node that has it there is nothing to wait for.
    isBehind = true;
    expect(await client().account(bob, { level: "latest" })).toMatchObject({ height });
  });

  it("is not held up by one that claims the future while the others answer", async () => {
    liars.lie(2, "consensus_getState", (own) => ({ ...own, lastPrepared: 1_000_000 }));
    const answer = await client().account(bob, { level: "latest" });
    expect(answer.value.balance).toBe("1005");
    liars.lie(2, "consensus_getState", (own) => ({ ...own, lastPrepared: Number(own.lastPrepared) + 3 }));
    expect((await client().account(bob, { level: "latest" })).value.balance).toBe("1005");
  });

  it("says who claimed what where a liar and a node that is down are too many", async () => {
    liars.lie(2, "consensus_getState", (own) => ({ ...own, lastPrepared: 1_000_000 }));
    net.crash(3);
    const error = await fault(client().account(bob, { level: "latest", ...short }));
    expect(error.disbelieved).toMatchObject([
      { node: url(2), said: expect.stringMatching(/claims votes up to height 1000000, nobody can be above/) },
    ]);
    // The claim costs time, not the answer: a window further it holds nobody up.
    const { logWindow } = (JSON.parse(net.genesis) as { consensus: { logWindow: number } }).consensus;
    expect(error.message).toContain(`a block at height ${net.height(0) + logWindow} may have been final`);
  });

  it("takes n - Q + f + 1 validators that vote", async () => {
    await expect(client([0, 1]).account(bob, { level: "latest" })).rejects.toThrow(
      /answers of 3 of 4 validators, 2 URLs given/,
    );
    net.crash(3);
    expect((await client().account(bob, { level: "latest" })).value.balance).toBe("1005");
    liars.lie(1, "consensus_getState", (own) => ({ ...own, mode: "halted" }));
    const error = await fault(client().account(bob, { level: "latest", ...short }));
    expect(error.message).toMatch(/2 of the 3 validators answered.*does not vote/);
  });

  it("counts a validator once, whatever number of URLs speak for it", async () => {
    for (const node of [1, 2]) liars.lie(node, "consensus_getState", (own) => ({ ...own, self: 0 }));
    const error = await fault(client([0, 1, 2]).account(bob, { level: "latest", ...short }));
    expect(error.message).toMatch(/1 of the 3 validators answered/);
  });

  it("counts nobody's claim who cannot prove a head", async () => {
    liars.lie(0, "state_query", (own) => ({ ...own, value: `0x${"01".repeat(16)}` }));
    const answer = await client().account(bob, { level: "latest" });
    expect(answer.nodes).not.toContain(url(0));
    net.crash(1);
    const error = await fault(client().account(bob, { level: "latest", ...short }));
    expect(error.message).toMatch(/2 of the 3 validators answered/);
  });
});
