/**
 * Compact proposals as they are put together. Goal: whoever has the transactions votes at once, who lacks some asks as the
 * protocol says and nobody else, and neither garbage nor questions cost more than their bounds. Method: the class alone on
 * virtual time, with a form of which only the hashes are looked at.
 */
import { describe, expect, it } from "vitest";
import { type Hash, hex } from "../../../src/base/bytes.ts";
import { COMPACT_ASKS_MAX, COMPACT_BLOCKS_KEPT, COMPACT_INCOMPLETE_MAX } from "../../../src/base/limits.ts";
import type { Block } from "../../../src/chain/types/block.ts";
import type { SignedTransaction } from "../../../src/chain/types/transaction.ts";
import type { OpenedCompact } from "../../../src/consensus/compact-form.ts";
import type { Parsed } from "../../../src/consensus/engine.ts";
import { CompactProposals } from "../../../src/node/ingress/compact-proposals.ts";
import {
  decodeBlockTransactions,
  decodeWanted,
  encodeBlockTransactions,
  encodeWanted,
} from "../../../src/node/ingress/compact-wire.ts";
import { MAIL_BLOCK_TRANSACTIONS, MAIL_WANTED_TRANSACTIONS } from "../../../src/node/ingress/packet.ts";
import { noCounts } from "../../../src/node/metrics/message-counts.ts";
import { alice, bob, transfer } from "../../chain/fixtures.ts";
import { blockOf } from "../../fuzz/examples.ts";
import { VirtualTime } from "../../p2p/virtual-time.ts";

const LIMITS = { maxTxBytes: 1_000, maxBlockBytes: 100_000, maxBlockTransactions: 100 };
const ASK_MS = 300;
/** With what the bytes of such blocks take. */
const NEXT_MS = ASK_MS + 1;
const transfers = Array.from({ length: 6 }, (_, i) =>
  transfer(alice, bob.publicKey, 3n, { nonce: BigInt(i) }),
);
const block = blockOf(transfers);

interface Letter {
  readonly to: number;
  readonly kind: number;
  readonly content: Uint8Array;
}

/** A replica of seven, number 6, that holds some transactions. */
function replica(held: readonly SignedTransaction[] = []) {
  const time = new VirtualTime();
  const mailed: Letter[] = [];
  const completed: string[][] = [];
  const refused: string[] = [];
  const settled: string[] = [];
  const counts = noCounts().compact;
  const wanted = new Set<string>();
  const bill = { refunds: 0, refund: () => void bill.refunds++ };
  const proposals = new CompactProposals<Parsed & { readonly place: string }, string[]>({
    scheduler: time,
    limits: LIMITS,
    counts,
    askMs: ASK_MS,
    self: 6,
    find: (hash) => held.find((each) => hex(each.hash) === hex(hash)),
    wants: ({ place }) => wanted.has(place),
    mail: (to, content, kind) => mailed.push({ to, content, kind }),
    completed: (_, message) => completed.push(message),
    refuse: (author, code) => refused.push(`${author} ${code}`),
  });
  const receive = (
    proposed: Block = block,
    { from = 2, envelopes = [] as readonly Uint8Array[], fails = false } = {},
  ) => {
    const place = `${from} ${hex(proposed.hash)}`;
    wanted.add(place);
    const opened: OpenedCompact<string[]> = {
      head: proposed,
      hashes: proposed.transactions.map((each) => each.hash),
      envelopes,
      complete: (transactions) =>
        fails
          ? { ok: false, fault: { code: "wrong-block", detail: "" } }
          : { ok: true, value: transactions.map((each) => hex(each.hash)) },
    };
    proposals.receive({ type: "pre-prepare", from, epoch: 0n, place }, opened, () => settled.push(place));
  };
  const answer = (author: number, transactions: readonly SignedTransaction[], of: Block = block) =>
    proposals.receiveTransactions(author, answerOf(transactions, of), bill as never);
  const ask = (author: number, indexes: readonly number[], of: Hash = block.hash) =>
    proposals.blocks.receiveWanted(author, encodeWanted({ block: of, indexes }), bill as never);
  return { time, mailed, completed, refused, settled, counts, wanted, bill, proposals, receive, answer, ask };
}

