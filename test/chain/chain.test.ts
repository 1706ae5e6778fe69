/** The ledger through its one way in: build, check, import, read back, refuse. */
import { describe, expect, it } from "vitest";
import { assert } from "../../src/base/assert.ts";
import { EMPTY, type Hash, hex } from "../../src/base/bytes.ts";
import { type Chain, SafetyViolation } from "../../src/chain/chain.ts";
import { readAccount } from "../../src/chain/modules/accounts.ts";
import { readFirstAnchor, readSenderAnchor } from "../../src/chain/modules/anchor.ts";
import { accountKey } from "../../src/chain/state/state-keys.ts";
import { checkStateProof, hashStateKey } from "../../src/chain/state/state-proof.ts";
import { proveKey } from "../../src/chain/state/state-tree.ts";
import {
  assembleBlock,
  type Block,
  decodeSealedBlock,
  encodeSealedBlock,
  hasReadBody,
  placeOf,
} from "../../src/chain/types/block.ts";
import { decodeReceipt } from "../../src/chain/types/receipt.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import {
  alice,
  anchorOf,
  bob,
  build,
  carol,
  extend,
  genesis,
  genesisHash,
  openChain,
  plainRules,
  proposer,
  sealed,
  transfer,
} from "./fixtures.ts";
import { mineOn, openMinedChain } from "./pow-fixtures.ts";

