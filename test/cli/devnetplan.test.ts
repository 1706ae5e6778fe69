/**
 * Goal: the same options find the same devnet again, other options never run on its data, and --reset removes only
 * what a devnet made. Method: real folders, no process.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type DevnetOrigin,
  loadDevnet,
  planDevnet,
  prepareDevnet,
  removeDevnet,
} from "../../src/cli/devnetplan.ts";
import { loadConfig } from "../../src/node/config.ts";
import { openHome } from "../../src/node/home.ts";

const origin: DevnetOrigin = { seed: "dev", validators: 4, accounts: 3, balance: 7n };
const settings = {
  portBase: 18_545,
  p2pPortBase: 30_300,
  blockTimeMs: 0,
  emptyBlocksMs: 0,
  logLevel: undefined,
};
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-devnet-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function prepare(of: DevnetOrigin = origin, with_ = settings) {
  return prepareDevnet(dir, of, planDevnet(of), with_);
}

function home(index: number) {
  const opened = openHome(join(dir, `node${index}`));
  if (!opened.ok) throw new Error(opened.fault.detail);
  return opened.value;
}

test("a new folder gets a home a node, whose peers are all the others", () => {
  const prepared = prepare();
  expect(prepared.ok && prepared.value.resumed).toBe(false);
  expect(home(3).peers.map((peer) => peer.multiaddr)).toEqual(
    [0, 1, 2].map((i) => `/ip4/127.0.0.1/tcp/3030${i}`),
  );
  const loaded = loadDevnet(dir);
  expect(loaded.ok && loaded.value).toEqual(origin);
});

test("the same devnet resumes with new ports, and keeps keys and data", () => {
  prepare();
  const data = join(dir, "node1", "data");
  writeFileSync(data, "kept");
  const key = home(1).validatorKey;
  const again = prepare(origin, { ...settings, portBase: 19_000, blockTimeMs: 250 });
  expect(again.ok && again.value.resumed).toBe(true);
  expect(home(1).validatorKey).toEqual(key);
  expect(readFileSync(data, "utf8")).toBe("kept");
  const config = loadConfig({ file: home(1).configText });
  expect(config.ok && [config.value.config.rpc.port, config.value.config.consensus.blockTimeMs]).toEqual([
    19_001, 250,
  ]);
});

test("another seed or number against existing data is refused, and nothing changes", () => {
  prepare();
  const before = readFileSync(join(dir, "genesis.json"), "utf8");
  const other = prepare({ ...origin, seed: "other", validators: 5 });
  expect(!other.ok && other.fault.detail).toContain(
    "with seed dev (wanted other), with validators 4 (wanted 5); start over with --reset",
  );
  expect(readFileSync(join(dir, "genesis.json"), "utf8")).toBe(before);
  expect(existsSync(join(dir, "node4"))).toBe(false);
});

test("a devnet of miners has no validator keys: each node is paid on an account of its own", () => {
  const mined = { ...origin, validators: 3, spacing: 5 };
  const prepared = prepare(mined, { ...settings, hashLimit: 1_000 } as typeof settings);
  expect(prepared.ok).toBe(true);
  expect(home(2).genesis.validators).toEqual([]);
  expect(home(2).validatorKey).toBeUndefined();
  const paid = [0, 1, 2].map((index) => {
    const config = loadConfig({ file: home(index).configText });
    if (!config.ok) throw new Error(config.fault.detail);
    expect(config.value.config).toMatchObject({ mode: "miner", mining: { hashLimit: 1_000 } });
    return String(config.value.config.mining.coinbase);
  });
  expect(new Set(paid).size).toBe(3);
  const loaded = loadDevnet(dir);
  expect(loaded.ok && loaded.value).toEqual(mined);
});

test("miners never run on the data of validators, nor with another spacing", () => {
  prepare({ ...origin, spacing: 5 });
  const faster = prepare({ ...origin, spacing: 1 });
  expect(!faster.ok && faster.fault.detail).toContain("with --block-time 5s (wanted 1s)");
  const validators = prepare(origin);
  expect(!validators.ok && validators.fault.detail).toContain(
    "of miners, --consensus pow (wanted validators)",
  );
});

test("a start that was cut short is made good by the next", () => {
  prepare();
  rmSync(join(dir, "devnet.json"));
  rmSync(join(dir, "node2", "genesis.json"));
  expect(prepare().ok).toBe(true);
  expect(home(2).validatorKey).toBeDefined();
});

test("reset removes the devnet and leaves what is not its own", () => {
  prepare();
  writeFileSync(join(dir, "notes.txt"), "mine");
  removeDevnet(dir);
  expect(existsSync(join(dir, "node0"))).toBe(false);
  expect(existsSync(join(dir, "notes.txt"))).toBe(true);
  expect(prepare({ ...origin, seed: "other" }).ok).toBe(true);
});

test("reset touches nothing in a folder that is no devnet", () => {
  writeFileSync(join(dir, "genesis.json"), "mine");
  removeDevnet(dir);
  expect(existsSync(join(dir, "genesis.json"))).toBe(true);
});

test("balances that no chain can hold are refused before anything is written", () => {
  const rich = prepare({ ...origin, balance: 2n ** 63n - 1n });
  expect(!rich.ok && rich.fault.detail).toContain("the balances add up to");
  expect(existsSync(join(dir, "node0"))).toBe(false);
});
