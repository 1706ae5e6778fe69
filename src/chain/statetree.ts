/**
 * The authenticated dictionary behind the state root: a binary sparse Merkle tree (its hashes: stateproof.ts),
 * kept in pages of STATE_PAGE_LEVELS levels that are stored by path. Pure: an update reads pages and answers with
 * the pages that change, which the ledger keeps in an overlay until its block is committed. Root and pages depend
 * on the contents alone, whatever the history, so undoing changes gives back the former pages byte by byte.
 * Why pages, and why of this size: docs/adr/0001-state-tree.md.
 */
import { assert } from "../base/assert.ts";
import { compareBytes, equalBytes, type Hash } from "../base/bytes.ts";
import { STATE_PAGE_LEVELS } from "../base/limits.ts";
import {
  childOf,
  EMPTY_NODE,
  hashOf,
  joinNodes,
  kindOf,
  leafKeyHash,
  leafValueHash,
  makeLeaf,
  makeStub,
  type TreeNode,
} from "./statepage.ts";
import { pathBit, type StateProof, type StateProofEnd } from "./stateproof.ts";

export interface PageReader {
  /** The page, or undefined when there is none. Its bytes are not changed, nor kept longer than the call. */
  page(id: string): Uint8Array | undefined;
}

/** `valueHash` undefined removes the key; removing what is not there changes nothing. */
export interface TreeChange {
  readonly keyHash: Hash;
  readonly valueHash: Hash | undefined;
}

export interface TreeUpdate {
  readonly root: Hash;
  /** The pages that differ from before, by id; undefined = deleted. */
  readonly pages: ReadonlyMap<string, Uint8Array | undefined>;
}

/** The id of the page in which every path begins; it is missing when the tree is empty. */
export const ROOT_PAGE = "\0";

/**
 * A page's database key: depth u8, then the first `depth` bits of the paths through it, the last byte filled up
 * with zero bits. An id is the same bytes as text, one character each.
 */
export function pageKeyBytes(id: string): Uint8Array {
  return Uint8Array.from(id, (character) => character.charCodeAt(0));
}

/** 32 bytes; zero when the tree is empty. */
export function treeRoot(reader: PageReader): Hash {
  return hashOf(rootNode(reader)).slice() as Hash;
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
  for (let i = 1; i < sorted.length; i++) {
    assert(!equalBytes(sorted[i - 1]!.keyHash, sorted[i]!.keyHash), "two changes of one key");
  }
  const edit = new TreeEdit(reader, levels);
  const root = edit.run(sorted);
  return { root, pages: edit.pages };
}

/** The proof that the key is present with its value, or absent. `checkStateProof` judges it. */
export function proveKey(reader: PageReader, keyHash: Hash): StateProof {
  const siblings: Hash[] = [];
  let node = rootNode(reader);
  for (;;) {
    const depth = siblings.length;
    if (kindOf(node) === "stub") node = loadPage(reader, pageId(keyHash, depth), node);
    if (kindOf(node) !== "fork") return { end: proofEnd(node, keyHash), siblings };
    const bit = pathBit(keyHash, depth);
    siblings.push(hashOf(childOf(node, 1 - bit)).slice() as Hash);
    node = childOf(node, bit);
  }
}

function proofEnd(node: TreeNode, keyHash: Hash): StateProofEnd {
  if (kindOf(node) === "empty") return { kind: "empty" };
  const found = leafKeyHash(node);
  if (equalBytes(found, keyHash)) return { kind: "present" };
  return { kind: "other", keyHash: found.slice() as Hash, valueHash: leafValueHash(node).slice() as Hash };
}

/** One update under way. */
class TreeEdit {
  readonly pages = new Map<string, Uint8Array | undefined>();
  readonly #reader: PageReader;
  readonly #levels: number;

  constructor(reader: PageReader, levels: number) {
    this.#reader = reader;
    this.#levels = levels;
  }

