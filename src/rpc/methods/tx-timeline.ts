/** The method of a transaction's time line: when this node saw it, from received to final. */
import { z } from "zod";
import { locate } from "../answers/tx-status.ts";
import { method } from "../jsonrpc/method.ts";
import { count, timeMs } from "../schemas/answer-fields.ts";
import { hashInput } from "../schemas/input.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { TX_HASH } from "./examples.ts";

const stage = (description: string) => timeMs.nullable().meta({ description });

export const getTimeline = method({
  name: "tx_getTimeline",
  summary:
    "When this node saw a transaction, ms since the Unix epoch by its clock, from received to final; null for a stage that it did not see, has forgotten (it remembers the last of each since it started), or that does not exist where blocks are mined. Null as a whole for a transaction that is unknown.",
  kind: "read",
  params: z.strictObject({ hash: hashInput.meta({ description: "txHash" }) }),
  result: z
    .strictObject({
      received: stage("its bytes came, from a client or a peer"),
      pooled: stage("checked, and in the pool"),
      proposed: stage("a PRE-PREPARE of its block was accepted"),
      prepared: stage("a quorum prepared the block"),
      committed: stage("a quorum committed it"),
      included: stage("the block is executed, and on this node's disk"),
      final: stage("it cannot be abandoned any more; null where that is a matter of depth"),
      height: count.nullable(),
    })
    .nullable(),
  examples: [
    {
      name: "a transfer",
      params: { hash: TX_HASH },
      result: {
        received: 1767225600000,
        pooled: 1767225600001,
        proposed: 1767225600004,
        prepared: 1767225600009,
        committed: 1767225600012,
        included: 1767225600015,
        final: 1767225600015,
        height: 5,
      },
    },
  ],
  async call({ api }, { hash }) {
    const located = await locate(api, hash);
    if (located === undefined) return null;
    const { received = null, pooled = null } = api.recent.stagesOf(hash) ?? {};
    const none = { proposed: null, prepared: null, committed: null, included: null, final: null };
    if (located.status === "pending") return { received, pooled, ...none, height: null };
    const { block } = located.sealed;
    const {
      proposed = null,
      prepared = null,
      committed = null,
      included = null,
    } = api.recent.blockStagesOf(block.hash);
    const final = api.chainMode().kind === "final" ? included : null;
    const height = showCount(block.summary.height);
    return { received, pooled, proposed, prepared, committed, included, final, height };
  },
});
