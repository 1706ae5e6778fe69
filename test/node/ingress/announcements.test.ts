/** What a replica thinks of announced blocks that can be abandoned, and of the bodies that follow them. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EMPTY, type Hash } from "../../../src/base/bytes.ts";
import type { Relay } from "../../../src/base/fault.ts";
import { SILENT } from "../../../src/base/log.ts";
import type { Chain } from "../../../src/chain/chain.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import {
  assembleBlock,
  type Block,
  bodyBytesOf,
  encodeBody,
  hashHeader,
  txRootOf,
} from "../../../src/chain/types/block.ts";
import { meetsTarget } from "../../../src/chain/types/target.ts";
import {
  makeCoinbase,
  type SignedTransaction,
  signTransaction,
} from "../../../src/chain/types/transaction.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { Announcements } from "../../../src/node/ingress/announcements.ts";
import { BlockIngress } from "../../../src/node/ingress/block-ingress.ts";
import { announcementOf, encodeAnnouncement } from "../../../src/p2p/transport/wire.ts";
import {
  alice,
  bob,
  genesisHash,
  mineOn,
  openMinedChain,
  parameters,
  solve,
} from "../../chain/pow-fixtures.ts";
import { VirtualTime } from "../../p2p/virtual-time.ts";

let time: VirtualTime;
let chain: Chain;
let ingress: BlockIngress;
let announcements: Announcements;
let pooled: Map<string, Uint8Array>;
let sent: readonly Uint8Array[] | undefined;
/** What single peers send in place of `sent`; a promise that never ends is a peer that says nothing. */
let sentBy: Map<string, Promise<readonly Uint8Array[]>>;
let others: readonly string[];
let asked: (readonly number[])[];
let advertised: Hash[];
let faults: string[];

const START_MS = 1_700_000_000_000;
const key = (hash: Uint8Array) => hash.join();

beforeEach(async () => {
  time = new VirtualTime();
  const now = () => START_MS + 600_000 + time.now() - 1_000_000;
  const scheduler = { now, after: (delayMs: number, run: () => void) => time.after(delayMs, run) };
  chain = await openMinedChain({ now });
  ingress = new BlockIngress({
    chain,
    branches: branchesOf(chain),
    scheduler,
    fatal: (error) => faults.push(String(error)),
  });
  [pooled, sent, asked, advertised, faults] = [new Map(), undefined, [], [], []];
  [sentBy, others] = [new Map(), []];
  announcements = new Announcements({
    chain,
    branches: branchesOf(chain),
    ingress,
    scheduler,
    log: SILENT,
    pooled: (hash) => pooled.get(key(hash)),
    advertised: (_, __, hash) => advertised.push(hash),
    others: () => others,
    ask: async (peerId, _, indexes) => {
      asked.push(indexes);
      return sentBy.get(peerId) ?? sent;
    },
    reportFault: (_, detail) => faults.push(detail),
  });
});

afterEach(() => {
  announcements.stop();
  ingress.stop();
});

const judge = (block: Block, seal: Uint8Array = EMPTY) =>
  announcements.judge("peer", encodeAnnouncement(announcementOf({ block, seal })));

/** Solved, with other fields of the header. */
function remined(block: Block, header: Partial<Block["header"]>): Block {
  return solve({ ...block, header: { ...block.header, ...header } }).block;
}

function unmined(block: Block): Block {
  for (let nonce = 0; ; nonce++) {
    const header = { ...block.header, nonce };
    const hash = hashHeader(header);
    if (!meetsTarget(hash, header.bits)) return { ...block, header, hash };
  }
}

