/** What a state diff means for the authenticated dictionary: hashed keys and hashed values. */
import type { StateDiff } from "./state-overlay.ts";
import { hashStateKey, hashStateValue } from "./state-proof.ts";
import type { TreeChange } from "./state-tree.ts";

export function treeChanges(diff: StateDiff): TreeChange[] {
  return [...diff.values()].map(({ key, value }) => ({
    keyHash: hashStateKey(key),
    valueHash: value === undefined ? undefined : hashStateValue(value),
  }));
}
