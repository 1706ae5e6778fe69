/**
 * A node as a service or a container runs it: no terminal, its output collected or lost. Its log is on standard error
 * as JSON lines, and neither a signal nor output that nobody takes stops it. What its disk refuses, it says in a
 * sentence. One home, few processes.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { homePaths } from "../../../src/node/home/home.ts";
import { writeStamp } from "../../../src/node/home/home-stamp.ts";
import { COMMAND, freePorts, quorate, until } from "../processes.ts";

let dir: string;
let home: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-service-"));
  home = join(dir, "home");
  expect(await quorate("init", "--dir", home)).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a script of a shell around the command ("$@"). */
function shell(script: string, ...args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn("bash", ["-c", script, "bash", process.execPath, COMMAND, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    // A node that starts after all ends with the test.
    const late = setTimeout(() => child.kill("SIGKILL"), 40_000);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code, stderr });
    });
  });
}

describe("a node without a terminal", () => {
  it("logs JSON lines to standard error, and outlives SIGUSR1, SIGHUP and a full standard output", async () => {
    const ports = await freePorts(2);
    const args = ["--dir", home, "--rpc-port", `${ports}`, "--p2p-port", `${ports + 1}`];
    const child = spawn(process.execPath, [COMMAND, "start", ...args], {
      stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
    });
    let stderr = "";
    child.stderr!.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const alive = async () => (await fetch(`http://127.0.0.1:${ports}/health`)).ok;
    try {
      await until(alive, "healthy");
      await until(async () => stderr.includes("standard output takes no more"), "a word of the lost banner");
      child.kill("SIGUSR1");
      // By SIGHUP the file of peers is read again: a mistake is named and changes nothing.
      const peers = join(home, "peers.json");
      const before = readFileSync(peers);
      for (const [text, words] of [
        ["{", "peers.json is not used"],
        [before, "peers.json was read again"],
      ] as const) {
        writeFileSync(peers, text);
        child.kill("SIGHUP");
        await until(async () => stderr.includes(words), words);
      }
      // It would say where its debugger listens.
      expect(await alive()).toBe(true);
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
    expect(stderr).not.toMatch(/[Dd]ebugger/);
    const lines = stderr
      .trim()
      .split("\n")
      .filter((line) => line.startsWith("{"));
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(
      expect.arrayContaining(["listening", "stopping"]),
    );
    expect(readdirSync(home)).not.toContain("LOCK");
    // Nobody asked for a file.
    expect(readdirSync(home)).not.toContain("logs");
    expect(child.exitCode).toBe(0);
  });

  it("says what a disk refuses at its start with the path and the remedy, as 78, and leaves no lock", async () => {
    // No file may grow: what a full disk does to every write.
    const { code, stderr } = await shell(`trap "" XFSZ; ulimit -f 0; exec "$@"`, "start", "--dir", home);
    expect([code, stderr.trim().split("\n").length]).toEqual([78, 1]);
    expect(stderr).toMatch(/home\/LOCK[^:]*: the file may not grow further: raise the limit/);
    expect(readdirSync(home).filter((name) => name.startsWith("LOCK"))).toEqual([]);
  });

  it("is refused where its home is a copy of another that is still there", async () => {
    const copy = join(dir, "copy");
    // As its first start did.
    writeStamp(homePaths(home));
    cpSync(home, copy, { recursive: true });
    const { code, stderr } = await shell(
      'exec "$@"',
      "start",
      "--dir",
      copy,
      "--rpc-port",
      "0",
      "--p2p-port",
      "0",
    );
    expect(code).toBe(2);
    expect(stderr).toContain(`is a copy of ${home}`);
  });
});

describe("a command", () => {
  it("says that a full device took no more of its result, as 78 and without a stack", async () => {
    const { code, stderr } = await shell('exec "$@" >/dev/full', "version");
    expect([code, stderr]).toEqual([
      78,
      "✖ standard output takes no more: the disk is full: free space there, or use another folder\n",
    ]);
  });
});
