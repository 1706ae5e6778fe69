/**
 * Blocks that are full to the brim: whoever builds one (an engine's order, work for outside miners, blocks on demand,
 * a validator), the check that judges blocks takes it. And when a node does refuse its own block, it goes on without
 * what made it invalid and says so.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { utf8, ZERO_HASH } from "../../../src/base/bytes.ts";
import { Chain } from "../../../src/chain/chain.ts";
import { AcceptedSignatures } from "../../../src/chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../../src/chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { readAccount } from "../../../src/chain/modules/accounts.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import { type Block, bodyRootOf } from "../../../src/chain/types/block.ts";
import {
  COINBASE_BYTES,
  type SignedTransaction,
  signTransaction,
} from "../../../src/chain/types/transaction.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { createSigner } from "../../../src/crypto/keys.ts";
import { Mempool } from "../../../src/mempool/mempool.ts";
import { bodiesFrom } from "../../../src/node/mining/block-body.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { alice, genesis as alliance, bob, plainRules, SEAL } from "../../chain/fixtures.ts";
import { genesis as mined, miner, openMinedChain, solve } from "../../chain/pow-fixtures.ts";
import { MinedNode } from "../../rpc/mined-node.ts";
import { MinedCluster } from "../pow-cluster.ts";

function transferIn(genesis: Genesis, nonce: number, memoBytes: number, from = alice): SignedTransaction {
  const payload = bank.encodeCall({ to: bob.publicKey, amount: 1n, memo: new Uint8Array(memoBytes) });
  const fields = {
    chainId: genesis.chainId,
    nonce: BigInt(nonce),
    fee: 0n,
    validUntilHeight: 0n,
    module: bank.id,
    payload,
  };
  return signTransaction(fields, from, computeGenesisHash(genesis));
}

/** Bytes of a transfer without a memo. */
const SMALL = transferIn(alliance, 0, 0).bytes.length;

const openers = {
  alliance: (genesis: Genesis) =>
    Chain.open(genesis, {
      kv: new MemoryKv(),
      rules: plainRules,
      signatures: new AcceptedSignatures(computeGenesisHash(genesis)),
    }),
  public: (genesis: Genesis) => openMinedChain({ genesis }),
};

/** Builds on block 0 from a pool with these transactions, and imports the block into another chain. */
async function buildFull(mode: "alliance" | "public", genesis: Genesis, pooled: SignedTransaction[]) {
  const chain = await openers[mode](genesis);
  const account = (address: Parameters<typeof readAccount>[1]) => readAccount(chain.committed, address);
  const pool = new Mempool(
    { genesis, transactionsMax: 1_000, bytesMax: 1_000_000 },
    { head: { height: 0n, account }, signatures: { admit: () => true } },
  );
  for (const transaction of pooled) expect(pool.add(transaction, 0)).toMatchObject({ ok: true });
  const proposal = { timeMs: genesis.timeMs + 600_000n, proposer: 0, rewardTo: miner };
  const block = chain.buildBlock(chain.head.hash, proposal, bodiesFrom(pool, chain), true)!;
  const sealed = mode === "public" ? solve(block) : { block, seal: SEAL };
  const judge = await openers[mode](genesis);
  return { block, result: await judge.importBlock(sealed), checked: judge.checkBlock(block) };
}

describe.each(["alliance", "public"] as const)("a full block in %s mode", (mode) => {
  const base: Genesis = mode === "public" ? mined : alliance;
  const own = mode === "public" ? COINBASE_BYTES : 0;
  const pooled = Array.from({ length: 12 }, (_, nonce) => transferIn(base, nonce, 0));

  it.each([-1, 0, 1])(
    "passes its own check at the limit of bytes, %i from what four transfers take",
    async (spare) => {
      const maxBlockBytes = 4 * SMALL + own + spare;
      const genesis = { ...base, limits: { ...base.limits, maxBlockBytes } };
      const resigned = pooled.map((_, nonce) => transferIn(genesis, nonce, 0));
      const { block, result } = await buildFull(mode, genesis, resigned);
      expect(result.kind).toBe("imported");
      expect(block.transactions).toHaveLength((spare < 0 ? 3 : 4) + (own > 0 ? 1 : 0));
    },
  );

  it.each([2, 3, 12, 13, 14])(
    "passes its own check with at most %i transactions",
    async (maxBlockTransactions) => {
      const genesis = { ...base, limits: { ...base.limits, maxBlockTransactions } };
      const resigned = pooled.map((_, nonce) => transferIn(genesis, nonce, 0));
      const { block, result } = await buildFull(mode, genesis, resigned);
      expect(result.kind).toBe("imported");
      expect(block.transactions).toHaveLength(Math.min(maxBlockTransactions, 12 + (own > 0 ? 1 : 0)));
    },
  );

  it("passes its own check whatever the limits and the sizes in the pool", async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 12 });
    const limits = fc.record({
      maxBlockBytes: fc.integer({ min: SMALL + 90 + COINBASE_BYTES, max: 1_500 }),
      maxBlockTransactions: fc.integer({ min: 2, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, limits, async (memos, chosen) => {
        const genesis = { ...base, limits: { ...base.limits, ...chosen } };
        const transactions = memos.map((bytes, nonce) => transferIn(genesis, nonce, bytes));
        const { block, result } = await buildFull(mode, genesis, transactions);
        expect(result).toEqual({ kind: "imported" });
        expect(block.transactions.length).toBeGreaterThan(own > 0 ? 1 : 0);
      }),
      { numRuns: 40 },
    );
  });

  it("leaves out what does not fit, whoever chose it", async () => {
    const genesis = { ...base, limits: { ...base.limits, maxBlockTransactions: 3 } };
    const chain = await openers[mode](genesis);
    const greedy = () => pooled.map((_, nonce) => transferIn(genesis, nonce, 0));
    const proposal = { timeMs: genesis.timeMs + 600_000n, proposer: 0, rewardTo: miner };
    expect(chain.buildBlock(chain.head.hash, proposal, greedy, true)?.transactions).toHaveLength(3);
  });
});

