/**
 * Refusals of a snapshot that say nothing against whoever gave it: another reader may accept the same bytes. What is
 * refused otherwise is wrong for every reader. Source: docs/protocol.md, "Snapshot".
 */
import type { Fault } from "../../base/fault.ts";

/** What lies with the reader: it accepts no such break, asks for more headers, or its clock is behind theirs. */
const READER_FAULTS = ["break-of-trust", "too-few-headers", "early-headers"] as const;
export type ReaderFault = (typeof READER_FAULTS)[number];

/** Whether another reader may accept the same snapshot, so that whoever gave it has not lied. */
export function liesWithReader({ code }: Fault): boolean {
  return READER_FAULTS.some((one) => one === code);
}
