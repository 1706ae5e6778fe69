/** Counts of the ledger as JSON numbers: exactly, or not as numbers. */
import { assert } from "../../base/assert.ts";

/** What this node counts itself. A value that a single peer may choose goes through {@link showWide}. */
export function showCount(value: bigint): number {
  assert(value <= BigInt(Number.MAX_SAFE_INTEGER), `${value} does not fit a JSON number`);
  return Number(value);
}

/** Any u64: a number when JSON can hold it exactly, else a decimal string. */
export function showWide(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}
