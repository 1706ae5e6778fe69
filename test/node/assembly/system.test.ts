/** The log file: JSON lines by level and component, and a bound on its size. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LOG_FILE_BYTES_MAX } from "../../../src/base/limits.ts";
import { openLog } from "../../../src/node/assembly/system.ts";
import { parseLogLevels } from "../../../src/node/home/log-levels.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-log-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("the log", () => {
  it("writes what the levels let through, bigints as numbers", async () => {
    const file = join(dir, "logs", "node.log");
    const { logger, close } = openLog(parseLogLevels("warn,pbft=debug")!, file);
    logger.log("info", "p2p", "peer connected");
    logger.log("debug", "pbft", "vote", { height: 7n });
    await until(() => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0);
    await close();
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { component: "pbft", height: 7, msg: "vote" },
    ]);
  });

  it("follows levels that are changed while it is open, and says of each line whether it would be written", async () => {
    const file = join(dir, "node.log");
    const { logger, levels, close } = openLog(parseLogLevels("info")!, file);
    logger.log("debug", "pbft", "not yet");
    expect(logger.isOn?.("debug", "pbft")).toBe(false);
    expect(levels.change("warn, pbft=debug")).toBe(true);
    expect([levels.show(), logger.isOn?.("debug", "pbft")]).toEqual(["warn,pbft=debug", true]);
    logger.log("debug", "pbft", "now");
    logger.log("info", "p2p", "not any more");
    expect(levels.change("loud")).toBe(false);
    logger.log("debug", "pbft", "still");
    await close();
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["now", "still"]);
  });

  it("goes to standard error as JSON lines where there is no terminal and no file is asked for", async () => {
    const written: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0);
    const { logger, close } = openLog(parseLogLevels("info")!, undefined);
    logger.log("info", "p2p", "peer connected", { name: "node1" });
    logger.log("debug", "p2p", "not at this level");
    await close();
    vi.restoreAllMocks();
    expect(written.map((line) => JSON.parse(line))).toMatchObject([
      { component: "p2p", name: "node1", msg: "peer connected", time: expect.any(String) },
    ]);
  });

  it("goes to a terminal in readable lines, and loses them when the terminal is gone", async () => {
    const written: string[] = [];
    const { isTTY } = process.stderr;
    Object.assign(process.stderr, { isTTY: true });
    vi.spyOn(process.stderr, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0);
    try {
      const { logger, close } = openLog(parseLogLevels("info")!, undefined);
      logger.log("info", "p2p", "peer connected", { peer: "node1" });
      process.stderr.emit("error", Object.assign(new Error("write EIO"), { code: "EIO" }));
      logger.log("info", "p2p", "nobody sees this");
      await close();
    } finally {
      vi.restoreAllMocks();
      Object.assign(process.stderr, { isTTY });
    }
    expect(written.join("")).toMatch(/INFO.*p2p: peer connected.*peer.*node1/s);
    expect(written.join("")).not.toContain("nobody sees this");
  });

  it("ends although the disk takes no more, and what is logged later is lost", async () => {
    const file = join(dir, "node.log");
    symlinkSync("/dev/full", file);
    const { logger, close } = openLog(parseLogLevels("info")!, file);
    for (let i = 0; i < 100; i++) logger.log("info", "node", "lost");
    await close();
    logger.log("info", "node", "lost too");
    await close();
  });

  it.each(["moved away", "deleted", "taken away with its folder"])(
    "goes on in a new file when its own was %s and has grown too large",
    async (what) => {
      const file = join(dir, "logs", "node.log");
      const filler = "x".repeat(1 << 20);
      mkdirSync(dirname(file));
      writeFileSync(file, "");
      truncateSync(file, LOG_FILE_BYTES_MAX - filler.length);
      const { logger, close } = openLog(parseLogLevels("info")!, file);
      const size = statSync(file).size;
      logger.log("info", "node", "the last of the old");
      await until(() => statSync(file).size > size);
      if (what === "moved away") renameSync(file, join(dir, "elsewhere"));
      else rmSync(what === "deleted" ? file : join(dir, "logs"), { recursive: true });
      logger.log("info", "node", "big", { filler });
      logger.log("info", "node", "the first of the new");
      await until(() => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0);
      await close();
      expect(readFileSync(file, "utf8")).toContain("the first of the new");
    },
  );

  it("opens its file anew when it is told to", async () => {
    const file = join(dir, "node.log");
    const { logger, reopen, close } = openLog(parseLogLevels("info")!, file);
    logger.log("info", "node", "before");
    await until(() => statSync(file).size > 0);
    renameSync(file, `${file}.old`);
    reopen();
    logger.log("info", "node", "after");
    await until(() => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0);
    await close();
    expect(readFileSync(file, "utf8")).toContain("after");
  });

  it("says before it starts that its file cannot be opened", () => {
    writeFileSync(join(dir, "logs"), "a file");
    expect(() => openLog(parseLogLevels("info")!, join(dir, "logs", "node.log"))).toThrow(/EEXIST|ENOTDIR/);
  });

  it("keeps one older file when it has grown too large", async () => {
    const file = join(dir, "node.log");
    writeFileSync(file, Buffer.alloc(LOG_FILE_BYTES_MAX - 200, 0x20));
    const { logger, close } = openLog(parseLogLevels("info")!, file);
    logger.log("info", "node", "the last of the old");
    await until(() => statSync(file).size > LOG_FILE_BYTES_MAX - 200);
    logger.log("info", "node", "the first of the new", { filler: "x".repeat(200) });
    await until(() => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0);
    await close();
    expect(readFileSync(`${file}.1`, "utf8")).toContain("the last of the old");
    expect(readFileSync(file, "utf8")).toContain("the first of the new");
  });
});

/** The stream opens its file by itself. */
async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  for (;;) {
    if (condition()) return;
    if (Date.now() > end) throw new Error("nothing was written");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
