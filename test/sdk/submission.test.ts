/**
 * The client of PBFT against dead, hanging and lying nodes: when it sends again, whom it believes and how it says so.
 * Each node is a FakeNode with a ledger of its own; the liars answer by other methods.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { hex0x, utf8 } from "../../src/base/bytes.ts";
import type { SignedTransaction } from "../../src/chain/types/transaction.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { CallError } from "../../src/rpc/errors.ts";
import type { Method } from "../../src/rpc/jsonrpc/method.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";
import {
  Client,
  type ClientOptions,
  NotConfirmedError,
  OutcomeUnknownError,
  RpcError,
} from "../../src/sdk/client.ts";
import { alice, bob, chainRef, type FakeNode, genesis, genesisText, sealBlock } from "../rpc/fake-node.ts";
import { atEnd, serve, until } from "../rpc/serve.ts";

const DEAD = "http://127.0.0.1:1";
const transfer = (nonce = 0) => alice.transfer({ chain: chainRef, nonce, to: bob.address, amount: 5n });

type Calls = Readonly<Record<string, Method["call"]>>;

/** Validator `index`, which answers some methods in its own way. */
async function validator(index: number, calls: Calls = {}) {
  const methods = new Map(METHOD_TABLE);
  for (const [name, call] of Object.entries(calls)) methods.set(name, { ...methods.get(name)!, call });
  const served = await serve({}, { methods });
  served.node.peerId = genesis.validators[index]!.peerId;
  return served;
}

async function validators(...indices: readonly number[]) {
  const served = await Promise.all(indices.map((index) => validator(index)));
  return { nodes: served.map(({ node }) => node), urls: served.map(({ url }) => url) };
}

/** A server that takes calls and never answers. */
async function hanging(): Promise<{ url: string; calls: () => number }> {
  let calls = 0;
  const server = createServer(() => calls++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => server.close());
  atEnd(() => server.closeAllConnections());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls: () => calls };
}

/** Every node puts what it has into the same block. */
async function commitOn(tx: SignedTransaction, nodes: readonly FakeNode[]): Promise<void> {
  await until(() => nodes.some((node) => node.pooled.length > 0));
  for (const node of nodes) {
    if (node.pooled.length === 0) node.submit(tx.bytes);
    await node.commit();
  }
}

/** A receipt as tx_send shows it, made up. */
function invented(tx: SignedTransaction) {
  const receipt = {
    txHash: hex0x(tx.id),
    status: "success",
    code: 0,
    fault: null,
    blockHash: `0x${"ab".repeat(32)}`,
    blockHeight: 9,
    index: 0,
    fee: "0",
    events: [],
    confirmations: 1,
    final: true,
  };
  return { txHash: hex0x(tx.id), status: "final", blockHeight: 9, receipt };
}

const client = (urls: string | readonly string[], options: ClientOptions = {}) =>
  new Client(urls, { resendMs: 100, timeoutMs: 5_000, ...options });

describe("a client of several nodes", () => {
  it("reads from the next when one is dead or hangs, and stays with the one that answers", async () => {
    const { urls } = await validators(0);
    const silent = await hanging();
    // Long enough for the node that answers, also on a busy machine; the silent one costs it once.
    const reader = client([DEAD, silent.url, ...urls], { resendMs: 1_500 });
    expect((await reader.call("chain_getHead")).height).toBe(0);
    expect(reader.url).toBe(urls[0]);
    await reader.batch([{ method: "chain_getHead" }]);
    // Not asked a second time; on a busy machine it was given up before it heard of the first.
    expect(silent.calls()).toBeLessThanOrEqual(1);
    await expect(reader.call("chain_getBlock", { block: 99 })).rejects.toMatchObject({ code: -32001 });
    await expect(client([DEAD, "http://127.0.0.1:2"]).call("chain_getHead")).rejects.toThrow(
      /127.0.0.1:1: .*; http:\/\/127.0.0.1:2: /,
    );
  });

  it("sends an order to a node to that node alone", async () => {
    const { urls, nodes } = await validators(0);
    await expect(client([DEAD, ...urls]).call("devnet_setPartition", { blocked: [1] })).rejects.toThrow(DEAD);
    expect(nodes[0]!.blocked).toEqual([]);
  });

  it("refuses URLs that cannot give the answers it should ask for", () => {
    expect(() => client([])).toThrow(RangeError);
    expect(() => client([DEAD], { faults: 1 })).toThrow("2 equal answers take 2 URLs, 1 given");
    expect(() => client([DEAD, `${DEAD}`], { faults: 1 })).toThrow(RangeError);
    expect(() => client([DEAD], { faults: 1, genesis: genesisText })).not.toThrow();
  });
});

