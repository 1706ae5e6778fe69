/** The suite that every key-value adapter passes: what the ledger relies on, whatever lies beneath. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareBytes, hex, utf8 } from "../../src/base/bytes.ts";
import type { FreezableKv, Kv, KvOperation } from "../../src/storage/kv.ts";

export interface KvFixture {
  readonly kv: FreezableKv;
  /** The store as the next start finds it: after a crash, or closed and opened again. */
  reopen(): Promise<Kv>;
  dispose(): Promise<void>;
}

const put = (key: string | Uint8Array, value: string | Uint8Array): KvOperation => ({
  kind: "put",
  key: typeof key === "string" ? utf8(key) : key,
  value: typeof value === "string" ? utf8(value) : value,
});
const del = (key: string): KvOperation => ({ kind: "delete", key: utf8(key) });
const shown = (entries: readonly (readonly [Uint8Array, Uint8Array])[]) =>
  entries.map(([key, value]) => `${new TextDecoder().decode(key)}=${new TextDecoder().decode(value)}`);

export function describeKv(name: string, open: () => Promise<KvFixture>): void {
  describe(`${name} as a key-value store`, () => {
    let fixture: KvFixture;
    let kv: FreezableKv;

    beforeEach(async () => {
      fixture = await open();
      kv = fixture.kv;
    });
    afterEach(() => fixture.dispose());

    it("answers undefined for a key it does not hold, and what was put for one it does", async () => {
      expect(kv.get(utf8("a"))).toBeUndefined();
      await kv.write([put("a", "1")], { sync: false });
      expect(kv.get(utf8("a"))).toEqual(utf8("1"));
    });

    it("returns plain Uint8Arrays, also for an empty value", async () => {
      await kv.write([put("a", "1"), put("b", "")], { sync: true });
      for (const key of ["a", "b"]) {
        expect(Object.getPrototypeOf(kv.get(utf8(key)))).toBe(Uint8Array.prototype);
      }
      const [entry] = await kv.entries({ from: utf8("a"), to: utf8("b") });
      expect(Object.getPrototypeOf(entry![0])).toBe(Uint8Array.prototype);
      expect(Object.getPrototypeOf(entry![1])).toBe(Uint8Array.prototype);
    });

    it("can be read as it was when it was frozen, while writes go on, and takes no writes there", async () => {
      await kv.write([put("a", "1"), put("b", "1"), put("c", "1")], { sync: false });
      const frozen = kv.freeze();
      await kv.write([put("a", "2"), del("b"), put("d", "2")], { sync: true });
      const range = { from: utf8("a"), to: utf8("z") };
      expect(shown(await frozen.entries(range))).toEqual(["a=1", "b=1", "c=1"]);
      expect(frozen.get(utf8("b"))).toEqual(utf8("1"));
      expect(frozen.get(utf8("d"))).toBeUndefined();
      await expect(frozen.write([put("a", "3")], { sync: false })).rejects.toThrow("frozen");
      await frozen.close();
      await frozen.close();
      expect(shown(await kv.entries(range))).toEqual(["a=2", "c=1", "d=2"]);
    });

    it("applies the operations of a batch in order, the last on a key wins", async () => {
      await kv.write([put("a", "1"), put("a", "2"), put("b", "1"), del("b"), del("c")], { sync: true });
      expect(kv.get(utf8("a"))).toEqual(utf8("2"));
      expect(kv.get(utf8("b"))).toBeUndefined();
    });

    it("applies writes in the order of their calls, though nobody awaits in between", async () => {
      const writes = Array.from({ length: 50 }, (_, i) =>
        kv.write([put("a", `${i}`)], { sync: i % 7 === 0 }),
      );
      await Promise.all(writes);
      expect(kv.get(utf8("a"))).toEqual(utf8("49"));
    });

    it("keeps its own copy of keys and values", async () => {
      const key = utf8("a");
      const value = utf8("1");
      const written = kv.write([{ kind: "put", key, value }], { sync: false });
      key[0] = 0;
      value[0] = 0;
      await written;
      expect(kv.get(utf8("a"))).toEqual(utf8("1"));
    });

    it("takes an empty batch for nothing", async () => {
      await kv.write([], { sync: true });
      expect(await kv.entries({ from: utf8(""), to: utf8("z") })).toEqual([]);
    });

    it("lists a range from its lower bound to before its upper, forwards, backwards and limited", async () => {
      await kv.write(
        ["d", "b", "a", "c"].map((key) => put(key, key)),
        { sync: false },
      );
      const list = async (options: object) =>
        shown(await kv.entries({ from: utf8("b"), to: utf8("d"), ...options }));
      expect(await list({})).toEqual(["b=b", "c=c"]);
      expect(await list({ reverse: true })).toEqual(["c=c", "b=b"]);
      expect(await list({ limit: 1 })).toEqual(["b=b"]);
      expect(await list({ limit: 1, reverse: true })).toEqual(["c=c"]);
      expect(await list({ limit: 0 })).toEqual([]);
      expect(await list({ from: utf8("d"), to: utf8("b") })).toEqual([]);
    });

    it("lists more entries than one step of the scan holds", async () => {
      const keys = Array.from({ length: 2_500 }, (_, i) => `k${String(i).padStart(5, "0")}`);
      await kv.write(
        keys.map((key) => put(key, "v")),
        { sync: false },
      );
      const found = await kv.entries({ from: utf8("k"), to: utf8("l") });
      expect(shown(found)).toEqual(keys.map((key) => `${key}=v`));
    });

    it("keeps what was synced over a new start", async () => {
      await kv.write([put("a", "1")], { sync: false });
      await kv.write([put("b", "2")], { sync: true });
      const again = await fixture.reopen();
      expect(again.get(utf8("a"))).toEqual(utf8("1"));
      expect(again.get(utf8("b"))).toEqual(utf8("2"));
    });

    it("agrees with a plain map over any history, in byte order", async () => {
      const key = fc.uint8Array({ minLength: 1, maxLength: 3 });
      const operation = fc.oneof(
        fc.record({ kind: fc.constant("put" as const), key, value: fc.uint8Array({ maxLength: 4 }) }),
        fc.record({ kind: fc.constant("delete" as const), key }),
      );
      const model = new Map<string, { key: Uint8Array; value: Uint8Array }>();
      const history = fc.array(fc.array(operation, { maxLength: 8 }), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(history, key, key, async (batches, from, to) => {
          for (const batch of batches) {
            await kv.write(batch, { sync: false });
            for (const op of batch) {
              if (op.kind === "put") model.set(hex(op.key), { key: op.key, value: op.value });
              else model.delete(hex(op.key));
            }
          }
          const expected = [...model.values()]
            .filter((entry) => compareBytes(entry.key, from) >= 0 && compareBytes(entry.key, to) < 0)
            .sort((a, b) => compareBytes(a.key, b.key))
            .map((entry) => [entry.key, entry.value]);
          expect(await kv.entries({ from, to })).toEqual(expected);
          for (const { key: held, value } of model.values()) expect(kv.get(held)).toEqual(value);
        }),
        { numRuns: 60 },
      );
    });

    it("refuses work after it was closed", async () => {
      await kv.close();
      expect(() => kv.get(utf8("a"))).toThrow();
      await expect(kv.write([put("a", "1")], { sync: false })).rejects.toThrow();
    });
  });
}
