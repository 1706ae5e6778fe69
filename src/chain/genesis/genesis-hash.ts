/**
 * The genesis hash for whoever keeps no state: the root of what genesis writes, straight from the definition of the tree
 * (state/state-proof.ts), without the pages that a node stores. A verifier in a browser needs no more.
 */
import { byteText, compareBytes, type Hash, ZERO_HASH } from "../../base/bytes.ts";
import { genesisGovernance, writeFirstGovernance } from "../governance/governance-state.ts";
import { writeAccount } from "../modules/accounts.ts";
import type { StateWriter } from "../modules/module.ts";
import { hashStateKey, hashStateLeaf, hashStateNode, hashStateValue, pathBit } from "../state/state-proof.ts";
import { createValidatorSet } from "../types/validator-set.ts";
import { hasEpochs } from "./consensus-parameters.ts";
import { type Genesis, genesisBlock } from "./genesis.ts";

interface Leaf {
  readonly keyHash: Hash;
  readonly hash: Hash;
}

/** All that block 0 puts into the state. */
export function writeGenesis({ accounts, consensus, validators, roles }: Genesis, state: StateWriter): void {
  for (const { address, balance } of accounts) writeAccount(state, address, { balance, nonce: 0n });
  const { members } = createValidatorSet(0n, validators);
  const governance = hasEpochs(consensus) ? genesisGovernance(consensus, members) : undefined;
  if (governance !== undefined) writeFirstGovernance(state, { ...governance, roles });
}

/** The hash of block 0, raw order: the same as that of the block which a node executes. */
export function hashGenesis(genesis: Genesis): Hash {
  const entries = new Map<string, readonly [key: Uint8Array, value: Uint8Array]>();
  writeGenesis(genesis, {
    get: (key) => entries.get(byteText(key))?.[1],
    put: (key, value) => void entries.set(byteText(key), [key, value]),
    delete: (key) => void entries.delete(byteText(key)),
  });
  return genesisBlock(genesis, rootOf([...entries.values()])).hash;
}

/** The state root of these entries. */
export function rootOf(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): Hash {
  const leaves = entries.map(([key, value]): Leaf => {
    const keyHash = hashStateKey(key);
    return { keyHash, hash: hashStateLeaf(keyHash, hashStateValue(value)) };
  });
  return subtree(
    leaves.toSorted((a, b) => compareBytes(a.keyHash, b.keyHash)),
    0,
  );
}

/** Sorted leaves that share their first `depth` bits. */
function subtree(leaves: readonly Leaf[], depth: number): Hash {
  const [first, second] = leaves;
  if (first === undefined) return ZERO_HASH;
  if (second === undefined) return first.hash;
  const at = leaves.findIndex(({ keyHash }) => pathBit(keyHash, depth) === 1);
  const split = at < 0 ? leaves.length : at;
  return hashStateNode(subtree(leaves.slice(0, split), depth + 1), subtree(leaves.slice(split), depth + 1));
}
