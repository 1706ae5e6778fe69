/** A database on its way from one format to the next, on disk: the copy, the steps, a kill between them, and back. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import {
  backupPath,
  dropBackups,
  newestBackup,
  openMigrated,
  restoreBackup,
} from "../../../src/node/stored-chain/migrate-database.ts";
import {
  formatOf,
  MIGRATIONS,
  type Migration,
  stepsFrom,
} from "../../../src/node/stored-chain/migrations.ts";
import { DATABASE_VERSION, VERSION_KEY } from "../../../src/storage/database-keys.ts";
import { openLevel } from "../../../src/storage/level.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-migration-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const paths = () => ({ db: join(dir, "data", "db") });
const KEY = utf8("key");

async function made(format: number): Promise<void> {
  const { kv } = await openMigrated(paths());
  const marker = { kind: "put", key: VERSION_KEY, value: Uint8Array.of(0, format) } as const;
  await kv.write([marker, { kind: "put", key: KEY, value: utf8("old") }], { sync: true });
  await kv.compact();
  await kv.close();
}

/** Two steps, of which the second may break off. */
function steps(breaks: { off: boolean }): readonly Migration[] {
  const put =
    (text: string): Migration["run"] =>
    async (kv, progress) => {
      await kv.write([{ kind: "put", key: KEY, value: utf8(text) }], { sync: true });
      progress(1, 1);
      if (text === "newest" && breaks.off) throw new Error("killed");
    };
  return [
    { from: 3, why: "one", run: put("newer") },
    { from: 4, why: "two", run: put("newest") },
  ];
}

async function valueAt(path: string): Promise<string> {
  const kv = await openLevel(path);
  const value = kv.get(KEY);
  await kv.close();
  return new TextDecoder().decode(value);
}

describe("a migration of the database", () => {
  it("has a step from each format since the first that had one, up to this program's", () => {
    expect(MIGRATIONS.map(({ from }) => from)).toEqual(
      Array.from({ length: DATABASE_VERSION - 2 }, (_, i) => i + 2),
    );
    expect(stepsFrom(DATABASE_VERSION)).toEqual([]);
    expect(stepsFrom(1)).toBeUndefined();
    expect(stepsFrom(DATABASE_VERSION + 1)).toBeUndefined();
  });

  it("brings the format of the release before to this one, and keeps a copy", async () => {
    await made(2);
    const shown: string[] = [];
    const { kv, migrated } = await openMigrated(paths(), {
      begun: (from, to) => shown.push(`${from} to ${to}`),
      progress: (what, done, total) => shown.push(`${what} ${done === total}`),
    });
    expect(formatOf(kv)).toBe(DATABASE_VERSION);
    await kv.close();
    expect(migrated).toEqual({ from: 2, to: DATABASE_VERSION, backup: backupPath(paths(), 2) });
    expect(shown[0]).toBe(`2 to ${DATABASE_VERSION}`);
    expect(shown.at(-1)).toBe("copying true");
    const again = await openMigrated(paths());
    expect(again.migrated).toBeUndefined();
    await again.kv.close();
  });

  it("goes on after it was broken off between two steps, and its copy is of what was there first", async () => {
    await made(3);
    const breaks = { off: true };
    const ports = { migrations: steps(breaks), to: 5 };
    await expect(openMigrated(paths(), ports)).rejects.toThrow("killed");
    breaks.off = false;
    const { kv, migrated } = await openMigrated(paths(), ports);
    expect([formatOf(kv), migrated?.from]).toEqual([5, 4]);
    await kv.close();
    expect(await valueAt(paths().db)).toBe("newest");
    expect(await valueAt(backupPath(paths(), 3))).toBe("old");
  });

  it("is not begun where what it writes anew does not fit, and goes on unasked once it was begun", async () => {
    await made(3);
    const breaks = { off: true };
    const migrations = steps(breaks).map((step): Migration => ({ ...step, rewrites: true }));
    const withFree = (free: number) => ({ migrations, to: 5, space: () => ({ free, total: 1e12 }) });
    const refused = await openMigrated(paths(), withFree(10)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "no-room" });
    expect(String(refused)).toMatch(
      /\/data\/db: its new format .* \d+ bytes at most, and 10 are free\. Make room/,
    );
    expect(readdirSync(join(dir, "data"))).toEqual(["db"]);
    expect(await valueAt(paths().db)).toBe("old");

    const small = steps(breaks);
    await expect(openMigrated(paths(), { ...withFree(10), migrations: small })).rejects.toThrow("killed");
    rmSync(dir, { recursive: true });
    await made(3);
    await expect(openMigrated(paths(), withFree(1e9))).rejects.toThrow("killed");
    breaks.off = false;
    const half = await openLevel(paths().db);
    await half.write([{ kind: "put", key: VERSION_KEY, value: Uint8Array.of(0, 3) }], { sync: true });
    await half.close();
    const { kv } = await openMigrated(paths(), withFree(10));
    expect(formatOf(kv)).toBe(5);
    await kv.close();
  });

  it("leaves no copies of a database that can be made anew", async () => {
    await made(2);
    const { kv } = await openMigrated(paths());
    await kv.close();
    await openMigrated({ db: backupPath(paths(), 1) }).then((older) => older.kv.close());
    dropBackups(paths());
    expect(readdirSync(join(dir, "data"))).toEqual(["db"]);
    dropBackups(paths());
    expect(await valueAt(paths().db)).toBe("old");
  });

  it("is taken back: the copy is in place again as it was", async () => {
    await made(2);
    const { kv } = await openMigrated(paths());
    await kv.write([{ kind: "put", key: KEY, value: utf8("of the newer release") }], { sync: true });
    await kv.compact();
    await kv.close();
    expect(newestBackup(paths())).toBe(2);
    expect(await restoreBackup(paths())).toEqual({ ok: true, value: 2 });
    expect(await valueAt(paths().db)).toBe("old");
    expect(existsSync(backupPath(paths(), 2))).toBe(false);
    expect(readdirSync(join(dir, "data"))).toEqual(["db"]);
    expect(await restoreBackup(paths())).toMatchObject({ ok: false, fault: { code: "missing" } });
  });

  it("is refused backward and from a format without a way, and nothing is changed", async () => {
    await made(DATABASE_VERSION + 1);
    await expect(openMigrated(paths())).rejects.toThrow(
      `format ${DATABASE_VERSION + 1}, this program reads format ${DATABASE_VERSION}: a newer release made it`,
    );
    expect(newestBackup(paths())).toBeUndefined();
    rmSync(dir, { recursive: true });
    await made(1);
    await expect(openMigrated(paths())).rejects.toThrow("no way from there");
  });
});