describe("the ledger", () => {
  it("starts from genesis with the funded accounts and nobody else", async () => {
    const chain = await openChain();
    expect(chain.head.summary.height).toBe(0n);
    expect(readAccount(chain.committed, alice.publicKey)).toEqual({ balance: 1_000n, nonce: 0n });
    expect(readAccount(chain.committed, carol.publicKey)).toBeUndefined();
  });

  it("moves money, counts nonces and pays the fee to the proposer", async () => {
    const chain = await openChain();
    await extend(chain, transfer(alice, carol.publicKey, 100n, { fee: 3n }));
    expect(readAccount(chain.committed, alice.publicKey)).toEqual({ balance: 897n, nonce: 1n });
    expect(readAccount(chain.committed, carol.publicKey)).toEqual({ balance: 100n, nonce: 0n });
    expect(readAccount(chain.committed, proposer.publicKey)).toEqual({ balance: 3n, nonce: 0n });
  });

  it("reads after the debit in a self-transfer, so that no money appears", async () => {
    const chain = await openChain();
    await extend(chain, transfer(alice, alice.publicKey, 400n));
    expect(readAccount(chain.committed, alice.publicKey)).toEqual({ balance: 1_000n, nonce: 1n });
  });

  it("creates no account by a transfer of zero, and keeps an emptied sender for its nonce", async () => {
    const chain = await openChain();
    await extend(chain, transfer(alice, carol.publicKey, 0n));
    expect(readAccount(chain.committed, carol.publicKey)).toBeUndefined();
    await extend(chain, transfer(alice, bob.publicKey, 1_000n, { nonce: 1n }));
    expect(readAccount(chain.committed, alice.publicKey)).toEqual({ balance: 0n, nonce: 2n });
  });

  it("keeps fee and nonce of a failed call and undoes everything else", async () => {
    const chain = await openChain();
    const block = await extend(chain, transfer(alice, bob.publicKey, 5_000n, { fee: 2n }));
    const receipt = decodeReceipt(chain.store.receipts(block.hash)![0]!);
    expect(receipt).toMatchObject({ ok: true, value: { status: "failed", code: 1, fee: 2n, events: [] } });
    expect(readAccount(chain.committed, alice.publicKey)).toEqual({ balance: 998n, nonce: 1n });
    expect(readAccount(chain.committed, bob.publicKey)).toEqual({ balance: 500n, nonce: 0n });
  });

  it("anchors a digest once per sender and counts the senders", async () => {
    const chain = await openChain();
    await extend(chain, anchorOf(alice, "contract"), anchorOf(bob, "contract"));
    const second = await extend(chain, anchorOf(alice, "contract", { nonce: 1n }));
    const digest = sha256(new TextEncoder().encode("contract"));
    expect(readFirstAnchor(chain.committed, digest)).toMatchObject({
      count: 2,
      sender: alice.publicKey,
      height: 1n,
    });
    expect(readSenderAnchor(chain.committed, digest, bob.publicKey)).toMatchObject({
      ordinal: 1,
      height: 1n,
    });
    expect(decodeReceipt(chain.store.receipts(second.hash)![0]!)).toMatchObject({
      value: { status: "failed" },
    });
  });

  it("proves membership and absence under the root in the block", async () => {
    const chain = await openChain();
    const block = await extend(chain, transfer(alice, carol.publicKey, 7n));
    const { stateRoot } = block.summary;
    for (const person of [alice, carol, { publicKey: sha256(new Uint8Array(1)) as never }]) {
      const key = accountKey(person.publicKey);
      const proof = proveKey(chain.committed, hashStateKey(key));
      expect(checkStateProof(stateRoot, key, chain.committed.get(key), proof)).toBe(true);
      expect(checkStateProof(stateRoot, key, new Uint8Array(16), proof)).toBe(false);
    }
  });

  it("finds the same ledger again after it was reopened", async () => {
    const kv = new MemoryKv();
    const first = await openChain(kv);
    const block = await extend(first, transfer(alice, bob.publicKey, 1n));
    const again = await openChain(kv.crash());
    expect(again.head.hash).toEqual(block.hash);
    expect(again.sealedBlockAt(1n)?.block.transactions.map((tx) => hex(tx.id))).toEqual(
      block.transactions.map((tx) => hex(tx.id)),
    );
    await extend(again, transfer(alice, bob.publicKey, 1n, { nonce: 1n }));
    expect(readAccount(again.committed, bob.publicKey)?.balance).toBe(502n);
  });

  it("finds a transaction by its id", async () => {
    const chain = await openChain();
    const [first, second] = [transfer(alice, bob.publicKey, 1n), transfer(bob, alice.publicKey, 1n)];
    const block = await extend(chain, first, second);
    expect(await chain.store.findTransaction(second.id)).toEqual({ blockHash: block.hash, index: 1 });
    expect(await chain.store.findTransaction(genesisHash)).toBeUndefined();
    const sharesItsStart = Uint8Array.from(second.id, (byte, i) => (i < 8 ? byte : byte ^ 1)) as Hash;
    expect(await chain.store.findTransaction(sharesItsStart)).toBeUndefined();
  });

  it("leaves transactions that are invalid here out of a block it builds", async () => {
    const chain = await openChain();
    const block = build(
      chain,
      transfer(alice, bob.publicKey, 1n, { nonce: 5n }),
      transfer(bob, alice.publicKey, 1n),
    );
    expect(block.transactions).toHaveLength(1);
  });

  it("executes a block on an uncommitted parent and commits both in order", async () => {
    const chain = await openChain();
    const first = build(chain, transfer(alice, bob.publicKey, 1n));
    const proposal = { timeMs: first.summary.timeMs + 1n, proposer: 0 };
    const next = () => [transfer(alice, bob.publicKey, 1n, { nonce: 1n })];
    const second = chain.buildBlock(first.hash, proposal, next, false)!;
    const other = await openChain();
    expect(other.checkBlock(second)).toEqual({ kind: "orphan" });
    expect(other.checkBlock(first)).toEqual({ kind: "valid" });
    expect(other.checkBlock(second)).toEqual({ kind: "valid" });
    expect(await other.importBlock(sealed(second))).toMatchObject({ kind: "orphan" });
    expect(await other.importBlock(sealed(first))).toEqual({ kind: "imported" });
    expect(await other.importBlock(sealed(second))).toEqual({ kind: "imported" });
    expect(readAccount(other.committed, bob.publicKey)?.balance).toBe(502n);
  });

  it("offers no ledger at the old head while the next block is being written, but one on top of it", async () => {
    const kv = new SlowKv();
    const chain = await openChain(kv);
    const block = build(chain, transfer(alice, bob.publicKey, 1n));
    const rival = build(await openChain(), transfer(bob, alice.publicKey, 2n));
    const child = childOf(chain, block);
    const imported = chain.importBlock(sealed(block));
    await kv.written; // the store holds the block, the chain does not know it yet
    expect(chain.head.summary.height).toBe(0n);
    expect(chain.checkBlock(rival)).toEqual({ kind: "orphan" });
    const again = childOf(chain, block);
    expect(hex(again.hash)).toBe(hex(child.hash));
    const { value } = chain.readAtHead((view) => readAccount(view, bob.publicKey)?.balance);
    expect(value).toBe(501n);
    kv.release();
    expect(await imported).toEqual({ kind: "imported" });
  });

  it("answers known for a block it has, and raises the alarm for a sealed rival", async () => {
    const chain = await openChain();
    const rival = build(chain, transfer(bob, alice.publicKey, 2n));
    const block = await extend(chain, transfer(alice, bob.publicKey, 1n));
    expect(await chain.importBlock(sealed(block))).toEqual({ kind: "known" });
    expect(await chain.importBlock({ block: rival, seal: new Uint8Array(2) })).toMatchObject({
      kind: "invalid",
    });
    await expect(chain.importBlock(sealed(rival))).rejects.toThrow(SafetyViolation);
  });

  it("keeps undo data exactly where blocks can be abandoned", async () => {
    const { undoKey } = await import("../../src/storage/database-keys.ts");
    const final = new MemoryKv();
    const block = await extend(await openChain(final), transfer(alice, carol.publicKey, 1n));
    expect(final.get(undoKey(placeOf(block)))).toBeUndefined();
    const forkable = new MemoryKv();
    const mined = await openMinedChain({ kv: forkable });
    const solved = mineOn(mined);
    await mined.importBlock(solved);
    expect(forkable.get(undoKey(placeOf(solved.block)))).toBeDefined();
  });

  it("refuses a database of another chain and of another format", async () => {
    const kv = new MemoryKv();
    await openChain(kv);
    const { Chain: Opened } = await import("../../src/chain/chain.ts");
    const { AcceptedSignatures } = await import("../../src/chain/execution/accepted-signatures.ts");
    const other = { ...genesis, chainId: 8n };
    const ports = { kv, rules: plainRules, signatures: new AcceptedSignatures(genesisHash) };
    await expect(Opened.open(other, ports)).rejects.toThrow(/belongs to another chain/);
    const { VERSION_KEY } = await import("../../src/storage/database-keys.ts");
    await kv.write([{ kind: "put", key: VERSION_KEY, value: Uint8Array.of(0, 9) }], { sync: true });
    await expect(openChain(kv)).rejects.toThrow(/format 9/);
  });
});

