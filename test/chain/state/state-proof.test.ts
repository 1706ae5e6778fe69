/** What the verifier of state proofs refuses: it may stand in a browser, facing a node that lies. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asHash, type Hash, hex, utf8, ZERO_HASH } from "../../../src/base/bytes.ts";
import {
  checkStateProof,
  decodeStateProof,
  encodeStateProof,
  hashStateKey,
  hashStateLeaf,
  hashStateNode,
  hashStateValue,
  pathBit,
  type StateProof,
} from "../../../src/chain/state/state-proof.ts";
import { proveKey, updateTree } from "../../../src/chain/state/state-tree.ts";

const KEYS = Array.from({ length: 50 }, (_, i) => utf8(`key ${i}`));
const VALUE = utf8("value");
const { root: ROOT, pages } = updateTree(
  { page: () => undefined },
  KEYS.map((key) => ({ keyHash: hashStateKey(key), valueHash: hashStateValue(VALUE) })),
);
const prove = (key: Uint8Array) => proveKey({ page: (id) => pages.get(id) }, hashStateKey(key));

/** Absent keys, so many that both kinds of absence occur. */
const ABSENT = Array.from({ length: 200 }, (_, i) => utf8(`absent ${i}`));
const absentBy = (kind: string) => ABSENT.find((key) => prove(key).end.kind === kind)!;
const CASES: readonly [string, Uint8Array, Uint8Array | undefined][] = [
  ["present", KEYS[3]!, VALUE],
  ["other", absentBy("other"), undefined],
  ["empty", absentBy("empty"), undefined],
];

describe("a state proof", () => {
  it.each(CASES)("of kind %s survives its encoding, which is the only one", (kind, key, value) => {
    const encoded = encodeStateProof(prove(key));
    const decoded = decodeStateProof(encoded);
    expect(decoded).toEqual({ ok: true, value: prove(key) });
    expect(prove(key).end.kind).toBe(kind);
    expect(checkStateProof(ROOT, key, value, prove(key))).toBe(true);
  });

  it.each(CASES)("of kind %s is refused with any bit of it changed", (_kind, key, value) => {
    const encoded = encodeStateProof(prove(key));
    for (let bit = 0; bit < 8 * encoded.length; bit++) {
      const mutated = encoded.slice();
      mutated[bit >>> 3] = mutated[bit >>> 3]! ^ (1 << (bit & 7));
      const decoded = decodeStateProof(mutated);
      if (decoded.ok) expect(checkStateProof(ROOT, key, value, decoded.value), `bit ${bit}`).toBe(false);
    }
  });

  it.each(CASES)("of kind %s is refused cut short or with bytes left over", (_kind, key) => {
    const encoded = encodeStateProof(prove(key));
    for (let length = 0; length < encoded.length; length++) {
      expect(decodeStateProof(encoded.subarray(0, length)).ok).toBe(false);
    }
    expect(decodeStateProof(new Uint8Array([...encoded, 0])).ok).toBe(false);
  });

  it.each(CASES)("of kind %s is refused with a sibling missing, doubled or moved", (_kind, key, value) => {
    const { end, siblings } = prove(key);
    const variants = [
      siblings.slice(1),
      siblings.slice(0, -1),
      [ZERO_HASH, ...siblings],
      siblings.toReversed(),
    ];
    for (const variant of [...variants, [...siblings, ZERO_HASH], [...siblings, siblings[0]!]]) {
      expect(checkStateProof(ROOT, key, value, { end, siblings: variant })).toBe(false);
    }
  });

  it("is never accepted from random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodeStateProof(bytes);
        if (decoded.ok) expect(checkStateProof(ROOT, KEYS[0]!, undefined, decoded.value)).toBe(false);
      }),
    );
  });

  it("with more than 256 siblings, or an unknown kind, does not decode", () => {
    const long: StateProof = {
      end: { kind: "empty" },
      siblings: Array.from({ length: 257 }, () => ZERO_HASH),
    };
    const decoded = decodeStateProof(encodeStateProof(long));
    expect(decoded.ok ? "" : decoded.fault.detail).toContain("257 siblings where at most 256");
    expect(checkStateProof(ROOT, KEYS[0]!, undefined, long)).toBe(false);
    expect(decodeStateProof(Uint8Array.of(3, 0, 0)).ok).toBe(false);
  });
});

describe("an absence proof", () => {
  it("is refused when the other leaf does not share the path, though the hashes add up", () => {
    // A tree of one real leaf L under a root that somebody built with L on the wrong side.
    const key = utf8("victim");
    const keyHash = hashStateKey(key);
    const away = keyHash.slice();
    away[0] = away[0]! ^ 0x80;
    const other = { keyHash: asHash(away), valueHash: hashStateValue(VALUE) };
    const leaf = hashStateLeaf(other.keyHash, other.valueHash);
    const sibling = hashStateLeaf(keyHash, hashStateValue(VALUE));
    const root: Hash =
      pathBit(keyHash, 0) === 0 ? hashStateNode(leaf, sibling) : hashStateNode(sibling, leaf);
    expect(
      checkStateProof(root, key, undefined, { end: { kind: "other", ...other }, siblings: [sibling] }),
    ).toBe(false);
  });

  it("is refused when the other leaf is the key's own", () => {
    const keyHash = hashStateKey(KEYS[0]!);
    const end = { kind: "other", keyHash, valueHash: hashStateValue(VALUE) } as const;
    expect(checkStateProof(ROOT, KEYS[0]!, undefined, { end, siblings: prove(KEYS[0]!).siblings })).toBe(
      false,
    );
  });

  it("holds for every key of the empty state, and no value does", () => {
    const proof: StateProof = { end: { kind: "empty" }, siblings: [] };
    expect(checkStateProof(ZERO_HASH, KEYS[0]!, undefined, proof)).toBe(true);
    expect(checkStateProof(ZERO_HASH, KEYS[0]!, utf8(""), proof)).toBe(false);
  });

  it("does not take an empty value for absence", () => {
    const key = utf8("k");
    const { root } = updateTree({ page: () => undefined }, [
      { keyHash: hashStateKey(key), valueHash: hashStateValue(utf8("")) },
    ]);
    const proof: StateProof = { end: { kind: "present" }, siblings: [] };
    expect(checkStateProof(root, key, utf8(""), proof)).toBe(true);
    expect(checkStateProof(root, key, undefined, proof)).toBe(false);
  });
});

describe("the hashes of the state tree", () => {
  it("stay what they are (a changed value here forks every chain)", () => {
    expect(hex(hashStateKey(utf8("key")))).toBe(
      "1db444ac04d19d861c511561f8d5a2e3eee5b595a2b6d6c804ef340bd690736e",
    );
    expect(hex(hashStateValue(utf8("value")))).toBe(
      "4465bea9331faf5b4f97eacec274cb2785c083ed219c067521d49d6b394e9ba2",
    );
    expect(hex(ROOT)).toBe("f4443d3a6011135ae933dc90f308356c15b370042259ddb39d4d75ee2d192bbf");
  });
});
