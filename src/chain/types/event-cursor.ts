/**
 * A cursor: the place of one event on a chain, by which whoever follows it goes on where it stopped. As an object
 * { height, index, blockHash }, as text "height:index:blockHash", such as "17:3:0x5f0c...". The hash says on which
 * branch the height is meant. Source: docs/events.md, "Cursors".
 */
import { isDecimal } from "../../base/decimal.ts";

export interface EventCursor {
  /** The height of the block. */
  readonly height: number;
  /**
   * Which event of the block, from 0 on: of a module's events the place among all events of the block, in the order of
   * transactions; of transactions the place in the block; of blocks {@link WHOLE_BLOCK}.
   */
  readonly index: number;
  /** The hash as people see it: byte-reversed, 0x and 64 hex digits. */
  readonly blockHash: string;
}

/** The index behind everything in a block. */
export const WHOLE_BLOCK = 0xffffffff;

export function formatCursor({ height, index, blockHash }: EventCursor): string {
  return `${height}:${index}:${blockHash}`;
}

/** Undefined for what is no cursor; the hash may be written without 0x and in capitals. */
export function parseCursor(text: string): EventCursor | undefined {
  const [height = "", index = "", hash = "", ...more] = text.split(":");
  if (more.length > 0 || !isDecimal(height, 16) || !isDecimal(index, 10)) return undefined;
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(hash)?.[1];
  const cursor = { height: Number(height), index: Number(index), blockHash: `0x${digits?.toLowerCase()}` };
  const isPlace = Number.isSafeInteger(cursor.height) && cursor.index <= WHOLE_BLOCK;
  return digits !== undefined && isPlace ? cursor : undefined;
}
