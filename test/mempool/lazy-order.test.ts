/** The order that is made when it is read. Goal: it says what a sorted list says, and holds nothing that is gone. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LazyOrder } from "../../src/mempool/lazy-order.ts";

interface Item {
  loose: number;
  key: number;
}

const make = () =>
  new LazyOrder<Item>(
    0,
    (a, b) => a.key < b.key,
    (item) => item.key >= 0,
  );

describe("an order that is made when it is read", () => {
  it("does not hold items that came and left while nobody read it", () => {
    const order = make();
    const staying = { loose: 0, key: 1 };
    order.loosen(staying);
    for (let key = 2; key < 10_000; key++) {
      const item = { loose: 0, key };
      order.loosen(item);
      order.forget(item);
    }
    expect(order.held).toBeLessThan(100);
    expect(order.top()).toBe(staying);
    expect(order.held).toBe(1);
  });

  it("says at every reading which of the items that are there is first", () => {
    const step = fc.record({
      act: fc.constantFrom("add", "add", "change", "leave", "leave", "read"),
      key: fc.integer({ min: -3, max: 1_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 600 }), (steps) => {
        const order = make();
        const there: Item[] = [];
        let mostForgotten = 0;
        for (const { act, key } of steps) {
          const item = there[Math.abs(key) % Math.max(1, there.length)];
          if (act === "add") {
            const added = { loose: 0, key };
            order.loosen(added);
            there.push(added);
          } else if (act === "read") {
            const keys = there.map((one) => one.key).filter((one) => one >= 0);
            expect(order.top()?.key).toBe(keys.length === 0 ? undefined : Math.min(...keys));
          } else if (item !== undefined) {
            order.loosen(item);
            item.key = key;
            if (act === "leave") order.forget(there.splice(there.indexOf(item), 1)[0] as Item);
          }
          mostForgotten = Math.max(mostForgotten, order.held - 2 * there.length);
        }
        expect(mostForgotten).toBeLessThanOrEqual(65);
      }),
      { numRuns: 10 },
    );
  });
});
