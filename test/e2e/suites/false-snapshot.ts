/** A node that began with a snapshot whose history comes to another state: it ends, and its exit code says so. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { createHome, homePaths } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { importSnapshot } from "../../../src/node/snapshot/import-snapshot.ts";
import { sourceOver } from "../../../src/node/snapshot/read-snapshot.ts";
import type { Kv } from "../../../src/storage/kv.ts";
import { openLevel } from "../../../src/storage/level.ts";
import { genesis } from "../../chain/pow-fixtures.ts";
import { context, falseChain } from "../../node/snapshot/mined.ts";
import { exported } from "../../node/snapshot/snapshots.ts";
import { COMMAND, quorate, until } from "../processes.ts";

const ANY_PORTS = ["--rpc-port", "0", "--p2p-port", "0", "--p2p-host", "127.0.0.1"];

describe("a false snapshot of a mined chain", () => {
  let dir: string;
  let source: ChildProcess | undefined;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "quorate-false-"));
  });
  afterAll(() => {
    source?.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  });

  async function home(name: string, fill: (kv: Kv) => Promise<unknown>): Promise<string> {
    const path = join(dir, name);
    createHome(path, {
      configText: 'mode = "full"\n',
      genesisJson: formatGenesis(genesis),
      peers: [],
      nodeKey: keyOfSeed(secretsFromSeed(name)("node", name)),
      validatorKey: undefined,
    });
    const { db } = homePaths(path);
    mkdirSync(db, { recursive: true });
    const kv = await openLevel(db);
    await fill(kv);
    await kv.close();
    return path;
  }

  /** Its p2p address, once it runs. */
  async function serve(path: string): Promise<string> {
    const words = [COMMAND, "start", "--dir", path, ...ANY_PORTS, "--json"];
    source = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"] });
    let out = "";
    source.stdout?.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    const line = await until(async () => out.includes("\n") && out, "the source of the blocks runs");
    return (JSON.parse(line) as { p2pAddresses: string[] }).p2pAddresses[0]!;
  }

  it("ends the node with 70 and FALSE_SNAPSHOT once a peer has given it the blocks below", async () => {
    const { kv } = await falseChain();
    const { bytes } = await exported(context(4), kv);
    const all = await kv.entries({ from: new Uint8Array(0), to: Uint8Array.of(0xff) });
    const operations = all.map(([key, value]) => ({ kind: "put", key, value }) as const);
    const liar = await home("liar", (into) => into.write(operations, { sync: true }));
    const begun = await home("begun", async (into) => {
      const verdict = await importSnapshot(context(4), { kv: into, source: sourceOver(bytes) });
      expect(verdict).toMatchObject({ ok: true });
    });
    const peer = await serve(liar);
    const { code, stdout } = await quorate("start", "--dir", begun, ...ANY_PORTS, "--peer", peer, "--json");
    const last = JSON.parse(stdout.trim().split("\n").at(-1)!);
    expect([code, last]).toEqual([
      70,
      {
        error: {
          code: "FALSE_SNAPSHOT",
          exitCode: 70,
          message: expect.stringMatching(/executed up to block 4 .*wrong-root/s),
        },
      },
    ]);
    expect(last.error.message).toContain(`quorate reset --dir ${begun} --yes`);
  });
});
