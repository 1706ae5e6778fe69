/**
 * The state tree against a model: a naive recomputation over the sorted contents, with hashes of its own. Roots,
 * pages and proofs may depend on the contents only, never on how they came about.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asHash, type Hash, utf8 } from "../../../src/base/bytes.ts";
import { checkStateProof, hashStateKey, hashStateValue } from "../../../src/chain/state/state-proof.ts";
import {
  type PageReader,
  pageKeyBytes,
  proveKey,
  ROOT_PAGE,
  type TreeChange,
  type TreeUpdate,
  treeRoot,
  updateTree,
} from "../../../src/chain/state/state-tree.ts";

/** keyHash and valueHash in hex. */
type Contents = Map<string, string>;

const sha = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
const bytes = (text: string) => asHash(new Uint8Array(Buffer.from(text, "hex")));

/** The root by definition: split by the binary text of the key hash. */
function naiveRoot(contents: Contents): string {
  const leaves = [...contents].map(([key, value]) => ({
    path: BigInt(`0x${key}`).toString(2).padStart(256, "0"),
    hash: sha(Buffer.of(0), Buffer.from(key, "hex"), Buffer.from(value, "hex")),
  }));
  const subtree = (inside: typeof leaves, depth: number): Buffer => {
    if (inside.length === 0) return Buffer.alloc(32);
    if (inside.length === 1) return inside[0]!.hash;
    const half = (digit: string) => inside.filter(({ path }) => path[depth] === digit);
    return sha(Buffer.of(1), subtree(half("0"), depth + 1), subtree(half("1"), depth + 1));
  };
  return subtree(leaves, 0).toString("hex");
}

class Pages implements PageReader {
  readonly held = new Map<string, Uint8Array>();
  page(id: string): Uint8Array | undefined {
    return this.held.get(id);
  }
  apply(update: TreeUpdate): void {
    for (const [id, page] of update.pages) {
      if (page === undefined) this.held.delete(id);
      else this.held.set(id, page.slice());
    }
  }
  shown(): string[] {
    return [...this.held].map(([id, page]) => Buffer.concat([pageKeyBytes(id), page]).toString("hex")).sort();
  }
}

function applyTo(contents: Contents, changes: readonly TreeChange[]): void {
  for (const { keyHash, valueHash } of changes) {
    const key = Buffer.from(keyHash).toString("hex");
    if (valueHash === undefined) contents.delete(key);
    else contents.set(key, Buffer.from(valueHash).toString("hex"));
  }
}

function builtAtOnce(contents: Contents, levels?: number): Pages {
  const pages = new Pages();
  const changes = [...contents].map(([key, value]) => ({ keyHash: bytes(key), valueHash: bytes(value) }));
  pages.apply(updateTree(pages, changes, levels));
  return pages;
}

const hashOf = (text: string): Hash => hashStateValue(utf8(text));

/** Key hashes that often share long prefixes: a few base bytes, repeated, with one bit turned at any depth. */
const keyHash = fc
  .tuple(fc.constantFrom(0x00, 0xff, 0x5a), fc.integer({ min: 0, max: 255 }), fc.boolean())
  .map(([fill, bit, turned]) => {
    const key = new Uint8Array(32).fill(fill);
    if (turned) key[bit >>> 3] = key[bit >>> 3]! ^ (0x80 >>> (bit & 7));
    return asHash(key);
  });
const spread = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash);
const change = fc.record({
  keyHash: fc.oneof(keyHash, spread),
  valueHash: fc.option(fc.constantFrom("1", "2", "3").map(hashOf), { nil: undefined }),
});
const batch = fc.uniqueArray(change, {
  maxLength: 24,
  selector: (one) => Buffer.from(one.keyHash).toString("hex"),
});
const levels = fc.integer({ min: 1, max: 8 });

