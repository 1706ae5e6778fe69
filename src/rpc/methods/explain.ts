/** The method that says why the chain moves or does not; the words are made in explain.ts. */
import { z } from "zod";
import { explainNode } from "../explain/explain-node.ts";
import { CHAIN_STATES } from "../explain/standing.ts";
import { method } from "../jsonrpc/method.ts";

export const explainConsensus = method({
  name: "consensus_explain",
  summary: "Why the chain moves or does not, in plain words, as this node sees it.",
  kind: "read",
  live: true,
  params: z.strictObject({}),
  result: z.strictObject({
    state: z.enum(CHAIN_STATES),
    ok: z.boolean().meta({
      description: "nobody has to look: idle, moving, or a follower with peers, and no validator too few",
    }),
    summary: z.string().meta({ description: "one line for people; its words may change" }),
    details: z.array(z.string()),
  }),
  examples: [
    {
      name: "a quorum is missing a vote",
      params: {},
      result: {
        state: "waiting",
        ok: false,
        summary:
          "2 of 4 votes for height 103 in view 7; missing node2 (down 42 s) and node3 (at view 5); need 3; next try in 8 s",
        details: ["a transaction waits to be included", "phase: prepared; the votes are COMMITs"],
      },
    },
  ],
  async call({ api, scheduler }) {
    const { details, ...verdict } = await explainNode(api, scheduler.now());
    return { ...verdict, details: [...details] };
  },
});
