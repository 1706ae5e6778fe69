/**
 * `quorate snapshot` as people run it: homes on disk with the chain of a cluster in memory, the command in this
 * process, and a real node that begins from what was imported.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { loadConfig } from "../../../src/node/home/config.ts";
import { createHome, homePaths, openHome } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { takeLock } from "../../../src/node/home/lock.ts";
import { secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { parsePeerAddress } from "../../../src/node/home/peers-file.ts";
import { type NodeOptions, type RunningNode, startNode } from "../../../src/node/node.ts";
import { peerIdFromSeed } from "../../../src/p2p/transport/identity.ts";
import { openLevel } from "../../../src/storage/level.ts";
import type { Cluster } from "../../node/cluster.ts";
import { clusterAt } from "../../node/snapshot/snapshots.ts";
import { json, quorate } from "../running.ts";

let dir: string;
let cluster: Cluster;
let source: string;
let file: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-snapshot-test-"));
  cluster = await clusterAt(3, { validators: 1 });
  await cluster.stop();
  source = home("source");
  mkdirSync(homePaths(source).db, { recursive: true });
  const kv = await openLevel(homePaths(source).db);
  const all = await cluster.kv(0).entries({ from: new Uint8Array(0), to: Uint8Array.of(0xff) });
  await kv.write(
    all.map(([key, value]) => ({ kind: "put", key, value })),
    { sync: true },
  );
  await kv.close();
  file = join(dir, "chain.snapshot");
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Of a full node. */
function home(name: string, peers: readonly string[] = []): string {
  const path = join(dir, name);
  createHome(path, {
    configText: 'mode = "full"\n',
    genesisJson: formatGenesis(cluster.genesis),
    peers: peers.map((peer) => ({ name: peer, peerId: peerIdFromSeed(seedOf(peer)) })),
    nodeKey: keyOfSeed(seedOf(name)),
    validatorKey: undefined,
  });
  return path;
}

function seedOf(name: string): Uint8Array {
  return secretsFromSeed(name)("node", "0");
}

function start(path: string, more: Partial<NodeOptions> = {}): Promise<RunningNode> {
  const opened = openHome(path);
  const flags = { "rpc.port": "0", "p2p.port": "0", "p2p.host": "127.0.0.1", "log.level": "error" };
  if (!opened.ok) throw new Error(opened.fault.detail);
  const config = loadConfig({ file: opened.value.configText, environment: {}, flags });
  if (!config.ok) throw new Error(config.fault.detail);
  return startNode({ home: opened.value, config: config.value.config, ...more });
}

