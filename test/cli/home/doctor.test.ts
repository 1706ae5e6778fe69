/**
 * Goal: the doctor finds what is wrong with a home and names the file, the peer or the clock. Method: homes on disk,
 * real nodes in this process on free ports, the command as the program runs it.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { filesOf } from "../../../src/cli/home/debug.ts";
import { loadConfig } from "../../../src/node/home/config.ts";
import { createHome, homePaths, openHome } from "../../../src/node/home/home.ts";
import { writeStamp } from "../../../src/node/home/home-stamp.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import type { KnownPeer } from "../../../src/node/home/peers-file.ts";
import { type RunningNode, startNode } from "../../../src/node/node.ts";
import { peerIdFromSeed } from "../../../src/p2p/transport/identity.ts";
import { json, quorate } from "../running.ts";

const plan = planNetwork({ ...DEVNET, validators: 2 }, secretsFromSeed("doctor"));
const nodes: RunningNode[] = [];
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-doctor-test-"));
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
  rmSync(dir, { recursive: true, force: true });
});

/** The home of validator `index`. */
function home(index: number, peers: readonly KnownPeer[] = [], configText = 'mode = "validator"\n'): string {
  const path = join(dir, `home${index}`);
  const { nodeSeed, seed } = plan.validators[index]!;
  createHome(path, {
    configText,
    genesisJson: formatGenesis(plan.genesis),
    peers,
    nodeKey: keyOfSeed(nodeSeed),
    validatorKey: keyOfSeed(seed),
  });
  return path;
}

async function start(path: string): Promise<RunningNode> {
  const opened = openHome(path);
  const flags = { "rpc.port": "0", "p2p.port": "0", "log.file": "node.log" };
  if (!opened.ok) throw new Error(opened.fault.detail);
  const config = loadConfig({ file: opened.value.configText, environment: {}, flags });
  if (!config.ok) throw new Error(config.fault.detail);
  const node = await startNode({ home: opened.value, config: config.value.config });
  nodes.push(node);
  return node;
}

const peerOf = (index: number, multiaddr: string): KnownPeer => ({
  name: `node${index}`,
  peerId: peerIdFromSeed(plan.validators[index]!.nodeSeed),
  multiaddr: multiaddr.split("/p2p/")[0]!,
});

async function doctor(path: string) {
  const { code, value } = await json("doctor", "--dir", path);
  const checks = value.checks as { name: string; ok: boolean; detail: string }[];
  return { code, of: (name: string) => checks.find((check) => check.name === name), checks };
}

const PORTS = 'mode = "validator"\n[rpc]\nport = 0\n[p2p]\nport = 0\n';

describe("doctor --dir", () => {
  it("finds a home well whose peer answers, agrees on the genesis and has the same time", async () => {
    const other = await start(home(1));
    const path = home(0, [peerOf(1, other.p2pAddresses[0]!)], PORTS);
    const { code, of, checks } = await doctor(path);
    expect(checks.filter(({ ok, name }) => !ok && name !== "disk")).toEqual([]);
    expect([0, 1]).toContain(code); // 1 on a machine without a GiB of disk
    expect(of("genesis")?.detail).toContain("the keys are those of");
    expect(of("peers")?.detail).toBe("all 1 answer, agree on the genesis and let this node in");
    expect(of("clock")?.detail).toContain("clocks of 1 peer measured");
    expect(of("data")?.detail).toContain("none yet");
  });

  it("finds a copy of a validator's home beside its original, before anything starts", async () => {
    const path = home(0, [], PORTS);
    writeStamp(homePaths(path));
    expect((await doctor(path)).of("place")).toMatchObject({ ok: true });
    const copy = join(dir, "copy");
    cpSync(path, copy, { recursive: true });
    const { code, of } = await doctor(copy);
    expect(of("place")).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`${copy}: this home is a copy of ${path}`) as string,
    });
    expect(code).toBe(2);
  });

  it("names the peer that does not answer, and the busy port", async () => {
    const other = await start(home(1));
    const port = new URL(other.rpcUrl).port;
    const path = home(0, [peerOf(1, "/ip4/127.0.0.1/tcp/1")], PORTS.replace("port = 0", `port = ${port}`));
    const { code, of } = await doctor(path);
    expect(code).toBe(1);
    expect(of("peers")).toMatchObject({
      ok: false,
      detail: "0 of 1 answer; node1: nobody listens at /ip4/127.0.0.1/tcp/1",
    });
    expect(of("ports")).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`${port} in use`) as string,
    });
  });

  it("suspects the genesis where it does not fit the key, the database or the peers, names it, and ends with 2", async () => {
    const other = await start(home(1));
    const path = home(0, [peerOf(1, other.p2pAddresses[0]!)], PORTS);
    await (await start(path)).stop();
    nodes.pop();
    const file = join(path, "genesis.json");
    const changed = readFileSync(file, "utf8").replace(/"chainId": *\d+/, '"chainId": 4242');
    writeFileSync(file, changed);
    const moved = await doctor(path);
    expect(moved.code).toBe(2);
    expect(moved.of("data")).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`${file}: the database belongs to another chain`) as string,
    });
    expect(moved.of("peers")).toMatchObject({
      ok: false,
      detail: expect.stringContaining("chain id mismatch") as string,
    });
    const stranger = planNetwork({ ...DEVNET, validators: 2 }, secretsFromSeed("another network"));
    writeFileSync(file, formatGenesis(stranger.genesis));
    const foreign = await doctor(path);
    expect(foreign.code).toBe(2);
    expect(foreign.of("genesis")?.detail).toContain(`${file}: none of its 2 validators has the key`);
    writeFileSync(file, "{");
    expect((await doctor(path)).code).toBe(2);
  });

  it("asks the node that runs from the home, whose ports are no fault", async () => {
    const other = home(1);
    const path = home(0);
    const node = await start(path);
    await start(other);
    writeFileSync(
      join(path, "config.toml"),
      PORTS.replace("port = 0", `port = ${new URL(node.rpcUrl).port}`),
    );
    const { of } = await doctor(path);
    expect(of("ports")).toMatchObject({
      ok: true,
      detail: expect.stringContaining("this home's own node") as string,
    });
    expect(of("data")).toMatchObject({ ok: true });
    expect(of("chain")).toMatchObject({
      ok: false,
      detail: expect.stringContaining("NO QUORUM: 1 of 2") as string,
    });
    await vi.waitFor(async () => expect((await doctor(other)).of("ports")?.ok).toBe(false));
  });
});

