/**
 * tx_send and its four waits. The node's verdict comes first and at once; a wait begins in the same turn, so no
 * block can slip between. A time-out says nothing about the transaction: it may still be included. Sending again
 * what is already pooled or included waits for that, so a client may repeat a call whose answer it lost.
 */
import { z } from "zod";
import { type Hash, hex0x } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import { RPC_WAIT_MS_MAX, TX_BYTES_CEILING } from "../../base/limits.ts";
import { decodeTransaction } from "../../chain/types/transaction.ts";
import { type IncludedStatus, includedStatus, type TxStatus, txStatusOf } from "../answers/tx-status.ts";
import type { WaitLevel, WaitOutcome } from "../answers/waits.ts";
import { CallError, refusalOf } from "../errors.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import { count, hash32, receiptResult } from "../schemas/answer-fields.ts";
import { bytesInput, countInput } from "../schemas/input.ts";
import { dropStatus } from "../websocket/subscriptions.ts";
import { RAW, RECEIPT, TX_HASH } from "./examples.ts";

const result = z.strictObject({
  txHash: hash32,
  status: z.enum(["pending", "included", "final"]),
  blockHeight: count.optional(),
  confirmations: count.optional(),
  finalityDepth: count.optional().meta({
    description: "blocks on top that make it final here; absent where blocks are final at once",
  }),
  receipt: receiptResult.optional(),
  already: z.literal(true).optional().meta({
    description: "this node had it before the call, in its pool or in this block: the call sent nothing new",
  }),
});
type Sent = z.input<typeof result>;

export const send = method({
  name: "tx_send",
  summary:
    'Sends a signed transaction. wait: "none" (only decoded), "accepted" (checked and pooled), "included" (in a block) or "final" (never abandoned; on a mined chain so many blocks deep, told as finalityDepth).',
  kind: "write",
  params: z.strictObject({
    tx: bytesInput.meta({ description: "the signed envelope" }),
    wait: z.enum(["none", "accepted", "included", "final"]).default("accepted"),
    timeoutMs: countInput(1, RPC_WAIT_MS_MAX).default(10_000),
  }),
  result,
  examples: [
    { name: "accepted", params: { tx: RAW }, result: { txHash: TX_HASH, status: "pending" } },
    {
      name: "final",
      params: { tx: RAW, wait: "final" },
      result: { txHash: TX_HASH, status: "final", blockHeight: 5, receipt: RECEIPT },
    },
  ],
  prepare: ({ api }, sent) => api.prepare(sent.map(({ tx }) => tx)),
  call(context, { tx, wait, timeoutMs }) {
    switch (wait) {
      case "none":
        return sendUnchecked(context, tx);
      case "accepted":
        return sendChecked(context, tx);
      case "included":
      case "final":
        return sendAndWait(context, tx, wait, timeoutMs);
    }
  },
});

function sendUnchecked({ api }: CallContext, bytes: Uint8Array): Sent {
  const verdict = api.submit(bytes); // the caller asked not to be told it
  return { txHash: hex0x(verdict.ok ? verdict.value : idOf(bytes)), status: "pending" };
}

function sendChecked({ api }: CallContext, bytes: Uint8Array): Sent {
  const verdict = api.submit(bytes);
  if (!verdict.ok) throw refused(api, verdict.fault);
  return { txHash: hex0x(verdict.value), status: "pending" };
}

async function sendAndWait(
  context: CallContext,
  bytes: Uint8Array,
  level: WaitLevel,
  timeoutMs: number,
): Promise<Sent> {
  context.slots.check();
  context.waits.check();
  const verdict = context.api.submit(bytes);
  const id = verdict.ok ? verdict.value : idOf(bytes);
  const wait = context.waits.begin(id, level, timeoutMs);
  context.slots.add(wait);
  try {
    const known = verdict.ok ? undefined : await findKnown(context, id, level, verdict.fault);
    if (known !== undefined) return known;
    const repeated = verdict.ok ? {} : ({ already: true } as const);
    return { ...(await answer(context, id, level, await wait.outcome)), ...repeated };
  } finally {
    wait.cancel();
  }
}

/**
 * Returns after a refusal the answer if it is as far as the wait wants, and undefined if it is on its way. Else it
 * throws the refusal.
 */
async function findKnown(
  { api }: CallContext,
  id: Hash,
  level: WaitLevel,
  fault: Fault,
): Promise<Sent | undefined> {
  const status = REPEATED.includes(fault.code) ? await txStatusOf(api, id) : undefined;
  if (status === undefined) throw refused(api, fault);
  const isThere = status.status === "final" || (status.status === "included" && level === "included");
  return isThere ? { ...(status as IncludedStatus), already: true } : undefined;
}

function refused(api: CallContext["api"], fault: Fault): CallError {
  return refusalOf(fault, fault.code === "MEMPOOL_FULL" ? { retryAfterMs: api.roomAfterMs() } : {});
}

/** What a pool says of a transaction that it, or the chain, already holds. */
const REPEATED: readonly string[] = ["TX_DUPLICATE", "TX_NONCE_TOO_LOW"];

async function answer({ api }: CallContext, id: Hash, level: WaitLevel, outcome: WaitOutcome): Promise<Sent> {
  const txHash = hex0x(id);
  switch (outcome.kind) {
    case "block": {
      const { sealed, receipts } = outcome.events;
      return includedStatus(api, sealed.block, receipts, outcome.index);
    }
    case "dropped": {
      const status = dropStatus(outcome.reason);
      throw new CallError(`TX_${status.toUpperCase()}`, `the pool let go of the transaction: ${status}`, {
        txHash,
      });
    }
    case "timeout":
      throw timeout(txHash, level, await txStatusOf(api, id));
    case "closed":
      throw new CallError("STOPPING", "the node is stopping; the transaction may still be included", {
        txHash,
      });
  }
}

/** What the wait saw: a block that is not deep enough yet, or none. */
function timeout(txHash: string, level: WaitLevel, seen: TxStatus | undefined): CallError {
  const { status = "unknown", blockHeight, confirmations, finalityDepth } = seen ?? {};
  const data = { txHash, status, blockHeight, confirmations, finalityDepth };
  if (blockHeight === undefined || level === "included") {
    return new CallError(
      "WAIT_TIMEOUT",
      "no block yet; the transaction may still be included: ask tx_get",
      data,
    );
  }
  return new CallError(
    "WAIT_TIMEOUT",
    `in block ${blockHeight} with ${confirmations} confirmations; final with ${(finalityDepth ?? 0) + 1}: ask tx_get`,
    data,
  );
}

function idOf(bytes: Uint8Array): Hash {
  const decoded = decodeTransaction(bytes, TX_BYTES_CEILING);
  if (!decoded.ok) throw refusalOf(decoded.fault);
  return decoded.value.id;
}
