/**
 * Where a reader of events begins. A height means the first event of that block. Of cursors, the newest first, the first
 * whose block is known decides: on the chain the reader goes on behind it; on an abandoned branch it is told to go
 * back to the block that this branch shares with the chain. It refuses what would lose events or repeat them.
 */
import { equalBytes, type Hash, parseShownHash, showHash } from "../../base/bytes.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { type EventCursor, WHOLE_BLOCK } from "../../chain/types/event-cursor.ts";
import type { NodeApi } from "../api.ts";
import { CallError } from "../errors.ts";
import type { EventsFrom } from "../schemas/event-input.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { mustExist } from "./block-selector.ts";
import { type Position, wholeOf } from "./event-reader.ts";

export interface EventStart {
  readonly position: Position;
  /** The block of the reader's newest cursor left the chain: what the reader has behind `position` is undone. */
  readonly abandoned?: AbandonedBlock;
}

/** A block that was told of and is on the chain no more; as it is shown. */
export type AbandonedBlock = Pick<EventCursor, "height" | "blockHash">;

type StartApi = Pick<NodeApi, "head" | "finalized" | "headAt" | "heightOf" | "chainMode">;

/**
 * To be called in a settled reading.
 * @param from where the reader asks to begin, which is behind the block `top` when undefined
 * @throws CallError BLOCK_NOT_FOUND, PRUNED, CURSOR_NOT_FOUND, CURSOR_AHEAD, INVALID_PARAMS
 */
export async function startOf(
  api: StartApi,
  from: EventsFrom | undefined,
  top: BlockHead,
): Promise<EventStart> {
  if (from === undefined) return { position: wholeOf(top) };
  const start = "height" in from ? await atHeight(api, from.height) : await behindCursors(api, from.cursors);
  const { height, index } = start.position;
  const next = index === WHOLE_BLOCK ? height + 1n : height;
  if (next <= api.head().summary.height && (await api.headAt(next)) === undefined) throw pruned(next);
  return start;
}

/** What comes at a height is not here. */
export function pruned(height: bigint): CallError {
  const detail =
    `this node has no block of height ${height} any more (it began from a snapshot, or removed old blocks): ` +
    "ask a node that has the whole chain, or begin at a higher height";
  return new CallError("PRUNED", detail, { height: showCount(height) });
}

async function atHeight(api: StartApi, height: bigint): Promise<EventStart> {
  const head = api.head().summary.height;
  if (height > head + 1n) {
    const detail = `from height ${height} is above the next block, ${head + 1n}`;
    throw new CallError("BLOCK_NOT_FOUND", detail, { height: showCount(height), head: showCount(head) });
  }
  if (height === 0n)
    return { position: { height: -1n, hash: new Uint8Array(32) as Hash, index: WHOLE_BLOCK } };
  const before = await api.headAt(height - 1n);
  if (before !== undefined) return { position: wholeOf(before) };
  // The first block of a node that began from a snapshot names the one before.
  const first = await api.headAt(height);
  if (first === undefined) throw pruned(height);
  return { position: { height: height - 1n, hash: first.header.previousHash, index: WHOLE_BLOCK } };
}

async function behindCursors(api: StartApi, cursors: readonly EventCursor[]): Promise<EventStart> {
  const newest = cursors[0];
  for (const cursor of cursors) {
    const start = await behind(api, cursor, cursor === newest);
    if (start === undefined) continue;
    if (cursor === newest || newest === undefined) return start;
    return { position: start.position, abandoned: blockOf(newest) };
  }
  throw unknownCursor(newest);
}

/** Undefined where the cursor's block is not known here. */
async function behind(
  api: StartApi,
  cursor: EventCursor,
  isNewest: boolean,
): Promise<EventStart | undefined> {
  const hash = parseShownHash(cursor.blockHash);
  if (hash === undefined) throw new CallError("INVALID_PARAMS", `from: ${cursor.blockHash} is no block hash`);
  const height = await api.heightOf(hash);
  if (height !== undefined) {
    checkCursorHeight(cursor, height);
    return { position: { height, hash, index: cursor.index } };
  }
  const isAbove = BigInt(cursor.height) > api.head().summary.height;
  const mode = api.chainMode();
  const beside = mode.kind === "final" ? undefined : await mode.branches.beside(hash);
  if (mode.kind === "final" || beside === undefined) {
    if (isNewest && isAbove) throw ahead(api, cursor);
    // Nothing is ever abandoned there: an older cursor cannot be right where the newest is wrong.
    if (mode.kind === "final") {
      const other = await api.headAt(BigInt(cursor.height));
      throw other === undefined ? pruned(BigInt(cursor.height)) : unknownCursor(cursor, other);
    }
    return undefined;
  }
  checkCursorHeight(cursor, beside.head.summary.height);
  const work = mode.branches.workOf(hash) ?? 0n;
  if (isNewest && work > (mode.branches.workOf(api.head().hash) ?? 0n)) throw ahead(api, cursor);
  const ancestor = mustExist(await api.headAt(beside.forkHeight), "the block that two branches share");
  return { position: wholeOf(ancestor), abandoned: blockOf(cursor) };
}

function blockOf({ height, blockHash }: EventCursor): AbandonedBlock {
  return { height, blockHash };
}

function checkCursorHeight({ height, blockHash }: EventCursor, actual: bigint): void {
  if (BigInt(height) === actual) return;
  throw new CallError(
    "INVALID_PARAMS",
    `from: block ${blockHash} has height ${actual}, the cursor says ${height}`,
  );
}

function ahead(api: StartApi, { height }: EventCursor): CallError {
  const { summary } = api.head();
  const detail = `this node is at height ${summary.height} and has not got to the cursor's block, ${height}: ask another node, or again later`;
  return new CallError("CURSOR_AHEAD", detail, { height, head: showCount(summary.height) });
}

function unknownCursor(cursor: EventCursor | undefined, other?: BlockHead): CallError {
  if (other !== undefined && cursor !== undefined) {
    const detail = `this chain has block ${showHash(other.hash)} at height ${cursor.height}, not the cursor's ${cursor.blockHash}: it is of another chain`;
    return new CallError("CURSOR_NOT_FOUND", detail, { height: cursor.height });
  }
  const detail =
    "no block of these cursors is known here: ask the node that they came from, or begin at a height up to which your data is right";
  return new CallError("CURSOR_NOT_FOUND", detail, cursor === undefined ? {} : { height: cursor.height });
}

/** Whether what a position names is undone when the chain goes back to a block. */
export function isUndone({ height, hash }: Position, ancestor: BlockHead): boolean {
  if (height > ancestor.summary.height) return true;
  return height === ancestor.summary.height && !equalBytes(hash, ancestor.hash);
}
