/**
 * Compares two state trees page by page and finds the leaves in which they differ: subtrees of the same hash are passed
 * over, so that a few pages tell two large states apart. Whoever has the pages of a side hands them in when they are
 * asked for; a page of the other side is believed only as far as its root hash is the one that the page above it names.
 * Pure.
 */
import { must } from "../../base/assert.ts";
import { asHash, equalBytes, type Hash, ZERO_HASH } from "../../base/bytes.ts";
import {
  EMPTY_NODE,
  FORK_NODE,
  HASH_AT,
  hashAt,
  kindAt,
  leftOf,
  rightOf,
  STUB_NODE,
  VALUE_AT,
} from "./state-page.ts";
import { hashStateLeaf, pathBit } from "./state-proof.ts";
import { pageId, ROOT_PAGE } from "./tree-edit.ts";

/** A key whose entry differs. A side that has no entry for it is undefined. */
export interface TreeDifference {
  readonly keyHash: Hash;
  readonly hereHash: Hash | undefined;
  readonly thereHash: Hash | undefined;
}

export type TreeSide = "here" | "there";

export interface PageQuestion {
  readonly side: TreeSide;
  readonly id: string;
  /** What the root of the page must hash to. */
  readonly hash: Hash;
}

type Node =
  | { readonly kind: "empty" }
  | { readonly kind: "leaf"; readonly keyHash: Hash; readonly valueHash: Hash }
  | { readonly kind: "fork"; readonly page: Uint8Array; readonly at: number }
  | { readonly kind: "stub"; readonly hash: Hash };

/** Two nodes of the same path. */
interface Pair {
  readonly here: Node;
  readonly there: Node;
  readonly depth: number;
  /** The bits down to them, then zero bits. */
  readonly path: Hash;
}

const NOTHING: Node = { kind: "empty" };

export class TreeComparison {
  readonly differences: TreeDifference[] = [];
  /** More keys differ than were looked for. */
  isCut = false;
  readonly #differencesMax: number;
  /** Pairs that wait to be compared. */
  readonly #pairs: Pair[];
  /** The pair that waits for a page. */
  #waiting: { readonly pair: Pair; readonly wanted: PageQuestion } | undefined;

  /** @param differencesMax keys after which the walk ends */
  constructor(hereRoot: Hash, thereRoot: Hash, differencesMax: number) {
    this.#differencesMax = differencesMax;
    this.#pairs = [
      { here: stubOf(hereRoot), there: stubOf(thereRoot), depth: 0, path: asHash(new Uint8Array(32)) },
    ];
  }

  /** Goes on until a page is wanted. It returns undefined when the comparison is over. */
  next(): PageQuestion | undefined {
    while (this.#waiting === undefined) {
      const pair = this.#pairs.pop();
      if (pair === undefined || this.isCut) return undefined;
      this.#compare(pair);
    }
    return this.#waiting.wanted;
  }

  /** @returns whether the page is the one that was wanted; if not, nothing changed */
  give(page: Uint8Array): boolean {
    const { pair, wanted } = must(this.#waiting, "a page is given when one is wanted");
    if (!equalBytes(hashAt(page, 0), wanted.hash)) return false;
    this.#waiting = undefined;
    this.#pairs.push({ ...pair, [wanted.side]: nodeAt(page, 0) });
    return true;
  }

  #compare(pair: Pair): void {
    const { here, there, depth, path } = pair;
    if (equalBytes(hashOf(here), hashOf(there))) return;
    const side = here.kind === "stub" ? "here" : there.kind === "stub" ? "there" : undefined;
    if (side !== undefined) {
      const stub = pair[side] as Extract<Node, { kind: "stub" }>;
      this.#waiting = {
        pair,
        wanted: { side, id: depth === 0 ? ROOT_PAGE : pageId(path, depth), hash: stub.hash },
      };
      return;
    }
    if (here.kind !== "fork" && there.kind !== "fork") return this.#compareLeaves(here, there);
    for (const bit of [1, 0] as const) {
      const below = { here: childOf(here, depth, bit), there: childOf(there, depth, bit) };
      this.#pairs.push({ ...below, depth: depth + 1, path: bit === 0 ? path : withBit(path, depth) });
    }
  }

  #compareLeaves(here: Node, there: Node): void {
    const [own, other] = [leafOf(here), leafOf(there)];
    if (own !== undefined && other !== undefined && equalBytes(own.keyHash, other.keyHash)) {
      this.#add({ keyHash: own.keyHash, hereHash: own.valueHash, thereHash: other.valueHash });
      return;
    }
    if (own !== undefined) this.#add({ keyHash: own.keyHash, hereHash: own.valueHash, thereHash: undefined });
    if (other !== undefined)
      this.#add({ keyHash: other.keyHash, hereHash: undefined, thereHash: other.valueHash });
  }

  #add(difference: TreeDifference): void {
    if (this.differences.length < this.#differencesMax) this.differences.push(difference);
    else this.isCut = true;
  }
}

function stubOf(root: Hash): Node {
  return equalBytes(root, ZERO_HASH) ? NOTHING : { kind: "stub", hash: root };
}

function nodeAt(page: Uint8Array, at: number): Node {
  const kind = kindAt(page, at);
  if (kind === EMPTY_NODE) return NOTHING;
  if (kind === FORK_NODE) return { kind: "fork", page, at };
  const first = asHash(page.slice(at + HASH_AT, at + HASH_AT + 32));
  if (kind === STUB_NODE) return { kind: "stub", hash: first };
  return { kind: "leaf", keyHash: first, valueHash: asHash(page.slice(at + VALUE_AT, at + VALUE_AT + 32)) };
}

function hashOf(node: Node): Hash {
  switch (node.kind) {
    case "empty":
      return ZERO_HASH;
    case "leaf":
      return hashStateLeaf(node.keyHash, node.valueHash);
    case "fork":
      return hashAt(node.page, node.at);
    case "stub":
      return node.hash;
  }
}

/** A leaf stands for its whole subtree: it is below on its own side, and nothing on the other. */
function childOf(node: Node, depth: number, bit: 0 | 1): Node {
  if (node.kind === "fork")
    return nodeAt(node.page, bit === 0 ? leftOf(node.at) : rightOf(node.page, node.at));
  return node.kind === "leaf" && pathBit(node.keyHash, depth) === bit ? node : NOTHING;
}

function leafOf(node: Node): Extract<Node, { kind: "leaf" }> | undefined {
  return node.kind === "leaf" ? node : undefined;
}

function withBit(path: Hash, depth: number): Hash {
  const next = asHash(path.slice());
  next[depth >>> 3] = must(next[depth >>> 3], "a path has 256 bits") | (0x80 >>> (depth & 7));
  return next;
}
