/**
 * What the database of a mined chain knows of a history that it did not execute: it began with the state of a snapshot,
 * which is assumed to be right until the blocks below were executed. An archive takes these in beside its chain, from
 * block 1 on, and then is one that executed everything. Source: docs/protocol.md, "Snapshot".
 *
 *   meta "assumed": height u64 | checked u64 | keeps bodies u8
 */
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { ASSUMED_KEY, PRUNED_KEY, undoKey } from "../storage/database-keys.ts";
import type { Kv, KvOperation } from "../storage/kv.ts";
import { placedOperations } from "./block-operations.ts";
import type { StateDiff } from "./state/state-overlay.ts";
import { encodeDiff } from "./state/undo-data.ts";
import { placeOf, type SealedBlock } from "./types/block.ts";

export interface AssumedHistory {
  /** The block whose state the snapshot gave. */
  readonly height: bigint;
  /** The blocks up to this height were executed here. It is 0 when none was. */
  readonly checked: bigint;
  /** Whether the blocks that were executed are kept. */
  readonly keepsBodies: boolean;
}

/** A block that was executed, to be stored below the chain's lowest one. */
export interface CheckedBlock extends SealedBlock {
  readonly receipts: readonly Uint8Array[];
  readonly undo: StateDiff;
}

/** What is known of the assumed history, or undefined where everything was executed here. */
export function readAssumedHistory(kv: Pick<Kv, "get">): AssumedHistory | undefined {
  const bytes = kv.get(ASSUMED_KEY);
  if (bytes === undefined) return undefined;
  const reader = new Reader(bytes);
  return { height: reader.u64(), checked: reader.u64(), keepsBodies: reader.u8() === 1 };
}

/** What a database begins with whose lowest block with a body is that of a snapshot. */
export function assumedOperations(height: bigint): KvOperation[] {
  const lowest = new Writer(8).u64(height).finish();
  const assumed = assumedOperation({ height, checked: 0n, keepsBodies: false });
  return [assumed, { kind: "put", key: PRUNED_KEY, value: lowest }];
}

/** Notes how far the check came, with the blocks that are to be kept. */
export function checkedOperations(history: AssumedHistory, blocks: readonly CheckedBlock[]): KvOperation[] {
  const kept = blocks.flatMap(({ block, seal, receipts, undo }): KvOperation[] => [
    ...placedOperations(block, seal, receipts),
    { kind: "put", key: undoKey(placeOf(block)), value: encodeDiff(undo) },
  ]);
  return [...kept, assumedOperation(history)];
}

/** Ends the assumption. @param isWhole whether all bodies are here now */
export function provenOperations(isWhole: boolean): KvOperation[] {
  const ended: KvOperation = { kind: "delete", key: ASSUMED_KEY };
  return isWhole ? [ended, { kind: "delete", key: PRUNED_KEY }] : [ended];
}

function assumedOperation({ height, checked, keepsBodies }: AssumedHistory): KvOperation {
  const value = new Writer(17)
    .u64(height)
    .u64(checked)
    .u8(keepsBodies ? 1 : 0)
    .finish();
  return { kind: "put", key: ASSUMED_KEY, value };
}
