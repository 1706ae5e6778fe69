/** What nobody caught: whose error it is, and what becomes of the process. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../src/base/assert.ts";
import {
  isLibraryError,
  LIBRARY_ERRORS_PER_MINUTE_MAX,
  processBoundary,
} from "../../src/cli/process-boundary.ts";

const ROOT = "/srv/app/node_modules/quorate/";

function errorAt(...frames: string[]): Error {
  const error = new Error("Cannot write to a stream that is closed");
  error.stack = [`StreamStateError: ${error.message}`, ...frames.map((frame) => `    at ${frame}`)].join(
    "\n",
  );
  return error;
}

const YAMUX = `YamuxMuxer.send (file://${ROOT}node_modules/@libp2p/yamux/dist/src/muxer.js:1:1)`;
const HOISTED = "YamuxMuxer.send (file:///srv/app/node_modules/@libp2p/yamux/dist/src/muxer.js:1:1)";
const OURS = `Rumor.publish (file://${ROOT}dist/src/p2p/rumor.js:1:1)`;

describe("an error that nobody caught", () => {
  it("is the library's when no line of ours led to it, wherever the library is installed", () => {
    expect(isLibraryError(errorAt(YAMUX, "node:internal/process/task_queues:1:1"), ROOT)).toBe(true);
    expect(isLibraryError(errorAt(HOISTED), ROOT)).toBe(true);
  });

  it("is ours when a line of ours led to it, when it is an assert, and when nothing is known of it", () => {
    expect(isLibraryError(errorAt(YAMUX, OURS), ROOT)).toBe(false);
    const assertion = new InvariantError("two blocks at one height");
    assertion.stack = `InvariantError\n    at ${YAMUX}`;
    expect(isLibraryError(assertion, ROOT)).toBe(false);
    expect(isLibraryError(errorAt("Level.get (/srv/app/node_modules/level/index.js:1:1)"), ROOT)).toBe(false);
    expect(isLibraryError("a text", ROOT)).toBe(false);
  });

  it("is a connection's end when a socket says so", () => {
    expect(
      isLibraryError(
        Object.assign(errorAt("TCP.onStreamRead (node:internal/stream_base_commons:1:1)"), {
          code: "ECONNRESET",
        }),
        ROOT,
      ),
    ).toBe(true);
  });
});

describe("the process's boundary", () => {
  it("counts errors of the library, and ends when they come too often", () => {
    let nowMs = 0;
    const seen: string[] = [];
    const judge = processBoundary({
      now: () => nowMs,
      libraryFailed: () => seen.push("library"),
      end: () => seen.push("end"),
    });
    for (let i = 0; i < LIBRARY_ERRORS_PER_MINUTE_MAX; i++) judge(errorAt(HOISTED));
    expect(new Set(seen)).toEqual(new Set(["library"]));
    nowMs = 60_000;
    judge(errorAt(HOISTED));
    expect(seen.includes("end")).toBe(false);
    for (let i = 0; i < LIBRARY_ERRORS_PER_MINUTE_MAX; i++) judge(errorAt(HOISTED));
    expect(seen.at(-1)).toBe("end");
  });

  it("ends a real process with 70 for an assert, and lets it live for an error of the library", () => {
    const script = `
      import { guardProcess } from "./src/cli/process-boundary.ts";
      import { InvariantError } from "./src/base/assert.ts";
      guardProcess((error) => console.log("counted", error.message));
      const error = new Error("stream");
      error.stack = "Error: stream\\n    at send (/x/node_modules/@libp2p/yamux/dist/src/muxer.js:1:1)";
      queueMicrotask(() => { throw error; });
      setTimeout(() => { console.log("alive"); Promise.reject(new InvariantError("broken")); }, 5);
    `;
    const child = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect(child.stdout).toBe("counted stream\nalive\n");
    expect(child.stderr).toContain("the node is broken and ends: InvariantError: broken");
    expect(child.status).toBe(70);
  });
});
