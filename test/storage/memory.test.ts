import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import type { KvOperation } from "../../src/storage/kv.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { describeKv } from "./kv.suite.ts";

describeKv("MemoryKv", async () => {
  let kv = new MemoryKv();
  return {
    kv,
    reopen: async () => {
      kv = kv.crash();
      return kv;
    },
    dispose: () => kv.close(),
  };
});

const put = (key: string): KvOperation => ({ kind: "put", key: utf8(key), value: utf8(key) });
const held = (kv: MemoryKv) => ["a", "b", "c"].filter((key) => kv.get(utf8(key)) !== undefined).join("");

describe("MemoryKv in a crash", () => {
  it("loses an unsynced write, and all of its batch", async () => {
    const kv = new MemoryKv();
    await kv.write([put("a")], { sync: true });
    await kv.write([put("b"), put("c"), { kind: "delete", key: utf8("a") }], { sync: false });
    expect(held(kv)).toBe("bc");
    expect(held(kv.crash())).toBe("a");
  });

  it("keeps an unsynced write that a later synced one covers", async () => {
    const kv = new MemoryKv();
    await kv.write([put("a")], { sync: false });
    await kv.write([put("b")], { sync: true });
    await kv.write([put("c")], { sync: false });
    expect(held(kv.crash())).toBe("ab");
  });

  it("loses a synced write that has not resolved", async () => {
    const kv = new MemoryKv();
    const written = kv.write([put("a")], { sync: true });
    expect(held(kv)).toBe("");
    expect(held(kv.crash())).toBe("");
    await written;
    expect(held(kv.crash())).toBe("a");
  });

  it("may keep a prefix of the unsynced writes, never a later one without an earlier", async () => {
    const kv = new MemoryKv();
    for (const key of ["a", "b", "c"]) await kv.write([put(key)], { sync: false });
    expect([0, 1, 2, 3].map((kept) => held(kv.crash(kept)))).toEqual(["", "a", "ab", "abc"]);
    expect(() => kv.crash(4)).toThrow("cannot keep 4 of 3");
  });

  it("leaves a store behind that lists and writes like any other", async () => {
    const kv = new MemoryKv();
    await kv.write([put("b")], { sync: true });
    const after = kv.crash();
    await after.write([put("a")], { sync: true });
    const keys = await after.entries({ from: utf8("a"), to: utf8("z") });
    expect(keys.map(([key]) => key)).toEqual([utf8("a"), utf8("b")]);
    expect(held(kv)).toBe("b");
  });
});

describe("MemoryKv at size", () => {
  it("lists ranges of 100,000 keys between writes", async () => {
    const kv = new MemoryKv();
    const key = (i: number) => utf8(String((i * 7919) % 100_000).padStart(6, "0"));
    const all = Array.from({ length: 100_000 }, (_, i) => ({
      kind: "put" as const,
      key: key(i),
      value: key(i),
    }));
    await kv.write(all, { sync: true });
    for (let i = 0; i < 50; i++) {
      await kv.write([put(`1${i}`)], { sync: false });
      const found = await kv.entries({ from: utf8("000100"), to: utf8("000200") });
      expect(found.length).toBe(100);
    }
  });

  it("lists only what is left after most keys were deleted", async () => {
    const kv = new MemoryKv();
    const keys = Array.from({ length: 2_000 }, (_, i) => utf8(`k${String(i).padStart(5, "0")}`));
    for (const key of keys) {
      await kv.write([{ kind: "put", key, value: key }], { sync: true });
      await kv.entries({ from: utf8("k"), to: utf8("l"), limit: 1 });
      if (key !== keys[7]) await kv.write([{ kind: "delete", key }], { sync: true });
    }
    expect(await kv.entries({ from: utf8("k"), to: utf8("l") })).toEqual([[keys[7], keys[7]]]);
  });
});
