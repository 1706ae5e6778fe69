/**
 * One update of the state tree under way: sorted changes are carried down, each page on their paths is read once
 * where it lies and written once, and each node on their paths is hashed once. What no change touches is copied
 * in one piece. The form of a page is state-page.ts's, what the tree means is state-tree.ts's.
 */
import { assert, must } from "../../base/assert.ts";
import { byteAt, compareBytes, equalBytes, type Hash } from "../../base/bytes.ts";
import {
  EMPTY_NODE,
  FORK_NODE,
  HASH_AT,
  hashAt,
  kindAt,
  LEAF_NODE,
  leftOf,
  PageWriter,
  rightOf,
  STUB_NODE,
  sameHash,
  VALUE_AT,
} from "./state-page.ts";
import { pathBit } from "./state-proof.ts";

export interface PageReader {
  /** The page, or undefined when there is none. Its bytes are not changed, nor kept longer than the call. */
  page(id: string): Uint8Array | undefined;
}

/** `valueHash` undefined removes the key; removing what is not there changes nothing. */
export interface TreeChange {
  readonly keyHash: Hash;
  readonly valueHash: Hash | undefined;
}

interface TreePut extends TreeChange {
  readonly valueHash: Hash;
}

/** The id of the page in which every path begins; it is missing when the tree is empty. */
export const ROOT_PAGE = "\0";

export class TreeEdit {
  /** The pages that differ from before, by id. One that was deleted is undefined. */
  readonly pages = new Map<string, Uint8Array | undefined>();
  readonly #reader: PageReader;
  readonly #levels: number;
  readonly #changes: readonly TreeChange[];
  /** One for each page that is being written: the one at depth d and all above it. */
  readonly #writers: PageWriter[];

  /** @param changes in the order of key hashes, each once. */
  constructor(reader: PageReader, levels: number, changes: readonly TreeChange[]) {
    this.#reader = reader;
    this.#levels = levels;
    this.#changes = changes;
    this.#writers = writersFor(levels);
  }

  /** Applies the changes to the tree with this root page. @returns the new root. */
  run(before: Uint8Array): Hash {
    const target = this.#writerAt(0);
    this.#change(before, 0, before.length, 0, 0, this.#changes.length, target);
    const after = target.finish();
    if (!equalBytes(before, after)) this.pages.set(ROOT_PAGE, after[0] === EMPTY_NODE ? undefined : after);
    return hashAt(after, 0);
  }

