/**
 * Block 0 with its state: the genesis accounts in an empty dictionary. From it follows the genesis hash, which names
 * the chain at every entry point (genesis-hash.ts has it without the state). Pure.
 */
import type { Hash } from "../../base/bytes.ts";
import type { ExecutedBlock } from "../state/ledger-view.ts";
import { StateOverlay } from "../state/state-overlay.ts";
import { type PageReader, updateTree } from "../state/state-tree.ts";
import { treeChanges } from "../state/tree-changes.ts";
import type { Block } from "../types/block.ts";
import type { TransactionHoldings } from "../types/known-transactions.ts";
import { type Genesis, genesisBlock } from "./genesis.ts";
import { writeGenesis } from "./genesis-hash.ts";

const EMPTY_LEDGER: PageReader & { get(key: Uint8Array): undefined } = {
  get: () => undefined,
  page: () => undefined,
};

/** What block 0 writes into the state is kept up to so many entries, for a chain whose head is elsewhere never reads it again. */
const KEPT_ENTRIES_MAX = 10_000;

/** A genesis that was executed. What it writes is there as long as somebody holds it, or for ever where it is little. */
interface Executed {
  readonly zero: Block;
  readonly kept: ExecutedBlock | undefined;
  readonly held: WeakRef<ExecutedBlock>;
}

/** Block 0 by its genesis, which nobody changes: a start asks twice, and many replicas in one process share them. */
const known = new WeakMap<Genesis, Executed>();

function remember(genesis: Genesis, block: ExecutedBlock): Executed {
  const kept = block.diff.size <= KEPT_ENTRIES_MAX ? block : undefined;
  const executed = { zero: block.block, kept, held: new WeakRef(block) };
  known.set(genesis, executed);
  return executed;
}

/** The same object for the same genesis while it is held: not to be changed. */
export function executeGenesis(genesis: Genesis): ExecutedBlock {
  const before = known.get(genesis);
  const block = before?.kept ?? before?.held.deref() ?? execute(genesis);
  if (before?.held.deref() !== block) remember(genesis, block);
  return block;
}

/** Block 0 without what it writes. */
export function zeroBlock(genesis: Genesis): Block {
  return (known.get(genesis) ?? remember(genesis, execute(genesis))).zero;
}

/** The same genesis, whose transactions are taken from where they were decoded before; it is not executed again. */
export function withHoldings(genesis: Genesis, holdings: TransactionHoldings): Genesis {
  const same = { ...genesis, limits: { ...genesis.limits, known: holdings } };
  known.set(same, known.get(genesis) ?? remember(genesis, execute(genesis)));
  return same;
}

function execute(genesis: Genesis): ExecutedBlock {
  const state = new StateOverlay(EMPTY_LEDGER);
  writeGenesis(genesis, state);
  const diff = new Map([...state.diff()].filter(([, change]) => change.value !== undefined));
  const { root, pages } = updateTree(EMPTY_LEDGER, treeChanges(diff));
  return { block: genesisBlock(genesis, root), diff, pages, receipts: [] };
}

/** The hash of block 0 in raw order. People see it reversed, like every block hash. */
export function computeGenesisHash(genesis: Genesis): Hash {
  return zeroBlock(genesis).hash;
}