describe("debug bundle", () => {
  it("gathers what is known of a running node, and none of its secrets", async () => {
    const path = home(0, [], 'mode = "validator"\nrpc.cors_origins = ["https://page.example"]\n');
    const node = await start(path);
    const { port } = new URL(node.rpcUrl);
    writeFileSync(join(path, "config.toml"), `mode = "validator"\n[rpc]\nport = ${port}\n`);
    const log = join(dir, "node.log");
    writeFileSync(log, '{"url":"http://user:hidden@example.org/"}\nlast line\n');
    const file = join(dir, "bundle.json");
    const { code, value } = await json("debug", "bundle", "--dir", path, "--out", file, "--log", log);
    expect(code).toBe(0);
    expect(value).toMatchObject({ file, nodeAnswered: true });
    const text = readFileSync(file, "utf8");
    const bundle = JSON.parse(text);
    expect(bundle.node.node_status.result.height).toBe(0);
    expect(bundle.metrics).toContain("process_cpu_seconds_total");
    expect(bundle.log.at(-2)).toBe("last line");
    expect(bundle.home.map((one: { path: string }) => one.path)).toContain("keys/validator.json");
    const { nodeSeed, seed } = plan.validators[0]!;
    for (const secret of [nodeSeed, seed].map((bytes) => Buffer.from(bytes).toString("hex")))
      expect(text).not.toContain(secret);
    expect(text).not.toContain("hidden");
  });

  it("is written of a stopped node too, and never over a file that is there", async () => {
    const path = home(1);
    const file = join(dir, "stopped.json");
    expect((await json("debug", "bundle", "--dir", path, "--out", file)).value).toMatchObject({
      nodeAnswered: false,
    });
    expect((await json("debug", "bundle", "--dir", path, "--out", file)).code).toBe(2);
    const again = async (name: string) =>
      (await quorate("debug", "bundle", "--dir", path, "--out", join(dir, name))).stdout;
    expect(await again("no-log.json")).toContain("no log is in it: --log FILE adds one");
    mkdirSync(join(path, "logs"));
    writeFileSync(join(path, "logs", "node.log"), "a line of a devnet\n");
    expect(await again("log.json")).not.toContain("no log is in it");
    expect(readFileSync(join(dir, "log.json"), "utf8")).toContain("a line of a devnet");
    expect((await json("debug", "bundle", "--dir", dir)).code).toBe(2);
  });

  it("leaves out what another node says that has the port", async () => {
    const { port } = new URL((await start(home(0))).rpcUrl);
    const path = home(1, [], `mode = "validator"\n[rpc]\nport = ${port}\n`);
    const file = join(dir, "other.json");
    expect((await json("debug", "bundle", "--dir", path, "--out", file)).value.nodeAnswered).toBe(false);
    const { stranger, node } = JSON.parse(readFileSync(file, "utf8"));
    expect(stranger).toMatch(/^another node answers at .*: peer id 12D3.*, this home has peer id 12D3/);
    expect(node).toEqual({});
  });

  it("names a folder that its user may not look into, and the rest", () => {
    const path = home(1);
    const files = filesOf(path, (folder) => {
      if (folder.endsWith("keys")) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      return readdirSync(folder, { withFileTypes: true });
    });
    expect(files).toContainEqual({
      path: "keys",
      unread: expect.stringContaining("this user may not use it"),
    });
    expect(files.map((one) => one.path)).toContain("genesis.json");
  });
});
