/** What a state diff means for the authenticated dictionary: hashed keys and hashed values. */
import type { StateDiff } from "./state.ts";
import { hashStateKey, hashStateValue } from "./stateproof.ts";
import type { TreeChange } from "./statetree.ts";

export function treeChanges(diff: StateDiff): TreeChange[] {
  return [...diff.values()].map(({ key, value }) => ({
    keyHash: hashStateKey(key),
    valueHash: value === undefined ? undefined : hashStateValue(value),
  }));
}
