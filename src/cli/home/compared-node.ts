/** The running node that `quorate diagnose` compares with, by its JSON-RPC. */
import { must } from "../../base/assert.ts";
import { asHash, hex0x, parseHex } from "../../base/bytes.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { Json } from "../../chain/modules/module.ts";
import { pageKeyBytes } from "../../chain/state/state-tree.ts";
import { BlockSource } from "../../indexer/block-source.ts";
import type { ComparedNode, TreePageAnswer } from "../../node/stored-chain/state-difference.ts";
import { RpcError } from "../../rpc/rpc-error.ts";
import type { NodeCalls } from "../../sdk/node-calls.ts";

const BLOCKS_AT_ONCE = 50;
const KEYS_AT_ONCE = 1_000;

/** @param genesis of the chain; its modules' code is not needed */
export function comparedNode(client: NodeCalls, { limits }: Pick<Genesis, "limits">): ComparedNode {
  const source = new BlockSource(client, limits);
  return {
    height: () => source.headHeight(),
    blocks: (from) => source.blocks(from, BLOCKS_AT_ONCE),
    treePage: (id) => treePageOf(client, id),
    value: (path) => valueAt(client, path),
    keys: (module, map, most) => keysOf(client, `${module}/${map}`, most),
  };
}

export async function treePageOf(client: NodeCalls, id: string): Promise<TreePageAnswer> {
  const answer = await client.call("state_getTreePage", { page: hex0x(pageKeyBytes(id)) });
  const { page, stateRoot, height } = answer;
  return {
    page: page === null ? undefined : bytesOf(page),
    stateRoot: asHash(bytesOf(stateRoot)),
    height: BigInt(height),
  };
}

async function valueAt(client: NodeCalls, path: string): Promise<Json | undefined> {
  try {
    const { decoded } = await client.call("state_query", { path });
    return decoded as Json;
  } catch (error) {
    if (error instanceof RpcError) return undefined;
    throw error;
  }
}

async function keysOf(client: NodeCalls, path: string, most: number): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  let cursor: string | undefined;
  do {
    const order = { path, limit: KEYS_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await client.call("state_query", order);
    for (const { stateKey } of page.entries ?? []) found.push(bytesOf(stateKey));
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined && found.length < most);
  return found;
}

function bytesOf(hex: string): Uint8Array {
  return must(parseHex(hex), "the client has checked the answer's form");
}
