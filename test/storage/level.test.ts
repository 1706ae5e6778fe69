import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { LEVEL_LOGGED_BATCHES_MAX } from "../../src/base/limits.ts";
import type { Kv } from "../../src/storage/kv.ts";
import { openLevel } from "../../src/storage/level.ts";
import { DamagedDatabase } from "../../src/storage/level-checks.ts";
import { describeKv } from "./kv.suite.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "quorate-level-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describeKv("LevelDB", async () => {
  let kv = await openLevel(join(directory, "db"));
  return {
    kv,
    reopen: async () => {
      await kv.close();
      kv = await openLevel(join(directory, "db"));
      return kv;
    },
    dispose: () => kv.close(),
  };
});

describe("a damaged LevelDB directory", () => {
  // LevelDB drops a bad record with the rest of its 32 KiB: the log has to be longer.
  const value = (i: number) => utf8(`value ${i}`.padEnd(3_000, "."));
  const batch = (i: number) => [{ kind: "put" as const, key: utf8(`key ${i}`), value: value(i) }];

  /** 40 batches in a table, 40 in the log, as a killed process leaves them. */
  async function killed(): Promise<void> {
    const path = join(directory, "db");
    for (const from of [0, 40]) {
      const kv = await openLevel(path);
      for (let i = from; i < from + 40; i++) await kv.write(batch(i), { sync: true });
      if (from === 40) await cp(path, join(directory, "killed"), { recursive: true });
      await kv.close();
    }
  }

  async function change(
    pattern: RegExp,
    change: (path: string, bytes: Buffer) => Promise<void>,
  ): Promise<Kv> {
    await killed();
    const path = join(directory, "killed");
    const name = (await readdir(path)).find((file) => pattern.test(file))!;
    await change(join(path, name), await readFile(join(path, name)));
    return openLevel(path);
  }

  const flip = (at: (bytes: Buffer) => number) => (path: string, bytes: Buffer) => {
    bytes[at(bytes)]! ^= 4;
    return writeFile(path, bytes);
  };

  it("opens as a killed process left it", async () => {
    const kv = await change(/LOCK/, async () => undefined);
    for (let i = 0; i < 80; i++) expect(kv.get(utf8(`key ${i}`))).toEqual(value(i));
    await kv.close();
  });

  it.each([
    ["a batch in the middle of the log", /\.log$/, flip((bytes) => bytes.length >> 1)],
    ["the manifest", /^MANIFEST/, flip((bytes) => bytes.length >> 1)],
    ["CURRENT", /^CURRENT$/, flip(() => 3)],
    ["a missing CURRENT", /^CURRENT$/, (path: string) => rm(path)],
    ["a missing manifest", /^MANIFEST/, (path: string) => rm(path)],
    ["a missing table", /\.ldb$/, (path: string) => rm(path)],
  ])("is refused in one line that says what to do: %s", async (_, pattern, damage) => {
    const opened = change(pattern, damage);
    await expect(opened).rejects.toBeInstanceOf(DamagedDatabase);
    await expect(opened).rejects.toThrow(/^the database .* is damaged.* Move it away, .*$/);
  });

  it.each([
    ["half of it", 0.5],
    ["nothing", 0],
    ["all but its last bytes", 0.999],
  ])("says that a table was cut to %s, and what to do", async (_, share) => {
    const read = async () => {
      const kv = await change(/\.ldb$/, (path, bytes) => truncate(path, Math.floor(bytes.length * share)));
      try {
        for (let i = 0; i < 80; i++) kv.get(utf8(`key ${i}`));
      } finally {
        await kv.close();
      }
    };
    const error = await read().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(DamagedDatabase);
    expect((error as Error).message).toMatch(/is damaged.*Move it away/);
  });

  it("goes on without the last batch when that is torn", async () => {
    const kv = await change(/\.log$/, (path, bytes) => truncate(path, bytes.length - 1));
    expect(kv.get(utf8("key 78"))).toEqual(value(78));
    expect(kv.get(utf8("key 79"))).toBeUndefined();
    await kv.write(batch(80), { sync: true });
    await kv.close();
    await (await openLevel(join(directory, "killed"))).close();
  });

  it("never answers with a value that was changed", async () => {
    const kv = await change(
      /\.ldb$/,
      flip((bytes) => bytes.indexOf("value 7.")),
    );
    expect(() => kv.get(utf8("key 7"))).toThrow(DamagedDatabase);
    await expect(kv.entries({ from: utf8("a"), to: utf8("z") })).rejects.toThrow("was changed");
    expect(kv.get(utf8("key 8"))).toEqual(value(8));
    await kv.close();
  });
});

describe("LevelDB's directory", () => {
  it("says what the disk says, and what to do, when a write fails while it runs", async () => {
    const kv = await openLevel(directory);
    const said = new Error(`IO error: ${directory}/000003.log: Read-only file system`);
    const batch = { put: () => undefined, del: () => undefined, write: () => Promise.reject(said) };
    const failing = vi.spyOn(Level.prototype, "batch").mockImplementation(() => batch as never);
    const write = () => kv.write([{ kind: "put", key: utf8("a"), value: utf8("b") }], { sync: true });
    await expect(write()).rejects.toThrow(
      `writing to the database ${directory} failed: the file system is mounted read-only: mount it writable, or use another folder`,
    );
    failing.mockRestore();
    // What came after the lost write may rest on it.
    await expect(write()).rejects.toThrow("mounted read-only");
    await kv.close();
  });

  it("has LevelDB make a table before its log holds more batches than are numbered", async () => {
    const path = join(directory, "db");
    const kv = await openLevel(path);
    const tables = async () => (await readdir(path)).filter((name) => name.endsWith(".ldb")).length;
    const operations = [{ kind: "put" as const, key: utf8("key"), value: utf8("value") }];
    const write = async (count: number) => {
      let written: Promise<void> | undefined;
      for (let i = 0; i < count; i++) written = kv.write(operations, { sync: false });
      await written;
    };
    await write(LEVEL_LOGGED_BATCHES_MAX - 1);
    expect(await tables()).toBe(0);
    await write(1);
    expect(await tables()).toBe(1);
    await kv.close();
  });

  it("tells the second opener which directory is in use and what to do", async () => {
    const kv = await openLevel(directory);
    try {
      const second = openLevel(directory);
      await expect(second).rejects.toThrow(directory);
      await expect(second).rejects.toThrow("another process is running on it. Stop that process");
    } finally {
      await kv.close();
    }
  });

  it("keeps the cause when it cannot be opened", async () => {
    const path = join(directory, "file");
    await writeFile(path, "not a directory");
    const error = await openLevel(path).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain(path);
    expect((error as Error).cause).toBeInstanceOf(Error);
  });
});
