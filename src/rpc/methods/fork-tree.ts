/** The tree of the last heights of a mined chain in one answer: what a drawing of its branches needs. */
import { z } from "zod";
import { equalBytes, hex0x, showHash } from "../../base/bytes.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { workOf } from "../../chain/types/target.ts";
import { isCoinbase, type SignedTransaction } from "../../chain/types/transaction.ts";
import { mustHaveBranches } from "../answers/capabilities.ts";
import type { BranchesApi, TipView } from "../api.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import { blockHash, count, hash32, sideStatus, timeMs, work } from "../schemas/answer-fields.ts";
import { countInput } from "../schemas/input.ts";
import { showTime } from "../schemas/show.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { ALICE, BLOCK_HASH, HASH_B } from "./examples.ts";

const HEIGHTS_MAX = 100;
/** Blocks beside the chain in one answer. */
const SIDE_BLOCKS_MAX = 200;

const treeBlock = z.strictObject({
  height: count,
  hash: blockHash,
  parentHash: blockHash,
  time: timeMs,
  txCount: count,
  work: work.meta({ description: "expected hashes for this block, decimal" }),
  miner: hash32.nullable().meta({ description: "who its coinbase pays; null where its body is not here" }),
  status: z.enum(["active", ...sideStatus.options]).meta({ description: sideStatus.description }),
});

type TreeBlock = z.input<typeof treeBlock>;

export const getForkTree = method({
  name: "chain_getForkTree",
  summary:
    "The blocks of the last heights of a mined chain, those of all known branches among them, the highest first.",
  kind: "read",
  costly: true,
  params: z.strictObject({ heights: countInput(1, HEIGHTS_MAX).default(50) }),
  result: z.array(treeBlock),
  examples: [
    {
      name: "the head",
      params: { heights: 1 },
      result: [
        {
          height: 13,
          hash: BLOCK_HASH,
          parentHash: HASH_B,
          time: 1767225600000,
          txCount: 1,
          work: "1048592",
          miner: ALICE,
          status: "active",
        },
      ],
    },
  ],
  async call(context, { heights }) {
    const branches = mustHaveBranches(context.api);
    const top = context.api.head().summary.height;
    const lowest = top < BigInt(heights) ? 0n : top - BigInt(heights) + 1n;
    const blocks = await activeBlocks(context, lowest);
    for (const tip of branches.tips()) await addBranch(context, { branches, tip, lowest, blocks });
    return blocks.sort((a, b) => b.height - a.height);
  },
});

async function activeBlocks({ api, pause }: CallContext, lowest: bigint): Promise<TreeBlock[]> {
  const blocks: TreeBlock[] = [];
  for (let height = api.head().summary.height; height >= lowest; height--) {
    await pause();
    const sealed = await api.sealedBlockAt(height);
    if (sealed === undefined) break;
    blocks.push(showTreeBlock(sealed.block, sealed.block.transactions, "active"));
  }
  return blocks;
}

interface BranchWalk {
  readonly branches: BranchesApi;
  readonly tip: TipView;
  readonly lowest: bigint;
  readonly blocks: TreeBlock[];
}

/** Adds the blocks from a tip down to the chain, or to what another branch brought already. */
async function addBranch(
  { pause }: CallContext,
  { branches, tip, lowest, blocks }: BranchWalk,
): Promise<void> {
  if (tip.status === "active") return;
  const known = new Set(blocks.map(({ hash }) => hash));
  for (let hash = tip.head.hash; blocks.length < HEIGHTS_MAX + SIDE_BLOCKS_MAX; ) {
    await pause();
    const found = await branches.beside(hash);
    if (found === undefined || known.has(showHash(hash)) || found.head.summary.height < lowest) return;
    const { head, transactions } = found;
    blocks.push(
      showTreeBlock(head, transactions, equalBytes(hash, tip.head.hash) ? tip.status : found.status),
    );
    hash = head.header.previousHash;
  }
}

function showTreeBlock(
  head: BlockHead,
  transactions: readonly SignedTransaction[] | undefined,
  status: TreeBlock["status"],
): TreeBlock {
  const { hash, header, summary } = head;
  const [first] = transactions ?? [];
  return {
    height: showCount(summary.height),
    hash: showHash(hash),
    parentHash: showHash(header.previousHash),
    time: showTime(head),
    txCount: summary.txCount,
    work: summary.height === 0n ? "0" : workOf(header.bits).toString(),
    miner: first !== undefined && isCoinbase(first) ? hex0x(first.from) : null,
    status,
  };
}
