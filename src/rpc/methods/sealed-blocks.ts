/** The method that gives whole blocks as they are encoded: what an indexer reads a chain by. */
import { z } from "zod";
import { equalBytes, hex0x } from "../../base/bytes.ts";
import { RPC_RANGE_MAX, RPC_SEALED_BLOCKS_BYTES_MAX } from "../../base/limits.ts";
import { encodeBlock, type SealedBlock } from "../../chain/types/block.ts";
import { absentBlock, checkHeight } from "../answers/block-selector.ts";
import type { NodeApi } from "../api.ts";
import { method } from "../jsonrpc/method.ts";
import { blockHash, bytesHex, count } from "../schemas/answer-fields.ts";
import { countInput, heightInput } from "../schemas/input.ts";
import { showAt } from "../schemas/show.ts";
import { BLOCK_HASH } from "./examples.ts";

const sealedBlockResult = z.strictObject({
  height: count,
  blockHash,
  block: bytesHex.meta({ description: "header | summary | body, as docs/protocol.md has them" }),
  seal: bytesHex.meta({ description: "commit certificate; empty where blocks are mined" }),
});

export const getSealedBlocks = method({
  name: "chain_getSealedBlocks",
  summary: `Whole blocks as they are encoded, with their certificates, from a height upwards: at most \`count\`; fewer where the head comes first, or after ${RPC_SEALED_BLOCKS_BYTES_MAX / 1024 / 1024} MiB of blocks. Each stands on the one before it.`,
  kind: "read",
  costly: true,
  live: true,
  params: z.strictObject({ from: heightInput, count: countInput(1, RPC_RANGE_MAX).default(RPC_RANGE_MAX) }),
  result: z.array(sealedBlockResult),
  examples: [
    {
      name: "one block; shortened",
      params: { from: 5, count: 1 },
      result: [{ height: 5, blockHash: BLOCK_HASH, block: "0x02", seal: "0x01" }],
    },
  ],
  async call({ api, pause }, { from, count: most }) {
    checkHeight(api, from);
    const shown: z.input<typeof sealedBlockResult>[] = [];
    let before: SealedBlock | undefined;
    let bytes = 0;
    while (shown.length < most && bytes < RPC_SEALED_BLOCKS_BYTES_MAX) {
      const sealed = await nextBlock(api, from + BigInt(shown.length), before);
      if (sealed === undefined) break;
      const block = encodeBlock(sealed.block);
      shown.push({ ...showAt(sealed.block), block: hex0x(block), seal: hex0x(sealed.seal) });
      bytes += block.length + sealed.seal.length;
      before = sealed;
      await pause();
    }
    if (shown.length === 0) throw absentBlock(api, from);
    return shown;
  },
});

/** Undefined above the head, and where the chain changed branches between two reads. */
async function nextBlock(
  api: NodeApi,
  height: bigint,
  before: SealedBlock | undefined,
): Promise<SealedBlock | undefined> {
  if (height > api.head().summary.height) return undefined;
  const sealed = await api.sealedBlockAt(height);
  if (sealed === undefined || before === undefined) return sealed;
  const { previousHash } = sealed.block.header;
  return equalBytes(previousHash, before.block.hash) ? sealed : undefined;
}
