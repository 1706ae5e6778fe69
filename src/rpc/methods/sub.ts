/** Subscriptions: over the WebSocket only, because their events comes as `sub_event` notifications. */
import { z } from "zod";
import { CallError } from "../errors.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import { hashInput } from "../schemas/input.ts";
import { TOPICS } from "../websocket/subscriptions.ts";
import { TX_HASH } from "./examples.ts";

export const subscribe = method({
  name: "sub_subscribe",
  summary:
    "Starts sub_event notifications {subscription, seq, result}: newHeads and finalized (headers; finalized again after a reorganisation that reversed it), reorgs (of mined chains), tx (status changes of filter.hash), consensus (engine events).",
  kind: "read",
  live: true,
  transport: "websocket",
  params: z.strictObject({
    topic: z.enum(TOPICS),
    filter: z.strictObject({ hash: hashInput }).optional().meta({ description: "for topic tx" }),
  }),
  result: z.string().meta({ description: "the subscription's id" }),
  examples: [
    { name: "new heads", params: { topic: "newHeads" }, result: "0x1" },
    { name: "one transaction", params: { topic: "tx", filter: { hash: TX_HASH } }, result: "0x2" },
  ],
  call: (context, { topic, filter }) => mustSubscribe(context).add(topic, filter?.hash),
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

function mustSubscribe({ subscriptions }: CallContext): NonNullable<CallContext["subscriptions"]> {
  if (subscriptions !== undefined) return subscriptions;
  throw new CallError("NEEDS_WEBSOCKET", "subscriptions need a WebSocket: connect to /ws of this server");
}
