/** Every method of the table against a real ledger: its answer holds to its own schema, its refusals to the codes. */
import { describe, expect, it } from "vitest";
import { hex0x, showHash } from "../../src/base/bytes.ts";
import { METHODS, methodsOf } from "../../src/rpc/methods/method-table.ts";
import { alice, bob, chainRef, genesisHash } from "./fake-node.ts";
import { rpc, serve } from "./serve.ts";

const DIGEST = "0x".padEnd(66, "d1");

/** A chain of two blocks: a transfer, then an anchor and a transfer that fails. */
async function populated() {
  const served = await serve();
  const { node } = served;
  const first = alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 5n, memo: "lunch" });
  node.submit(first.bytes);
  const one = await node.commit();
  const anchored = alice.anchor({ chain: chainRef, nonce: 1, digest: DIGEST, memo: "contract" });
  const failing = bob.transfer({ chain: chainRef, nonce: 0, to: alice.address, amount: 1_000_000n });
  node.submit(anchored.bytes);
  node.submit(failing.bytes);
  const two = await node.commit();
  const call = async (method: string, params?: unknown) => {
    const answer = await rpc(served.url, method, params);
    if (answer.error !== undefined) return answer.error;
    const { result } = METHODS[method as keyof typeof METHODS];
    expect(result.safeParse(answer.result).error, method).toBeUndefined();
    return answer.result;
  };
  return { ...served, call, first, anchored, failing, one, two };
}