  /**
   * Writes what the node at `depth`, which lies in `page` from `at` to `end`, becomes by the changes from index
   * `first` up to `last`, which all lie beneath it.
   */
  #change(
    page: Uint8Array,
    at: number,
    end: number,
    depth: number,
    first: number,
    last: number,
    target: PageWriter,
  ): void {
    if (first === last) return target.copy(page, at, end);
    switch (kindAt(page, at)) {
      case EMPTY_NODE:
        return this.#buildAll(depth, this.#changes.slice(first, last).filter(isPut), target);
      case LEAF_NODE:
        return this.#changeLeaf(page, at, depth, first, last, target);
      case FORK_NODE:
        return this.#changeFork(page, at, end, depth, first, last, target);
      case STUB_NODE:
        return this.#changePage(page, at, depth, first, last, target);
    }
  }

  #changeLeaf(
    page: Uint8Array,
    at: number,
    depth: number,
    first: number,
    last: number,
    target: PageWriter,
  ): void {
    const change = this.#firstOf(first);
    if (last - first === 1 && sameHash(change.keyHash, 0, page, at + HASH_AT)) {
      return isPut(change) ? target.leaf(change.keyHash, change.valueHash) : target.empty();
    }
    this.#buildAll(depth, withLeaf(page, at, this.#changes.slice(first, last)).filter(isPut), target);
  }

  #changeFork(
    page: Uint8Array,
    at: number,
    end: number,
    depth: number,
    first: number,
    last: number,
    target: PageWriter,
  ): void {
    const middle = firstRight(this.#changes, depth, first, last);
    const right = rightOf(page, at);
    const fork = target.openFork();
    this.#change(page, leftOf(at), right, depth + 1, first, middle, target);
    const rightAt = target.length;
    this.#change(page, right, end, depth + 1, middle, last, target);
    target.closeFork(fork, rightAt);
  }

  /** The first of the changes beneath a node, from index `first` on. */
  #firstOf(first: number): TreeChange {
    return must(this.#changes[first], "a node that changes has a change beneath it");
  }

  #changePage(
    above: Uint8Array,
    at: number,
    depth: number,
    first: number,
    last: number,
    target: PageWriter,
  ): void {
    const id = pageId(this.#firstOf(first).keyHash, depth);
    const page = loadPage(this.#reader, id, above, at);
    const writer = this.#writerAt(depth);
    this.#changeFork(page, 0, page.length, depth, first, last, writer);
    if (writer.bytes[0] !== FORK_NODE) {
      this.pages.set(id, undefined);
      return target.copy(writer.bytes, 0, writer.length);
    }
    if (!sameHash(writer.bytes, HASH_AT, page, HASH_AT)) this.pages.set(id, writer.finish());
    target.stub(writer.bytes);
  }

  /** A subtree of these leaves alone. */
  #buildAll(depth: number, leaves: readonly TreePut[], target: PageWriter): void {
    this.#build(depth, leaves, 0, leaves.length, target);
  }

  #build(depth: number, leaves: readonly TreePut[], first: number, last: number, target: PageWriter): void {
    if (first === last) return target.empty();
    const leaf = must(leaves[first], "a subtree that is built has a leaf");
    if (last - first === 1) return target.leaf(leaf.keyHash, leaf.valueHash);
    const turns = depth > 0 && depth % this.#levels === 0;
    const writer = turns ? this.#writerAt(depth) : target;
    const middle = firstRight(leaves, depth, first, last);
    const fork = writer.openFork();
    this.#build(depth + 1, leaves, first, middle, writer);
    const rightAt = writer.length;
    this.#build(depth + 1, leaves, middle, last, writer);
    writer.closeFork(fork, rightAt);
    if (!turns) return;
    this.pages.set(pageId(leaf.keyHash, depth), writer.finish());
    target.stub(writer.bytes);
  }

  /** An empty page to be written at `depth`. */
  #writerAt(depth: number): PageWriter {
    const index = depth / this.#levels;
    const writer = this.#writers[index] ?? new PageWriter(this.#levels);
    this.#writers[index] = writer;
    writer.length = 0;
    return writer;
  }
}

// Used by one update after the other: for a block of few changes, making them took longer than writing (measured).
const WRITERS = new Map<number, PageWriter[]>();

function writersFor(levels: number): PageWriter[] {
  const writers = WRITERS.get(levels) ?? [];
  WRITERS.set(levels, writers);
  return writers;
}

const REMEDY = "the database is damaged, sync anew";

/** The page whose stub lies in `above` at `at`. */
export function loadPage(reader: PageReader, id: string, above: Uint8Array, at: number): Uint8Array {
  const page = reader.page(id);
  const fits = page !== undefined && page[0] === FORK_NODE && sameHash(page, HASH_AT, above, at + HASH_AT);
  if (!fits) assert(false, `state page at depth ${id.charCodeAt(0)} is missing or stale: ${REMEDY}`);
  return page;
}

export function pageId(keyHash: Hash, depth: number): string {
  const whole = depth >>> 3;
  const rest = depth & 7;
  let id = String.fromCharCode(depth);
  for (let i = 0; i < whole; i++) id += String.fromCharCode(byteAt(keyHash, i));
  return rest === 0 ? id : id + String.fromCharCode(byteAt(keyHash, whole) & (0xff00 >>> rest));
}

function isPut(change: TreeChange): change is TreePut {
  return change.valueHash !== undefined;
}

/** The changes as if the leaf at `at` were put among them, unless one of them is about its key. */
function withLeaf(page: Uint8Array, at: number, changes: readonly TreeChange[]): readonly TreeChange[] {
  const keyHash = page.subarray(at + HASH_AT, at + HASH_AT + 32) as Hash;
  const valueHash = page.subarray(at + VALUE_AT, at + VALUE_AT + 32) as Hash;
  const index = changes.findIndex((change) => compareBytes(change.keyHash, keyHash) >= 0);
  const next = changes[index];
  if (next === undefined) return [...changes, { keyHash, valueHash }];
  return equalBytes(next.keyHash, keyHash) ? changes : changes.toSpliced(index, 0, { keyHash, valueHash });
}

/**
 * The index of the first change from `first` to `last` whose path turns right at `depth`. All of them share
 * the bits before.
 */
function firstRight(changes: readonly TreeChange[], depth: number, first: number, last: number): number {
  let low = first;
  let high = last;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { keyHash } = must(changes[middle], "the middle lies between first and last");
    if (pathBit(keyHash, depth) === 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
