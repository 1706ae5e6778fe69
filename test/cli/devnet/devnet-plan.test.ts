/**
 * Goal: the same options find the same devnet again, other options never run on its data, and --reset removes only
 * what a devnet made. Method: real folders, no process.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Address, hex0x } from "../../../src/base/bytes.ts";
import { formatGenesis, parseGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { type AccountRole, hasRole } from "../../../src/chain/governance/roles.ts";
import {
  type DevnetOrigin,
  loadDevnet,
  planDevnet,
  prepareDevnet,
  removeDevnet,
} from "../../../src/cli/devnet/devnet-plan.ts";
import {
  type DevnetSettings,
  idleVariables,
  type Variables,
} from "../../../src/cli/devnet/devnet-settings.ts";
import { flagOf, loadConfig } from "../../../src/node/home/config.ts";
import { CONFIG_KEYS, type ConfigKey } from "../../../src/node/home/config-keys.ts";
import { openHome } from "../../../src/node/home/home.ts";

const origin: DevnetOrigin = { seed: "dev", validators: 4, accounts: 3, balance: 7n };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-devnet-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function prepare(of: DevnetOrigin = origin, settings: DevnetSettings = {}, environment: Variables = {}) {
  return prepareDevnet(dir, of, planDevnet(of), settings, environment);
}

/** What a node of the devnet would run by. */
function settingsOf(prepared: ReturnType<typeof prepare>, index: number) {
  if (!prepared.ok) throw new Error(prepared.fault.detail);
  const { words = [], variables = {} } = prepared.value.nodes[index]!;
  const names = new Map((Object.keys(CONFIG_KEYS) as ConfigKey[]).map((key) => [flagOf(key), key]));
  const flags = Object.fromEntries(
    words.flatMap((word, i) => (i % 2 === 0 ? [[names.get(word)!, words[i + 1]!]] : [])),
  );
  const loaded = loadConfig({ file: home(index).configText, environment: variables, flags });
  if (!loaded.ok) throw new Error(loaded.fault.detail);
  return loaded.value.config;
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

test("accounts get roles by name or address, and a devnet with other roles is another one", () => {
  const epochs = { ...origin, epochLength: 32, spares: 0 };
  const [alice, , carol] = planDevnet(epochs).accounts;
  const roles = { senders: ["alice", hex0x(carol!.address)], admins: ["bob"] };
  const { genesis } = planDevnet({ ...epochs, ...roles });
  const read = parseGenesis(formatGenesis(genesis));
  expect(read.ok && read.value.genesis.roles).toEqual(genesis.roles);
  const having = (role: AccountRole) => (account: { address: Address }) =>
    hasRole(genesis.roles!, account.address, role);
  expect(planDevnet(epochs).accounts.filter(having("sender"))).toEqual([alice, carol]);
  expect(
    planDevnet(epochs)
      .accounts.filter(having("admin"))
      .map(({ name }) => name),
  ).toEqual(["bob"]);
  expect(planDevnet(epochs).genesis.roles).toBeUndefined();
  expect(() => planDevnet({ ...epochs, senders: ["zed"] })).toThrow(/"zed" is no account of this network/);
  prepare({ ...epochs, ...roles });
  expect(prepare({ ...epochs, ...roles }).ok).toBe(true);
  const other = prepare({ ...epochs, ...roles, admins: ["alice"] });
  expect(!other.ok && other.fault.detail).toContain("with --admins bob (wanted alice)");
});

test("the same devnet resumes with new ports, and keeps keys and data", () => {
  prepare();
  const data = join(dir, "node1", "data");
  writeFileSync(data, "kept");
  const key = home(1).validatorKey;
  const again = prepare(origin, { portBase: 19_000, p2pPortBase: 19_100, blockTimeMs: 250 });
  expect(again.ok && again.value.resumed).toBe(true);
  expect(home(1).validatorKey).toEqual(key);
  expect(readFileSync(data, "utf8")).toBe("kept");
  const { rpc, p2p, consensus } = settingsOf(again, 1);
  expect([rpc.port, p2p.port, consensus.blockTimeMs]).toEqual([19_001, 19_101, 250]);
  expect(again.ok && again.value.nodes[1]).toMatchObject({
    rpcUrl: "http://127.0.0.1:19001",
    p2pPort: 19_101,
  });
  expect(home(0).peers[0]!.multiaddr).toBe("/ip4/127.0.0.1/tcp/19101");
});

test("what somebody wrote into a home stays, and is what the node and its peers go by", () => {
  prepare(origin, { portBase: 20_000, blockTimeMs: 100 });
  const path = join(dir, "node1", "config.toml");
  const edited = `# mine\n${readFileSync(path, "utf8")
    .replace("port = 20001", "port = 21001")
    .replace("port = 30301", "port = 31301")
    .replace("# cors_origins = []", 'cors_origins = ["https://a.example"]')}`;
  writeFileSync(path, edited);
  const again = prepare();
  expect(readFileSync(path, "utf8")).toBe(edited);
  const { rpc, consensus } = settingsOf(again, 1);
  expect([rpc.port, rpc.corsOrigins, consensus.blockTimeMs]).toEqual([21_001, ["https://a.example"], 100]);
  expect(again.ok && again.value.nodes.map(({ rpcPort }) => rpcPort)).toEqual([
    20_000, 21_001, 20_002, 20_003,
  ]);
  expect(home(0).peers[0]!.multiaddr).toBe("/ip4/127.0.0.1/tcp/31301");
});

test("a flag of the devnet goes before a variable, that before the file of a home", () => {
  const environment = {
    QUORATE_RPC_CORS_ORIGINS: "https://a.example",
    QUORATE_CONSENSUS_BLOCK_TIME_MS: "70",
    QUORATE_LOG_LEVEL: "warn",
    QUORATE_RPC_HOST: "0.0.0.0",
    OTHER: "x",
  };
  const prepared = prepare(origin, { blockTimeMs: 50 }, environment);
  const { rpc, consensus, log } = settingsOf(prepared, 2);
  expect([rpc.corsOrigins, rpc.host, consensus.blockTimeMs, log.levels.level]).toEqual([
    ["https://a.example"],
    "0.0.0.0",
    50,
    "warn",
  ]);
  expect(prepared.ok && prepared.value.nodes[2]!.rpcUrl).toBe("http://127.0.0.1:18547");
  expect(settingsOf(prepare(origin, {}, environment), 2).consensus.blockTimeMs).toBe(70);
  expect(settingsOf(prepare(), 2).consensus.blockTimeMs).toBe(50);
});

test("the nodes of a devnet are asked to log into files, unless the owner of a home said where", () => {
  const prepared = prepare();
  expect(settingsOf(prepared, 0).log.file).toBe("logs/node.log");
  expect(prepared.ok && prepared.value.nodes[0]!.logFile).toBe(join(dir, "node0", "logs", "node.log"));
  writeFileSync(join(dir, "node0", "config.toml"), '[log]\nfile = "own.log"\n');
  writeFileSync(join(dir, "node1", "config.toml"), '[log]\nfile = ""\n');
  const again = prepare();
  expect(settingsOf(again, 0).log.file).toBe("own.log");
  expect(settingsOf(again, 1).log.file).toBeUndefined();
  expect(again.ok && again.value.nodes.map(({ logFile }) => logFile).slice(0, 2)).toEqual([
    join(dir, "node0", "own.log"),
    join(dir, "node1", "logs", "stderr.log"),
  ]);
  const said = prepare(origin, {}, { QUORATE_LOG_FILE: "/var/log/q.log" });
  expect(settingsOf(said, 2).log.file).toBe("/var/log/q.log");
});

test("a variable of one node does nothing on a devnet, and is named", () => {
  const environment = { QUORATE_RPC_PORT: "9000", QUORATE_MODE: "full", QUORATE_DIR: "x" };
  const prepared = prepare(origin, {}, environment);
  expect(settingsOf(prepared, 3)).toMatchObject({ mode: "validator", rpc: { port: 18_548 } });
  expect(idleVariables(environment)).toEqual(["QUORATE_MODE", "QUORATE_RPC_PORT"]);
});

test("what no node could run by is refused with the file or the variable, before anything is written", () => {
  prepare();
  writeFileSync(join(dir, "node2", "config.toml"), "[rpc]\nprot = 1\n");
  const before = readFileSync(join(dir, "node0", "peers.json"), "utf8");
  const broken = prepare(origin, { p2pPortBase: 19_100 });
  expect(!broken.ok && broken.fault.detail).toBe(
    `${join(dir, "node2", "config.toml")}: rpc.prot: unknown key; did you mean "rpc.port"?`,
  );
  expect(readFileSync(join(dir, "node0", "peers.json"), "utf8")).toBe(before);
  writeFileSync(join(dir, "node2", "config.toml"), "[rpc]\nport = 0\n");
  const unknown = prepare();
  expect(!unknown.ok && unknown.fault.detail).toContain("rpc.port: 0, but a devnet must know the ports");
  const variable = prepare(origin, {}, { QUORATE_SYNC_INTERVAL_MS: "often" });
  expect(!variable.ok && variable.fault.detail).toContain(
    "QUORATE_SYNC_INTERVAL_MS: sync.interval_ms: expected",
  );
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
  const prepared = prepare(mined, { hashLimit: 1_000 });
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
