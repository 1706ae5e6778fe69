/**
 * Compact proposals as they are put together. Goal: whoever has the transactions votes at once, who lacks some asks as the
 * protocol says and nobody else, and neither garbage nor questions cost more than their bounds. Method: the class alone on
 * virtual time, with a form of which only the hashes are looked at.
 */
import { describe, expect, it } from "vitest";
import { type Hash, hex } from "../../../src/base/bytes.ts";
import {
  COMPACT_ANSWERS_MAX,
  COMPACT_ASKS_MAX,
  COMPACT_BLOCKS_KEPT,
  COMPACT_INCOMPLETE_MAX,
} from "../../../src/base/limits.ts";
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
  const counts = noCounts().compact;
  const wanted = new Set<string>();
  const bill = { refunds: 0, refund: () => void bill.refunds++ };
  const proposals = new CompactProposals<Parsed & { readonly place: string }, string[]>({
    scheduler: time,
    limits: LIMITS,
    counts,
    askMs: ASK_MS,
    self: 6,
    validators: 7,
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
    proposals.receive({ type: "pre-prepare", from, epoch: 0n, place }, opened);
  };
  const answer = (author: number, transactions: readonly SignedTransaction[], of: Block = block) =>
    proposals.receiveTransactions(
      author,
      encodeBlockTransactions({ block: of.hash, envelopes: transactions.map(({ bytes }) => bytes) }),
      bill as never,
    );
  const ask = (author: number, indexes: readonly number[], of: Hash = block.hash) =>
    proposals.receiveWanted(author, encodeWanted({ block: of, indexes }), bill as never);
  return { time, mailed, completed, refused, counts, wanted, bill, proposals, receive, answer, ask };
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
  it("is whole at once where the pool holds every transaction", () => {
    const { receive, completed, mailed, counts } = replica(transfers);
    receive();
    expect([completed, mailed]).toEqual([[all], []]);
    expect(counts).toEqual({ received: 1, incomplete: 0, missing: 0, asked: 0 });
  });

  it("is whole at once with what came in full", () => {
    const { receive, completed, mailed } = replica(transfers.slice(0, 4));
    receive(block, { envelopes: transfers.slice(4).map(({ bytes }) => bytes) });
    expect([completed, mailed]).toEqual([[all], []]);
  });

  it("is asked of the primary at once, by the places of what is missing", () => {
    const { receive, answer, completed, mailed, bill, counts } = replica([transfers[0]!, transfers[3]!]);
    receive();
    expect([questions(mailed), completed]).toEqual([["2: 1 2 4 5"], []]);
    answer(2, [transfers[1]!, transfers[2]!, transfers[4]!, transfers[5]!]);
    expect([completed, bill.refunds]).toEqual([[all], 1]);
    expect(counts).toEqual({ received: 1, incomplete: 1, missing: 4, asked: 1 });
  });

  it("is then asked of those who have voted for the block, then of the others, each time that all have not come", async () => {
    const { receive, proposals, mailed, time } = replica();
    receive();
    proposals.heldBy(5, block.hash);
    proposals.heldBy(6, block.hash); // this node itself is not asked
    for (let i = 0; i < 6; i++) await time.pass(ASK_MS);
    expect(mailed.map(({ to }) => to)).toEqual([2, 5, 0, 1, 3, 4, 2]);
  });

  it("ends with the last question, after which the whole one comes by STATUS", async () => {
    const { receive, proposals, mailed, time } = replica();
    receive();
    await time.pass(20 * ASK_MS);
    expect(mailed).toHaveLength(COMPACT_ASKS_MAX);
    expect(proposals.awaits(2, block.hash)).toBe(false);
  });

  it("is not asked for any more once it is not wanted, or its height is committed", async () => {
    const changed = replica();
    changed.receive();
    changed.wanted.clear();
    const committed = replica();
    committed.receive();
    committed.proposals.headChanged(1n);
    for (const { time, mailed } of [changed, committed]) {
      await time.pass(5 * ASK_MS);
      expect(mailed).toHaveLength(1);
    }
    committed.receive();
    expect(committed.mailed).toHaveLength(1);
  });

  it("takes from several what each brings, and what comes twice does no harm", async () => {
    const { receive, answer, completed, mailed, refused, time } = replica();
    receive();
    await time.pass(ASK_MS);
    answer(2, transfers.slice(0, 3));
    expect(completed).toEqual([]);
    answer(0, transfers);
    expect([completed, refused]).toEqual([[all], []]);
    answer(0, transfers);
    expect(completed).toHaveLength(1);
    await time.pass(3 * ASK_MS);
    expect(mailed).toHaveLength(2);
  });

  it("takes nothing from who was not asked, nothing foreign, and refunds only what was of use", () => {
    const { receive, answer, completed, bill, refused, proposals } = replica();
    receive();
    answer(3, transfers);
    expect([completed, bill.refunds, proposals.awaits(3, block.hash)]).toEqual([[], 0, false]);
    expect(proposals.awaits(2, block.hash)).toBe(true);
    answer(2, [transfer(bob, alice.publicKey, 9n, { nonce: 0n })]);
    answer(2, transfers); // its one answer is spent
    expect([completed, bill.refunds, refused]).toEqual([[], 0, []]);
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
    const { receive, refused, completed } = replica(transfers);
    receive(block, { fails: true });
    expect([refused, completed]).toEqual([["2 wrong-block"], []]);
  });

  it("takes the place of the same block of an earlier view", () => {
    const { receive, mailed, wanted } = replica();
    receive();
    receive();
    expect(mailed).toHaveLength(1);
    wanted.clear();
    receive(block, { from: 3 });
    expect(mailed.map(({ to }) => to)).toEqual([2, 3]);
  });

  it("gives way to the newer ones of its own primary, not to those of another", () => {
    const { receive, proposals } = replica();
    receive(block, { from: 1 });
    const others = Array.from({ length: COMPACT_INCOMPLETE_MAX + 1 }, (_, i) =>
      blockOf([transfer(alice, bob.publicKey, 1n, { nonce: BigInt(100 + i) })]),
    );
    for (const other of others) receive(other, { from: 3 });
    expect(proposals.awaits(1, block.hash)).toBe(true);
    expect(others.map((other) => proposals.awaits(3, other.hash)).indexOf(true)).toBe(1);
  });

  it("leaves no timer behind at the stop", async () => {
    const { receive, proposals, mailed, time } = replica();
    receive();
    proposals.stop();
    await time.pass(5 * ASK_MS);
    expect(mailed).toHaveLength(1);
  });
});

