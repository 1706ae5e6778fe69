import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { MemoryRecordLog } from "../../src/storage/memory-log.ts";

const [A, B, C] = [utf8("a"), utf8("b"), utf8("c")];
const text = (log: MemoryRecordLog) =>
  log
    .opened()
    .records.map((record) => new TextDecoder().decode(record))
    .join("");

/** A disk whose flushes end only when the test says so. */
function heldDisk() {
  const waiting: (() => void)[] = [];
  const flush = () => new Promise<void>((resolve) => waiting.push(resolve));
  return { flush, release: () => waiting.shift()?.() };
}

describe("the record log in memory", () => {
  it("is missing until the first write, then clean", async () => {
    const log = new MemoryRecordLog();
    expect(log.opened().state).toBe("missing");
    expect(log.crash().opened().state).toBe("missing");
    await log.append([A]);
    expect(log.opened().state).toBe("clean");
  });

  it("keeps what was appended when the promise has resolved", async () => {
    const log = new MemoryRecordLog();
    await log.append([A, B]);
    await log.append([C]);
    expect(text(log.crash())).toBe("abc");
  });

  it("loses records whose flush has not ended, or keeps a prefix of them", async () => {
    const disk = heldDisk();
    const log = new MemoryRecordLog({ records: [A], flush: disk.flush });
    const appended = log.append([B, C]);
    await Promise.resolve();
    expect([0, 1, 2].map((kept) => text(log.crash(kept)))).toEqual(["a", "ab", "abc"]);
    disk.release();
    await appended;
    expect(text(log.crash())).toBe("abc");
  });

  it("holds the old records until a rotation is flushed, then only the new", async () => {
    const disk = heldDisk();
    const log = new MemoryRecordLog({ records: [A, B], flush: disk.flush });
    const replaced = log.replace([C]);
    await Promise.resolve();
    expect(text(log.crash())).toBe("ab");
    disk.release();
    await replaced;
    expect(text(log.crash())).toBe("c");
  });

  it("counts what is durable, and its generation grows with each rotation, through crashes", async () => {
    const disk = heldDisk();
    const log = new MemoryRecordLog({ flush: disk.flush });
    expect(log.durable).toEqual({ generation: 0, records: 0 });
    const appended = log.append([A, B]);
    await Promise.resolve();
    expect(log.durable).toEqual({ generation: 0, records: 0 });
    expect(log.crash(1).durable).toEqual({ generation: 1, records: 1 });
    disk.release();
    await appended;
    expect(log.durable).toEqual({ generation: 1, records: 2 });
    const replaced = log.replace([C]);
    await Promise.resolve();
    expect(log.crash().durable).toEqual({ generation: 1, records: 2 });
    disk.release();
    await replaced;
    expect(log.crash().durable).toEqual({ generation: 2, records: 1 });
  });

  it("fails every write after a failed flush", async () => {
    const log = new MemoryRecordLog({ flush: () => Promise.reject(new Error("disk gone")) });
    await expect(log.append([A])).rejects.toThrow("disk gone");
    await expect(log.append([B])).rejects.toThrow("disk gone");
    expect(log.crash().opened().state).toBe("missing");
  });

  it("refuses empty records and work after it was closed", async () => {
    const log = new MemoryRecordLog();
    expect(() => log.append([new Uint8Array(0)])).toThrow("got 0");
    await log.close();
    await expect(log.append([A])).rejects.toThrow("closed");
  });
});