function answerOf(transactions: readonly SignedTransaction[], { hash }: Block = block): Uint8Array {
  return encodeBlockTransactions({ block: hash, envelopes: transactions.map(({ bytes }) => bytes) });
}

/** Another block of one transfer, at a height. */
function blockAt(height: bigint, nonce = 100n + height): Block {
  const other = blockOf([transfer(alice, bob.publicKey, 1n, { nonce })]);
  return { ...other, summary: { ...other.summary, height } };
}

const all = transfers.map(({ hash }) => hex(hash));

function questions(mailed: readonly Letter[]): string[] {
  return mailed.map(({ to, kind, content }) => {
    const read = decodeWanted(content, LIMITS);
    expect([kind, read.ok && hex(read.value.block)]).toEqual([MAIL_WANTED_TRANSACTIONS, hex(block.hash)]);
    return `${to}: ${read.ok && read.value.indexes.join(" ")}`;
  });
}

describe("a compact proposal", () => {
  it("is whole at once where the pool holds every transaction, and has cost its author nothing", () => {
    const { receive, completed, mailed, counts, settled } = replica(transfers);
    receive();
    expect([completed, mailed, settled.length]).toEqual([[all], [], 1]);
    expect(counts).toEqual({ received: 1, incomplete: 0, missing: 0, asked: 0 });
  });

  it("is whole at once with what came in full", () => {
    const { receive, completed, mailed } = replica(transfers.slice(0, 4));
    receive(block, { envelopes: transfers.slice(4).map(({ bytes }) => bytes) });
    expect([completed, mailed]).toEqual([[all], []]);
  });

  it("is asked of the primary at once, by the places of what is missing", () => {
    const { receive, answer, completed, mailed, bill, counts, settled } = replica([
      transfers[0]!,
      transfers[3]!,
    ]);
    receive();
    expect([questions(mailed), completed, settled]).toEqual([["2: 1 2 4 5"], [], []]);
    answer(2, [transfers[1]!, transfers[2]!, transfers[4]!, transfers[5]!]);
    expect([completed, bill.refunds, settled.length]).toEqual([[all], 1, 1]);
    expect(counts).toEqual({ received: 1, incomplete: 1, missing: 4, asked: 1 });
  });

  it("is then asked of those who have signed for the block, before it came or since, and of nobody else", async () => {
    const { receive, proposals, mailed, time } = replica();
    proposals.noteHolder(4, block.hash);
    receive();
    proposals.noteHolder(5, block.hash);
    proposals.noteHolder(6, block.hash); // this node itself is not asked
    for (let i = 0; i < 5; i++) await time.pass(NEXT_MS);
    expect(mailed.map(({ to }) => to)).toEqual([2, 4, 5, 2, 4, 5]);
  });

  it("gives a long answer the time that its bytes take", async () => {
    const { receive, mailed, time } = replica();
    const { summary } = block;
    receive({ ...block, summary: { ...summary, bodyBytes: 2_500_000 } });
    await time.pass(ASK_MS + 999);
    expect(mailed).toHaveLength(1);
    await time.pass(2);
    expect(mailed).toHaveLength(2);
  });

  it("takes from the pool what gossip has brought meanwhile", async () => {
    const held = [...transfers.slice(0, 3)];
    const { receive, completed, mailed, time } = replica(held);
    receive();
    held.push(transfers[3]!);
    await time.pass(NEXT_MS);
    expect(questions(mailed)).toEqual(["2: 3 4 5", "2: 4 5"]);
    held.push(transfers[4]!, transfers[5]!);
    await time.pass(NEXT_MS);
    expect([completed, mailed.length]).toEqual([[all], 2]);
  });

  it("ends with the last question, after which the whole one comes by STATUS", async () => {
    const { receive, mailed, time, settled } = replica();
    receive();
    await time.pass(20 * NEXT_MS);
    expect([mailed.length, settled]).toEqual([COMPACT_ASKS_MAX, []]);
  });

  it("is not asked for any more once it is not wanted, or its height is committed", async () => {
    const changed = replica();
    changed.receive();
    changed.wanted.clear();
    const committed = replica();
    committed.receive();
    committed.proposals.headChanged(1n);
    for (const { time, mailed } of [changed, committed]) {
      await time.pass(5 * NEXT_MS);
      expect(mailed).toHaveLength(1);
    }
    // Its author is not to blame for the one; of what is committed there is nothing to gain.
    expect([changed.settled.length, committed.settled.length]).toEqual([0, 1]);
    committed.receive();
    expect([committed.mailed.length, committed.settled.length]).toEqual([1, 1]);
  });

  it("takes from several what each brings; what comes late costs its sender nothing", async () => {
    const { receive, answer, proposals, completed, mailed, refused, time, bill } = replica();
    receive();
    proposals.noteHolder(0, block.hash);
    await time.pass(NEXT_MS);
    answer(0, transfers.slice(0, 3));
    expect([completed, proposals.awaits(0, block.hash, 40)]).toEqual([[], false]);
    await time.pass(NEXT_MS);
    expect(questions(mailed)).toEqual(["2: 0 1 2 3 4 5", "0: 0 1 2 3 4 5", "2: 3 4 5"]);
    answer(2, transfers.slice(3));
    expect([completed, refused, bill.refunds]).toEqual([[all], [], 2]);
    const late = replica();
    late.receive();
    late.proposals.headChanged(1n);
    expect(late.proposals.awaits(2, block.hash, answerOf(transfers).length)).toBe(true);
    late.answer(2, transfers);
    expect([late.bill.refunds, late.completed]).toEqual([1, []]);
  });

  it("takes nothing from who was not asked, nothing foreign, and refunds only what was of use", () => {
    const { receive, answer, completed, bill, refused, proposals } = replica();
    receive();
    answer(3, transfers);
    expect([completed, bill.refunds, proposals.awaits(3, block.hash, 40)]).toEqual([[], 0, false]);
    expect(proposals.awaits(2, block.hash, 40)).toBe(true);
    answer(2, [transfer(bob, alice.publicKey, 9n, { nonce: 0n })]);
    answer(2, transfers); // its one answer is spent
    expect([completed, bill.refunds, refused]).toEqual([[], 0, []]);
  });

  it("reads no answer that is longer than what was asked for, or has more transactions", () => {
    const long = replica(transfers.slice(0, 5));
    long.receive();
    const bytesMax = answerOf(transfers.slice(5)).length + block.summary.bodyBytes;
    expect(long.proposals.awaits(2, block.hash, answerOf(transfers.slice(5)).length)).toBe(true);
    expect(long.proposals.awaits(2, block.hash, bytesMax)).toBe(false);
    const padded = transfer(alice, bob.publicKey, 3n, { nonce: 9n });
    long.answer(2, [transfers[5]!, ...new Array<SignedTransaction>(7).fill(padded)]);
    expect([long.refused, long.completed]).toEqual([["2 too-large"], []]);
    const many = replica(transfers.slice(0, 5));
    many.receive();
    many.answer(2, [transfers[5]!, transfers[0]!]);
    expect([many.refused, many.completed]).toEqual([["2 malformed"], []]);
  });

  it("refuses an answer or a proposal that is no list of transactions", () => {
    const { receive, proposals, refused, completed, bill } = replica();
    receive(block, { envelopes: [new Uint8Array(3)] });
    expect(refused).toEqual(["2 malformed"]);
    receive();
    proposals.receiveTransactions(2, new Uint8Array([...block.hash, 0, 0, 0, 9]), bill as never);
    expect([refused, completed]).toEqual([["2 malformed", "2 malformed"], []]);
  });

  it("is refused at its primary where its transactions are not what the head says", () => {
    const { receive, refused, completed, settled } = replica(transfers);
    receive(block, { fails: true });
    expect([refused, completed, settled]).toEqual([["2 wrong-block"], [], []]);
  });

  it("waits alone at its height of its author, who pays for the others, until it is not wanted", () => {
    const { receive, mailed, wanted, settled } = replica();
    receive();
    receive();
    receive(blockAt(1n));
    expect([mailed.length, settled]).toEqual([1, []]);
    wanted.clear();
    receive(blockAt(1n));
    expect(mailed).toHaveLength(2);
  });

  it("waits beside the same block of the next view's primary, who can keep nothing from anyone", () => {
    const { receive, answer, mailed, completed } = replica();
    receive(block, { from: 3 });
    receive(block, { from: 2 });
    expect(mailed.map(({ to }) => to)).toEqual([3, 2]);
    answer(2, transfers);
    expect(completed).toEqual([all, all]);
  });

  it("gives way to lower ones of its own primary, not to those of another", () => {
    const { receive, proposals } = replica();
    receive(block, { from: 1 });
    const waits = (author: number, { hash }: Block) => proposals.awaits(author, hash, 40);
    const heights = Array.from({ length: COMPACT_INCOMPLETE_MAX + 1 }, (_, i) => BigInt(20 - i));
    const others = heights.map((height) => blockAt(height));
    for (const other of others) receive(other, { from: 3 });
    receive(blockAt(30n), { from: 3 });
    expect(waits(1, block)).toBe(true);
    expect(waits(3, blockAt(30n))).toBe(false);
  });

  it("costs no more where one hash stands at every place", () => {
    const { receive, mailed, answer, completed } = replica();
    const repeated = { ...block, transactions: new Array<SignedTransaction>(100).fill(transfers[0]!) };
    receive(repeated);
    expect(decodeWanted(mailed[0]!.content, LIMITS)).toMatchObject({ value: { indexes: { length: 100 } } });
    answer(2, [transfers[0]!]);
    expect(completed).toEqual([new Array<string>(100).fill(all[0]!)]);
  });

  it("leaves no timer behind at the stop", async () => {
    const { receive, proposals, mailed, time } = replica();
    receive();
    proposals.stop();
    await time.pass(5 * NEXT_MS);
    expect(mailed).toHaveLength(1);
  });
});