describe("who holds a proposed block", () => {
  it("brings the transactions that are asked for, in their order", () => {
    const { proposals, ask, mailed, bill } = replica();
    proposals.keep(2, block);
    ask(4, [1, 3]);
    expect(mailed.map(({ to, kind }) => [to, kind])).toEqual([[4, MAIL_BLOCK_TRANSACTIONS]]);
    const brought = decodeBlockTransactions(mailed[0]!.content, LIMITS);
    expect(brought.ok && brought.value.envelopes.map(hex)).toEqual(
      [transfers[1]!, transfers[3]!].map(({ bytes }) => hex(bytes)),
    );
    expect(bill.refunds).toBe(1);
  });

  it("answers nothing of a block that it does not hold, and each validator so often about one that it does", () => {
    const { proposals, ask, mailed, refused, bill } = replica();
    ask(4, [0]);
    proposals.keep(2, block);
    for (let i = 0; i < 2 * COMPACT_ANSWERS_MAX; i++) ask(4, [0]);
    ask(5, [0]);
    expect(mailed.map(({ to }) => to)).toEqual([...new Array<number>(COMPACT_ANSWERS_MAX).fill(4), 5]);
    expect([refused, bill.refunds]).toEqual([[], COMPACT_ANSWERS_MAX + 1]);
  });

  it("refuses questions beyond the block, twice for one place, out of order, or for nothing", () => {
    const { proposals, ask, mailed, refused } = replica();
    proposals.keep(2, block);
    for (const indexes of [[6], [0, 0], [1, 0], []]) ask(4, indexes);
    expect([mailed, refused]).toEqual([[], new Array<string>(4).fill("4 malformed")]);
  });

  it("keeps it until four blocks above it are committed, whatever another proposes", () => {
    const { proposals, ask, mailed } = replica();
    proposals.keep(2, block);
    for (let i = 0; i <= COMPACT_BLOCKS_KEPT; i++) {
      proposals.keep(3, blockOf([transfer(alice, bob.publicKey, 1n, { nonce: BigInt(100 + i) })]));
    }
    proposals.headChanged(4n);
    ask(4, [0]);
    expect(mailed).toHaveLength(1);
    proposals.headChanged(5n);
    ask(4, [0]);
    expect(mailed).toHaveLength(1);
  });
});
