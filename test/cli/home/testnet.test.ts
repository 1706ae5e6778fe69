/**
 * The folders of a new network for many machines: of miners here, of validators in program.test.ts. Homes are opened
 * and their settings read as a node would.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { type Config, loadConfig } from "../../../src/node/home/config.ts";
import { type Home, openHome } from "../../../src/node/home/home.ts";
import { loadKey } from "../../../src/node/home/key-file.ts";
import { devMining, MINING_PROFILES } from "../../../src/node/home/mining-profiles.ts";
import { json, quorate } from "../running.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-testnet-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

interface Node {
  readonly home: Home;
  readonly config: Config;
}

function opened(path: string): Node {
  const home = openHome(path);
  if (!home.ok) throw new Error(home.fault.detail);
  const loaded = loadConfig({ file: home.value.configText, environment: {}, flags: {} });
  if (!loaded.ok) throw new Error(loaded.fault.detail);
  return { home: home.value, config: loaded.value.config };
}

async function made(...words: string[]) {
  const out = join(dir, "net");
  const { code, value } = await json("testnet", "--consensus", "pow", "-o", out, ...words);
  expect(code).toBe(0);
  const nodes: Node[] = value.nodes.map((node: { dir: string }) => opened(node.dir));
  return { out, value, nodes };
}

describe("testnet --consensus pow", () => {
  test("lets nodes with IPv6 addresses listen where others dial them, and refuses what is no address", async () => {
    const { nodes } = await made(
      "--full-nodes",
      "1",
      "--hosts",
      "10.0.0.1,2001:db8::2,b.example,2001:db8::4",
    );
    expect(nodes.map(({ config }) => config.p2p.host)).toEqual(["0.0.0.0", "::", "0.0.0.0", "::"]);
    expect(nodes[0]!.home.peers[0]!.multiaddr).toBe("/ip6/2001:db8::2/tcp/30300");
    const words = ["testnet", "--consensus", "pow", "-o", join(dir, "other"), "--full-nodes", "1"];
    const { code, stderr } = await quorate(...words, "--hosts", "10.0.0.1,10.0.0.299,b.example,::4");
    expect([code, stderr]).toEqual([2, expect.stringContaining('found "10.0.0.299"')]);
    expect(existsSync(join(dir, "other"))).toBe(false);
  });

  test("writes miners that know each other, share one genesis and pay keys of their own", async () => {
    const { value, nodes } = await made(
      "--full-nodes",
      "1",
      "--hosts",
      "10.0.0.1,10.0.0.2,b.example,10.0.0.4",
    );
    expect(nodes.map(({ config }) => config.mode)).toEqual(["miner", "miner", "miner", "full"]);
    expect(new Set(nodes.map(({ home }) => home.genesisJson)).size).toBe(1);
    const { genesis } = nodes[0]!.home;
    expect(genesis.consensus).toEqual(MINING_PROFILES.dev);
    expect([genesis.validators.length, genesis.accounts.length, genesis.limits.minFee]).toEqual([0, 4, 0n]);
    expect(nodes[0]!.home.peers.map(({ multiaddr }) => multiaddr)).toEqual([
      "/ip4/10.0.0.2/tcp/30300",
      "/dns/b.example/tcp/30300",
      "/ip4/10.0.0.4/tcp/30300",
    ]);
    for (const [i, { home, config }] of nodes.slice(0, 3).entries()) {
      expect(home.validatorKey).toBeUndefined();
      const key = loadKey(join(value.nodes[i].dir, "keys", "coinbase.json"));
      expect(key.ok && hex0x(key.value.publicKey)).toBe(value.nodes[i].coinbase);
      expect(config.mining.coinbase && hex0x(config.mining.coinbase)).toBe(value.nodes[i].coinbase);
    }
    expect(new Set(value.nodes.map(({ coinbase }: { coinbase?: string }) => coinbase)).size).toBe(4);
    expect(existsSync(join(value.nodes[3].dir, "keys", "coinbase.json"))).toBe(false);
    expect(nodes[3]!.config.mining.coinbase).toBeUndefined();
  });

  test("makes a public network in which nobody owns anything yet", async () => {
    const { out, nodes, value } = await made("-n", "2", "--profile", "bitcoin", "--chain-id", "77");
    const { genesis } = nodes[0]!.home;
    expect([genesis.profile, genesis.chainId, genesis.accounts.length, genesis.limits.minFee]).toEqual([
      "production",
      77n,
      0,
      1n,
    ]);
    expect(genesis.consensus).toEqual(MINING_PROFILES.bitcoin);
    expect(value.accounts).toEqual([]);
    expect(existsSync(join(out, "accounts"))).toBe(false);
    expect((await quorate("genesis", "validate", join(out, "genesis.json"))).code).toBe(0);
  });

  test("takes a time between blocks, a limit of the hash rate, accounts and a fee", async () => {
    const words = [
      "--block-time",
      "2s",
      "--hash-limit",
      "5000",
      "--accounts",
      "1",
      "--balance",
      "9",
      "--min-fee",
      "3",
    ];
    const { nodes } = await made("-n", "1", "--full-nodes", "1", ...words);
    const [miner, full] = nodes;
    expect(miner!.home.genesis.consensus).toEqual(devMining(2));
    expect(miner!.home.genesis.accounts.map(({ balance }) => balance)).toEqual([9n]);
    expect(miner!.home.genesis.limits.minFee).toBe(3n);
    expect([miner!.config.mining.hashLimit, full!.config.mining.hashLimit]).toEqual([5_000, undefined]);
  });

  test("lets nodes of blocks on demand wait for the order", async () => {
    const { nodes } = await made("--profile", "regtest");
    expect(nodes.map(({ config }) => config.mode)).toEqual(["full", "full", "full"]);
    expect(nodes.every(({ config }) => config.mining.coinbase !== undefined)).toBe(true);
    const { stdout } = await quorate(
      ...["testnet", "--consensus", "pow", "--profile", "regtest", "-o", join(dir, "again")],
    );
    expect(stdout).toContain("miner generate");
  });

  test.each([
    [["--profile", "production"], "dev, bitcoin or regtest"],
    [["--profile", "bitcoin", "--block-time", "5s"], "has its own"],
    [["--block-time", "1500ms"], "whole seconds"],
    [["--block-time", "0"], "whole seconds"],
    [["--profile", "bitcoin", "--min-fee", "0"], "minFee"],
    [["-n", "2", "--hosts", "a"], "expected 2 addresses"],
    [["--hash-limit", "0"], "integer from 1"],
    [["--consensus", "pos"], "Allowed choices"],
  ])("refuses %j and writes nothing", async (words, reason) => {
    const out = join(dir, "net");
    const { code, stderr } = await quorate("testnet", "--consensus", "pow", "-o", out, ...words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(reason)]);
    expect(existsSync(out)).toBe(false);
  });
});

test.each([
  [["--profile", "bitcoin"], "dev or production"],
  [["--block-time", "5s"], "--consensus pow"],
  [["--hash-limit", "5"], "--consensus pow"],
])("testnet of validators refuses %j", async (words, reason) => {
  const { code, stderr } = await quorate("testnet", "-o", join(dir, "net"), ...words);
  expect([code, stderr]).toEqual([2, expect.stringContaining(reason)]);
});

test("testnet gives accounts roles where votes can change them", async () => {
  const out = join(dir, "net");
  const words = ["testnet", "-o", out, "-n", "1", "--senders", "alice,bob", "--admins", "carol"];
  const refused = await quorate(...words);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("--epoch-length")]);
  const unknown = await quorate("testnet", "-o", out, "-n", "1", "--epoch-length", "32", "--admins", "zed");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('"zed" is no account')]);
  const { code, value } = await json(...words, "--epoch-length", "32");
  expect(code).toBe(0);
  const addresses = Object.fromEntries(
    value.accounts.map((account: { name: string; address: string }) => [account.name, account.address]),
  );
  const { roles } = JSON.parse(readFileSync(join(out, "genesis.json"), "utf8"));
  expect(roles.senders.toSorted()).toEqual([addresses.alice, addresses.bob].toSorted());
  expect(roles.admins).toEqual([addresses.carol]);
});