describe("the state tree", () => {
  it("is 32 zero bytes and no page when it is empty", () => {
    const pages = new Pages();
    expect(treeRoot(pages)).toEqual(new Uint8Array(32));
    expect(updateTree(pages, [])).toEqual({ root: new Uint8Array(32), pages: new Map() });
    expect(updateTree(pages, [{ keyHash: hashOf("a"), valueHash: undefined }]).pages.size).toBe(0);
  });

  it("has the root of its only leaf when it has one", () => {
    const update = updateTree(new Pages(), [{ keyHash: hashOf("a"), valueHash: hashOf("v") }]);
    expect(Buffer.from(update.root)).toEqual(sha(Buffer.of(0), hashOf("a"), hashOf("v")));
    expect([...update.pages.keys()]).toEqual([ROOT_PAGE]);
  });

  it("has the root of the naive recomputation after every batch of puts and removals", () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 6 }), levels, (batches, pageLevels) => {
        const pages = new Pages();
        const contents: Contents = new Map();
        for (const changes of batches) {
          const update = updateTree(pages, changes, pageLevels);
          pages.apply(update);
          applyTo(contents, changes);
          expect(Buffer.from(update.root).toString("hex")).toBe(naiveRoot(contents));
          expect(treeRoot(pages)).toEqual(update.root);
        }
      }),
      { numRuns: 80 },
    );
  });

  it("has pages that depend on the contents alone, whatever the history", () => {
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 6 }), levels, (batches, pageLevels) => {
        const pages = new Pages();
        const contents: Contents = new Map();
        for (const changes of batches) {
          pages.apply(updateTree(pages, changes, pageLevels));
          applyTo(contents, changes);
        }
        expect(pages.shown()).toEqual(builtAtOnce(contents, pageLevels).shown());
      }),
      { numRuns: 80 },
    );
  });

  it("has the same root whatever the order in which changes are given", () => {
    fc.assert(
      fc.property(batch, (changes) => {
        expect(updateTree(new Pages(), changes.toReversed())).toEqual(updateTree(new Pages(), changes));
      }),
      { numRuns: 50 },
    );
  });

  it("comes back to its former root and pages when changes are undone", () => {
    fc.assert(
      fc.property(batch, batch, (first, second) => {
        const contents: Contents = new Map();
        applyTo(contents, first);
        const pages = builtAtOnce(contents);
        const before = { root: treeRoot(pages), shown: pages.shown() };
        const undo = second.map(({ keyHash: key }) => {
          const value = contents.get(Buffer.from(key).toString("hex"));
          return { keyHash: key, valueHash: value === undefined ? undefined : bytes(value) };
        });
        pages.apply(updateTree(pages, second));
        pages.apply(updateTree(pages, undo));
        expect({ root: treeRoot(pages), shown: pages.shown() }).toEqual(before);
      }),
    );
  });

  it("names no page that did not change", () => {
    fc.assert(
      fc.property(batch, batch, levels, (first, second, pageLevels) => {
        const pages = new Pages();
        pages.apply(updateTree(pages, first, pageLevels));
        for (const [id, page] of updateTree(pages, second, pageLevels).pages) {
          expect(page).not.toEqual(pages.page(id));
        }
      }),
    );
  });

  it("reads only the pages on the paths of its changes", () => {
    const contents: Contents = new Map();
    for (let i = 0; i < 2_000; i++)
      contents.set(Buffer.from(hashOf(`${i}`)).toString("hex"), "00".repeat(32));
    const pages = builtAtOnce(contents, 4);
    const read: string[] = [];
    const reader: PageReader = {
      page: (id) => {
        read.push(id);
        return pages.page(id);
      },
    };
    updateTree(reader, [{ keyHash: hashOf("7"), valueHash: hashOf("new") }], 4);
    expect(read.length).toBeLessThanOrEqual(5);
    expect(pages.held.size).toBeGreaterThan(200);
  });

  it("stops at two changes of one key, and at a page that is missing or stale", () => {
    const twice = { keyHash: hashOf("a"), valueHash: hashOf("v") };
    expect(() => updateTree(new Pages(), [twice, twice])).toThrow("two changes of one key");
    const contents: Contents = new Map();
    for (let i = 0; i < 100; i++) contents.set(Buffer.from(hashOf(`${i}`)).toString("hex"), "00".repeat(32));
    const pages = builtAtOnce(contents, 2);
    const lost = [...pages.held.keys()].find((id) => id !== ROOT_PAGE)!;
    const stale = [...pages.held.values()].at(-1)!;
    const everything = [...contents.keys()].map((key) => ({ keyHash: bytes(key), valueHash: hashOf("x") }));
    pages.held.delete(lost);
    expect(() => updateTree(pages, everything, 2)).toThrow("missing or stale");
    pages.held.set(lost, stale);
    expect(() => updateTree(pages, everything, 2)).toThrow("missing or stale");
  });
});

describe("proofs from the state tree", () => {
  it("confirm every key with its value and the absence of every other, and nothing else", () => {
    const names = fc.uniqueArray(fc.string({ maxLength: 3 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(names, fc.integer({ min: 0, max: 40 }), (keys, present) => {
        const held = keys.slice(0, present);
        const pages = new Pages();
        const value = (key: string) => utf8(`value of ${key}`);
        const changes = held.map((key) => ({
          keyHash: hashStateKey(utf8(key)),
          valueHash: hashStateValue(value(key)),
        }));
        const { root, ...update } = updateTree(pages, changes);
        pages.apply({ root, ...update });
        for (const key of keys) {
          const proof = proveKey(pages, hashStateKey(utf8(key)));
          const isHeld = held.includes(key);
          expect(checkStateProof(root, utf8(key), value(key), proof)).toBe(isHeld);
          expect(checkStateProof(root, utf8(key), undefined, proof)).toBe(!isHeld);
          expect(checkStateProof(root, utf8(key), utf8("another"), proof)).toBe(false);
          expect(checkStateProof(root, utf8(`${key}!!!!`), value(key), proof)).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });
});