describe("miners with more waiting than a block holds", () => {
  let cluster: MinedCluster | undefined;
  afterEach(() => cluster?.stop());

  it("go on, block after full block, until nothing waits", async () => {
    const limits = { maxBlockTransactions: 4 };
    cluster = new MinedCluster({ nodes: 3, meanMs: () => 20_000, seed: "full blocks", limits });
    await cluster.start();
    for (let nonce = 0n; nonce < 30n; nonce++) {
      const { bytes } = cluster.transfer(alice, nonce, bob.publicKey);
      expect(cluster.replica(0).submit(bytes).ok).toBe(true);
    }
    const isPaid = () => cluster!.balance(1, bob.publicKey) === 530n;
    expect(await cluster.until(isPaid, 600_000)).toBe(true);
    expect(cluster.failures).toEqual([]);
  });
});

describe("a node whose blocks are full", () => {
  let node: MinedNode;
  afterEach(() => node.stop());

  async function openFull(kv = new MemoryKv()): Promise<void> {
    node = await MinedNode.open({}, { limits: { maxBlockTransactions: 3 }, kv });
    for (let nonce = 0; nonce < 8; nonce++) {
      const { bytes } = transferFrom(node, nonce);
      expect(node.replica.submit(bytes)).toMatchObject({ ok: true });
    }
  }

  it("mines them on demand, and gives them out as work", async () => {
    await openFull();
    await node.generate(2);
    expect(await node.call("miner_status")).toMatchObject({ blocksMined: 2, blocksRefused: 0 });
    const work = await node.call("miner_getWork", { coinbase: bobHex });
    expect(await submit(node, work.workId)).toMatchObject({ accepted: true });
    expect(node.chain.sealedBlockAt(3n)?.block.transactions).toHaveLength(3);
  });

  it("mines an empty block where it refused one of its own, counts it apart and tells why", async () => {
    await openFull();
    await node.call("miner_start", { coinbase: bobHex });
    await settle();
    expect(node.machine.job?.block.transactions).toHaveLength(3);
    node.machine.find(withWrongState);
    await settle();
    expect(node.machine.job?.block.transactions).toHaveLength(1);
    expect(await node.call("miner_status")).toMatchObject({
      blocksMined: 0,
      blocksRefused: 1,
      lastRefused: { height: 1, code: "wrong-root" },
    });
    node.machine.find();
    await settle();
    expect(node.chain.head.summary.height).toBe(1n);
    // On the new head it takes from the pool again.
    expect(node.machine.job?.block.transactions).toHaveLength(3);
    expect(await node.call("miner_status")).toMatchObject({ blocksMined: 1, blocksRefused: 1 });
  });

  it("stops at the first failed write of work that was handed in, and accepts nothing afterwards", async () => {
    const kv = new FailingKv();
    await openFull(kv);
    const work = await node.call("miner_getWork", { coinbase: bobHex });
    kv.isFull = true;
    await expect(submit(node, work.workId)).rejects.toThrow("no space left");
    kv.isFull = false;
    await expect(submit(node, work.workId)).rejects.toThrow("no space left");
    expect(node.failures).toHaveLength(1);
    expect(node.chain.head.summary.height).toBe(0n);
  });

  it("stops at a failed write of a block on demand", async () => {
    const kv = new FailingKv();
    await openFull(kv);
    kv.isFull = true;
    await expect(node.generate(1)).rejects.toThrow("no space left");
    expect(node.failures).toHaveLength(1);
  });
});

class FailingKv extends MemoryKv {
  isFull = false;

  override async write(...of: Parameters<MemoryKv["write"]>): Promise<void> {
    if (this.isFull) throw new Error("no space left on device");
    return await super.write(...of);
  }
}

/** Who has money on the chain of these tests. */
const nodesAlice = createSigner(sha256(utf8("rpc test alice")));
const bobHex = `0x${Buffer.from(bob.publicKey).toString("hex")}`;

function transferFrom(node: MinedNode, nonce: number): SignedTransaction {
  return transferIn(node.genesis, nonce, 0, nodesAlice);
}

function withWrongState(block: Block): Block {
  const summary = { ...block.summary, stateRoot: ZERO_HASH };
  return { ...block, summary, header: { ...block.header, bodyRoot: bodyRootOf(summary) } };
}

/** The first nonce of a work that the node takes. */
// biome-ignore lint/suspicious/noExplicitAny: an answer of the node
async function submit(node: MinedNode, workId: string): Promise<any> {
  for (let nonce = 0; ; nonce++) {
    const verdict = await node.call("miner_submitWork", { workId, nonce });
    if (verdict.accepted || !verdict.reason.includes("high-hash")) return verdict;
  }
}

/** Lets the driver take what waits for it. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
