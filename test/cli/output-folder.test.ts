/**
 * Goal: a folder named on a command line is made level by level, or refused in words with nothing left behind, also
 * where Node's own recursive mkdir never returns. Method: a temporary folder, and /proc where there is one.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CliError } from "../../src/cli/exit.ts";
import { checkNamedFolder } from "../../src/cli/output-folder.ts";
import { makeFolder } from "../../src/storage/durable-file.ts";

const dir = mkdtempSync(join(tmpdir(), "quorate-folder-"));
afterAll(() => rmSync(dir, { recursive: true }));
writeFileSync(join(dir, "file"), "");
symlinkSync("circle", join(dir, "circle"));

function refusalOf(path: string): CliError {
  try {
    checkNamedFolder("--in", path);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error(`${path} was taken`);
}

describe("a folder named on the command line", () => {
  it("is made with all that leads to it, and says which levels it made", () => {
    expect(makeFolder(join(dir, "a", "b"))).toEqual([join(dir, "a"), join(dir, "a", "b")]);
    expect(makeFolder(join(dir, "a", "b"))).toEqual([]);
  });

  it("is tried without a trace", () => {
    checkNamedFolder("--out", join(dir, "tried", "deeper"));
    expect(readdirSync(dir)).not.toContain("tried");
  });

  it("is refused with exit code 2 and the reason below a file, a circle of links and a name that is too long", () => {
    for (const [path, words] of [
      [join(dir, "file", "deeper", "still"), /a part of the path is a file/],
      [join(dir, "file"), /a file is in the way/],
      [join(dir, "circle", "deeper"), /symbolic links lead in a circle/],
      [join(dir, "fresh", "n".repeat(300)), /a name in it is too long/],
    ] as const) {
      const refusal = refusalOf(path);
      expect(refusal.exitCode, path).toBe(2);
      expect(refusal.message).toMatch(words);
      expect(refusal.message).toMatch(/^--in /);
    }
    expect(existsSync(join(dir, "fresh"))).toBe(false);
  });

  it.runIf(existsSync("/proc/self"))("is refused at once below /proc, where a recursive mkdir hangs", () => {
    for (const path of ["/proc/quorate", "/proc/self/fd/quorate/deeper", "/proc/1/quorate/deeper"]) {
      expect(refusalOf(path).exitCode).toBe(2);
    }
  });
});