describe("quorate snapshot", () => {
  it("exports a stopped home, and leaves nothing but the file", async () => {
    const before = readdirSync(dir);
    const { code, value } = await json("snapshot", "export", "--dir", source, "--out", file);
    const { genesis } = cluster;
    expect(code).toBe(0);
    expect(value).toMatchObject({
      height: 3,
      accounts: genesis.accounts.length,
      bytes: readFileSync(file).length,
      stateRoot: expect.stringMatching(/^0x[0-9a-f]{64}$/),
    });
    expect(readdirSync(dir).toSorted()).toEqual([...before, "chain.snapshot"].toSorted());
    expect(existsSync(homePaths(source).lock)).toBe(false);
  });

  it("verifies it by the genesis file alone, and says which chunk is wrong", async () => {
    const genesis = homePaths(source).genesis;
    const { code, stdout } = await quorate("snapshot", "verify", file, "--genesis", genesis);
    expect([code, stdout]).toEqual([0, expect.stringContaining("valid  height 3")]);
    const changed = readFileSync(file);
    changed[changed.length - 60]! ^= 1;
    writeFileSync(join(dir, "changed"), changed);
    const refused = await json("snapshot", "verify", join(dir, "changed"), "--genesis", genesis);
    expect(refused).toMatchObject({
      code: 1,
      value: {
        error: { code: "WRONG_CHUNK", message: expect.stringContaining("NOT valid: state chunk 1: ") },
      },
    });
    const missing = await json("snapshot", "verify", join(dir, "nothing"), "--genesis", genesis);
    expect(missing).toMatchObject({
      code: 2,
      value: { error: { message: expect.stringContaining("no such file") } },
    });
  });

  it("overwrites nothing, and refuses a running node and a home without a chain", async () => {
    const again = await json("snapshot", "export", "--dir", source, "--out", file);
    expect(again).toMatchObject({ code: 2, value: { error: { code: "EXISTS" } } });
    const full = join(dir, "full.snapshot");
    symlinkSync("/dev/full", `${full}.partial`);
    const { code, value: told } = await json("snapshot", "export", "--dir", source, "--out", full);
    expect([code, told.error.message]).toEqual([78, expect.stringContaining(`${full}: the disk is full`)]);
    const other = join(dir, "other.snapshot");
    const lock = takeLock(homePaths(source).lock);
    const running = await json("snapshot", "export", "--dir", source, "--out", other);
    if (lock.ok) lock.value.release();
    expect(running).toMatchObject({
      code: 6,
      value: { error: { message: expect.stringContaining("while the node is stopped") } },
    });
    const empty = await json("snapshot", "export", "--dir", home("empty"), "--out", other);
    expect(empty).toMatchObject({
      code: 2,
      value: { error: { message: expect.stringContaining("never been started") } },
    });
    expect(existsSync(other)).toBe(false);
  });

  it("imports it into a home without blocks, where a node goes on and says what it does not have", async () => {
    const target = home("target");
    const paths = homePaths(target);
    // What an import that was killed leaves behind.
    mkdirSync(paths.dbImport, { recursive: true });
    writeFileSync(join(paths.dbImport, "000003.log"), "half");
    await expect(start(target)).rejects.toMatchObject({
      code: "half-imported",
      message: expect.stringContaining("Import it again"),
    });
    expect(await json("snapshot", "import", join(dir, "changed"), "--dir", target)).toMatchObject({
      code: 1,
    });
    expect(existsSync(paths.db) || existsSync(paths.dbImport)).toBe(false);
    const imported = await json("snapshot", "import", file, "--dir", target);
    expect(imported).toMatchObject({ code: 0, value: { height: 3, bytes: readFileSync(file).length } });
    expect(await json("snapshot", "import", file, "--dir", target)).toMatchObject({
      code: 2,
      value: { error: { code: "HAS_BLOCKS", message: expect.stringContaining("quorate reset") } },
    });
    const node = await start(target);
    try {
      expect(node.height()).toBe(3n);
      const head = await json("block", "latest", "--rpc", node.rpcUrl);
      expect(head.value).toMatchObject({ height: 3, stateRoot: imported.value.stateRoot });
      const old = await quorate("block", "1", "--rpc", node.rpcUrl);
      expect(old).toMatchObject({ code: 3, stderr: expect.stringContaining("began from a snapshot") });
    } finally {
      await node.stop();
    }
    expect(await json("verify", "--dir", target)).toMatchObject({
      code: 2,
      value: { error: { code: "BEGAN_FROM_SNAPSHOT" } },
    });
    const again = join(dir, "again.snapshot");
    expect(await json("snapshot", "export", "--dir", target, "--out", again)).toMatchObject({ code: 0 });
    expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
  });
});

describe("quorate start --snapshot", () => {
  it("begins a home with the snapshot of a peer over the network, and goes on by blocks", async () => {
    const served = home("served", ["joining"]);
    expect(await json("snapshot", "import", file, "--dir", served)).toMatchObject({ code: 0 });
    mkdirSync(homePaths(served).snapshots, { recursive: true });
    copyFileSync(file, join(homePaths(served).snapshots, "3.snapshot"));
    const joining = home("joining", ["served"]);
    const source = await start(served);
    const address = parsePeerAddress(source.p2pAddresses[0]!);
    if (!address.ok) throw new Error(address.fault.detail);
    let node: RunningNode | undefined;
    try {
      node = await start(joining, { fromSnapshot: true, extraPeers: [address.value] });
      expect(node.height()).toBe(3n);
      const status = await json("rpc", "node_status", "--rpc", node.rpcUrl);
      expect(status.value).toMatchObject({ height: 3, snapshot: { height: 3, chunks: 1, made: null } });
      expect(existsSync(homePaths(joining).snapshotFetch)).toBe(false);
    } finally {
      await node?.stop();
      await source.stop();
    }
    expect(readFileSync(join(homePaths(joining).snapshots, "3.snapshot")).equals(readFileSync(file))).toBe(
      true,
    );
  });

  it("can be stopped while it waits for peers", async () => {
    const signal = AbortSignal.abort();
    const lonely = start(home("lonely"), { fromSnapshot: true, signal });
    await expect(lonely).rejects.toMatchObject({
      code: "stopped",
      message: expect.stringContaining("goes on"),
    });
  });
});
