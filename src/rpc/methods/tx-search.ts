/**
 * Looking for transactions: blocks are read from the head (or a cursor) downwards, so many a call, and the answer says how
 * far it came. Where the node keeps an index of events, blocks that do not name the account are passed over. It serves lists of the newest transactions and the recent past of an account.
 */
import { z } from "zod";
import { must } from "../../base/assert.ts";
import { type Address, equalBytes } from "../../base/bytes.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { concerns } from "../answers/event-query.ts";
import { CallError } from "../errors.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import { amount, count, hash32, timeMs, txResult } from "../schemas/answer-fields.ts";
import { addressInput, countInput } from "../schemas/input.ts";
import { openReceipt, showTime, showTransaction } from "../schemas/show.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { ALICE, TX, TX_HASH } from "./examples.ts";

/** Transactions of one answer. */
const FOUND_MAX = 100;
/** Blocks, and transactions, that one call looks at. */
const BLOCKS_SCANNED_MAX = 500;
const TRANSACTIONS_SCANNED_MAX = 10_000;

/** Heights about which the index is asked at once: no more than it names in one answer. */
const WINDOW_BLOCKS = 512n;

const item = z.strictObject({
  txHash: hash32,
  height: count,
  index: count,
  time: timeMs,
  from: hash32,
  module: z.string(),
  call: txResult.shape.call,
  fee: amount,
  status: z.enum(["success", "failed"]),
});

type Item = z.input<typeof item>;

const result = z.strictObject({
  items: z.array(item),
  scannedTo: count.meta({ description: "the lowest height that was looked at" }),
  nextCursor: z.string().nullable().meta({ description: "null at the beginning of the chain" }),
});

type Result = z.input<typeof result>;

/** The place before which the search goes on: "HEIGHT-INDEX". */
interface Place {
  readonly height: bigint;
  readonly index: number;
}

export const searchTx = method({
  name: "tx_search",
  summary: `Transactions of the chain from the newest downwards, of one account or of all. A call looks at ${BLOCKS_SCANNED_MAX} blocks at most, where the node keeps the index of events (index.events) at those that name the account, and \`nextCursor\` goes on where it ended.`,
  kind: "read",
  costly: true,
  params: z.strictObject({
    address: addressInput.optional().meta({ description: "only what this account sent, or is named in" }),
    cursor: z.string().max(40).optional().meta({ description: "`nextCursor` of the answer before" }),
    limit: countInput(1, FOUND_MAX).default(20),
  }),
  result,
  examples: [
    {
      name: "the newest of alice",
      params: { address: ALICE, limit: 1 },
      result: {
        items: [
          {
            txHash: TX_HASH,
            height: 5,
            index: 0,
            time: 1767225600000,
            from: ALICE,
            module: "bank",
            call: TX.call,
            fee: "0",
            status: "success",
          },
        ],
        scannedTo: 5,
        nextCursor: "5-0",
      },
    },
  ],
  call: (context, { address, cursor, limit }) =>
    new Search(context, address, limit).run(cursor === undefined ? undefined : parseCursor(cursor)),
});

class Search {
  readonly #context: CallContext;
  readonly #address: Address | undefined;
  readonly #limit: number;
  readonly #items: Item[] = [];
  #scanned = 0;
  /** What the index named last, ascending, and of which heights. */
  #window: { readonly from: bigint; readonly to: bigint; readonly heights: readonly bigint[] } | undefined;

  constructor(context: CallContext, address: Address | undefined, limit: number) {
    this.#context = context;
    this.#address = address;
    this.#limit = limit;
  }

