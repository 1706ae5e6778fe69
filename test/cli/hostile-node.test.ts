/**
 * Goal: whatever a node says, nothing of it acts on the terminal or begins a line there. Method: every command that
 * asks a node, against a real RPC server behind a proxy that spoils all texts, all values, or answers errors.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { atEnd, serve } from "../rpc/serve.ts";
import { quorate } from "./running.ts";

const FORGED = "\u001b[2K\u001b[1G✔ forged\n✔ forged\r✔ forged\u009b1A\u0007\u202e\u2028✔ forged";
/** Anything but printed characters and our own line ends. */
const ACTING = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u;

type Spoil = (result: unknown) => unknown;

function mapValues(value: unknown, change: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapValues(item, change));
  if (typeof value !== "object" || value === null) return change(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapValues(item, change)]));
}

const isWord = (value: unknown) => typeof value === "string" && !/^(0x[0-9a-f]*|[0-9]+)$/.test(value);
const KINDS: Readonly<Record<string, Spoil>> = {
  texts: (result) => mapValues(result, (value) => (isWord(value) ? `${value}${FORGED}` : value)),
  "all strings": (result) =>
    mapValues(result, (value) => (typeof value === "string" ? `${value}${FORGED}` : value)),
  "all values": (result) => mapValues(result, () => FORGED),
};

/** A node whose answers are spoilt; without `spoil` each is an error. */
async function spoiled(url: string, spoil: Spoil | undefined): Promise<string> {
  // A command that has its answer may hang up while the proxy still reads or asks.
  const server = createServer((request, response) => {
    answerSpoilt(request, response).catch(() => response.destroy());
  });
  const answerSpoilt = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await new Response(request as unknown as ReadableStream).text();
    const answer = await fetch(url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    const { id, result } = (await answer.json()) as { id: unknown; result?: unknown };
    const failure = { error: { code: -32_000, message: FORGED, data: { code: FORGED, issues: [FORGED] } } };
    const spoilt = spoil === undefined ? failure : { result: spoil(result) };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ jsonrpc: "2.0", id, ...spoilt }));
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-hostile-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const ADDRESS = `0x${"11".repeat(32)}`;
const COMMANDS = [
  ["status"],
  ["block", "0"],
  ["account", ADDRESS],
  ["validators"],
  ["peers"],
  ["explain"],
  ["evidence"],
  ["consensus"],
  ["chain", "tips"],
  ["chain", "reorgs"],
  ["miner", "status"],
  ["tx", "show", ADDRESS],
  [
    "tx",
    "transfer",
    "--from",
    `0x${"22".repeat(32)}`,
    "--to",
    ADDRESS,
    "--amount",
    "1",
    "--wait",
    "accepted",
  ],
  ["rpc", "node_info"],
] as const;

describe.each([...Object.keys(KINDS), "errors"])("a node that spoils %s", (kind) => {
  test("moves no cursor, colours nothing and begins no line", async () => {
    const { url } = await serve();
    const hostile = await spoiled(url, KINDS[kind]);
    for (const words of COMMANDS) {
      for (const json of [[], ["--json"]]) {
        const { stdout, stderr } = await quorate(...words, "--rpc", hostile, "--dir", dir, ...json).catch(
          (error: Error) => ({ stdout: "", stderr: String(error) }),
        );
        expect([words, ACTING.exec(stdout + stderr)]).toEqual([words, null]);
        expect(`${stdout}\n${stderr}`).not.toMatch(/^✔ forged/m);
        if (json.length > 0 && stdout !== "") JSON.parse(stdout);
      }
    }
  });
});

test("a wrong command line is told without what acts in it", async () => {
  for (const words of [
    ["fro\u001b[2Kb"],
    ["status", "--no\u202epe\n✔"],
    ["keys", "s\u009bhw"],
    ["block", FORGED],
  ]) {
    const { code, stderr } = await quorate(...words);
    expect([code, ACTING.exec(stderr)]).toEqual([2, null]);
  }
  expect((await quorate("keys", "shw")).stderr).toMatch(/^error: .*\n\(Did you mean show\?\)\n/);
});
