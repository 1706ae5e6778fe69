/**
 * Block 0 with its state: the genesis accounts in an empty dictionary. From it follows the genesis hash, which names
 * the chain at every entry point. Pure, also used offline by verifiers.
 */
import type { Hash } from "../../base/bytes.ts";
import { genesisGovernance, writeGovernance } from "../governance/governance-state.ts";
import { writeAccount } from "../modules/accounts.ts";
import type { ExecutedBlock } from "../state/ledger-view.ts";
import { StateOverlay } from "../state/state-overlay.ts";
import { type PageReader, updateTree } from "../state/state-tree.ts";
import { treeChanges } from "../state/tree-changes.ts";
import { createValidatorSet } from "../types/validator-set.ts";
import { hasEpochs } from "./consensus-parameters.ts";
import { type Genesis, genesisBlock } from "./genesis.ts";

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

function execute(genesis: Genesis): ExecutedBlock {
  const state = new StateOverlay(EMPTY_LEDGER);
  for (const { address, balance } of genesis.accounts) writeAccount(state, address, { balance, nonce: 0n });
  const { consensus, validators } = genesis;
  const members = createValidatorSet(0n, validators).members;
  const governance = hasEpochs(consensus) ? genesisGovernance(consensus, members) : undefined;
  if (governance !== undefined) writeGovernance(state, governance);
  const diff = new Map([...state.diff()].filter(([, change]) => change.value !== undefined));
  const { root, pages } = updateTree(EMPTY_LEDGER, treeChanges(diff));
  return { block: genesisBlock(genesis, root), diff, pages, receipts: [] };
}

/** The hash of block 0, raw order; shown reversed like every block hash. */
export function computeGenesisHash(genesis: Genesis): Hash {
  return executeGenesis(genesis).block.hash;
}