describe("what is known when sending fails", () => {
  const tx = transfer();
  const failing = (code: string, data = {}) =>
    validator(0, {
      tx_send: () => {
        throw new CallError(code, "words", data);
      },
    });

  it.each(["STOPPING", "TX_REPLACED", "TX_DROPPED", "TX_EXPIRED"])(
    "after acceptance is that it may still happen, with the hash: %s",
    async (code) => {
      const { url } = await failing(code, { txHash: hex0x(tx.id) });
      const sent = client(url).send(tx, { wait: "final" });
      await expect(sent).rejects.toBeInstanceOf(OutcomeUnknownError);
      await expect(sent).rejects.toMatchObject({ code, txHash: hex0x(tx.id) });
    },
  );

  it("of a node that breaks off is the same, and of one that refuses or was not reached that nothing was sent", async () => {
    const server = createServer((request) => request.socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    atEnd(() => server.close());
    const broken = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(client(broken).send(tx)).rejects.toMatchObject({ code: "NO_ANSWER", txHash: hex0x(tx.id) });
    const refusing = await failing("TX_BAD_SIGNATURE");
    await expect(client(refusing.url).send(tx)).rejects.toBeInstanceOf(RpcError);
    const unreached = await client(DEAD)
      .send(tx)
      .catch((error: unknown) => error);
    expect(unreached).not.toBeInstanceOf(OutcomeUnknownError);
  });
});

describe("sending a transaction", () => {
  it("takes one node's word when nothing else was asked for, and says so", async () => {
    const { urls, nodes } = await validators(0, 1);
    const tx = transfer();
    const sent = client(urls).send(tx, { wait: "final" });
    await commitOn(tx, nodes.slice(0, 1));
    expect(await sent).toMatchObject({ status: "final", finality: { by: "node", nodes: [urls[0]] } });
    expect(nodes[1]!.submitted).toBe(0);
  });

  it("sends the same bytes to all when a node is dead, at once, and when it hangs, after T_client", async () => {
    for (const bad of [DEAD, (await hanging()).url]) {
      const { urls, nodes } = await validators(0, 1);
      const tx = transfer();
      const sent = client([bad, ...urls]).send(tx, { wait: "final" });
      await until(() => nodes.every((node) => node.submitted === 1));
      await commitOn(tx, nodes);
      expect((await sent).finality!.by).toBe("node");
    }
  });

  it("is done again when the nodes said that they would have room, and given up at once when that is too late", async () => {
    let full = true;
    const asked: number[] = [];
    const served = await Promise.all(
      [0, 1].map((index) =>
        validator(index, {
          tx_send: (params, context) => {
            asked.push(index);
            if (full) throw new CallError("MEMPOOL_FULL", "no room", { retryAfterMs: 60 });
            return METHOD_TABLE.get("tx_send")!.call(params, context);
          },
        }),
      ),
    );
    const sender = client(served.map(({ url }) => url));
    const sent = sender.send(transfer());
    await until(() => asked.length >= 4);
    full = false;
    expect(await sent).toMatchObject({ status: "pending" });
    expect(served.map(({ node }) => node.submitted).reduce((sum, count) => sum + count)).toBe(1);

    full = true;
    asked.length = 0;
    await expect(sender.send(transfer(1), { timeoutMs: 50 })).rejects.toMatchObject({
      code: -32005,
      data: { code: "MEMPOOL_FULL", retryAfterMs: 60 },
    });
    expect(asked).toEqual([0, 1]);
  });

  it("asks the others half-way when the wait is shorter than two T_client", async () => {
    const { urls, nodes } = await validators(0);
    const tx = transfer();
    const silent = await hanging();
    const sent = client([silent.url, ...urls], { resendMs: 5_000 }).send(tx, {
      wait: "final",
      timeoutMs: 3_000,
    });
    await commitOn(tx, nodes);
    expect((await sent).blockHeight).toBe(1);
  });

  it("calls what is pooled or in a block already a success, and says when it was there before", async () => {
    const { urls, nodes } = await validators(0);
    const [tx, sender] = [transfer(), client(urls)];
    const pending = { txHash: hex0x(tx.id), status: "pending" };
    expect(await sender.send(tx)).toEqual(pending);
    expect(await sender.send(tx)).toEqual({ ...pending, already: true });
    await nodes[0]!.commit();
    for (const wait of ["accepted", "final"] as const) {
      expect(await sender.send(tx, { wait })).toMatchObject({
        status: "final",
        already: true,
        blockHeight: 1,
        finality: { by: "node" },
      });
    }
    const other = alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 6n });
    await expect(sender.send(other)).rejects.toMatchObject({ data: { code: "TX_NONCE_TOO_LOW" } });
  });

  it("believes f+1 equal answers of distinct validators and no fewer", async () => {
    const { urls, nodes } = await validators(0, 1, 2);
    const tx = transfer();
    const sent = client(urls, { faults: 1 }).send(tx, { wait: "final" });
    await commitOn(tx, nodes);
    const { finality } = await sent;
    expect(finality).toMatchObject({ by: "answers" });
    expect(finality!.nodes.length).toBe(2);
  });

  it("does not count one validator under two URLs twice, nor who does not validate", async () => {
    const { urls, nodes } = await validators(1, 1);
    const follower = await validator(2);
    const { info } = follower.node;
    follower.node.info = () => ({ ...info.call(follower.node), mode: "full" as const }) as never;
    const tx = transfer();
    const sent = client([...urls, follower.url], { faults: 1 }).send(tx, { wait: "final" });
    const failed = expect(sent).rejects.toThrow(/1 of 2 equal answers.*is no validator/);
    await commitOn(tx, [...nodes, follower.node]);
    await failed;
  });

  it("is not fooled by a node that calls it final, when f+1 answers are asked for", async () => {
    const tx = transfer();
    const liar = await validator(3, { tx_send: () => invented(tx) });
    const { urls, nodes } = await validators(0, 1);
    const sent = client([liar.url, ...urls], { faults: 1 }).send(tx, { wait: "final" });
    await commitOn(tx, nodes);
    expect(await sent).toMatchObject({ blockHeight: 1, finality: { by: "answers", nodes: urls } });
    // Alone with other nodes dead, it stays a claim.
    const alone = client([liar.url, DEAD], { faults: 1 }).send(tx, { wait: "final" });
    await expect(alone).rejects.toThrow(NotConfirmedError);
    await expect(alone).rejects.toThrow("1 of 2 equal answers");
  });

  it("checks the certificate itself when it has the genesis: one honest node is enough", async () => {
    const { urls, nodes } = await validators(2);
    const tx = transfer();
    const sent = client(urls, { genesis: genesisText }).send(tx, { wait: "final" });
    await commitOn(tx, nodes);
    expect(await sent).toMatchObject({
      blockHeight: 1,
      receipt: { status: "success", index: 0, txHash: hex0x(tx.id) },
      finality: { by: "certificate", nodes: urls, signers: ["node0", "node1", "node2"] },
    });
  });

  it("turns from a node without a valid certificate to one that has it, and tells of the lie if there is none", async () => {
    const tx = transfer();
    const honest = await validator(0);
    const strangers = [0, 1, 2, 3].map((i) => createSigner(sha256(utf8(`stranger ${i}`))));
    const real = METHOD_TABLE.get("tx_getProof")!.call;
    const liars = await Promise.all([
      validator(3, { tx_send: () => invented(tx) }),
      // A certificate of other validators over the real block.
      validator(3, {
        tx_send: () => invented(tx),
        async tx_getProof(_, params) {
          const proof = (await real({ api: honest.node } as never, params)) as { seal: string };
          const { block } = honest.node.chain.sealedBlockAt(1n)!;
          return { ...proof, seal: hex0x(sealBlock(block, [0, 1, 2], strangers)) };
        },
      }),
      // The real proof of another transaction.
      validator(3, {
        tx_send: () => invented(tx),
        tx_getProof: (_, _params) => real({ api: honest.node } as never, { hash: other.id }) as never,
      }),
    ]);
    const other = bob.transfer({ chain: chainRef, nonce: 0, to: alice.address, amount: 1n });
    honest.node.submit(tx.bytes);
    honest.node.submit(other.bytes);
    await honest.node.commit();
    for (const [liar, words] of [
      [liars[0], "without proof: proof"],
      [liars[1], "certificate: "],
      [liars[2], "another transaction"],
    ] as const) {
      const sent = await client([liar!.url, honest.url], { genesis: genesisText }).send(tx, {
        wait: "final",
      });
      expect(sent).toMatchObject({ blockHeight: 1, finality: { by: "certificate", nodes: [honest.url] } });
      const fooled = client(liar!.url, { genesis: genesisText }).send(tx, { wait: "final" });
      await expect(fooled).rejects.toThrow(NotConfirmedError);
      await expect(fooled).rejects.toThrow(words);
    }
  });

  it("gives back what the certificate covers, not what the node says of it", async () => {
    const tx = transfer();
    const liar = await validator(0, {
      async tx_send(context, params) {
        const answer = (await METHOD_TABLE.get("tx_send")!.call(context, params)) as ReturnType<
          typeof invented
        >;
        return { ...answer, blockHeight: 7, receipt: { ...answer.receipt, status: "failed", fee: "99" } };
      },
    });
    const sent = client(liar.url, { genesis: genesisText }).send(tx, { wait: "final" });
    await commitOn(tx, [liar.node]);
    expect(await sent).toMatchObject({ blockHeight: 1, receipt: { status: "success", fee: "0" } });
  });

  it("takes a refusal for true when as many nodes refuse as may not all lie", async () => {
    const liar = await validator(3, {
      tx_send: () => {
        throw new CallError("TX_FEE_TOO_LOW", "pay me");
      },
    });
    const { urls, nodes } = await validators(0, 1);
    const tx = transfer();
    const sent = client([liar.url, ...urls], { faults: 1 }).send(tx, { wait: "final" });
    await commitOn(tx, nodes);
    expect((await sent).finality!.by).toBe("answers");
    const expected = alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 1n });
    await expect(client(urls, { faults: 1 }).send(expected)).rejects.toMatchObject({
      data: { code: "TX_NONCE_TOO_LOW" },
    });
  });

  it("says that nothing was sent when all refuse, the slow one too, and leaves it open where one stays silent", async () => {
    const refuse = () => {
      throw new CallError("TX_INSUFFICIENT_FUNDS", "the balance is 5");
    };
    const [first, second] = [
      await validator(0, { tx_send: refuse }),
      await validator(1, { tx_send: refuse }),
    ];
    const slow = await validator(2, {
      tx_send: async () => {
        await new Promise((done) => setTimeout(done, 100));
        return refuse();
      },
    });
    const urls = [first.url, second.url, slow.url];
    const refused = client(urls, { faults: 1, resendMs: 10_000 }).send(transfer(), { wait: "final" });
    await expect(refused).rejects.toBeInstanceOf(RpcError);
    const { url: silent } = await hanging();
    const open = client([first.url, second.url, silent], { faults: 1, resendMs: 200 }).send(transfer());
    await expect(open).rejects.toMatchObject({ name: "OutcomeUnknownError", code: "TX_INSUFFICIENT_FUNDS" });
  });

  it("tells of a wait that ran out, and of nobody answering", async () => {
    const { urls } = await validators(0);
    const tx = transfer();
    const late = client([...urls, DEAD]).send(tx, { wait: "final", timeoutMs: 60 });
    await expect(late).rejects.toBeInstanceOf(OutcomeUnknownError);
    await expect(late).rejects.toMatchObject({ code: "WAIT_TIMEOUT", txHash: hex0x(tx.id) });
    await expect(client([DEAD, "http://127.0.0.1:2"]).send(transfer())).rejects.toThrow(DEAD);
    await expect(client(urls, { genesis: "{}" }).send(transfer())).rejects.toThrow("genesis: ");
  });
});