describe("an announcement of a mined block", () => {
  /** A block with one transfer, which is in no pool here. */
  function withTransfer(): { readonly block: Block; readonly paid: SignedTransaction } {
    const payload = bank.encodeCall({ to: bob.publicKey, amount: 5n, memo: EMPTY });
    const fields = { chainId: 7n, nonce: 0n, fee: 0n, validUntilHeight: 0n, module: bank.id, payload };
    const paid = signTransaction(fields, alice, genesisHash);
    return { block: mineOn(chain, [paid]).block, paid };
  }

  it("is passed on before its body is here, which then comes from the pool and from the sender", async () => {
    const { block, paid } = withTransfer();
    sent = [paid.bytes];
    expect(await judge(block)).toBe("accept");
    await time.pass(10);
    expect(asked).toEqual([[1]]);
    expect(chain.head.hash).toEqual(block.hash);
    expect(await judge(block)).toBe("accept");
  });

  it("brings its coinbase along: what the pool holds completes it without a question", async () => {
    const { block, paid } = withTransfer();
    pooled.set(key(paid.hash), paid.bytes);
    expect(await judge(block)).toBe("accept");
    await time.pass(10);
    expect(asked).toEqual([]);
    expect(chain.head.hash).toEqual(block.hash);
  });

  it("is completed by others within a second when whoever announced it says nothing", async () => {
    const { block, paid } = withTransfer();
    others = ["mute", "holder"];
    for (const silent of ["peer", "mute"]) sentBy.set(silent, new Promise(() => undefined));
    sentBy.set("holder", Promise.resolve([paid.bytes]));
    expect(await judge(block)).toBe("accept");
    await time.pass(1_100);
    expect(asked).toEqual([[1], [1], [1]]);
    expect(chain.head.hash).toEqual(block.hash);
    expect(faults).toEqual([]);
  });

  it("is left to repair when nobody that is asked sends what is missing", async () => {
    const { block } = withTransfer();
    others = Array.from({ length: 9 }, (_, i) => `other ${i}`);
    expect(await judge(block)).toBe("accept");
    await time.pass(10);
    expect(asked).toHaveLength(4);
    expect(chain.head.summary.height).toBe(0n);
    expect(advertised).toEqual([block.hash]);
    expect(faults).toEqual([]);
  });

  it("costs the sender something only when what it sends is not the block's", async () => {
    sent = [makeCoinbase(1n, bob.publicKey, 50n).bytes];
    expect(await judge(withTransfer().block)).toBe("accept");
    await time.pass(10);
    expect(faults.length).toBe(1);
    expect(chain.head.summary.height).toBe(0n);
  });

  it("of a block far below the head is not passed on, known or not", async () => {
    const old = mineOn(chain).block;
    const miner = await openMinedChain();
    for (let height = 1; height <= 17; height++)
      await miner.importBlock(mineOn(miner, [], height - 600 * height));
    for (let height = 1n; height <= 17n; height++) {
      expect((await chain.importBlock(miner.sealedBlockAt(height)!)).kind).toBe("imported");
    }
    expect(await judge(old)).toBe("ignore");
    expect(await judge(chain.sealedBlockAt(1n)!.block)).toBe("ignore");
    expect(await judge(chain.sealedBlockAt(2n)!.block)).toBe("accept");
  });

  it("is rejected for a fault that is one everywhere", async () => {
    const { block } = mineOn(chain);
    expect(await judge(unmined(block))).toBe("reject");
    expect(await judge(block, Uint8Array.of(1))).toBe("reject");
    expect(await judge(remined(block, { time: START_MS / 1_000 - 1 }))).toBe("reject");
    expect(await judge(remined(block, { version: 2 }))).toBe("reject");
    expect(await announcements.judge("peer", Uint8Array.of(1, 2, 3))).toBe("reject");
    expect(branchesOf(chain).tree.size).toBe(1);
  });

  it("of an unknown parent is not passed on, and the sender is asked for heads", async () => {
    const other = await openMinedChain();
    await other.importBlock(mineOn(other));
    const { block } = mineOn(other);
    expect(await judge(block)).toBe("ignore");
    expect(advertised).toEqual([block.hash]);
  });

  /** A block that may be accepted in so many seconds. */
  function dueIn(seconds: number): Block {
    const { block } = mineOn(chain);
    sent = [block.transactions[0]!.bytes];
    return remined(block, { time: (START_MS + 600_000) / 1_000 + parameters.futureLimit + seconds });
  }

  it("that is early waits, and is taken and passed on when it is due", async () => {
    const early = dueIn(30);
    const relays: Relay[] = [];
    void judge(early).then((relay) => relays.push(relay));
    await time.pass(29_990);
    expect(ingress.find(early.hash)).toBeUndefined();
    expect(relays).toEqual([]);
    expect(await judge(early)).toBe("ignore");
    await time.pass(20);
    expect(chain.head.hash).toEqual(early.hash);
    expect(relays).toEqual(["accept"]);
    expect(faults).toEqual([]);
  });

  it("that is early is passed on when it is due although the head has moved meanwhile", async () => {
    const early = dueIn(30);
    const relay = judge(early);
    await time.pass(29_990);
    const other = dueIn(5);
    await ingress.addHeads([other], 0n);
    await ingress.addBody(other.hash, encodeBody(other.transactions));
    expect(chain.head.hash).toEqual(other.hash);
    await time.pass(20);
    expect(await relay).toBe("accept");
    expect(ingress.find(early.hash)).toBeDefined();
  });

  it("that is early far too long, or waits when the node stops, is not passed on", async () => {
    expect(await judge(dueIn(3 * 3_600))).toBe("ignore");
    const relay = judge(dueIn(30));
    await time.pass(1_000);
    announcements.stop();
    expect(await relay).toBe("ignore");
  });
});

