/** A map of what was put in last: against a plain map of everything. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecentMap } from "../../src/base/recent-map.ts";

describe("a recent map", () => {
  it("never gives another value than the last of a key, holds no more than its bound and at least the last half of it", () => {
    const keys = fc.array(fc.nat(30), { maxLength: 120 });
    fc.assert(
      fc.property(keys, fc.integer({ min: 2, max: 20 }), (put, countMax) => {
        const map = new RecentMap<number, string>(countMax);
        const all = new Map<number, string>();
        for (const [i, key] of put.entries()) {
          map.set(key, `${key} at ${i}`);
          all.set(key, `${key} at ${i}`);
          expect(map.size).toBeLessThanOrEqual(countMax);
          for (const [known, value] of all) expect([undefined, value]).toContain(map.get(known));
          const last = put.slice(Math.max(0, i + 1 - Math.floor(countMax / 2)), i + 1);
          for (const recent of last) expect(map.get(recent)).toBe(all.get(recent));
        }
      }),
    );
  });
});
