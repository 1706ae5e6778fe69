/**
 * What a failed call wrote is taken back as if it had never run: values, absences and the order of the diff, for any
 * row of calls. Method: the same calls on a naive overlay, which copies its map before each of them.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { invertDiff, type StateDiff, StateOverlay } from "../../../src/chain/state/state-overlay.ts";

const key = (n: number) => Uint8Array.of(n);
const BASE = new Map([0, 1, 2].map((n) => [n, Uint8Array.of(100 + n)]));
const base = { get: (wanted: Uint8Array) => BASE.get(wanted[0]!) };

/** `value` undefined: removed. */
const writes = fc.array(fc.record({ at: fc.nat(5), value: fc.option(fc.nat(255), { nil: undefined }) }), {
  maxLength: 8,
});
const calls = fc.array(fc.record({ before: writes, during: writes, fails: fc.boolean() }), { maxLength: 8 });

const shown = (diff: StateDiff) => [...diff.values()].map(({ key: [at], value }) => [at, value?.[0]]);

it("an overlay of the state takes back what a failed call wrote, and nothing else", () => {
  fc.assert(
    fc.property(calls, (all) => {
      const overlay = new StateOverlay(base);
      let naive = new Map<number, number | undefined>();
      const write = ({ at, value }: { at: number; value: number | undefined }) => {
        if (value === undefined) overlay.delete(key(at));
        else overlay.put(key(at), Uint8Array.of(value));
        naive.set(at, value);
      };
      for (const { before, during, fails } of all) {
        before.forEach(write);
        overlay.mark();
        const kept = new Map(naive);
        during.forEach(write);
        if (!fails) continue;
        overlay.takeBack();
        naive = kept;
      }
      expect(shown(overlay.diff())).toEqual([...naive]);
      for (let at = 0; at < 6; at++) {
        const expected = naive.has(at) ? naive.get(at) : BASE.get(at)?.[0];
        expect(overlay.get(key(at))?.[0]).toBe(expected);
      }
      const undo = shown(invertDiff(overlay.diff(), base));
      expect(undo).toEqual([...naive.keys()].map((at) => [at, BASE.get(at)?.[0]]));
    }),
  );
});