describe("who holds a proposed block", () => {
  it("brings the transactions that are asked for, in their order", () => {
    const { proposals, ask, mailed, bill } = replica();
    proposals.blocks.keep(2, block);
    ask(4, [1, 3]);
    expect(mailed.map(({ to, kind }) => [to, kind])).toEqual([[4, MAIL_BLOCK_TRANSACTIONS]]);
    const brought = decodeBlockTransactions(mailed[0]!.content, LIMITS);
    expect(brought.ok && brought.value.envelopes.map(hex)).toEqual(
      [transfers[1]!, transfers[3]!].map(({ bytes }) => hex(bytes)),
    );
    expect(bill.refunds).toBe(1);
  });

  it("brings nothing of a block that it does not hold, and of one that it does each validator twice as much as it has", () => {
    const { proposals, ask, mailed, refused, bill } = replica();
    ask(4, [0]);
    proposals.blocks.keep(2, block);
    for (let i = 0; i < 4; i++) ask(4, [0, 1, 2, 3, 4, 5]);
    ask(5, [0]);
    expect(mailed.map(({ to }) => to)).toEqual([4, 4, 5]);
    expect([refused, bill.refunds]).toEqual([[], 3]);
  });

  it("refuses questions beyond the block, twice for one place, out of order, or for nothing", () => {
    const { proposals, ask, mailed, refused } = replica();
    proposals.blocks.keep(2, block);
    for (const indexes of [[6], [0, 0], [1, 0], []]) ask(4, indexes);
    expect([mailed, refused]).toEqual([[], new Array<string>(4).fill("4 malformed")]);
  });

  it("keeps it until four blocks above it are committed, whatever another claims", () => {
    const { proposals, ask, mailed } = replica();
    proposals.blocks.keep(3, block);
    proposals.blocks.keep(2, block);
    for (let i = 0; i <= COMPACT_BLOCKS_KEPT; i++) proposals.blocks.keep(3, blockAt(1n, 100n + BigInt(i)));
    proposals.headChanged(4n);
    ask(4, [0]);
    expect(mailed).toHaveLength(1);
    proposals.headChanged(5n);
    ask(4, [0]);
    expect(mailed).toHaveLength(1);
  });
});