describe("the table of methods", () => {
  it("has examples that hold to its own schemas", () => {
    for (const [name, { params, result, examples, name: own }] of Object.entries(METHODS)) {
      expect(own).toBe(name);
      if (name !== "rpc.discover") expect(examples.length, name).toBeGreaterThan(0);
      for (const example of examples) {
        expect(params.safeParse(example.params).error, `${name} params`).toBeUndefined();
        expect(result.safeParse(example.result).error, `${name} result`).toBeUndefined();
      }
    }
  });

  it("says who the node is and where it stands", async () => {
    const { call, two } = await populated();
    expect(await call("node_info")).toMatchObject({
      name: "node0",
      chainId: 31337,
      genesisHash: showHash(genesisHash),
      consensus: "pbft",
      apis: [
        "account",
        "chain",
        "consensus",
        "debug",
        "devnet",
        "gov",
        "mempool",
        "miner",
        "net",
        "node",
        "rpc",
        "state",
        "sub",
        "tx",
      ],
    });
    expect(await call("node_status")).toMatchObject({
      height: 2,
      headHash: showHash(two.block.hash),
      finalizedHeight: 2,
      syncing: false,
      peers: 3,
      consensus: { view: 0, quorum: 3, n: 4 },
    });
  });

  it("finds a block by number, text, hex, hash and tag", async () => {
    const { call, one, two } = await populated();
    const hashOf = async (block: unknown) => (await call("chain_getBlock", { block })).hash;
    for (const block of [1, "1", "0x1", showHash(one.block.hash)]) {
      expect(await hashOf(block)).toBe(showHash(one.block.hash));
    }
    for (const block of [2, "latest", "finalized", "pending"]) {
      expect(await hashOf(block)).toBe(showHash(two.block.hash));
    }
    expect(await hashOf("earliest")).toBe(showHash(genesisHash));
    expect((await call("chain_getHeader", { block: "latest" })).hash).toBe(showHash(two.block.hash));
    expect((await call("chain_getHead")).height).toBe(2);
  });

  it("shows a block with its certificate and, if asked, whole transactions", async () => {
    const { call, anchored, failing, two } = await populated();
    const block = await call("chain_getBlock", { block: 2 });
    expect(block.txs).toEqual([hex0x(anchored.id), hex0x(failing.id)]);
    expect(block.consensus).toMatchObject({ type: "pbft", view: 0, seq: 2, commits: { length: 3 } });
    const full = await call("chain_getBlock", { block: 2, full: true });
    expect(full.txs[0].call).toEqual({ type: "anchor", digest: DIGEST, memo: "contract" });
    expect(full.txs[0].raw).toBe(hex0x(two.block.transactions[0]!.bytes));
    expect((await call("chain_getBlock", { block: 0 })).consensus.commits).toEqual([]);
  });

  it("answers null for a hash it does not hold and an error for a height above the head", async () => {
    const { call } = await populated();
    const strange = "0x".padEnd(66, "ab");
    for (const method of ["chain_getBlock", "chain_getHeader", "chain_getFinalityProof"]) {
      expect(await call(method, { block: strange })).toBeNull();
      expect(await call(method, { block: 3 })).toEqual({
        code: -32001,
        message: "height 3 is above the head, 2",
        data: { code: "BLOCK_NOT_FOUND", height: 3, head: 2 },
      });
    }
    for (const method of ["tx_get", "tx_getReceipt", "tx_getProof"]) {
      expect(await call(method, { hash: strange })).toBeNull();
    }
  });

  it("gives ranges of headers up to the head, and refuses a range that is too wide or reversed", async () => {
    const { call } = await populated();
    const heights = async (from: unknown, to: unknown) =>
      (await call("chain_getBlockRange", { from, to })).map(({ height }: { height: number }) => height);
    expect(await heights(0, 2)).toEqual([0, 1, 2]);
    expect(await heights("0x1", 100)).toEqual([1, 2]);
    expect((await call("chain_getBlockRange", { from: 0, to: 101 })).code).toBe(-32602);
    expect((await call("chain_getBlockRange", { from: 2, to: 1 })).code).toBe(-32602);
    expect((await call("chain_getBlockRange", { from: 3, to: 4 })).data.code).toBe("BLOCK_NOT_FOUND");
  });

  it("gives the genesis and finality proofs", async () => {
    const { call, one } = await populated();
    const { genesisHash: shown, genesis } = await call("chain_getGenesis");
    expect(shown).toBe(showHash(genesisHash));
    expect(genesis.chainId).toBe(31337);
    const proof = await call("chain_getFinalityProof", { block: 1 });
    expect(proof).toMatchObject({ height: 1, seal: hex0x(one.seal), consensus: { seq: 1 } });
    expect(proof.header).toHaveLength(162);
  });

  it("follows a transaction from the pool to its receipt", async () => {
    const { node, call, failing } = await populated();
    const tx = bob.transfer({ chain: chainRef, nonce: 1, to: alice.address, amount: 1n });
    node.submit(tx.bytes);
    const hash = hex0x(tx.id);
    expect(await call("tx_get", { hash })).toMatchObject({ status: "pending", tx: { txHash: hash } });
    expect(await call("tx_getReceipt", { hash })).toBeNull();
    const { block } = await node.commit();
    expect(await call("tx_get", { hash })).toMatchObject({
      status: "final",
      height: 3,
      blockHash: showHash(block.hash),
      index: 0,
      confirmations: 1,
    });
    expect(await call("tx_getReceipt", { hash })).toMatchObject({
      status: "success",
      code: 0,
      fault: null,
      final: true,
      events: [{ module: "bank", decoded: { type: "transferred", amount: "1" } }],
    });
    expect(await call("tx_getReceipt", { hash: hex0x(failing.id) })).toMatchObject({
      status: "failed",
      fault: "BANK_INSUFFICIENT_FUNDS",
      confirmations: 2,
      index: 1,
      events: [],
    });
  });

  it("simulates without keeping anything", async () => {
    const { call, node } = await populated();
    const simulate = (amount: bigint, nonce = 1) =>
      call("tx_simulate", {
        tx: hex0x(bob.transfer({ chain: chainRef, nonce, to: alice.address, amount }).bytes),
      });
    expect(await simulate(5n)).toMatchObject({
      ok: true,
      error: null,
      fee: "0",
      events: { length: 1 },
      height: 2,
    });
    expect(await simulate(10_000n)).toMatchObject({ ok: false, error: { code: "BANK_INSUFFICIENT_FUNDS" } });
    expect(await simulate(5n, 0)).toMatchObject({
      ok: false,
      error: { code: "TX_NONCE_MISMATCH" },
      fee: null,
    });
    expect(node.pooled).toEqual([]);
  });

  it("reads accounts of the latest block and calls older ones pruned", async () => {
    const { call, two } = await populated();
    const address = bob.addressHex;
    const expected = {
      address,
      balance: "505",
      nonce: 1,
      pendingNonce: 1,
      height: 2,
      blockHash: showHash(two.block.hash),
    };
    for (const block of [undefined, "latest", "finalized", 2, showHash(two.block.hash)]) {
      expect(await call("account_get", block === undefined ? { address } : { address, block })).toEqual(
        expected,
      );
    }
    for (const block of [0, 1, "earliest"]) {
      expect(await call("account_get", { address, block })).toEqual({
        code: -32002,
        message: 'only the state of the latest block is kept: ask for "latest" or height 2',
        data: { code: "PRUNED", availableHeight: 2 },
      });
    }
    expect((await call("account_get", { address, block: 9 })).data.code).toBe("BLOCK_NOT_FOUND");
    expect(await call("account_get", { address: DIGEST })).toMatchObject({ balance: "0", nonce: 0 });
  });

  it("queries the state by path, with proofs of presence and absence", async () => {
    const { call } = await populated();
    const query = (path: string, prove = false) => call("state_query", { path, prove });
    expect(await query(`account/${bob.addressHex}`)).toMatchObject({
      key: `0x01${bob.addressHex.slice(2)}`,
      decoded: { balance: "505", nonce: 1 },
      height: 2,
    });
    expect(await query(`anchor/${DIGEST}`, true)).toMatchObject({
      decoded: { count: 1, sender: alice.addressHex, height: 2, memo: "contract" },
      proof: expect.stringMatching(/^0x00/),
      finality: { header: expect.any(String), summary: expect.any(String), seal: expect.any(String) },
    });
    expect((await query(`anchor/${DIGEST}/${alice.addressHex}`)).decoded.ordinal).toBe(0);
    expect(await query(`anchor/${DIGEST}/${bob.addressHex}`, true)).toMatchObject({
      value: null,
      decoded: null,
      proof: expect.any(String),
    });
    for (const path of [
      "",
      "account",
      "account/0x12",
      `anchor/${DIGEST}/`,
      `gold/${DIGEST}`,
      `account/${DIGEST}/x`,
    ]) {
      expect((await query(path)).data.code, path).toBe("BAD_PATH");
    }
  });

  it("says which parameters of a module's file are missing", async () => {
    const { call } = await populated();
    expect(await call("state_getModuleFile")).toMatchObject({
      message: expect.stringContaining("name and sha256 are missing"),
    });
    expect(await call("state_getModuleFile", { name: "nonsense" })).toMatchObject({
      message: expect.stringContaining('no module "nonsense"'),
    });
  });

  it("tells wrong types from texts that are not the hex they should be", async () => {
    const { call } = await populated();
    const codes = async (method: string, params: unknown) => {
      const { code, data } = await call(method, params);
      return [code, data.code];
    };
    expect(await codes("tx_send", { tx: 5 })).toEqual([-32602, "INVALID_PARAMS"]);
    expect(await codes("tx_send", { tx: "0x123" })).toEqual([-32000, "BAD_HEX"]);
    expect(await codes("tx_send", { tx: "zz" })).toEqual([-32000, "BAD_HEX"]);
    expect(await codes("tx_send", { tx: "0x01" })).toEqual([-32000, "TX_MALFORMED"]);
    expect(await codes("tx_send", { tx: "zz", wait: "soon" })).toEqual([-32602, "INVALID_PARAMS"]);
    expect(await codes("account_get", { address: "0x12" })).toEqual([-32000, "BAD_ADDRESS"]);
    expect(await codes("tx_get", { hash: "12" })).toEqual([-32000, "BAD_HASH"]);
    expect(await codes("chain_getBlock", { block: `0x${"g".repeat(64)}` })).toEqual([-32000, "BAD_HASH"]);
    for (const block of [-1, 1.5, 2 ** 53, "newest", null, {}, true, "1e3"]) {
      expect(await codes("chain_getBlock", { block })).toEqual([-32602, "INVALID_PARAMS"]);
    }
  });

  it("cuts off validators by name, index or peer id, never itself, and heals", async () => {
    const { call, node } = await populated();
    const ids = node.validators().members.map((member) => member.peerId);
    const blocked = ["node1", 2, ids[3], ids[3], node.info().peerId];
    const expected = ids.slice(1).filter((id) => id !== node.info().peerId);
    expect(await call("devnet_setPartition", { blocked })).toEqual({ blocked: expected });
    expect(await call("net_info")).toMatchObject({ blocked: expected });
    expect(await call("devnet_setPartition", { blocked: ["nobody"] })).toMatchObject({ code: -32602 });
    expect(node.blocked).toEqual(expected);
    expect(await call("devnet_setPartition", { blocked: [] })).toEqual({ blocked: [] });
  });

  it("has devnet methods on dev chains alone", () => {
    expect(methodsOf("dev").has("devnet_setPartition")).toBe(true);
    const names = [...methodsOf("production").keys()];
    expect(names.filter((name) => name.startsWith("devnet"))).toEqual([]);
    expect(names).toContain("tx_send");
  });

  it("shows pool, peers and consensus; hints of peers may be any u64", async () => {
    const { call, node } = await populated();
    expect(await call("mempool_status")).toMatchObject({ transactions: 0, transactionsMax: 100 });
    expect(await call("net_info")).toMatchObject({ peers: 3, inbound: 0, outbound: 3, blocked: [] });
    node.peerList = [{ ...node.peerList[0]!, height: 2n ** 64n - 1n, validator: undefined, name: undefined }];
    expect(await call("net_peers")).toMatchObject([
      { height: "18446744073709551615", role: "full", name: null },
    ]);
    expect(await call("consensus_getState")).toMatchObject({
      type: "pbft",
      seq: 3,
      phase: "prepared",
      lastExecuted: 2,
      attempt: 1,
      haltReason: null,
      timer: { armed: true, dueInMs: 3000, timeoutMs: 4000 },
      viewChanges: [{ view: 1, from: [2] }],
      slots: [{ seq: 3, prepares: [1, 2], commits: [0] }],
    });
    expect(await call("consensus_getValidators")).toMatchObject([
      { id: "node0", index: 0, online: true },
      { id: "node1", online: false, lastSeenSeq: 2, lastSeenView: "9223372036854775808" },
      { id: "node2" },
      { id: "node3" },
    ]);
    node.validates = false;
    expect(await call("consensus_getState")).toMatchObject({ code: -32002, data: { code: "NOT_VALIDATOR" } });
    expect((await call("node_status")).consensus).toBeNull();
  });

  it("subscribes over a WebSocket only", async () => {
    const { call } = await populated();
    expect(await call("sub_subscribe", { topic: "newHeads" })).toMatchObject({
      code: -32004,
      data: { code: "NEEDS_WEBSOCKET" },
    });
  });
});
