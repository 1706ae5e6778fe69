import fc from "fast-check";
import { expect, it } from "vitest";
import { RangeMin } from "../../src/mempool/range-min.ts";

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("push" as const), value: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("set" as const), value: fc.nat(20), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("dropFront" as const), at: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("truncate" as const), at: fc.nat() }) },
);

it("a row tells the least of every part of it, however it grew and shrank", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.array(step, { maxLength: 60 }), (first, steps) => {
      let naive = first.map(BigInt);
      const row = new RangeMin(naive);
      for (const change of steps) {
        if (change.do === "push") {
          row.push(BigInt(change.value));
          naive = [...naive, BigInt(change.value)];
        } else if (change.do === "dropFront") {
          const count = Math.min(change.at, naive.length);
          row.dropFront(count);
          naive = naive.slice(count);
        } else if (change.do === "truncate") {
          const length = Math.max(0, naive.length - (change.at % 3));
          row.truncate(length);
          naive = naive.slice(0, length);
        } else if (naive.length > 0) {
          row.set(change.at % naive.length, BigInt(change.value));
          naive = naive.with(change.at % naive.length, BigInt(change.value));
        }
        const [from, to] = [naive.length >> 2, naive.length - (naive.length >> 3)];
        for (const [a, b] of [
          [0, naive.length],
          [from, to],
          [0, to],
          [from, from],
        ] as const) {
          const least = naive
            .slice(a, b)
            .reduce<bigint | undefined>((x, y) => (x === undefined || y < x ? y : x), undefined);
          expect(row.least(a, b)).toBe(least);
        }
      }
    }),
    { numRuns: 100 },
  );
});
