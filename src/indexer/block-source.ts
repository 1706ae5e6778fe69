/**
 * Blocks from nodes over JSON-RPC, decoded and not judged. What a node cannot give is said as a person can act on it: a
 * node of another chain, or one that has pruned what is asked for.
 */
import { must } from "../base/assert.ts";
import { parseHex, showHash } from "../base/bytes.ts";
import { RPC_RANGE_MAX } from "../base/limits.ts";
import type { BodyLimits, SealedBlock } from "../chain/types/block.ts";
import { readBlock } from "../chain/types/block.ts";
import { decode } from "../codec/reader.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { NodeCalls } from "../sdk/node-calls.ts";

/** A node gave what no correct node gives, or cannot give what is needed: asking again does not help. */
export class WrongNode extends Error {
  override readonly name = "WrongNode";
  readonly code: "WRONG_CHAIN" | "PRUNED" | "MALFORMED" | "INVALID_BLOCK";

  constructor(code: WrongNode["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** No node answers, or none that can now. */
export class NodeGone extends Error {
  override readonly name = "NodeGone";
}

export class BlockSource {
  readonly #client: NodeCalls;
  readonly #limits: BodyLimits;

  constructor(client: NodeCalls, limits: BodyLimits) {
    this.#client = client;
    this.#limits = limits;
  }

  get url(): string {
    return this.#client.url;
  }

  /** @throws WrongNode when it is of another chain than `genesisHash`, as it is shown */
  async checkChain(genesisHash: string): Promise<void> {
    const info = await this.#ask(this.#client.call("node_info"));
    if (info.genesisHash === genesisHash) return;
    throw new WrongNode(
      "WRONG_CHAIN",
      `${this.url} is of the chain with genesis ${info.genesisHash}, the index of the one with ${genesisHash}`,
    );
  }

  /** The node's head. */
  async headHeight(): Promise<bigint> {
    return BigInt((await this.#ask(this.#client.call("chain_getHead"))).height);
  }

  /**
   * Hashes of the node's chain in raw order, from one height to another, at most {@link RPC_RANGE_MAX} apart.
   * Fewer at its head.
   */
  async shownHashes(from: bigint, to: bigint): Promise<readonly string[]> {
    const headers = await this.#ask(
      this.#client.call("chain_getBlockRange", { from: Number(from), to: Number(to) }),
    );
    return headers.map(({ hash }) => hash);
  }

  /**
   * Blocks from a height upwards, at least one, each on the one before.
   * @param most 1 to {@link RPC_RANGE_MAX}
   * @throws WrongNode; NodeGone when asking again may help
   */
  async blocks(from: bigint, most: number): Promise<readonly SealedBlock[]> {
    const answer = await this.#ask(
      this.#client
        .call("chain_getSealedBlocks", { from: Number(from), count: most })
        .catch((error: unknown) => {
          throw prunedError(error, from, this.url) ?? error;
        }),
    );
    return answer.map(({ height, block, seal }) => ({
      block: this.#decode(block, height),
      seal: must(parseHex(seal), "the client has checked the answer's form"),
    }));
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof WrongNode) throw error;
      throw new NodeGone((error as Error).message, { cause: error });
    }
  }

  #decode(block: string, height: number) {
    const bytes = must(parseHex(block), "the client has checked the answer's form");
    const read = decode(bytes, "block", (reader) => readBlock(reader, this.#limits));
    if (read.ok) return read.value;
    throw new WrongNode("MALFORMED", `${this.url}: block ${height}: ${read.fault.detail}`);
  }
}

/** The error of a node that began from a snapshot, or prunes. */
function prunedError(error: unknown, from: bigint, url: string): WrongNode | undefined {
  if (!(error instanceof RpcError)) return undefined;
  const { code, head } = error.data as { code?: string; head?: unknown };
  const isAbsent = code === "PRUNED" || (code === "BLOCK_NOT_FOUND" && head === undefined);
  if (!isAbsent || /changing branches/.test(error.message)) return undefined;
  return new WrongNode(
    "PRUNED",
    `${url} has no block ${from} any more (${error.message}); name a node with the whole chain: --rpc URL`,
    { cause: error },
  );
}

export function shownHash(block: SealedBlock["block"]): string {
  return showHash(block.hash);
}