describe("a block is refused when", () => {
  const cases: readonly [string, (block: Block) => Block, string][] = [
    ["its chain id is another", (b) => remade(b, { chainId: 8n }), "wrong-chain"],
    ["its height is not the parent's plus one", (b) => remade(b, { height: 9n }), "wrong-height"],
    ["its state root is not what execution gives", (b) => remade(b, { stateRoot: b.hash }), "wrong-root"],
    [
      "its receipts root is not what execution gives",
      (b) => remade(b, { receiptsRoot: b.hash }),
      "wrong-root",
    ],
    ["its txRoot is not the body's", (b) => remade(b, { txRoot: b.hash }), "wrong-body"],
    ["its count of transactions is wrong", (b) => remade(b, { txCount: 2 }), "wrong-body"],
    ["its bytes of body are wrong", (b) => remade(b, { bodyBytes: 1 }), "wrong-body"],
    [
      "its time is not after the parent's",
      (b) => remade(b, { timeMs: genesis.timeMs }),
      "time-not-after-parent",
    ],
  ];
  for (const [name, change, code] of cases) {
    it(name, async () => {
      const chain = await openChain();
      const block = change(build(chain, transfer(alice, bob.publicKey, 1n)));
      expect(chain.checkBlock(block)).toMatchObject({ kind: "invalid", fault: { code } });
      expect(chain.head.summary.height).toBe(0n);
    });
  }

  it("it was read with its own body, whose root is not computed again, and then given another one", async () => {
    const chain = await openChain();
    const block = build(chain, transfer(alice, bob.publicKey, 1n));
    const decoded = decodeSealedBlock(encodeSealedBlock({ block, seal: EMPTY }), genesis.limits);
    assert(decoded.ok, "a block decodes");
    const read = decoded.value.block;
    expect([hasReadBody(block), hasReadBody(read)]).toEqual([false, true]);
    const another = { ...read, transactions: [transfer(alice, bob.publicKey, 2n)] };
    const judge = await openChain(); // the other one has executed it
    expect(judge.checkBlock(another)).toMatchObject({ kind: "invalid", fault: { code: "wrong-body" } });
    expect(judge.checkBlock(read)).toEqual({ kind: "valid" });
  });

  const transactions: readonly [string, Parameters<typeof transfer>, string][] = [
    ["a nonce is stale or ahead", [alice, bob.publicKey, 1n, { nonce: 1n }], "TX_NONCE_MISMATCH"],
    ["a fee cannot be paid", [alice, bob.publicKey, 1n, { fee: 1_001n }], "TX_INSUFFICIENT_FUNDS"],
    ["a sender does not exist", [carol, bob.publicKey, 0n, {}], "TX_UNKNOWN_SENDER"],
    ["a transaction is for another chain", [alice, bob.publicKey, 1n, { chainId: 8n }], "TX_WRONG_CHAIN"],
  ];
  for (const [name, args, code] of transactions) {
    it(name, async () => {
      const chain = await openChain();
      const tx = transfer(...args);
      const { txRootOf, bodyBytesOf } = await import("../../src/chain/types/block.ts");
      const empty = build(chain);
      const summary = { txRoot: txRootOf([tx]), txCount: 1, bodyBytes: bodyBytesOf([tx]) };
      const block = { ...remade(empty, summary), transactions: [tx] };
      expect(chain.checkBlock(block)).toMatchObject({ kind: "invalid", fault: { code } });
    });
  }
});

