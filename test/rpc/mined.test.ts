/** JSON-RPC over a real mined chain: what it says of depth, branches, coinbases, and what orders to the miner do. */

import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hex0x, parseHex, showHash } from "../../src/base/bytes.ts";
import { branchesOf } from "../../src/chain/chain-mode.ts";
import { subsidyAt } from "../../src/chain/genesis/subsidy.ts";
import { reversalProbability } from "../../src/consensus/pow/reversal.ts";
import { mustHaveBranches } from "../../src/rpc/answers/capabilities.ts";
import type { NodeEvents } from "../../src/rpc/api.ts";
import { Notices } from "../../src/rpc/websocket/notices.ts";
import { Subscriptions } from "../../src/rpc/websocket/subscriptions.ts";
import { alice, bob, FakeNode } from "./fake-node.ts";
import { DEPTH, MinedNode } from "./mined-node.ts";

/** No test of this file opens a stream. */
const NO_STREAMS = {
  turn: () => Promise.reject(new Error("no turn")),
  rest: async () => undefined,
  sendPaced: async () => undefined,
  failed: () => undefined,
};

let node: MinedNode;
const opened: MinedNode[] = [];

beforeEach(async () => {
  node = await MinedNode.open();
  opened.push(node);
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

async function rivalOf(height: number): Promise<MinedNode> {
  const rival = await node.rival(height);
  opened.push(rival);
  return rival;
}

const pay = (nonce: number, amount = 5n) =>
  alice.transfer({ chain: node.chainRef, nonce, to: bob.address, amount });

function collect<T extends keyof NodeEvents>(topic: T): NodeEvents[T][] {
  const events: NodeEvents[T][] = [];
  node.api.subscribe(topic, (one) => events.push(one));
  return events;
}

function subscribe(topic: Parameters<Subscriptions["add"]>[0], hash?: Parameters<Subscriptions["add"]>[1]) {
  const results: Record<string, unknown>[] = [];
  const subscriptions = new Subscriptions({
    api: node.api,
    notices: { textOf: (_topic, _news, show) => JSON.stringify(show()), add: (send) => send() },
    send: (text) => results.push(JSON.parse(text).params.result),
    tooSlow: () => undefined,
    changed: () => undefined,
    ...NO_STREAMS,
  });
  subscriptions.release(subscriptions.add(topic, hash));
  return results;
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("a transaction of a mined chain", () => {
  it("is pending, included, and final once so many blocks lie on it; the risk falls with each", async () => {
    const tx = pay(0);
    expect(await node.call("tx_send", { tx: hex0x(tx.bytes) })).toMatchObject({ status: "pending" });
    const hash = hex0x(tx.id);
    expect(await node.call("tx_get", { hash })).toMatchObject({ status: "pending", final: false });
    expect(await node.call("tx_getReceipt", { hash })).toBeNull();
    for (let z = 1; z <= DEPTH + 1; z++) {
      await node.generate(1);
      const final = z > DEPTH;
      expect(await node.call("tx_get", { hash })).toMatchObject({
        status: final ? "final" : "included",
        confirmations: z,
        reversalProbability: reversalProbability(0.1, z),
        final,
      });
    }
    const asked = await node.call("tx_getReceipt", { hash, attackerShare: 0.3 });
    expect(asked).toMatchObject({ final: true, reversalProbability: reversalProbability(0.3, DEPTH + 1) });
    await expect(node.call("tx_get", { hash, attackerShare: 0.5 })).rejects.toMatchObject({
      code: "INVALID_PARAMS",
    });
  });

  it("is pending again after a reorganisation, and the subscription says so", async () => {
    await node.generate(1);
    const rival = await rivalOf(1);
    const tx = pay(0);
    const hash = hex0x(tx.id);
    const statuses = subscribe("tx", tx.id);
    await node.call("tx_send", { tx: hex0x(tx.bytes) });
    await settle();
    await node.generate(1);
    expect(await node.call("tx_get", { hash })).toMatchObject({ status: "included", height: 2 });
    await rival.generate(2, alice.address);
    await node.follow(rival, 2);
    await settle();
    expect(await node.call("tx_get", { hash })).toMatchObject({ status: "pending", final: false });
    await node.generate(1);
    expect(await node.call("tx_get", { hash })).toMatchObject({ status: "included", height: 4 });
    expect(statuses.map(({ status }) => status)).toEqual(["pending", "included", "pending", "included"]);
  });

  it("is waited for until it is as deep as configured, across a reorganisation", async () => {
    await node.generate(1);
    const rival = await rivalOf(1);
    const tx = pay(0);
    let answered: unknown;
    const waiting = node
      .call("tx_send", { tx: hex0x(tx.bytes), wait: "final", timeoutMs: 60_000 })
      .then((answer) => {
        answered = answer;
      });
    await settle();
    await node.generate(2);
    await rival.generate(3, alice.address);
    await node.follow(rival, 2);
    await node.generate(DEPTH);
    await settle();
    expect(answered).toBeUndefined();
    await node.generate(1);
    await waiting;
    expect(answered).toMatchObject({
      status: "final",
      blockHeight: 5,
      finalityDepth: DEPTH,
      confirmations: DEPTH + 1,
      receipt: { status: "success", final: true },
    });
  });

  it("says what a wait saw that ran out, and a repeated wait goes on from there", async () => {
    const tx = hex0x(pay(0).bytes);
    const waiting = node.call("tx_send", { tx, wait: "final", timeoutMs: 1_000 });
    const refused = expect(waiting).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
      message: expect.stringContaining("in block 1 with 2 confirmations; final with 4"),
      data: { status: "included", blockHeight: 1, confirmations: 2, finalityDepth: DEPTH },
    });
    await settle();
    await node.generate(2);
    await node.time.pass(1_000);
    await refused;
    const again = node.call("tx_send", { tx, wait: "final", timeoutMs: 1_000 });
    await settle();
    await node.generate(2);
    expect(await again).toMatchObject({ status: "final", blockHeight: 1 });
    expect(await node.call("tx_send", { tx, wait: "final" })).toMatchObject({ already: true });
  });

  it("returns from a wait for inclusion with the block", async () => {
    const waiting = node.call("tx_send", { tx: hex0x(pay(0).bytes), wait: "included" });
    await settle();
    await node.generate(1);
    expect(await waiting).toMatchObject({ status: "included", confirmations: 1, finalityDepth: DEPTH });
  });
});

describe("finality by depth", () => {
  it("is a label so many blocks below the head, told once each and in order after the heads", async () => {
    const order: string[] = [];
    node.api.subscribe("finalized", ({ sealed }) => order.push(`final ${sealed.block.summary.height}`));
    node.api.subscribe("head", ({ sealed }) => order.push(`head ${sealed.block.summary.height}`));
    await node.generate(DEPTH);
    expect(await node.call("node_status")).toMatchObject({ height: 3, finalizedHeight: 0 });
    await node.generate(2);
    expect(await node.call("node_status")).toMatchObject({ height: 5, finalizedHeight: 2 });
    expect(order).toEqual(["head 1", "head 2", "head 3", "head 4", "final 1", "head 5", "final 2"]);
    expect(await node.call("chain_getHeader", { block: "finalized" })).toMatchObject({ height: 2 });
  });

  it("is told again where a reorganisation went below it, which is an error in the log", async () => {
    await node.generate(1);
    const rival = await rivalOf(1);
    const finalized = collect("finalized");
    const reorgs = subscribe("reorgs");
    await node.generate(5);
    expect(finalized.map(({ sealed }) => Number(sealed.block.summary.height))).toEqual([1, 2, 3]);
    const left = showHash(node.chain.head.hash);
    await rival.generate(7, alice.address);
    await node.follow(rival, 2);
    expect(finalized.map(({ sealed }) => Number(sealed.block.summary.height))).toEqual([1, 2, 3, 2, 3, 4, 5]);
    expect(reorgs).toEqual([
      {
        atMs: node.scheduler.now(),
        depth: 5,
        oldHead: { height: 6, blockHash: left },
        newHead: { height: 7, blockHash: showHash(rival.chain.store.hashAt(7n)!) },
        commonAncestor: { height: 1, blockHash: showHash(node.chain.store.hashAt(1n)!) },
        entered: 6,
        dropped: 0,
        droppedTxs: [],
        finalizedReversed: true,
      },
    ]);
    expect(node.lines).toContainEqual(
      expect.objectContaining({ level: "error", message: "FINALIZED BLOCKS REVERSED" }),
    );
    expect(await node.call("consensus_explain")).toMatchObject({ state: "reversed", ok: false });
  });

  it("is not told again by a reorganisation above it", async () => {
    await node.generate(4);
    const rival = await rivalOf(4);
    const finalized = collect("finalized");
    const reorgs = collect("reorg");
    await node.generate(1);
    await rival.generate(2, alice.address);
    await node.follow(rival, 5);
    expect(finalized.map(({ sealed }) => Number(sealed.block.summary.height))).toEqual([2, 3]);
    expect(reorgs.map(({ finalizedReversed }) => finalizedReversed)).toEqual([false]);
    expect(node.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("the branches of a mined chain", () => {
  it("are listed with their work, and reorganisations are remembered", async () => {
    await node.generate(1);
    const rival = await rivalOf(1);
    await node.generate(1);
    await rival.generate(2, alice.address);
    const old = showHash(node.chain.head.hash);
    await node.follow(rival, 2);
    const tips = await node.call("chain_getTips");
    expect(tips).toEqual([
      {
        hash: showHash(node.chain.head.hash),
        height: 3,
        branchLength: 0,
        totalWork: "8",
        status: "active",
      },
      { hash: old, height: 2, branchLength: 1, totalWork: "6", status: "valid-fork" },
    ]);
    const tree = await node.call("chain_getForkTree");
    expect(tree.map(({ height, status }: Record<string, unknown>) => [height, status])).toEqual([
      [3, "active"],
      [2, "active"],
      [2, "valid-fork"],
      [1, "active"],
      [0, "active"],
    ]);
    expect(tree[2]).toMatchObject({ hash: old, parentHash: tree[3].hash, work: "2" });
    expect([tree[0].miner, tree[4].miner]).toEqual([alice.addressHex, null]);
    expect(await node.call("chain_getForkTree", { heights: 1 })).toHaveLength(1);
    expect(await node.call("chain_getReorgs", { limit: 5 })).toMatchObject([
      { depth: 1, entered: 2, oldHead: old, newHead: tips[0].hash, dropped: 0 },
    ]);
    // A block of the abandoned branch is not the chain's, and proves nothing.
    expect(await node.call("chain_getFinalityProof", { block: old })).toBeNull();
  });

  it("can be read by hash after they were abandoned, and say that they are not the chain's", async () => {
    await node.generate(1);
    const rival = await rivalOf(1);
    const tx = pay(0);
    const hash = hex0x(tx.id);
    await node.call("tx_send", { tx: hex0x(tx.bytes) });
    await node.generate(2);
    const old = showHash(node.chain.store.hashAt(2n)!);
    const onChain = await node.call("chain_getBlock", { block: old, full: true });
    expect(onChain.branch).toBeUndefined();
    await rival.generate(3, alice.address);
    await node.follow(rival, 2);
    const branch = { status: "valid-fork", forkHeight: 1 };
    expect(await node.call("chain_getBlock", { block: old, full: true })).toEqual({ ...onChain, branch });
    expect((await node.call("chain_getBlock", { block: old })).txs).toContain(hash);
    expect(await node.call("chain_getHeader", { block: old })).toMatchObject({
      height: 2,
      hash: old,
      branch,
    });
    expect(await node.call("tx_get", { hash })).toMatchObject({ status: "pending", final: false });
    expect(await node.call("tx_getReceipt", { hash })).toBeNull();
    expect(await node.call("tx_getProof", { hash })).toBeNull();
    // Of the coinbase of that block nothing is left.
    expect(await node.call("tx_get", { hash: onChain.txs[0].txHash })).toBeNull();
    // By height there is only the chain's.
    expect((await node.call("chain_getBlock", { block: 2 })).hash).not.toBe(old);
  });

  it("show a body that was never executed, a header whose body is missing, and what is invalid", async () => {
    await node.generate(2);
    const rival = await rivalOf(1);
    await rival.generate(2, alice.address);
    const [second, third] = [rival.chain.sealedBlockAt(2n)!.block, rival.chain.sealedBlockAt(3n)!.block];
    await node.take({ block: second, seal: new Uint8Array() });
    const block = showHash(second.hash);
    expect(await node.call("chain_getBlock", { block })).toMatchObject({
      branch: { status: "valid-headers", forkHeight: 1 },
      txs: [hex0x(second.transactions[0]!.id)],
    });
    await node.chain.enqueue(() => branchesOf(node.chain).addHeads([third]));
    const ahead = await node.call("chain_getBlock", { block: showHash(third.hash), full: true });
    expect(ahead).toMatchObject({
      height: 3,
      txCount: 1,
      txs: null,
      branch: { status: "headers-only", forkHeight: 1 },
    });
    await node.call("debug_invalidateBlock", { hash: block });
    expect((await node.call("chain_getHeader", { block: showHash(third.hash) })).branch.status).toBe(
      "invalid",
    );
    expect(await node.call("chain_getBlock", { block: `0x${"ab".repeat(32)}` })).toBeNull();
  });

  it("end a range of headers where the chain is just being taken away", async () => {
    await node.generate(4);
    const headAt = node.api.headAt.bind(node.api);
    node.api.headAt = async (height) => (height > 2n ? undefined : headAt(height));
    const range = await node.call("chain_getBlockRange", { from: 1, to: 4 });
    expect(range.map(({ height }: { height: number }) => height)).toEqual([1, 2]);
  });

  it("answer every read while branches are taken away and come back", async () => {
    await node.generate(4);
    const names = ["chain_getBlockRange", "chain_getHead", "chain_getBlock", "chain_getTips", "node_status"];
    const params = (name: string) =>
      name === "chain_getBlockRange"
        ? { from: 0, to: 4 }
        : name === "chain_getBlock"
          ? { block: "finalized" }
          : {};
    for (let round = 0; round < 10; round++) {
      const block = showHash((await node.api.headAt(1n))!.hash);
      const taken = node.call(round % 2 === 0 ? "debug_invalidateBlock" : "debug_reconsiderBlock", {
        hash: block,
      });
      for (let turn = 0; turn < 6; turn++) {
        for (const name of names) await node.call(name, params(name));
      }
      await taken;
      if (round % 2 === 0) await node.call("debug_reconsiderBlock", { hash: block });
    }
  });

  it("do not list old blocks that somebody looked at", async () => {
    await node.generate(5);
    for (let block = 0; block <= 5; block++) await node.call("chain_getBlock", { block });
    expect(await node.call("chain_getTips")).toHaveLength(1);
  });

  it("are left and taken up again by the operator's word", async () => {
    const hashes = await node.generate(3);
    const hash = hashes[1]!;
    expect(await node.call("debug_invalidateBlock", { hash })).toEqual({ height: 1, headHash: hashes[0] });
    expect((await node.call("chain_getTips"))[1]).toMatchObject({ status: "invalid", height: 3 });
    await node.generate(1, alice.address);
    expect(await node.call("debug_reconsiderBlock", { hash })).toEqual({ height: 3, headHash: hashes[2] });
    await expect(node.call("debug_invalidateBlock", { hash: `0x${"ab".repeat(32)}` })).rejects.toMatchObject({
      code: "BLOCK_NOT_FOUND",
    });
    const zero = showHash(node.chain.genesisHash);
    await expect(node.call("debug_invalidateBlock", { hash: zero })).rejects.toMatchObject({
      code: "INVALID_PARAMS",
    });
  });

  it("prove a block by the headers on top of it", async () => {
    await node.generate(4);
    const proof = await node.call("chain_getFinalityProof", { block: 2 });
    expect(proof).toMatchObject({ height: 2, seal: "0x", confirmations: 3, work: "6", final: false });
    expect(proof.headers).toHaveLength(2);
    const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
    const head = parseHex(proof.headers[1])!;
    expect(head).toHaveLength(80);
    expect(showHash(sha(sha(head)) as never)).toBe(showHash(node.chain.head.hash));
  });
});

describe("blocks of a mined chain", () => {
  it("have the header's time, their work and all work before them", async () => {
    await node.generate(2);
    const header = await node.call("chain_getHead");
    expect(header.time).toBe(1_000 * node.chain.head.header.time);
    expect(header.consensus).toMatchObject({
      type: "pow",
      nonce: node.chain.head.header.nonce,
      bits: "0x207fffff",
      work: "2",
      totalWork: "6",
    });
    expect((await node.call("chain_getBlock", { block: 1 })).consensus).toMatchObject({ totalWork: "4" });
    expect((await node.call("node_status")).headTime).toBe(header.time);
  });

  it("show their coinbase as a transaction that mints", async () => {
    await node.generate(1, alice.address);
    const block = await node.call("chain_getBlock", { block: 1, full: true });
    const amount = subsidyAt(node.genesis.consensus, 1n).toString();
    expect(block.txs[0]).toMatchObject({
      module: "coinbase",
      signature: "0x",
      call: { type: "coinbase", to: alice.addressHex, amount, height: 1 },
    });
    const receipt = await node.call("tx_getReceipt", { hash: block.txs[0].txHash });
    expect(receipt.events).toMatchObject([
      { module: "coinbase", decoded: { type: "minted", to: alice.addressHex, amount } },
    ]);
  });

  it("leave turns to everything else while the transactions of a large one are shown", async () => {
    for (let nonce = 0; nonce < 40; nonce++) await node.call("tx_send", { tx: hex0x(pay(nonce).bytes) });
    await node.generate(1);
    await node.call("chain_getBlock", { block: 1 });
    expect(node.pauses).toBe(0);
    const { txs } = await node.call("chain_getBlock", { block: 1, full: true });
    expect(txs).toHaveLength(41);
    expect(node.pauses).toBeGreaterThanOrEqual(2);
  });

  it("tell an account what it has mined and cannot spend yet", async () => {
    const { maturity } = node.genesis.consensus;
    expect((await node.call("account_get", { address: bob.addressHex })).maturing).toEqual({
      sum: "0",
      nextHeight: null,
    });
    await node.generate(2);
    expect((await node.call("account_get", { address: bob.addressHex })).maturing).toEqual({
      sum: "100",
      nextHeight: 1 + maturity,
    });
    await node.generate(maturity - 1, alice.address);
    expect(await node.call("account_get", { address: bob.addressHex })).toMatchObject({
      balance: "550",
      maturing: { sum: "50", nextHeight: 2 + maturity },
    });
  });
});

describe("a coinbase that somebody sends", () => {
  it("is refused wherever transactions come in", async () => {
    await node.generate(1);
    const tx = hex0x(node.chain.sealedBlockAt(1n)!.block.transactions[0]!.bytes);
    expect(await node.call("tx_simulate", { tx })).toMatchObject({ ok: false });
    await expect(node.call("tx_send", { tx })).rejects.toMatchObject({ name: "CallError" });
  });
});

describe("the state of a mined chain", () => {
  it("says while it catches up whether headers come or bodies", async () => {
    for (const phase of ["heads", "bodies"] as const) {
      node.api.syncing = () => ({ current: 3n, target: 90n, targetVerified: true, startedAtMs: 7, phase });
      expect((await node.call("node_status")).syncing).toEqual({
        current: 3,
        target: 90,
        targetVerified: true,
        startedAt: 7,
        phase,
      });
    }
  });

  it("names tip, target, work and the next retarget", async () => {
    await node.generate(3);
    expect(await node.call("consensus_getState")).toMatchObject({
      type: "pow",
      height: 3,
      tip: showHash(node.chain.head.hash),
      bits: "0x207fffff",
      target: `0x7fffff${"00".repeat(29)}`,
      totalWork: "8",
      retargetRule: "fixed",
      nextRetargetHeight: null,
      tips: 1,
      finalityDepth: DEPTH,
    });
    expect((await node.call("node_status")).consensus).toMatchObject({ type: "pow", mining: false });
    expect(await node.call("consensus_getValidators")).toEqual([]);
    expect(await node.call("consensus_getEvidence")).toEqual([]);
  });

  it("estimates the hash rate of all from work and time", async () => {
    const hashrate = () => mustHaveBranches(node.api).hashrate();
    await node.generate(1);
    expect(hashrate()).toBeUndefined();
    await node.time.pass(10_000);
    await node.generate(1);
    expect(hashrate()).toBeCloseTo(0.2);
  });
});

describe("orders to the miner", () => {
  it("start, stop and pay it, and count what came of it", async () => {
    await expect(node.call("miner_start")).rejects.toMatchObject({ code: "NO_COINBASE" });
    expect(await node.call("miner_start", { threads: 2, coinbase: alice.addressHex })).toMatchObject({
      mining: true,
      threads: 2,
      hashrate: 1_000,
      hashLimit: null,
      coinbase: alice.addressHex,
    });
    await settle();
    node.machine.find();
    await settle();
    expect(node.chain.head.summary.height).toBe(1n);
    expect(await node.call("miner_setCoinbase", { address: bob.addressHex })).toMatchObject({
      coinbase: bob.addressHex,
    });
    expect(await node.call("miner_stop")).toMatchObject({ mining: false, blocksMined: 1, stale: 0 });
    expect(node.machine.job).toBeUndefined();
  });

  it("count a block as stale whose place another has taken", async () => {
    const rival = await rivalOf(0);
    await node.generate(1);
    await rival.generate(2, alice.address);
    await node.follow(rival, 1);
    expect(await node.call("miner_status")).toMatchObject({ blocksMined: 1, stale: 1 });
  });

  it("give work to miners outside, and take it back once it is solved", async () => {
    const work = await node.call("miner_getWork", { coinbase: alice.addressHex });
    const other = await node.call("miner_getWork", { coinbase: alice.addressHex });
    expect(other.headerBytes).not.toBe(work.headerBytes);
    const nonceOf = ({ headerBytes, target }: typeof work, wanted: boolean): number => {
      const header = Buffer.from(headerBytes.slice(2), "hex");
      for (let nonce = 0; ; nonce++) {
        header.writeUInt32LE(nonce, 76);
        const hash = createHash("sha256").update(createHash("sha256").update(header).digest()).digest();
        if (BigInt(`0x${hash.reverse().toString("hex")}`) <= BigInt(target) === wanted) return nonce;
      }
    };
    expect(
      await node.call("miner_submitWork", { workId: work.workId, nonce: nonceOf(work, false) }),
    ).toMatchObject({ accepted: false, reason: expect.stringContaining("high-hash") });
    const solved = await node.call("miner_submitWork", { workId: work.workId, nonce: nonceOf(work, true) });
    expect(solved).toEqual({ accepted: true, blockHash: showHash(node.chain.head.hash) });
    expect(
      await node.call("miner_submitWork", { workId: other.workId, nonce: nonceOf(other, true) }),
    ).toMatchObject({ accepted: false, reason: expect.stringContaining("stale") });
    expect(await node.call("miner_submitWork", { workId: work.workId, nonce: 0 })).toMatchObject({
      accepted: false,
      reason: expect.stringContaining("unknown work"),
    });
  });

  it("forget work that is too old or too much", async () => {
    const first = await node.call("miner_getWork", { coinbase: alice.addressHex });
    for (let i = 0; i < 64; i++) await node.call("miner_getWork", { coinbase: alice.addressHex });
    expect((await node.call("miner_submitWork", { workId: first.workId, nonce: 0 })).reason).toContain(
      "unknown",
    );
    const last = await node.call("miner_getWork", { coinbase: alice.addressHex });
    await node.time.pass(61_000);
    expect((await node.call("miner_submitWork", { workId: last.workId, nonce: 0 })).reason).toContain(
      "unknown",
    );
  });

  it("mine blocks on demand until their times are too far ahead of the clock", async () => {
    const fast = await MinedNode.open({ futureLimit: 20 });
    opened.push(fast);
    const refused = await fast.generate(1_000).then(
      () => undefined,
      (error) => error,
    );
    expect(refused).toMatchObject({ code: "TOO_EARLY", message: expect.stringContaining("20 s ahead") });
    expect(refused.data.hashes).toHaveLength(Number(fast.chain.head.summary.height));
    // Six blocks share the median with what comes after: the limit holds about six times as many.
    expect(refused.data.hashes.length).toBeGreaterThan(20);
  });

  it("refuse blocks on demand that nobody would wait for", async () => {
    const hard = await MinedNode.open({ powLimitBits: 0x1d00ffff, startBits: 0x1d00ffff });
    opened.push(hard);
    await expect(hard.generate(1)).rejects.toMatchObject({ code: "TOO_HARD" });
  });

  it("refuse a second miner_generate while one is at work", async () => {
    const first = node.generate(50);
    await expect(node.generate(1)).rejects.toMatchObject({ code: "MINER_BUSY" });
    expect(await first).toHaveLength(50);
  });
});

describe("a chain whose blocks are final at once", () => {
  it.each([
    ["chain_getTips", {}],
    ["chain_getReorgs", {}],
    ["debug_invalidateBlock", { hash: `0x${"00".repeat(32)}` }],
    ["debug_reconsiderBlock", { hash: `0x${"00".repeat(32)}` }],
    ["miner_status", {}],
    ["miner_start", {}],
    ["miner_stop", {}],
    ["miner_getWork", {}],
    ["miner_generate", { blocks: 1 }],
  ])("refuses %s and says why", async (name, params) => {
    const fake = await FakeNode.open();
    const { METHOD_TABLE } = await import("../../src/rpc/methods/method-table.ts");
    const { parseParams } = await import("../../src/rpc/jsonrpc/params.ts");
    const method = METHOD_TABLE.get(name)!;
    const asked = async () => method.call({ api: fake } as never, parseParams(method, params) as never);
    await expect(asked()).rejects.toMatchObject({ code: "WRONG_CONSENSUS", number: -32004 });
  });

  it("has no news of reorganisations", async () => {
    const api = await FakeNode.open();
    const subscriptions = new Subscriptions({
      api,
      notices: new Notices(),
      send: () => undefined,
      tooSlow: () => undefined,
      changed: () => undefined,
      ...NO_STREAMS,
    });
    expect(() => subscriptions.add("reorgs", undefined)).toThrow("final at once");
  });
});

it("a node whose chain cannot be written is not healthy", async () => {
  await node.api.checkStore();
  const full = () => Promise.reject(new Error("no space left"));
  await expect(node.replica.chain.enqueue(full)).rejects.toThrow("no space left");
  await expect(node.api.checkStore()).rejects.toThrow("the chain cannot be written");
});
