/**
 * When a block was made, in one unit for both modes: milliseconds where the summary carries them, else the header's
 * seconds. For people and for meters; no rule of validity reads it. Source: decision 4, "One time per block".
 */
import type { BlockHead } from "./block.ts";

/** Milliseconds since the Unix epoch. */
export function blockTimeMs({ header, summary }: Pick<BlockHead, "header" | "summary">): bigint {
  return summary.timeMs > 0n ? summary.timeMs : 1_000n * BigInt(header.time);
}
