/** The method that lists what waits in the pool. */
import { z } from "zod";
import { method } from "../jsonrpc/method.ts";
import { count, txResult } from "../schemas/answer-fields.ts";
import { addressInput, countInput } from "../schemas/input.ts";
import { showTransaction } from "../schemas/show.ts";
import { ALICE, TX } from "./examples.ts";

const LISTED_MAX = 500;

export const listPool = method({
  name: "mempool_list",
  summary:
    "Transactions that wait in this node's pool, in the order in which they came; of one account or of all.",
  kind: "read",
  live: true,
  costly: true,
  params: z.strictObject({
    limit: countInput(1, LISTED_MAX).default(100),
    address: addressInput.optional().meta({ description: "only those of this sender" }),
  }),
  result: z.strictObject({
    transactions: count.meta({ description: "in the pool" }),
    items: z.array(
      txResult.extend({
        executable: z.boolean().meta({ description: "false: it waits for an earlier nonce of its sender" }),
      }),
    ),
  }),
  examples: [
    {
      name: "what alice has waiting",
      params: { address: ALICE },
      result: { transactions: 7, items: [{ ...TX, executable: true }] },
    },
  ],
  async call({ api, pause }, { limit, address }) {
    const items = [];
    for (const { transaction, executable } of api.recent.waiting(limit, address)) {
      await pause();
      items.push({ ...showTransaction(transaction), executable });
    }
    return { transactions: api.pool().transactions, items };
  },
});
