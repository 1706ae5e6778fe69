import fc from "fast-check";
import { expect, test } from "vitest";
import { dropOldest } from "../../src/base/drop-oldest.ts";

const STEP = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), key: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), key: fc.nat(12) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("drop" as const), key: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), key: fc.constant(0) }) },
);

test("a map and a set drop the key that was put in first, whatever was put in, deleted or cleared between", () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 200 }), (steps) => {
      const [map, set] = [new Map<number, string>(), new Set<number>()];
      let naive: number[] = [];
      for (const { kind, key } of steps) {
        if (kind === "set") {
          map.set(key, "held");
          set.add(key);
          if (!naive.includes(key)) naive.push(key);
        } else if (kind === "delete") {
          map.delete(key);
          set.delete(key);
          naive = naive.filter((held) => held !== key);
        } else if (kind === "drop") {
          dropOldest(map);
          dropOldest(set);
          naive = naive.slice(1);
        } else {
          map.clear();
          set.clear();
          naive = [];
        }
        expect([...map.keys()]).toEqual(naive);
        expect([...set]).toEqual(naive);
      }
    }),
  );
});

test("a map that was empty once and is used again drops its oldest key", () => {
  const map = new Map([["a", 1]]);
  dropOldest(map);
  dropOldest(map);
  map.set("b", 2).set("c", 3);
  dropOldest(map);
  expect([...map.keys()]).toEqual(["c"]);
});
