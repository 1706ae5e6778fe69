/**
 * From a block selector to a block. A hash that the chain does not hold gives undefined (polling for it is normal
 * and the answer is null), and may be a block of another branch; a height above the head is BLOCK_NOT_FOUND; state of an older block is PRUNED.
 */
import { assert } from "../../base/assert.ts";
import { equalBytes } from "../../base/bytes.ts";
import type { BlockHead, SealedBlock } from "../../chain/types/block.ts";
import type { NodeApi, SideBlockView } from "../api.ts";
import { CallError } from "../errors.ts";
import type { BlockSelector, BlockTag } from "../schemas/input.ts";
import { showCount } from "../schemas/show-numbers.ts";

/** A height is at most the head's. @throws CallError BLOCK_NOT_FOUND for one above it. */
async function findHeight(api: NodeApi, selector: BlockSelector): Promise<bigint | undefined> {
  switch (selector.kind) {
    case "hash":
      return api.heightOf(selector.hash);
    case "tag":
      return heightOfTag(api, selector.tag);
    case "height":
      checkHeight(api, selector.height);
      return selector.height;
  }
}

export async function findHead(api: NodeApi, selector: BlockSelector): Promise<BlockHead | undefined> {
  if (selector.kind === "tag") {
    if (selector.tag === "finalized") return api.finalized();
    if (selector.tag !== "earliest") return api.head();
  }
  const height = await findHeight(api, selector);
  return height === undefined ? undefined : foundAt(api, selector, height, await api.headAt(height));
}

export async function findBlock(api: NodeApi, selector: BlockSelector): Promise<SealedBlock | undefined> {
  const height = await findHeight(api, selector);
  return height === undefined ? undefined : foundAt(api, selector, height, await api.sealedBlockAt(height));
}

/**
 * While the chain leaves a branch, the database loses heights that the head in memory still spans; below a snapshot
 * it never had them.
 * @throws CallError BLOCK_NOT_FOUND where the block that a height or a tag names is not here
 */
function foundAt<T>(
  api: NodeApi,
  selector: BlockSelector,
  height: bigint,
  found: T | undefined,
): T | undefined {
  if (found !== undefined) return found;
  if (selector.kind === "hash" && height >= api.storage().lowestBody) return found;
  throw absentBlock(api, height);
}

/** What is said of a height up to the head's whose block is not here. */
export function absentBlock(api: NodeApi, height: bigint): CallError {
  const { firstHeight, lowestBody } = api.storage();
  if (height >= firstHeight && height < lowestBody) return prunedBlock(api, height);
  const detail =
    api.chainMode().kind === "final"
      ? `this node began from a snapshot and has no block of height ${height}: ask one that has the whole chain`
      : `the chain is just changing branches, and height ${height} is gone: ask again`;
  return new CallError("BLOCK_NOT_FOUND", detail, { height: showCount(height) });
}

/** A block of which the header is here alone. */
function prunedBlock(api: NodeApi, height: bigint): CallError {
  const { lowestBody } = api.storage();
  const head = api.head().summary.height;
  return new CallError(
    "PRUNED",
    `block ${height} was pruned here: this node keeps the bodies and receipts of blocks ${lowestBody} to ${head}, and ` +
      "all headers (chain_getHeader); ask an archive node",
    { height: showCount(height), lowestBody: showCount(lowestBody), head: showCount(head) },
  );
}

/** A block off the active chain, which only its hash can name. */
export async function findBeside(api: NodeApi, selector: BlockSelector): Promise<SideBlockView | undefined> {
  const mode = api.chainMode();
  if (mode.kind === "final" || selector.kind !== "hash") return undefined;
  return mode.branches.beside(selector.hash);
}

/** @throws CallError BLOCK_NOT_FOUND */
export function checkHeight(api: NodeApi, height: bigint): void {
  const head = api.head().summary.height;
  if (height <= head) return;
  throw new CallError("BLOCK_NOT_FOUND", `height ${height} is above the head, ${head}`, {
    height: showCount(height),
    head: showCount(head),
  });
}

/**
 * Only the head's state is kept. To be asked after the state was read, with the block that the answer speaks of.
 * @throws CallError PRUNED when the selector names another block.
 */
export function checkLatest(api: NodeApi, selector: BlockSelector, at: BlockHead): void {
  if (namesBlock(selector, at)) return;
  const { height } = at.summary;
  if (selector.kind === "height") checkHeight(api, selector.height);
  throw new CallError(
    "PRUNED",
    `only the state of the latest block is kept: ask for "latest" or height ${height}`,
    { availableHeight: showCount(height) },
  );
}

function namesBlock(selector: BlockSelector, { hash, summary }: BlockHead): boolean {
  switch (selector.kind) {
    case "hash":
      return equalBytes(selector.hash, hash);
    case "height":
      return selector.height === summary.height;
    case "tag":
      return selector.tag !== "earliest" || summary.height === 0n;
  }
}

function heightOfTag(api: NodeApi, tag: BlockTag): bigint {
  switch (tag) {
    case "earliest":
      return 0n;
    case "finalized":
      return api.finalized().summary.height;
    case "latest":
    case "pending":
      return api.head().summary.height;
  }
}

/** Returns a value for heights that `checkHeight` let pass. */
export function mustExist<T>(value: T | undefined, what: string): T {
  assert(value !== undefined, `${what} at or below the head must be in the store`);
  return value;
}
