/**
 * Makes a database of a snapshot: each section is written after it was checked, durably, and only the last write
 * makes a database of them. What a kill leaves behind is none, and nothing of it is taken over.
 */
import { assert, must } from "../../base/assert.ts";
import { byteText, equalBytes } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { assumedOperations } from "../../chain/assumed-history.ts";
import {
  epochEndOperations,
  foundedOperations,
  ledgerOperations,
  placedOperations,
} from "../../chain/block-operations.ts";
import { encodeEpoch, runningEpochOperations } from "../../chain/epochs.ts";
import { assumedTreeOperations, leafOperation } from "../../chain/forks/block-tree-store.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { zeroBlock } from "../../chain/genesis/genesis-state.ts";
import type { CheckedSection, SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import type { EpochEnd } from "../../chain/snapshot/snapshot-epochs.ts";
import type { SnapshotChain } from "../../chain/snapshot/snapshot-format.ts";
import type { HeadAndWork } from "../../chain/snapshot/snapshot-headers.ts";
import type { StateChunk } from "../../chain/snapshot/state-chunk.ts";
import type { StateChange } from "../../chain/state/state-overlay.ts";
import { pageKeyBytes, treeRoot, updateTree } from "../../chain/state/state-tree.ts";
import { treeChanges } from "../../chain/state/tree-changes.ts";
import { acceptanceOperations, transitionOperations } from "../../chain/transitions.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { Validator, ValidatorSet } from "../../chain/types/validator-set.ts";
import { checkpointKey, epochKey, pageKey, stateKey } from "../../storage/database-keys.ts";
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
  const past = { members: new PastMembers(context.genesis), headers: new PastHeaders() };
  const keep = async (section: CheckedSection) => write(operationsOf(section, kv, past));
  const read = await readSnapshot(context, { ...ports, keep });
  if (!read.ok) return read;
  const { height, headHash, stateRoot, firstBlock } = read.value;
  assert(
    equalBytes(treeRoot(pagesOf(kv)), stateRoot),
    "checked chunks make the tree that they were checked against",
  );
  const state = { get: (key: Uint8Array) => kv.get(stateKey(key)) };
  const zero = zeroBlock(context.genesis);
  const { proof } = context;
  await write(
    proof.kind === "mined"
      ? [
          ...assumedTreeOperations([{ head: zero, work: proof.judge().work }], height),
          leafOperation(past.headers.tip()),
          ...assumedOperations(height),
          ...foundedOperations(zero, headHash, 1n),
        ]
      : [...runningEpochOperations(state), ...foundedOperations(zero, headHash, firstBlock)],
  );
  return read;
}

/** The headers of a mined chain: up to the block whose state comes they are on the chain, above it they wait for bodies. */
class PastHeaders {
  #base = 0n;
  #tip: BlockHead | undefined;

  begin({ height }: SnapshotChain): void {
    this.#base = height;
  }

  operations(heads: readonly HeadAndWork[]): KvOperation[] {
    this.#tip = heads.at(-1)?.head ?? this.#tip;
    return assumedTreeOperations(heads, this.#base);
  }

  tip(): BlockHead {
    return must(this.#tip, "a snapshot of a mined chain has headers");
  }
}

/**
 * Records of epochs that are over: what is signed of them. Members that the genesis has get their names, which nothing
 * rests on; the length is that which the epoch had, and how often its primaries changed is nobody's business any more.
 */
class PastMembers {
  readonly #known: ReadonlyMap<string, Validator>;
  #ended: { readonly set: ValidatorSet; readonly firstHeight: bigint } | undefined;

  constructor({ validators }: Genesis) {
    this.#known = new Map(validators.map((member) => [byteText(member.publicKey), member]));
  }

  /** What is written for the epoch before the one whose set this is. */
  operations({ head }: Pick<EpochEnd, "head">, next: ValidatorSet): KvOperation[] {
    const { height } = head.summary;
    const past = this.#ended;
    this.#ended = { set: next, firstHeight: height + 1n };
    if (past === undefined) return [];
    const { set, firstHeight } = past;
    const members = set.members.map((member) => this.#known.get(byteText(member.publicKey)) ?? member);
    const epochLength = Number(height + 1n - firstHeight);
    const record = { firstHeight, members, parameters: { epochLength, rotationInterval: 0 } };
    return [{ kind: "put", key: epochKey(set.epoch), value: encodeEpoch(record) }];
  }
}

interface Past {
  readonly members: PastMembers;
  readonly headers: PastHeaders;
}

function operationsOf(section: CheckedSection, kv: Kv, past: Past): readonly KvOperation[] {
  switch (section.kind) {
    case "chain":
      past.headers.begin(section.chain);
      return [];
    case "headers":
      return past.headers.operations(section.heads);
    case "epoch": {
      const { end, next } = section;
      return [...epochEndOperations(end.head, end.seal), ...past.members.operations(end, next)];
    }
    case "transition": {
      const { end, next } = section;
      const known = [...epochEndOperations(end.head, end.seal), ...transitionOperations(end.transition)];
      return [...known, ...acceptanceOperations([end.transition]), ...past.members.operations(end, next)];
    }
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
