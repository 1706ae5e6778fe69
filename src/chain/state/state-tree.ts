/**
 * The authenticated dictionary behind the state root: a binary sparse Merkle tree (its hashes: state-proof.ts),
 * kept in pages of STATE_PAGE_LEVELS levels that are stored by path. Pure: an update reads pages and answers with
 * the pages that change, which the ledger keeps in an overlay until its block is committed. Root and pages depend
 * on the contents alone, whatever the history, so undoing changes gives back the former pages byte by byte.
 * Why pages, and why of this size: docs/adr/0001-state-tree.md.
 *
 * This folder: the state behind a state root: overlays of changes, the tree and its pages, proofs, comparison. Not
 * here: what the keys hold (chain/modules, chain/governance), and the tree of blocks (chain/forks).
 */
import { assert } from "../../base/assert.ts";
import { asHash, compareBytes, equalBytes, type Hash } from "../../base/bytes.ts";
import { STATE_PAGE_LEVELS } from "../../base/limits.ts";
import {
  EMPTY_NODE,
  EMPTY_PAGE,
  FORK_NODE,
  HASH_AT,
  hashAt,
  kindAt,
  leftOf,
  rightOf,
  STUB_NODE,
  VALUE_AT,
} from "./state-page.ts";
import { pathBit, type StateProof, type StateProofEnd } from "./state-proof.ts";
import { loadPage, type PageReader, pageId, ROOT_PAGE, type TreeChange, TreeEdit } from "./tree-edit.ts";

export { type PageReader, ROOT_PAGE, type TreeChange };

export interface TreeUpdate {
  readonly root: Hash;
  /** The pages that differ from before, by id. One that was deleted is undefined. */
  readonly pages: ReadonlyMap<string, Uint8Array | undefined>;
}

/**
 * A page's database key: depth u8, then the first `depth` bits of the paths through it, the last byte filled up
 * with zero bits. An id is the same bytes as text, one character each.
 */
export function pageKeyBytes(id: string): Uint8Array {
  const key = new Uint8Array(id.length);
  for (let i = 0; i < id.length; i++) key[i] = id.charCodeAt(i);
  return key;
}

/** The root of the tree, 32 bytes, which are zero when the tree is empty. */
export function treeRoot(reader: PageReader): Hash {
  return hashAt(rootPage(reader), 0);
}

/**
 * Applies all changes at once; their order does not matter.
 * @param changes at most one for each key hash.
 * @param levels levels of a page, 1 to 8. Only measurements pass it: a store is written with one value for ever.
 */
export function updateTree(
  reader: PageReader,
  changes: readonly TreeChange[],
  levels = STATE_PAGE_LEVELS,
): TreeUpdate {
  assert(levels >= 1 && levels <= 8, `a page of ${levels} levels`);
  const sorted = changes.toSorted((a, b) => compareBytes(a.keyHash, b.keyHash));
  let previous: TreeChange | undefined;
  for (const change of sorted) {
    assert(previous === undefined || !equalBytes(previous.keyHash, change.keyHash), "two changes of one key");
    previous = change;
  }
  const edit = new TreeEdit(reader, levels, sorted);
  const root = edit.run(rootPage(reader));
  return { root, pages: edit.pages };
}

/** The proof that the key is present with its value, or absent. `checkStateProof` judges it. */
export function proveKey(reader: PageReader, keyHash: Hash): StateProof {
  const siblings: Hash[] = [];
  let page = rootPage(reader);
  let at = 0;
  for (;;) {
    const depth = siblings.length;
    if (kindAt(page, at) === STUB_NODE) {
      page = loadPage(reader, pageId(keyHash, depth), page, at);
      at = 0;
    }
    if (kindAt(page, at) !== FORK_NODE) return { end: proofEnd(page, at, keyHash), siblings };
    const left = leftOf(at);
    const right = rightOf(page, at);
    const turnsLeft = pathBit(keyHash, depth) === 0;
    siblings.push(hashAt(page, turnsLeft ? right : left));
    at = turnsLeft ? left : right;
  }
}

function proofEnd(page: Uint8Array, at: number, keyHash: Hash): StateProofEnd {
  if (kindAt(page, at) === EMPTY_NODE) return { kind: "empty" };
  const found = asHash(page.slice(at + HASH_AT, at + HASH_AT + 32));
  if (equalBytes(found, keyHash)) return { kind: "present" };
  return { kind: "other", keyHash: found, valueHash: asHash(page.slice(at + VALUE_AT, at + VALUE_AT + 32)) };
}

function rootPage(reader: PageReader): Uint8Array {
  return reader.page(ROOT_PAGE) ?? EMPTY_PAGE;
}
