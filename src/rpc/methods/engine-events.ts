/** The method that tells what the engine announced of late: for whoever subscribes after it happened. */
import { z } from "zod";
import { method } from "../jsonrpc/method.ts";
import { blockHash, timeMs, validatorIndex, wide } from "../schemas/answer-fields.ts";
import { countInput } from "../schemas/input.ts";
import { showEngineEvent } from "../schemas/show-engine-event.ts";
import { BLOCK_HASH } from "./examples.ts";

const VOTES_MAX = 4_096;

export const getEngineEvents = method({
  name: "consensus_getEvents",
  summary:
    "What this validator's engine announced of late, oldest first, as the topic consensus does: the last votes, and rarer events (views asked for and entered, equivocations) of longer ago. Empty on a node that does not validate.",
  kind: "read",
  live: true,
  params: z.strictObject({
    votes: countInput(0, VOTES_MAX).default(500).meta({ description: "votes at most" }),
  }),
  result: z.array(
    z.strictObject({
      t: timeMs,
      type: z.string(),
      seq: wide.optional(),
      view: wide.optional(),
      digest: blockHash.optional(),
      from: validatorIndex.optional(),
      reason: z.string().optional(),
      detail: z.string().optional(),
      minSeq: wide.optional(),
      maxSeq: wide.optional(),
    }),
  ),
  examples: [
    {
      name: "a vote, and a block that was committed",
      params: { votes: 2 },
      result: [
        { t: 1767225600000, type: "commit", seq: 5, view: 0, digest: BLOCK_HASH, from: 2 },
        { t: 1767225600001, type: "committed", seq: 5, view: 0, digest: BLOCK_HASH },
      ],
    },
  ],
  call: ({ api }, { votes }) =>
    api.recent.engineEvents(votes).map(({ atMs, event }) => {
      return { t: Math.floor(atMs), ...showEngineEvent(event) } as { t: number; type: string } & Partial<
        Record<string, never>
      >;
    }),
});
