/**
 * Makes a database of a snapshot: each section is written after it was checked, durably, and only the last write
 * makes a database of them. What a kill leaves behind is none, and nothing of it is taken over.
 */
import { assert } from "../../base/assert.ts";
import { byteText, equalBytes } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { executeGenesis } from "../../chain/genesis/genesis-state.ts";
import type { CheckedSection, SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import type { StateChunk } from "../../chain/snapshot/state-chunk.ts";
import type { StateChange } from "../../chain/state/state-overlay.ts";
import { pageKeyBytes, treeRoot, updateTree } from "../../chain/state/state-tree.ts";
import { treeChanges } from "../../chain/state/tree-changes.ts";
import { foundedOperations, ledgerOperations, placedOperations } from "../../chain/store.ts";
import { checkpointKey, pageKey } from "../../storage/keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";
import { type ReadFault, type ReadPorts, type ReadSnapshot, readSnapshot } from "./read-snapshot.ts";

export interface ImportPorts extends Omit<ReadPorts, "keep"> {
  /** An empty database. After a fault it is no database, and is to be deleted. */
  readonly kv: Kv;
}

/** @throws Error when the disk fails. */
export async function importSnapshot(
  context: SnapshotContext,
  { kv, ...ports }: ImportPorts,
): Promise<Verdict<ReadSnapshot, ReadFault>> {
  const write = (operations: readonly KvOperation[]) => kv.write(operations, { sync: true });
  const keep = async (section: CheckedSection) => write(operationsOf(section, kv));
  const read = await readSnapshot(context, { ...ports, keep });
  if (!read.ok) return read;
  const { headHash, stateRoot, firstBlock } = read.value;
  assert(
    equalBytes(treeRoot(pagesOf(kv)), stateRoot),
    "checked chunks make the tree that they were checked against",
  );
  await write(foundedOperations(executeGenesis(context.genesis).block, headHash, firstBlock));
  return read;
}

function operationsOf(section: CheckedSection, kv: Kv): readonly KvOperation[] {
  switch (section.kind) {
    case "checkpoint":
      return [{ kind: "put", key: checkpointKey(section.height), value: section.certificate }];
    case "block": {
      const { block, seal, receipts } = section.block;
      return placedOperations(block, seal, receipts);
    }
    case "state":
      return stateOperations(section.chunk, kv);
    default:
      return [];
  }
}

function stateOperations({ entries }: StateChunk, kv: Kv): KvOperation[] {
  const diff = new Map<string, StateChange>(entries.map((entry) => [byteText(entry.key), entry]));
  const { pages } = updateTree(pagesOf(kv), treeChanges(diff));
  return ledgerOperations(diff, pages);
}

function pagesOf(kv: Kv): { page(id: string): Uint8Array | undefined } {
  return { page: (id) => kv.get(pageKey(pageKeyBytes(id))) };
}
