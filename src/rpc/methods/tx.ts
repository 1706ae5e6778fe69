/** Methods around transactions: sending with the four waits is send.ts; here is reading and trying out. */

import { z } from "zod";
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import { PROOF_HEADERS_MAX } from "../../base/limits.ts";
import { merklePath } from "../../crypto/merkle.ts";
import { checkLatest } from "../answers/block-selector.ts";
import { PROOF_HEADERS, showHeadersBefore, showHeadersOn } from "../answers/headers-on-top.ts";
import { findInclusion, includedStatus, locate } from "../answers/tx-status.ts";
import { method } from "../jsonrpc/method.ts";
import {
  amount,
  beforeResult,
  blockHash,
  bytesHex,
  count,
  eventResult,
  hash32,
  headersResult,
  pathResult,
  receiptResult,
  reversalProbability,
  sealedHeadResult,
  timeMs,
  txResult,
} from "../schemas/answer-fields.ts";
import { attackerShareInput, blockInput, bytesInput, countInput, hashInput } from "../schemas/input.ts";
import { showAt, showPath, showSealedHead, showTime, showTransaction } from "../schemas/show.ts";
import { showOutcome } from "../schemas/show-outcome.ts";
import { BLOCK_HASH, BLOCK_HEX, OUTCOME, RAW, RECEIPT, TX, TX_HASH } from "./examples.ts";

const hashParams = z.strictObject({ hash: hashInput.meta({ description: "txHash" }) });
const placeParams = hashParams.extend({ attackerShare: attackerShareInput });

export const simulate = method({
  name: "tx_simulate",
  summary: "What a transaction would do on the latest state; nothing is kept or sent.",
  kind: "read",
  params: z.strictObject({ tx: bytesInput, block: blockInput.optional() }),
  result: z.strictObject({
    ok: z.boolean().meta({ description: "it would be accepted, and its call would succeed" }),
    error: z
      .strictObject({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: "why it would be refused, or the module's fault" }),
    fee: amount.nullable(),
    events: z.array(eventResult),
    height: count,
    blockHash,
  }),
  examples: [
    {
      name: "a transfer that would succeed",
      params: { tx: RAW },
      result: { ok: true, error: null, fee: "0", events: OUTCOME.events, height: 5, blockHash: BLOCK_HASH },
    },
  ],
  call({ api }, { tx, block }) {
    const verdict = api.simulate(tx);
    const at = verdict.ok ? verdict.value.at : api.head();
    if (block !== undefined) checkLatest(api, block, at);
    if (!verdict.ok) {
      const { code, detail } = verdict.fault;
      return { ok: false, error: { code, message: detail }, fee: null, events: [], ...showAt(at) };
    }
    const { receipt, module } = verdict.value;
    const { status, fault, code, fee, events } = showOutcome(receipt, module, api.modules());
    const error = { code: fault ?? `${code}`, message: "the call would fail; fee and nonce would be taken" };
    return {
      ok: status === "success",
      error: status === "success" ? null : error,
      fee,
      events,
      ...showAt(at),
    };
  },
});

export const getTx = method({
  name: "tx_get",
  summary:
    "A transaction and where it is: pending, included or final; null when unknown, as one of a block is that this node has pruned. On a mined chain it can be pending again after a reorganisation; one that only an abandoned branch holds is never called included.",
  kind: "read",
  params: placeParams,
  result: z
    .strictObject({
      tx: txResult,
      status: z.enum(["pending", "included", "final"]),
      height: count.optional(),
      blockHash: blockHash.optional(),
      index: count.optional(),
      confirmations: count.optional().meta({ description: "blocks from its own on: 1 in the head" }),
      reversalProbability: reversalProbability.optional(),
      final: z.boolean(),
    })
    .nullable(),
  examples: [
    {
      name: "final",
      params: { hash: TX_HASH },
      result: {
        tx: TX,
        status: "final",
        height: 5,
        blockHash: BLOCK_HASH,
        index: 0,
        confirmations: 1,
        final: true,
      },
    },
  ],
  async call({ api }, { hash, attackerShare }) {
    const located = await locate(api, hash);
    if (located === undefined) return null;
    const { transaction } = located;
    if (located.status === "pending")
      return { tx: showTransaction(transaction, api.modules()), status: "pending" as const, final: false };
    const { sealed, index, receipts } = located;
    const { status, receipt } = includedStatus(api, sealed.block, receipts, index, attackerShare);
    const { confirmations, reversalProbability: probability, final } = receipt;
    const risk = probability === undefined ? {} : { reversalProbability: probability };
    const tx = showTransaction(transaction, api.modules());
    return { tx, status, ...showAt(sealed.block), index, confirmations, ...risk, final };
  },
});

export const getReceipt = method({
  name: "tx_getReceipt",
  summary: "What an included transaction did; null while it is pending or unknown.",
  kind: "read",
  params: placeParams,
  result: receiptResult.nullable(),
  examples: [{ name: "a transfer", params: { hash: TX_HASH }, result: RECEIPT }],
  async call({ api }, { hash, attackerShare }) {
    const found = await findInclusion(api, hash);
    if (found === undefined) return null;
    return includedStatus(api, found.sealed.block, found.receipts, found.index, attackerShare).receipt;
  },
});

export const getProof = method({
  name: "tx_getProof",
  summary:
    "Merkle paths of a transaction and its receipt, with header, summary and seal: with the genesis, an offline proof. Null while it is pending or unknown.",
  kind: "read",
  params: hashParams.extend({
    headers: countInput(0, PROOF_HEADERS_MAX)
      .default(PROOF_HEADERS)
      .meta({ description: `headers on top of the block, where it is mined; at most ${PROOF_HEADERS_MAX}` }),
  }),
  result: sealedHeadResult
    .extend({
      headers: headersResult.optional(),
      before: beforeResult.optional(),
      txHash: hash32,
      height: count,
      blockHash,
      time: timeMs,
      tx: bytesHex.meta({ description: "the whole envelope; its SHA-256 is the leaf under txRoot" }),
      txPath: pathResult,
      receipt: bytesHex.meta({ description: "the encoded receipt: the leaf under receiptsRoot" }),
      receiptPath: pathResult,
    })
    .nullable(),
  examples: [
    {
      name: "the only transaction of its block",
      params: { hash: TX_HASH },
      result: {
        txHash: TX_HASH,
        height: 5,
        blockHash: BLOCK_HASH,
        time: 1767225600000,
        tx: RAW,
        txPath: { index: 0, count: 1, siblings: [] },
        receipt: RAW,
        receiptPath: { index: 0, count: 1, siblings: [] },
        ...BLOCK_HEX,
      },
    },
  ],
  async call({ api }, { hash, headers: headersMax }) {
    const found = await findInclusion(api, hash);
    if (found === undefined) return null;
    const { sealed, index, transaction, receipts } = found;
    const { block, seal } = sealed;
    const leaves = block.transactions.map((tx) => tx.hash);
    return {
      txHash: hex0x(transaction.id),
      ...showAt(block),
      time: showTime(block),
      tx: hex0x(transaction.bytes),
      txPath: showPath(merklePath(leaves, index)),
      receipt: hex0x(must(receipts[index], "each transaction of a block has a receipt")),
      receiptPath: showPath(merklePath(receipts, index)),
      ...showSealedHead(block, seal),
      ...(await showHeadersOn(api, block, headersMax)),
      ...(await showHeadersBefore(api, block, headersMax)),
    };
  },
});
