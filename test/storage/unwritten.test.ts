import { describe, expect, it } from "vitest";
import { MemoryKv } from "../../src/storage/memory.ts";
import { unwritten } from "../../src/storage/unwritten.ts";

const key = (byte: number) => Uint8Array.of(byte);
const put = (byte: number, value: number) => ({ kind: "put" as const, key: key(byte), value: key(value) });

describe("a store that is written to in memory alone", () => {
  it("shows what was written and deleted, in order, and leaves the one below as it is", async () => {
    const base = new MemoryKv();
    await base.write([put(1, 10), put(3, 30), put(5, 50)], { sync: true });
    const kv = unwritten(base);
    await kv.write([put(4, 40), put(3, 33), { kind: "delete", key: key(1) }], { sync: true });
    expect([kv.get(key(1)), kv.get(key(3)), kv.get(key(5))]).toEqual([undefined, key(33), key(50)]);
    const all = { from: key(0), to: key(9) };
    const bytes = async (range: object) =>
      (await kv.entries({ ...all, ...range })).map(([k, v]) => [k[0], v[0]]);
    expect(await bytes({})).toEqual([
      [3, 33],
      [4, 40],
      [5, 50],
    ]);
    expect(await bytes({ limit: 1 })).toEqual([[3, 33]]);
    expect(await bytes({ reverse: true, limit: 2 })).toEqual([
      [5, 50],
      [4, 40],
    ]);
    expect(await bytes({ from: key(4), to: key(5) })).toEqual([[4, 40]]);
    expect([base.get(key(1)), base.get(key(3)), base.get(key(4))]).toEqual([key(10), key(30), undefined]);
  });
});
