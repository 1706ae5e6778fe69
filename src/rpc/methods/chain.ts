/** Methods that read blocks, headers, certificates and the genesis. */
import { z } from "zod";
import { EMPTY, equalBytes, hex0x } from "../../base/bytes.ts";
import { PROOF_HEADERS_MAX, RPC_RANGE_MAX } from "../../base/limits.ts";
import type { ModuleSet } from "../../chain/modules/module-set.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import {
  absentBlock,
  checkHeight,
  findBeside,
  findBlock,
  findHead,
  mustExist,
} from "../answers/block-selector.ts";
import { showHeadersBefore, showHeadersOn, showWorkOn } from "../answers/headers-on-top.ts";
import type { NodeApi } from "../api.ts";
import { CallError } from "../errors.ts";
import { type CallContext, method } from "../jsonrpc/method.ts";
import {
  beforeResult,
  blockHash,
  count,
  hash32,
  headerResult,
  headersResult,
  sealedHeadResult,
  sealResult,
  txResult,
  work,
} from "../schemas/answer-fields.ts";
import { blockInput, heightInput } from "../schemas/input.ts";
import {
  blockBytes,
  confirmationsOf,
  showAt,
  showBranch,
  showHeader,
  showSeal,
  showSealedHead,
  showTransaction,
} from "../schemas/show.ts";
import { readSettled } from "../settled-reads.ts";
import { BLOCK_HASH, BLOCK_HEX, COMMITS, HASH_A, HEADER, TX } from "./examples.ts";

const blockParams = z.strictObject({ block: blockInput });

export const getHead = method({
  name: "chain_getHead",
  summary: "The header of the latest block.",
  kind: "read",
  params: z.strictObject({}),
  result: headerResult,
  examples: [{ name: "latest", params: {}, result: HEADER }],
  call: ({ api }) => showHeader(api, api.head()),
});

export const getHeader = method({
  name: "chain_getHeader",
  summary:
    "A block's header; null for an unknown hash. A known block off the active chain has `branch`; whoever waits for a block looks for that.",
  kind: "read",
  params: blockParams,
  result: headerResult.nullable(),
  examples: [{ name: "by height", params: { block: 5 }, result: HEADER }],
  async call({ api }, { block }) {
    const head = await findHead(api, block);
    if (head !== undefined) return showHeader(api, head);
    const side = await findBeside(api, block);
    return side === undefined ? null : { ...showHeader(api, side.head), branch: showBranch(side) };
  },
});

const getBlockResult = headerResult.extend({
  consensus: sealResult,
  txs: z
    .union([z.array(hash32), z.array(txResult)])
    .nullable()
    .meta({ description: "null where only the header of a block off the active chain is here" }),
  size: count.meta({ description: "bytes of the encoded block, without its seal" }),
});

export const getBlock = method({
  name: "chain_getBlock",
  summary:
    "A block with its certificate and transactions; null for an unknown hash. A stored block off the active chain (abandoned, never executed, being fetched) has `branch`: its transactions are not included.",
  kind: "read",
  costly: true,
  live: true,
  params: z.strictObject({
    block: blockInput,
    full: z.boolean().default(false).meta({ description: "whole transactions instead of their hashes" }),
  }),
  result: getBlockResult.nullable(),
  examples: [
    {
      name: "by height",
      params: { block: 5 },
      result: {
        ...HEADER,
        consensus: { type: "pbft", view: 0, seq: 5, commits: COMMITS },
        txs: [TX.txHash],
        size: 576,
      },
    },
  ],
  async call({ api, pause }, { block, full }) {
    const found = await readSettled(api, () => readBlock(api, block));
    if (found === null) return null;
    const { transactions, ...shown } = found;
    // Transactions do not change while the head moves: no need to begin anew with thousands of them.
    const hashes = () => transactions?.map(({ id }) => hex0x(id)) ?? null;
    const txs =
      full && transactions !== undefined ? await showAll(transactions, api.modules(), pause) : hashes();
    return { ...shown, txs };
  },
});

export const getBlockRange = method({
  name: "chain_getBlockRange",
  summary: `Headers from one height to another, both included, at most ${RPC_RANGE_MAX} apart; it ends at the head.`,
  kind: "read",
  costly: true,
  params: z.strictObject({ from: heightInput, to: heightInput }),
  result: z.array(headerResult),
  examples: [{ name: "one header", params: { from: 5, to: 5 }, result: [HEADER] }],
  async call({ api }, { from, to }) {
    if (to < from || to - from > BigInt(RPC_RANGE_MAX)) {
      throw new CallError(
        "INVALID_PARAMS",
        `from ${from} to ${to}: expected from <= to <= from + ${RPC_RANGE_MAX}`,
      );
    }
    checkHeight(api, from);
    const top = api.head().summary.height;
    const heights: bigint[] = [];
    for (let height = from; height <= to && height <= top; height++) heights.push(height);
    const heads = await Promise.all(heights.map((height) => api.headAt(height)));
    if (api.chainMode().kind === "final" && heads[0] === undefined) throw absentBlock(api, from);
    return linkedFrom(heads).map((head) => showHeader(api, head));
  },
});

