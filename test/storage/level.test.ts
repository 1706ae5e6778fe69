import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLevel } from "../../src/storage/level.ts";
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

describe("LevelDB's directory", () => {
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