describe("a sealed block's bytes", () => {
  it("survive a round trip and refuse every truncation", async () => {
    const chain = await openChain();
    const block = await extend(chain, transfer(alice, bob.publicKey, 1n), anchorOf(bob, "x"));
    const bytes = encodeSealedBlock(sealed(block));
    const decoded = decodeSealedBlock(bytes, genesis.limits);
    expect(decoded.ok && hex(decoded.value.block.hash)).toBe(hex(block.hash));
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeSealedBlock(bytes.subarray(0, length), genesis.limits).ok).toBe(false);
    }
  });
});

/** Says when a block was written, and lets the writer wait. */
class SlowKv extends MemoryKv {
  readonly written: Promise<void>;
  readonly #released: Promise<void>;
  #resolve!: () => void;
  release!: () => void;

  constructor() {
    super();
    this.written = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#released = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  override async write(...args: Parameters<MemoryKv["write"]>): Promise<void> {
    await super.write(...args);
    if (args[0].some(({ key }) => key[0] === 0x17) === false) return; // genesis
    this.#resolve();
    await this.#released;
  }
}

function childOf(chain: Chain, parent: Block): Block {
  const proposal = { timeMs: parent.summary.timeMs + 1n, proposer: 0 };
  return chain.buildBlock(
    parent.hash,
    proposal,
    () => [transfer(alice, bob.publicKey, 1n, { nonce: 1n })],
    false,
  )!;
}

function remade(block: Block, changes: Partial<Block["summary"]>): Block {
  return assembleBlock(block.header, { ...block.summary, ...changes }, block.transactions);
}
