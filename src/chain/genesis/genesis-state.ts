/**
 * Block 0 with its state: the genesis accounts in an empty dictionary. From it follows the genesis hash, which names
 * the chain at every entry point (genesis-hash.ts has it without the state). Pure.
 */
import type { Hash } from "../../base/bytes.ts";
import type { ExecutedBlock } from "../state/ledger-view.ts";
import { StateOverlay } from "../state/state-overlay.ts";
import { type PageReader, updateTree } from "../state/state-tree.ts";
import { treeChanges } from "../state/tree-changes.ts";
import type { TransactionHoldings } from "../types/known-transactions.ts";
import { type Genesis, genesisBlock } from "./genesis.ts";
import { writeGenesis } from "./genesis-hash.ts";

const EMPTY_LEDGER: PageReader & { get(key: Uint8Array): undefined } = {
  get: () => undefined,
  page: () => undefined,
};

/** Executed states by their genesis, which nobody changes: a start asks twice, and many replicas in one process share them. */
const executed = new WeakMap<Genesis, ExecutedBlock>();

/** The same object for the same genesis: not to be changed. */
export function executeGenesis(genesis: Genesis): ExecutedBlock {
  let block = executed.get(genesis);
  if (block === undefined) {
    block = execute(genesis);
    executed.set(genesis, block);
  }
  return block;
}

/** The same genesis, whose transactions are taken from where they were decoded before; it is not executed again. */
export function withHoldings(genesis: Genesis, known: TransactionHoldings): Genesis {
  const same = { ...genesis, limits: { ...genesis.limits, known } };
  executed.set(same, executeGenesis(genesis));
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
  return executeGenesis(genesis).block.hash;
}
