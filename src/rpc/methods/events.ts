/** Pages of events: what a stream of sub_subscribe gives, asked for call by call. */
import { z } from "zod";
import { hex0x, showHash } from "../../base/bytes.ts";
import { type EventCursor, WHOLE_BLOCK } from "../../chain/types/event-cursor.ts";
import { eventsQuery } from "../answers/event-query.ts";
import { EventReader, type Position } from "../answers/event-reader.ts";
import { pruned, startOf } from "../answers/event-start.ts";
import { CallError } from "../errors.ts";
import type { EventQuery } from "../event-index-api.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import { accountFilter, cursorResult, eventFilterShape, fromInput } from "../schemas/event-input.ts";
import { countInput } from "../schemas/input.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { readSettled } from "../settled-reads.ts";
import { ALICE, BLOCK_HASH, TX_HASH } from "./examples.ts";

/** Items of one answer, and blocks that a call looks at. */
const PAGE_MAX = 500;
const BLOCKS_SCANNED_MAX = 2_000;

const item = z.looseObject({ type: z.enum(["event", "transaction"]), cursor: cursorResult });

const result = z.strictObject({
  items: z.array(item).meta({ description: "as in docs/events.md" }),
  next: cursorResult.meta({ description: "`from` of the next call: behind everything that was looked at" }),
  isEnd: z.boolean().meta({ description: "nothing more up to the head" }),
});

const params = z.strictObject({
  filter: z
    .strictObject({ account: accountFilter.optional(), ...eventFilterShape })
    .optional()
    .meta({ description: "events of modules; with `account` its transactions" }),
  from: fromInput
    .optional()
    .meta({ description: "a height or a cursor, as in sub_subscribe; 0 if left out" }),
  limit: countInput(1, PAGE_MAX).default(100),
});

type Params = z.output<typeof params>;

export const getEvents = method({
  name: "chain_getEvents",
  summary: `Events of modules, or an account's transactions, in the order of the chain, a page a call. Without the index of events (index.events) a call looks at ${BLOCKS_SCANNED_MAX} blocks at most, and \`next\` goes on.`,
  kind: "read",
  costly: true,
  live: true,
  params,
  result,
  examples: [
    {
      name: "what alice was paid",
      params: { filter: { module: "bank", event: "transferred", fields: { to: ALICE } }, from: 0, limit: 1 },
      result: {
        items: [
          {
            type: "event",
            cursor: { height: 5, index: 0, blockHash: BLOCK_HASH },
            time: 1767225600000,
            txHash: TX_HASH,
            txIndex: 0,
            module: "bank",
            event: "transferred",
            kind: 1,
            fields: { from: ALICE, to: ALICE, amount: "5" },
          },
        ],
        next: { height: 5, index: 0, blockHash: BLOCK_HASH },
        isEnd: false,
      },
    },
  ],
  async call({ api, pause }, given) {
    const query = queryOf(api, given);
    const from = given.from ?? { height: 0n };
    const { position, abandoned } = await readSettled(api, () => startOf(api, from, api.head()));
    if (abandoned !== undefined) {
      const detail = `the block of the newest cursor left the chain: undo what is behind height ${position.height}, and go on from \`cursor\``;
      throw new CallError("CURSOR_NOT_FOUND", detail, { cursor: cursorOf(position) });
    }
    let isChanged = false;
    const unsubscribe = api.subscribe("reorg", () => {
      isChanged = true;
    });
    const limits = { itemsMax: given.limit, blocksMax: BLOCKS_SCANNED_MAX, pause };
    const page = await new EventReader(query, api)
      .read(position, api.head().summary.height, limits)
      .finally(unsubscribe);
    if (isChanged) throw new CallError("SYNCING", "the chain changed branches meanwhile: ask again");
    if (page.stopped === "absent" && page.items.length === 0) throw pruned(page.end.height + 1n);
    const items = page.items.map(({ text }) => JSON.parse(text) as z.input<typeof item>);
    return { items, next: cursorOf(page.end), isEnd: page.stopped === "top" };
  },
});

function queryOf(api: CallContext["api"], { filter = {} }: Params): EventQuery {
  const { account, ...ofEvents } = filter;
  if (account === undefined) return eventsQuery(ofEvents, api.modules());
  if (Object.keys(ofEvents).length === 0) return { kind: "transactions", account };
  throw new CallError(
    "INVALID_PARAMS",
    `filter.account ${hex0x(account)}: it is of transactions, and takes no other filter`,
  );
}

/** The cursor of a position. Before block 0 there is no cursor, and nothing lies behind it but block 0. */
function cursorOf({ height, hash, index }: Position): EventCursor {
  return {
    height: showCount(height < 0n ? 0n : height),
    index: height < 0n ? WHOLE_BLOCK : index,
    blockHash: showHash(hash),
  };
}
