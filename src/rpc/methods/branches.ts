/** Methods about branches, for chains whose blocks can be abandoned: tips, reorganisations, the operator's word. */
import { z } from "zod";
import { showHash } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import { REORGS_KEPT_MAX } from "../../base/limits.ts";
import { mustHaveBranches } from "../answers/capabilities.ts";
import type { NodeApi } from "../api.ts";
import { refusalOf } from "../errors.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import { blockHash, count, sideStatus, timeMs, work } from "../schemas/answer-fields.ts";
import { blockHashInput, countInput } from "../schemas/input.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { BLOCK_HASH, HASH_A, HASH_B } from "./examples.ts";

export const getTips = method({
  name: "chain_getTips",
  summary: "The last blocks of all known branches of a mined chain: the active one first, then by work.",
  kind: "read",
  params: z.strictObject({}),
  result: z.array(
    z.strictObject({
      hash: blockHash,
      height: count,
      branchLength: count.meta({ description: "blocks that are not on the active chain" }),
      totalWork: work,
      status: z.enum(["active", ...sideStatus.options]).meta({ description: sideStatus.description }),
    }),
  ),
  examples: [
    {
      name: "one branch beside the chain",
      params: {},
      result: [
        { hash: BLOCK_HASH, height: 14, branchLength: 0, totalWork: "15728640", status: "active" },
        { hash: HASH_A, height: 11, branchLength: 1, totalWork: "12582912", status: "valid-fork" },
      ],
    },
  ],
  call: ({ api }) =>
    mustHaveBranches(api)
      .tips()
      .map(({ head, branchLength, work: total, status }) => ({
        hash: showHash(head.hash),
        height: showCount(head.summary.height),
        branchLength,
        totalWork: total.toString(),
        status,
      })),
});

export const getReorgs = method({
  name: "chain_getReorgs",
  summary: "Reorganisations that this node went through, the newest first.",
  kind: "read",
  params: z.strictObject({ limit: countInput(1, REORGS_KEPT_MAX).default(20) }),
  result: z.array(
    z.strictObject({
      atMs: timeMs.meta({ description: "when this node changed branches, ms since the Unix epoch" }),
      depth: count.meta({ description: "blocks undone" }),
      oldHead: blockHash,
      newHead: blockHash,
      commonAncestor: blockHash,
      entered: count.meta({ description: "blocks executed instead" }),
      dropped: count.meta({ description: "transactions undone that the new blocks do not hold" }),
    }),
  ),
  examples: [
    {
      name: "one block lost a race",
      params: { limit: 1 },
      result: [
        {
          atMs: 1767225600000,
          depth: 1,
          oldHead: HASH_A,
          newHead: BLOCK_HASH,
          commonAncestor: HASH_B,
          entered: 2,
          dropped: 3,
        },
      ],
    },
  ],
  async call({ api }, { limit }) {
    const reorgs = await mustHaveBranches(api).reorgs(limit);
    return reorgs.map(({ atMs, depth, entered, dropped, ...hashes }) => ({
      atMs,
      depth,
      oldHead: showHash(hashes.oldHead),
      newHead: showHash(hashes.newHead),
      commonAncestor: showHash(hashes.ancestor),
      entered,
      dropped,
    }));
  },
});

const headResult = z.strictObject({
  height: count.meta({ description: "of the head after it" }),
  headHash: blockHash,
});

export const invalidateBlock = method({
  name: "debug_invalidateBlock",
  summary:
    "The operator's word against a block: it and what stands on it are left, for this node alone, until debug_reconsiderBlock.",
  kind: "admin",
  params: z.strictObject({ hash: blockHashInput }),
  result: headResult,
  examples: [{ name: "the head", params: { hash: BLOCK_HASH }, result: { height: 13, headHash: HASH_B } }],
  call: (context, { hash }) => order(context, () => mustHaveBranches(context.api).invalidate(hash)),
});

export const reconsiderBlock = method({
  name: "debug_reconsiderBlock",
  summary: "Takes back what debug_invalidateBlock said of a block, its ancestors and what stands on it.",
  kind: "admin",
  params: z.strictObject({ hash: blockHashInput }),
  result: headResult,
  examples: [
    { name: "the block again", params: { hash: BLOCK_HASH }, result: { height: 14, headHash: BLOCK_HASH } },
  ],
  call: (context, { hash }) => order(context, () => mustHaveBranches(context.api).reconsider(hash)),
});

async function order({ api }: CallContext, act: () => Promise<Fault | undefined>) {
  const refused = await act();
  if (refused !== undefined) throw refusalOf(refused);
  return showHeadOf(api);
}

function showHeadOf(api: NodeApi) {
  const { hash, summary } = api.head();
  return { height: showCount(summary.height), headHash: showHash(hash) };
}