  run(changes: readonly TreeChange[]): Hash {
    const before = rootNode(this.#reader);
    const after = this.#change(before, 0, changes);
    if (!equalBytes(before, after))
      this.pages.set(ROOT_PAGE, kindOf(after) === "empty" ? undefined : after.slice());
    return hashOf(after).slice() as Hash;
  }

  /** The node at `depth` after `changes`, which are sorted and all lie beneath it. */
  #change(node: TreeNode, depth: number, changes: readonly TreeChange[]): TreeNode {
    if (changes.length === 0) return node;
    switch (kindOf(node)) {
      case "empty":
        return this.#build(depth, changes.filter(isPut));
      case "leaf":
        return this.#build(depth, withLeaf(node, changes).filter(isPut));
      case "fork":
        return this.#changeFork(node, depth, changes);
      case "stub":
        return this.#changePage(node, depth, changes);
    }
  }

  #changeFork(fork: TreeNode, depth: number, changes: readonly TreeChange[]): TreeNode {
    const middle = firstRight(changes, depth);
    const left = this.#change(childOf(fork, 0), depth + 1, changes.slice(0, middle));
    const right = this.#change(childOf(fork, 1), depth + 1, changes.slice(middle));
    return joinNodes(left, right);
  }

  #changePage(stub: TreeNode, depth: number, changes: readonly TreeChange[]): TreeNode {
    const id = pageId(changes[0]!.keyHash, depth);
    const after = this.#changeFork(loadPage(this.#reader, id, stub), depth, changes);
    if (kindOf(after) !== "fork") {
      this.pages.set(id, undefined);
      return after;
    }
    return equalBytes(hashOf(after), hashOf(stub)) ? stub : this.#turnPage(id, after);
  }

  /** A subtree of these leaves alone. */
  #build(depth: number, leaves: readonly TreePut[]): TreeNode {
    if (leaves.length === 0) return EMPTY_NODE;
    if (leaves.length === 1) return makeLeaf(leaves[0]!.keyHash, leaves[0]!.valueHash);
    const middle = firstRight(leaves, depth);
    const left = this.#build(depth + 1, leaves.slice(0, middle));
    const right = this.#build(depth + 1, leaves.slice(middle));
    const fork = joinNodes(left, right);
    const turns = depth > 0 && depth % this.#levels === 0;
    return turns ? this.#turnPage(pageId(leaves[0]!.keyHash, depth), fork) : fork;
  }

  /** Puts a fork into a page of its own; what stands in the page above is its stub. */
  #turnPage(id: string, fork: TreeNode): TreeNode {
    this.pages.set(id, fork);
    return makeStub(hashOf(fork));
  }
}

interface TreePut extends TreeChange {
  readonly valueHash: Hash;
}

function isPut(change: TreeChange): change is TreePut {
  return change.valueHash !== undefined;
}

/** The changes as if the leaf were put among them, unless one of them is about its key. */
function withLeaf(leaf: TreeNode, changes: readonly TreeChange[]): readonly TreeChange[] {
  const keyHash = leafKeyHash(leaf);
  let index = 0;
  while (index < changes.length && compareBytes(changes[index]!.keyHash, keyHash) < 0) index++;
  if (index < changes.length && equalBytes(changes[index]!.keyHash, keyHash)) return changes;
  return changes.toSpliced(index, 0, { keyHash, valueHash: leafValueHash(leaf) });
}

/** The index of the first change whose path turns right at `depth`; all share the bits before. */
function firstRight(changes: readonly TreeChange[], depth: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pathBit(changes[middle]!.keyHash, depth) === 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rootNode(reader: PageReader): TreeNode {
  return reader.page(ROOT_PAGE) ?? EMPTY_NODE;
}

function loadPage(reader: PageReader, id: string, stub: TreeNode): TreeNode {
  const page = reader.page(id);
  const fits = page !== undefined && kindOf(page) === "fork" && equalBytes(hashOf(page), hashOf(stub));
  assert(
    fits,
    `state page at depth ${id.charCodeAt(0)} is missing or stale: the database is damaged, sync anew`,
  );
  return page;
}

function pageId(keyHash: Hash, depth: number): string {
  const whole = depth >>> 3;
  const rest = depth & 7;
  let id = String.fromCharCode(depth);
  for (let i = 0; i < whole; i++) id += String.fromCharCode(keyHash[i]!);
  return rest === 0 ? id : id + String.fromCharCode(keyHash[whole]! & (0xff00 >>> rest));
}