/**
 * The headers up to the first that is not there or does not stand on the one before: while the chain changes
 * branches, the database is ahead of the head that was just read, and heights above the new head are gone.
 */
function linkedFrom(heads: readonly (BlockHead | undefined)[]): BlockHead[] {
  const linked: BlockHead[] = [];
  for (const head of heads) {
    const before = linked.at(-1);
    const isNext = before === undefined || (head && equalBytes(head.header.previousHash, before.hash));
    if (head === undefined || isNext !== true) break;
    linked.push(head);
  }
  return linked;
}

export const getFinalityProof = method({
  name: "chain_getFinalityProof",
  summary:
    "Header, summary and commit certificate of a block: with the genesis, an offline proof that it is final. Of a mined block the headers on top of it, and the work in them and in itself. Null for an unknown hash.",
  kind: "read",
  costly: true,
  params: blockParams,
  result: sealedHeadResult
    .extend({
      height: count,
      blockHash,
      consensus: sealResult,
      confirmations: count.meta({ description: "blocks from its own on: 1 in the head" }),
      headers: headersResult.optional(),
      before: beforeResult.optional(),
      work: work.optional().meta({ description: "expected hashes of the block and of `headers`, decimal" }),
      final: z.boolean(),
    })
    .nullable(),
  examples: [
    {
      name: "by height",
      params: { block: 5 },
      result: {
        height: 5,
        blockHash: BLOCK_HASH,
        ...BLOCK_HEX,
        consensus: { type: "pbft", view: 0, seq: 5, commits: COMMITS },
        confirmations: 1,
        final: true,
      },
    },
  ],
  async call({ api }, { block }) {
    const sealed = await findBlock(api, block);
    if (sealed === undefined) return null;
    return {
      ...showAt(sealed.block),
      ...showSealedHead(sealed.block, sealed.seal),
      consensus: showSeal(api, sealed.block, sealed.seal),
      confirmations: confirmationsOf(api, sealed.block),
      ...(await showHeadersOn(api, sealed.block, PROOF_HEADERS_MAX)),
      ...(await showHeadersBefore(api, sealed.block, PROOF_HEADERS_MAX)),
      ...(await showWorkOn(api, sealed.block, PROOF_HEADERS_MAX)),
      final: api.finalized().summary.height >= sealed.block.summary.height,
    };
  },
});

export const getGenesis = method({
  name: "chain_getGenesis",
  summary: "genesis.json as this node read it, and the hash of block 0 that it makes.",
  kind: "read",
  params: z.strictObject({}),
  result: z.strictObject({ genesisHash: blockHash, genesis: z.unknown() }),
  examples: [
    {
      name: "shortened",
      params: {},
      result: { genesisHash: HASH_A, genesis: { format: 1, chainId: 31337 } },
    },
  ],
  async call({ api }) {
    return {
      genesisHash: showAt(mustExist(await api.headAt(0n), "block 0")).blockHash,
      genesis: api.genesis(),
    };
  },
});

/** Whole transactions that are shown before others may have a turn. */
const SHOWN_AT_ONCE = 16;

/** A block as it is shown but for its transactions; null when it is not known. */
async function readBlock(api: NodeApi, block: z.output<typeof blockInput>) {
  const sealed = await findBlock(api, block);
  if (sealed !== undefined) {
    const { block: head, seal } = sealed;
    return { ...showWithSeal(api, head, seal), transactions: head.transactions };
  }
  const side = await findBeside(api, block);
  if (side === undefined) return null;
  const { head, transactions } = side;
  return { ...showWithSeal(api, head, EMPTY), branch: showBranch(side), transactions };
}

function showWithSeal(api: NodeApi, head: BlockHead, seal: Uint8Array) {
  return { ...showHeader(api, head), consensus: showSeal(api, head, seal), size: blockBytes(head) };
}

/** Several at once: a block has thousands. */
async function showAll(
  transactions: readonly SignedTransaction[],
  modules: ModuleSet,
  pause: CallContext["pause"],
) {
  const shown: ReturnType<typeof showTransaction>[] = [];
  for (const [i, transaction] of transactions.entries()) {
    shown.push(showTransaction(transaction, modules));
    if (i % SHOWN_AT_ONCE === SHOWN_AT_ONCE - 1) await pause();
  }
  return shown;
}
