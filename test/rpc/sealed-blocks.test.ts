/** Whole blocks by JSON-RPC, as an indexer reads them. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { parseHex } from "../../src/base/bytes.ts";
import { RPC_SEALED_BLOCKS_BYTES_MAX } from "../../src/base/limits.ts";
import { readBlock, type SealedBlock } from "../../src/chain/types/block.ts";
import { decode } from "../../src/codec/reader.ts";
import type { NodeApi } from "../../src/rpc/api.ts";
import type { CallContext } from "../../src/rpc/jsonrpc/method.ts";
import { getSealedBlocks } from "../../src/rpc/methods/sealed-blocks.ts";
import { Client } from "../../src/sdk/client.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";

const LIMITS = { maxTxBytes: 65_535, maxBlockBytes: 1_000_000, maxBlockTransactions: 10_000 };

function blockOf(hex: string): SealedBlock["block"] {
  const read = decode(must(parseHex(hex), "hex"), "block", (reader) => readBlock(reader, LIMITS));
  if (!read.ok) throw new Error(read.fault.detail);
  return read.value;
}

describe("chain_getSealedBlocks", () => {
  it("gives the bytes of blocks up to the head, and ends an answer after the block that passes its bound", async () => {
    const net = await devnet({ validators: 1 });
    for (let i = 0; i < 3; i++) await net.final(net.transfer({ from: "alice", to: "bob", amount: 1n }));
    const client = new Client(net.urls, { fetch: net.fetch });
    const answer = await client.call("chain_getSealedBlocks", { from: 1 });
    const blocks = answer.map(({ block }) => blockOf(block));
    expect(blocks.map(({ summary }) => summary.height)).toEqual([1n, 2n, 3n]);
    expect(blocks.map(({ transactions }) => transactions.length)).toEqual([1, 1, 1]);
    expect(await client.call("chain_getSealedBlocks", { from: 2, count: 1 })).toEqual([answer[1]]);
    await expect(client.call("chain_getSealedBlocks", { from: 4 })).rejects.toMatchObject({
      data: { code: "BLOCK_NOT_FOUND", head: 3 },
    });
    // A seal as large as the bound stands for a block that is.
    const sizes = [1, RPC_SEALED_BLOCKS_BYTES_MAX, 1];
    const api = {
      head: () => blocks[2],
      sealedBlockAt: async (height: bigint) => {
        const at = Number(height) - 1;
        return { block: blocks[at], seal: new Uint8Array(sizes[at] ?? 0) };
      },
    } as unknown as NodeApi;
    const context = { api, pause: async () => undefined } as unknown as CallContext;
    const bounded = await getSealedBlocks.call(context, { from: 1n, count: 100 });
    expect(bounded.map(({ height }) => height)).toEqual([1, 2]);
    await net.stop();
  });
});