  async run(from: Place | undefined): Promise<Result> {
    const { api, pause } = this.#context;
    const top = api.head().summary.height;
    let place =
      from !== undefined && from.height <= top ? from : { height: top, index: Number.POSITIVE_INFINITY };
    let height = place.height;
    for (let blocks = 0; height > 0n && blocks < BLOCKS_SCANNED_MAX; blocks++, height--) {
      if (this.#scanned >= TRANSACTIONS_SCANNED_MAX) break;
      await pause();
      const next = await this.#next(height);
      height = next.height;
      if (!next.isNamed) continue;
      const block = await api.sealedBlockAt(height);
      // Below the first block of a node that began from a snapshot.
      if (block === undefined) return this.#answer(height + 1n, undefined);
      const end = await this.#look(block, height === place.height ? place.index : Number.POSITIVE_INFINITY);
      if (end !== undefined) return this.#answer(height, { height, index: end });
    }
    place = { height, index: Number.POSITIVE_INFINITY };
    return this.#answer(height === 0n ? 0n : height + 1n, height === 0n ? undefined : place);
  }

  /** The highest block from a height downwards that may name the account, or down to where none does. */
  async #next(height: bigint): Promise<{ readonly height: bigint; readonly isNamed: boolean }> {
    const index = this.#context.api.eventIndex();
    const scanned = { height, isNamed: true };
    if (this.#address === undefined || index === undefined) return scanned;
    if (this.#window === undefined || height < this.#window.from || height > this.#window.to) {
      const { from: lowest, to: highest } = index.status();
      const from = [1n, lowest, height - WINDOW_BLOCKS + 1n].reduce((a, b) => (a > b ? a : b));
      if (from > height || height > highest) return scanned;
      const found = await index.heights({ kind: "transactions", account: this.#address }, from, height);
      if (found === undefined || found.upTo < height) return scanned;
      this.#window = { from, to: height, heights: found.heights };
    }
    const named = this.#window.heights.findLast((each) => each <= height);
    return { height: named ?? this.#window.from, isNamed: named !== undefined };
  }

  /** Looks at a block's transactions below an index, the last first; the index where the answer became full. */
  async #look({ block }: SealedBlock, below: number): Promise<number | undefined> {
    const { transactions } = block;
    const found: number[] = [];
    for (let i = Math.min(below, transactions.length) - 1; i >= 0; i--) {
      this.#scanned++;
      if (this.#concerns(must(transactions[i], "the index is below the count of transactions")))
        found.push(i);
      if (this.#items.length + found.length >= this.#limit) break;
    }
    if (found.length === 0) return undefined;
    const height = showCount(block.summary.height);
    const receipts = await this.#context.api.receiptsAt(block.summary.height);
    for (const index of found) {
      const receipt = receipts?.[index];
      if (receipt === undefined) break;
      const { txHash, from, module, call, fee } = showTransaction(
        must(transactions[index], "the index was found in the block"),
        this.#context.api.modules(),
      );
      const { status } = openReceipt(receipt);
      this.#items.push({ txHash, height, index, time: showTime(block), from, module, call, fee, status });
    }
    return this.#items.length >= this.#limit ? found.at(-1) : undefined;
  }

  #concerns(tx: SignedTransaction): boolean {
    const address = this.#address;
    if (address === undefined || equalBytes(tx.from, address)) return true;
    return concerns(showTransaction(tx, this.#context.api.modules()), address);
  }

  #answer(scannedTo: bigint, next: Place | undefined): Result {
    const isOver = next === undefined || (next.height <= 1n && next.index === 0);
    const nextCursor = isOver ? null : `${next.height}${Number.isFinite(next.index) ? `-${next.index}` : ""}`;
    return { items: this.#items, scannedTo: showCount(scannedTo), nextCursor };
  }
}

/** @throws CallError INVALID_PARAMS */
function parseCursor(text: string): Place {
  const [, height, index] = /^(\d{1,15})(?:-(\d{1,9}))?$/.exec(text) ?? [];
  if (height === undefined) {
    throw new CallError("INVALID_PARAMS", "cursor: expected the nextCursor of an earlier answer");
  }
  return { height: BigInt(height), index: index === undefined ? Number.POSITIVE_INFINITY : Number(index) };
}
