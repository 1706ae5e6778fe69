/**
 * Goal: a flag means the same in every command, an old one still works and says so, and commands find the devnet's
 * nodes. Method: the program's own table of options; a control socket and RPC servers of the test.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { controlPath, type DevnetControl, serveControl } from "../../src/cli/devnet/devnet-control.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { atEnd, serve } from "../rpc/serve.ts";
import { json, quorate } from "./running.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-words-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("options of the command line", () => {
  const flags = async () => {
    const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
    return all(await buildProgram([])).flatMap((command) =>
      command.options
        .filter((option) => !option.hidden)
        .map((option) => ({ command: command.name(), option })),
    );
  };

  test("mean the same wherever they occur", { timeout: 60_000 }, async () => {
    const all = await flags();
    const wordsFor = (short: string) =>
      new Set(all.filter(({ option }) => option.short === short).map(({ option }) => option.long));
    expect(wordsFor("-n")).toEqual(new Set(["--validators", "--nodes", "--generals"]));
    expect(wordsFor("-o")).toEqual(new Set(["--out"]));
    expect(wordsFor("-q")).toEqual(new Set(["--quiet"]));
    const of = (long: string) => all.filter(({ option }) => option.long === long);
    expect(of("--output")).toEqual([]);
    // What an option says stands alone in the help: "of each account" needs to be told of what.
    const FRAGMENT = /^(?:to|in|for|that|whose|its|at most)\b|^of [^:]*$/;
    expect(all.filter(({ option }) => FRAGMENT.test(option.description))).toEqual([]);
    for (const { command, option } of of("--dir")) {
      expect([command, option.description]).toEqual([command, expect.not.stringContaining("devnet")]);
    }
    for (const { command } of of("--rpc")) {
      expect([command, of("--devnet").some((other) => other.command === command)]).toEqual([command, true]);
    }
  });

  test("by their old names work, and say what they are called now", async () => {
    const out = join(dir, "net");
    const old = await quorate("testnet", "-v", "1", "--output", out);
    expect(old).toMatchObject({ code: 0 });
    expect(old.stderr).toContain("! -v is called --validators now\n! --output is called --out now\n");
    expect((await quorate("devnet", "status", "--dir", dir)).stderr).toMatch(
      /^! --dir is called --devnet now\n✖ no devnet runs in /,
    );
    const twice = await json("testnet", "-v", "4", "-n", "1", "--out", join(dir, "other"));
    expect(twice).toMatchObject({
      code: 2,
      value: { error: { message: "-v is called --validators now: give it once" } },
    });
    expect((await quorate("testnet", "-v", "x", "--out", out)).stderr).toContain("expected an integer");
  });
});

describe("a command that asks a node", () => {
  type Nodes = ReturnType<DevnetControl["nodes"]>;

  async function devnetWith(nodes: Nodes): Promise<void> {
    const server = await serveControl(dir, { nodes: () => nodes } as DevnetControl);
    atEnd(() => server.close());
  }

  test("asks the running nodes of the devnet, wherever their ports are", async () => {
    const { url } = await serve();
    const dead = { name: "node0", state: "killed", rpcUrl: "http://127.0.0.1:9" } as const;
    await devnetWith([dead, { name: "node1", state: "running", rpcUrl: url }]);
    const { code, stdout, stderr } = await quorate("status", "--devnet", dir);
    expect([code, stdout]).toEqual([0, expect.stringContaining("height     0")]);
    expect(stderr).toBe("asking node1, because node0 is killed\n");
  });

  test("does what --rpc and its variable say", async () => {
    const { url } = await serve();
    await devnetWith([{ name: "node0", state: "running", rpcUrl: "http://127.0.0.1:9" }]);
    expect((await quorate("status", "--devnet", dir, "--rpc", url)).code).toBe(0);
    vi.stubEnv("QUORATE_RPC_URL", url);
    expect((await quorate("status", "--devnet", dir)).code).toBe(0);
    vi.unstubAllEnvs();
  });

  test("says which nodes there are when none of them runs", async () => {
    await devnetWith([{ name: "node0", state: "exited", rpcUrl: "http://127.0.0.1:9" }]);
    const { code, value } = await json("status", "--devnet", dir);
    expect([code, value.error.message]).toEqual([
      4,
      `no node of the devnet in ${dir} runs (node0 exited); start one with: quorate devnet restart 0 --devnet ${dir}`,
    ]);
  });

  test("says when no devnet runs in the folder that was named", async () => {
    writeFileSync(controlPath(dir), "");
    const { code, value } = await json("status", "--devnet", dir);
    expect([code, value.error.code]).toEqual([4, "NO_DEVNET"]);
  });
});
