/** Subscriptions: over the WebSocket only, because their events come as `sub_event` notifications. */
import { z } from "zod";
import { eventsQuery } from "../answers/event-query.ts";
import { CallError } from "../errors.ts";
import type { EventQuery } from "../event-index-api.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import {
  accountFilter,
  batchInput,
  eventFilterShape,
  fromInput,
  windowInput,
} from "../schemas/event-input.ts";
import { countInput, hashInput } from "../schemas/input.ts";
import { type LiveTopic, TOPICS } from "../websocket/subscriptions.ts";
import { ALICE, TX_HASH } from "./examples.ts";

const filterInput = z.strictObject({
  hash: hashInput.optional().meta({ description: "topic tx: the changes of one transaction" }),
  account: accountFilter.optional().meta({
    description: "topic tx: transactions that this account sent, or is named in",
  }),
  ...eventFilterShape,
});

const params = z.strictObject({
  topic: z.enum(TOPICS),
  filter: filterInput.optional(),
  from: fromInput.optional().meta({
    description:
      "first what is in the chain from this height, or behind this cursor, then what comes: without gap and without repeating",
  }),
  final: z.boolean().default(false).meta({ description: "of streams: only blocks that are called final" }),
  batch: batchInput.optional().meta({ description: "of streams: notifications hold lists of so many items" }),
  window: windowInput.optional().meta({
    description: "of streams: notifications that are sent ahead of sub_ack; without it what the socket takes",
  }),
});

type Params = z.output<typeof params>;

export const subscribe = method({
  name: "sub_subscribe",
  summary:
    "Starts sub_event notifications {subscription, seq, result}. As it happens: newHeads and finalized (headers; finalized again after a reorganisation that reversed it), reorgs (of mined chains), tx (status changes of filter.hash), consensus (engine events). As a stream that misses nothing, items with cursors: events of modules, tx of filter.account, newHeads and finalized with `from` (docs/events.md).",
  kind: "read",
  live: true,
  transport: "websocket",
  params,
  result: z.string().meta({ description: "the subscription's id" }),
  examples: [
    { name: "new heads", params: { topic: "newHeads" }, result: "0x1" },
    { name: "one transaction", params: { topic: "tx", filter: { hash: TX_HASH } }, result: "0x2" },
    { name: "all headers from a height on", params: { topic: "newHeads", from: 1 }, result: "0x3" },
    {
      name: "what an account was paid, from the beginning",
      params: { topic: "events", filter: { module: "bank", fields: { to: ALICE } }, from: 0 },
      result: "0x4",
    },
    {
      name: "transactions of an account",
      params: { topic: "tx", filter: { account: ALICE }, from: 0 },
      result: "0x5",
    },
  ],
  call(context, given) {
    const subscriptions = mustSubscribe(context);
    const query = streamOf(context, given);
    if (query === undefined) return subscriptions.add(given.topic as LiveTopic, given.filter?.hash);
    const { from, final: isFinal, batch, window, topic } = given;
    return subscriptions.addStream({ query, from, isFinal: isFinal || topic === "finalized", batch, window });
  },
});

export const acknowledge = method({
  name: "sub_ack",
  summary:
    "Tells a stream with `window` that its reader has all notifications up to `seq`: it goes on with as many again.",
  kind: "read",
  live: true,
  transport: "websocket",
  params: z.strictObject({ id: z.string().max(18), seq: countInput(1, Number.MAX_SAFE_INTEGER) }),
  result: z.literal(true),
  examples: [{ name: "the first eight", params: { id: "0x1", seq: 8 }, result: true }],
  call(context, { id, seq }) {
    if (mustSubscribe(context).acknowledge(id, seq)) return true as const;
    throw new CallError("SUBSCRIPTION_NOT_FOUND", "this connection has no such stream");
  },
});

export const unsubscribe = method({
  name: "sub_unsubscribe",
  summary: "Ends a subscription of this connection.",
  kind: "read",
  live: true,
  transport: "websocket",
  params: z.strictObject({ id: z.string().max(18) }),
  result: z.literal(true),
  examples: [{ name: "the first", params: { id: "0x1" }, result: true }],
  call(context, { id }) {
    if (mustSubscribe(context).remove(id)) return true as const;
    throw new CallError("SUBSCRIPTION_NOT_FOUND", "this connection has no such subscription");
  },
});

/** What a stream is of, or undefined for what is only told as it happens. @throws CallError INVALID_PARAMS */
function streamOf({ api }: CallContext, { topic, filter = {}, ...options }: Params): EventQuery | undefined {
  const { hash, account, ...ofEvents } = filter;
  checkFilter(topic, filter);
  if (topic === "events") return eventsQuery(ofEvents, api.modules());
  if (topic === "tx" && account !== undefined) return { kind: "transactions", account };
  const { from, batch, window, final: isFinal } = options;
  const asStream = from !== undefined || batch !== undefined || window !== undefined || isFinal;
  if (asStream && (topic === "newHeads" || topic === "finalized")) return { kind: "blocks" };
  if (!asStream) return undefined;
  throw new CallError(
    "INVALID_PARAMS",
    `from, final, batch and window are for newHeads, finalized, events and tx with filter {account}, not for ${topic}${hash === undefined ? "" : " with filter {hash}"}`,
  );
}

/** Which filters each topic takes. */
const FILTERS: Readonly<Partial<Record<Params["topic"], readonly string[]>>> = {
  tx: ["hash", "account"],
  events: ["module", "event", "fields"],
};

function checkFilter(topic: Params["topic"], filter: object): void {
  const allowed = FILTERS[topic] ?? [];
  for (const name of Object.keys(filter)) {
    if (allowed.includes(name)) continue;
    const detail =
      allowed.length === 0
        ? `topic ${topic} takes no filter`
        : `topic ${topic} takes the filters ${allowed.join(", ")}`;
    throw new CallError("INVALID_PARAMS", `filter.${name}: ${detail}`);
  }
  if (topic !== "tx" || "hash" in filter !== "account" in filter) return;
  throw new CallError("INVALID_PARAMS", "topic tx needs filter {hash} or {account}");
}

function mustSubscribe({ subscriptions }: CallContext): NonNullable<CallContext["subscriptions"]> {
  if (subscriptions !== undefined) return subscriptions;
  throw new CallError("NEEDS_WEBSOCKET", "subscriptions need a WebSocket: connect to /ws of this server");
}
