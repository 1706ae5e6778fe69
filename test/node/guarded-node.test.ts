/** A real node that stops and starts by itself: on a disk that is said to be nearly full, and when its seat has another key. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { startGuardedNode } from "../../src/node/guarded-node.ts";
import { loadConfig } from "../../src/node/home/config.ts";
import { createHome, type Home, homePaths, openHome } from "../../src/node/home/home.ts";
import { keyOfSeed, loadPublicKey, saveKey } from "../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import type { RunningNode } from "../../src/node/node.ts";
import { describeLow, freeSpace, hasRoom, isLow } from "../../src/storage/free-space.ts";
import type { DiskKv } from "../../src/storage/kv.ts";
import { Cluster } from "./cluster.ts";

const MIB = 1024 * 1024;
const dir = mkdtempSync(join(tmpdir(), "quorate-guarded-"));
let node: RunningNode | undefined;

afterEach(async () => {
  await node?.stop();
  rmSync(dir, { recursive: true, force: true });
});

it("the guarded node keeps less of a small file system free, and a node that paused goes on with a quarter more", () => {
  const at = (free: number, total: number, reserveMb = 256) =>
    freeSpace("/", reserveMb, () => ({ free: free * MIB, total: total * MIB }));
  expect([at(255, 10_000), at(256, 10_000)].map(isLow)).toEqual([true, false]);
  expect([at(15, 64), at(16, 64), at(39, 400), at(40, 400)].map(isLow)).toEqual([true, false, true, false]);
  expect([at(300, 10_000), at(320, 10_000)].map(hasRoom)).toEqual([false, true]);
  expect(describeLow("/data", at(7, 10_000))).toContain("7 MiB are free at /data, 256 MiB are kept free");
});

it("the guarded node looks at the disk no more when the node had to stop by itself, so that the process can end", async () => {
  vi.useFakeTimers();
  const config = loadConfig({ file: "", environment: {} });
  if (!config.ok) throw new Error(config.fault.detail);
  const failures: unknown[] = [];
  let looks = 0;
  let fail: (error: unknown) => void = () => undefined;
  const rpcUrl = "http://127.0.0.1:1";
  await startGuardedNode({
    home: { genesis: new Cluster({ validators: 1 }).genesis, paths: homePaths(dir) } as Home,
    config: config.value.config,
    read: () => ({ free: 1_000 * MIB, total: 10_000 * MIB * ++looks }),
    lookEveryMs: 20,
    startNode: async ({ onFatal }) => {
      if (onFatal !== undefined) fail = onFatal;
      return { rpcUrl, height: () => 0n } as RunningNode;
    },
    onFatal: (error) => failures.push(error),
  });
  vi.advanceTimersByTime(100);
  expect(looks).toBeGreaterThan(1);
  fail(new Error("the file of a module is not here"));
  const before = looks;
  vi.advanceTimersByTime(100);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  expect([failures.length, looks]).toEqual([1, before]);
});

it("the guarded node fails with the reason for which the node did not start, also where its key was due by then", async () => {
  const config = loadConfig({ file: "", environment: {} });
  if (!config.ok) throw new Error(config.fault.detail);
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  try {
    const started = startGuardedNode({
      home: { genesis: new Cluster({ validators: 1 }).genesis, paths: homePaths(dir) } as Home,
      config: { ...config.value.config, storage: { ...config.value.config.storage, reserveMb: 0 } },
      startNode: ({ onKeyDue }) => {
        onKeyDue?.(keyOfSeed(new Uint8Array(32).fill(1)));
        return Promise.reject(new Error("the port is in use"));
      },
    });
    await expect(started).rejects.toThrow("the port is in use");
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});

it("the guarded node stops before the disk is full, says so at its port, and comes back by itself when there is room", async () => {
  const home = join(dir, "home");
  createHome(home, {
    configText: 'mode = "full"\n',
    genesisJson: formatGenesis(new Cluster({ validators: 1 }).genesis),
    peers: [],
    nodeKey: keyOfSeed(secretsFromSeed("guarded")("node", "0")),
    validatorKey: undefined,
  });
  const opened = openHome(home);
  if (!opened.ok) throw new Error(opened.fault.detail);
  const flags = { "rpc.port": "0", "p2p.port": "0", "p2p.host": "127.0.0.1", "log.level": "error" };
  const config = loadConfig({ file: opened.value.configText, environment: {}, flags });
  if (!config.ok) throw new Error(config.fault.detail);
  let free = 1_000 * MIB;
  const failures: unknown[] = [];
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  node = await startGuardedNode({
    home: opened.value,
    config: config.value.config,
    read: () => ({ free, total: 10_000 * MIB }),
    lookEveryMs: 20,
    onFatal: (error) => failures.push(error),
  });
  const url = node.rpcUrl;
  const health = async () => {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    return answer === undefined ? undefined : [answer.status, await answer.text()];
  };
  expect((await health())?.[0]).toBe(200);
  free = 100 * MIB;
  await vi.waitFor(async () => expect((await health())?.[0]).toBe(503), { timeout: 20_000, interval: 50 });
  expect((await health())?.[1]).toContain("DISK NEARLY FULL: 100 MiB are free");
  const ready = await fetch(`${url}/ready`);
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("DISK NEARLY FULL")]);
  free = 1_000 * MIB;
  await vi.waitFor(async () => expect((await health())?.[0]).toBe(200), { timeout: 20_000, interval: 50 });
  expect([node.rpcUrl, failures]).toEqual([url, []]);
  vi.restoreAllMocks();
}, 60_000);

const FULL = "IO error: db/MANIFEST-000009: No space left on device";

it.each([
  ["opened", 0],
  ["read", 1],
] as const)(
  "the guarded node waits without answering while its database cannot even be %s, and comes back by itself",
  async (step, toClose) => {
    const config = loadConfig({ file: "", environment: {} });
    if (!config.ok) throw new Error(config.fault.detail);
    let free = 1_000 * MIB;
    const failures: unknown[] = [];
    const seen: string[] = [];
    mkdirSync(dir, { recursive: true });
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    let closed = 0;
    const unreadable = {
      get: () => {
        throw new Error(FULL);
      },
      close: async () => void closed++,
    } as unknown as DiskKv;
    node = await startGuardedNode({
      home: { genesis: new Cluster({ validators: 1 }).genesis, paths: homePaths(dir) } as Home,
      config: config.value.config,
      read: () => ({ free, total: 10_000 * MIB }),
      lookEveryMs: 5,
      startNode: async () => {
        const stop = async () => void seen.push("stopped");
        seen.push("started");
        return { rpcUrl: "http://127.0.0.1:1", height: () => 7n, stop } as RunningNode;
      },
      openToRead: () =>
        step === "read"
          ? Promise.resolve(unreadable)
          : Promise.reject(new Error("the database cannot be opened", { cause: new Error(FULL) })),
      onPause: (words) => seen.push(words.slice(0, 17)),
      onFatal: (error) => failures.push(error),
    });
    free = 0;
    await vi.waitFor(() => expect(seen).toContain("DISK NEARLY FULL:"), { timeout: 20_000, interval: 5 });
    expect([node.rpcUrl, node.height()]).toEqual(["http://127.0.0.1:1", 7n]);
    free = 1_000 * MIB;
    await vi.waitFor(() => expect(seen.filter((one) => one === "started")).toHaveLength(2), {
      timeout: 20_000,
      interval: 5,
    });
    expect([failures, closed]).toEqual([[], toClose]);
    vi.restoreAllMocks();
  },
);

it("the guarded node takes the key that has its validator's seat by itself, and votes with it", async () => {
  const home = join(dir, "rotated");
  const plan = planNetwork({ ...DEVNET, validators: 1, epochLength: 32 }, secretsFromSeed("guarded"));
  const [member] = plan.validators;
  if (member === undefined) throw new Error("one was planned");
  const seat = keyOfSeed(member.seed);
  createHome(home, {
    ...{ configText: 'mode = "validator"\n', genesisJson: formatGenesis(plan.genesis), peers: [] },
    nodeKey: keyOfSeed(member.nodeSeed),
    validatorKey: keyOfSeed(secretsFromSeed("earlier")("validator", "0")),
  });
  saveKey(homePaths(home).nextValidatorKey, seat);
  const opened = openHome(home);
  if (!opened.ok) throw new Error(opened.fault.detail);
  const flags = { "rpc.port": "0", "p2p.port": "0", "p2p.host": "127.0.0.1", "log.level": "error" };
  const loaded = loadConfig({
    ...{ file: opened.value.configText, environment: {} },
    flags: { ...flags, "consensus.empty_blocks_ms": "1", "storage.reserve_mb": "0" },
  });
  if (!loaded.ok) throw new Error(loaded.fault.detail);
  const failures: unknown[] = [];
  const running = await startGuardedNode({
    ...{ home: opened.value, config: loaded.value.config },
    onFatal: (error) => failures.push(error),
  });
  node = running;
  const url = running.rpcUrl;
  await vi.waitFor(() => expect(running.height()).toBeGreaterThan(1n), { timeout: 20_000, interval: 50 });
  const own = loadPublicKey(homePaths(home).validatorKey);
  expect(own).toMatchObject({ ok: true, value: { publicKey: seat.publicKey } });
  expect([running.rpcUrl, failures]).toEqual([url, []]);
}, 60_000);