describe("the body of an announced block", () => {
  /** A block whose second transaction is no transaction at all. */
  function undecodable(): { block: Block; body: Uint8Array } {
    const { block } = mineOn(chain);
    const bytes = Uint8Array.of(0x77, 1, 2, 3);
    const junk = { bytes, hash: sha256(bytes) } as unknown as SignedTransaction;
    const transactions = [block.transactions[0]!, junk];
    const summary = {
      ...block.summary,
      txCount: 2,
      txRoot: txRootOf(transactions),
      bodyBytes: bodyBytesOf(transactions),
    };
    const { bodyRoot: _, ...header } = block.header;
    const assembled = solve(assembleBlock(header, summary, transactions)).block;
    return { block: assembled, body: encodeBody(transactions) };
  }

  it("that is not the block's says nothing about the block", async () => {
    const { block } = mineOn(chain);
    const other = encodeBody([makeCoinbase(1n, bob.publicKey, 50n)]);
    await ingress.addHeads([block], 0n);
    expect(await ingress.addBody(block.hash, other)).toBe("wrong");
    expect(await ingress.addBody(block.hash, Uint8Array.of(0, 0, 0, 0))).toBe("wrong");
    expect(await ingress.addBody(block.hash, encodeBody(block.transactions))).toBe("added");
    expect(chain.head.hash).toEqual(block.hash);
  });

  it("that is the block's and does not decode makes the block invalid, and is not the sender's fault", async () => {
    const { block, body } = undecodable();
    await ingress.addHeads([block], 0n);
    expect(await ingress.addBody(block.hash, body)).toBe("added");
    expect(ingress.find(block.hash)?.hasInvalidAncestor).toBe(true);
    expect(await judge(block)).toBe("ignore");
  });

  it("that is on its way is waited for by who asks for it, for a moment", async () => {
    const { block } = mineOn(chain);
    await ingress.addHeads([block], 0n);
    const envelopes = ingress.transactions(block.hash, [0]);
    const none = ingress.body(mineOn(chain, [], 1).block.hash, true);
    expect(await none).toBeUndefined();
    await ingress.addBody(block.hash, encodeBody(block.transactions));
    expect(await envelopes).toEqual([block.transactions[0]!.bytes]);
    expect(await ingress.body(block.hash, false)).toEqual(encodeBody(block.transactions));
    await expect(ingress.transactions(block.hash, [1])).rejects.toThrow("transaction 1 of 1");
  });
});
