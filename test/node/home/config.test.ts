/**
 * Goal: flags over environment over file over defaults, each with its origin, and nothing unknown passes.
 * Method: texts in, faults out; the generated file is read back.
 */
import { describe, expect, test } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { type ConfigSources, flagOf, formatConfigFile, loadConfig } from "../../../src/node/home/config.ts";
import { CONFIG_KEYS, type ConfigKey, variableOf } from "../../../src/node/home/config-keys.ts";
import { ChangingLevels, parseLogLevels } from "../../../src/node/home/log-levels.ts";

const STRONG_KEY = "0x9622d915608540bcf6c3c376b0fbb65f3e23bb8747f9a186c36d69b0a7fab67d";

function load(sources: ConfigSources) {
  const loaded = loadConfig(sources);
  if (!loaded.ok) throw new Error(loaded.fault.detail);
  return loaded.value;
}

function refusal(sources: ConfigSources): string {
  const loaded = loadConfig(sources);
  return loaded.ok ? "accepted" : loaded.fault.detail;
}

test("defaults bind RPC to loopback and leave empty blocks to genesis", () => {
  const { config, origins } = load({});
  expect(config.rpc).toEqual({ host: "127.0.0.1", port: 18545, corsOrigins: [], allowedHosts: [] });
  expect(config.consensus.emptyBlocksMs).toBe("auto");
  expect(origins.every((origin) => origin.origin === "default")).toBe(true);
});

test("mining is off by default, without a limit, and discovery follows the chain", () => {
  const { config } = load({});
  expect(config.mining).toEqual({ threads: 1, coinbase: undefined, hashLimit: undefined });
  expect(config.chain).toEqual({ finalityDepth: 6, maxReorgDepth: 0, minimumWork: 0n });
  expect(config.p2p).toMatchObject({ discovery: "auto", outbound: 8, inboundMax: 64 });
});

test("mining is set by flags of its own names", () => {
  const flags = { mode: "miner", "mining.threads": "2", "mining.hash_limit": "5000" } as const;
  const { config, origins } = load({ flags, file: `[mining]\ncoinbase = "${STRONG_KEY}"\n` });
  expect(config.mining).toMatchObject({ threads: 2, hashLimit: 5000 });
  expect(config.mining.coinbase === undefined ? "" : hex0x(config.mining.coinbase)).toBe(STRONG_KEY);
  expect(origins.find(({ key }) => key === "mining.hash_limit")?.origin).toBe("--hash-limit");
});

test("host names are taken from the environment with commas, and refused with a port", () => {
  const environment = { QUORATE_RPC_ALLOWED_HOSTS: "node0,rpc.example.org" };
  expect(load({ environment }).config.rpc.allowedHosts).toEqual(["node0", "rpc.example.org"]);
  const refused = loadConfig({
    file: '[rpc]\nallowed_hosts = ["node0:18545"]\n',
    environment: {},
    flags: {},
  });
  expect(refused).toMatchObject({ ok: false });
});

test("a flag wins over the environment, the environment over the file, the file over the default", () => {
  const file = '[rpc]\nport = 1\nhost = "::1"\ncors_origins = ["https://a.example"]\n[p2p]\nport = 2\n';
  const environment = { QUORATE_RPC_PORT: "10", QUORATE_P2P_PORT: "20", OTHER: "x" };
  const { config, origins } = load({ file, environment, flags: { "rpc.port": "100" } });
  expect([config.rpc.port, config.p2p.port, config.rpc.host]).toEqual([100, 20, "::1"]);
  expect(config.rpc.corsOrigins).toEqual(["https://a.example"]);
  const origin = (key: ConfigKey) => origins.find((entry) => entry.key === key)?.origin;
  expect(["rpc.port", "p2p.port", "rpc.host", "p2p.host"].map((key) => origin(key as ConfigKey))).toEqual([
    "--rpc-port",
    "QUORATE_P2P_PORT",
    "config.toml",
    "default",
  ]);
});

describe("the reader of config.toml refuses", () => {
  test.each<[string, ConfigSources, string]>([
    [
      "an unknown key",
      { file: "[rpc]\nprot = 1" },
      'config.toml: rpc.prot: unknown key; did you mean "rpc.port"?',
    ],
    ["a key outside its section", { file: "port = 1" }, "config.toml: port: unknown key"],
    ["a section as a value", { file: "rpc = 1" }, "config.toml: rpc: unknown key"],
    ["bad TOML, with its line", { file: "a = = 1" }, "config.toml: Invalid TOML document"],
    [
      "a value out of bounds",
      { file: "[rpc]\nport = 70000" },
      "config.toml: rpc.port: expected an integer from 0 to 65535, found 70000",
    ],
    [
      "a number as text in the environment",
      { environment: { QUORATE_RPC_PORT: "x" } },
      'QUORATE_RPC_PORT: rpc.port: expected an integer from 0 to 65535, found "x"',
    ],
    [
      "an unknown variable",
      { environment: { QUORATE_RPC_PROT: "1" } },
      'QUORATE_RPC_PROT: unknown variable; did you mean "QUORATE_RPC_PORT"?',
    ],
    [
      "a bad flag",
      { flags: { mode: "observer" } },
      '--mode: mode: expected "validator" or "miner" or "full", found "observer"',
    ],
    [
      "an account to pay that is none",
      { flags: { "mining.coinbase": "alice" } },
      '--coinbase: mining.coinbase: expected an account of 0x and 64 hex digits, or "", found "alice"',
    ],
    [
      "an account whose key anyone can use",
      { environment: { QUORATE_MINING_COINBASE: `0x01${"00".repeat(31)}` } },
      "QUORATE_MINING_COINBASE: mining.coinbase: expected an account",
    ],
    [
      "too many threads",
      { flags: { "mining.threads": "257" } },
      "--mine: mining.threads: expected an integer from 1 to 256",
    ],
    [
      "work that is no number",
      { file: '[chain]\nminimum_work = "1000"\n' },
      "config.toml: chain.minimum_work: expected work as 0x and up to 64 hex digits",
    ],
    [
      "bad log levels",
      { flags: { "log.level": "pbft=loud" } },
      "--log-level: log.level: expected levels such as",
    ],
    [
      "an origin with a path",
      { environment: { QUORATE_RPC_CORS_ORIGINS: "https://a.example/x" } },
      "expected a list of origins",
    ],
  ])("%s", (_, sources, expected) => {
    expect(refusal(sources)).toContain(expected);
  });
});

test("the generated file documents every key and reads back as the defaults", () => {
  const text = formatConfigFile({});
  expect(load({ file: text }).config).toEqual(load({}).config);
  for (const key of Object.keys(CONFIG_KEYS)) expect(text).toContain(variableOf(key));
  const uncommented = text.replaceAll(/^# ([a-z_]+ = )/gm, "$1");
  expect(load({ file: uncommented }).config).toEqual(load({}).config);
});

test("what is set in the generated file is not commented out", () => {
  const text = formatConfigFile({
    name: "node2",
    mode: "validator",
    "rpc.port": 1234,
    "p2p.host": "127.0.0.1",
  });
  const { config, origins } = load({ file: text });
  expect([config.name, config.mode, config.rpc.port, config.p2p.host]).toEqual([
    "node2",
    "validator",
    1234,
    "127.0.0.1",
  ]);
  expect(origins.filter((origin) => origin.origin === "config.toml").map((origin) => origin.key)).toEqual([
    "name",
    "mode",
    "rpc.port",
    "p2p.host",
  ]);
});

test("flags and variables have one distinct name for each key", () => {
  const keys = Object.keys(CONFIG_KEYS) as ConfigKey[];
  expect(new Set(keys.map(flagOf)).size).toBe(keys.length);
  expect(new Set(keys.map(variableOf)).size).toBe(keys.length);
});

test("log levels apply by component, the rest follows the plain one", () => {
  const levels = new ChangingLevels(parseLogLevels("warn,pbft=debug, p2p=error")!);
  expect(levels.isLogged("pbft", "debug")).toBe(true);
  expect(levels.isLogged("p2p", "warn")).toBe(false);
  expect(levels.isLogged("chain", "info")).toBe(false);
  expect(levels.isLogged("chain", "warn")).toBe(true);
  expect(new ChangingLevels(parseLogLevels("pbft=debug")!).isLogged("chain", "info")).toBe(true);
  for (const bad of ["", "loud", "info,info", "pbft=debug,pbft=info", "a=b=c", "=info"]) {
    expect(parseLogLevels(bad)).toBeUndefined();
  }
});

test("what Kubernetes sets for a Service of this name is skipped with a word", () => {
  const links = {
    QUORATE_PORT: "tcp://10.96.0.7:18545",
    QUORATE_SERVICE_HOST: "10.96.0.7",
    QUORATE_SERVICE_PORT: "18545",
    QUORATE_SERVICE_PORT_RPC: "18545",
    QUORATE_PORT_18545_TCP: "tcp://10.96.0.7:18545",
    QUORATE_PORT_18545_TCP_PROTO: "tcp",
    QUORATE_PORT_18545_TCP_PORT: "18545",
    QUORATE_PORT_18545_TCP_ADDR: "10.96.0.7",
    // A Service named quorate-rpc takes the name of a setting.
    QUORATE_RPC_PORT: "tcp://10.96.0.8:18545",
    QUORATE_RPC_SERVICE_HOST: "10.96.0.8",
  };
  const { config, skipped } = load({ environment: { ...links, QUORATE_P2P_PORT: "20" } });
  expect([config.rpc.port, config.p2p.port]).toEqual([18545, 20]);
  for (const name of Object.keys(links)) expect(skipped).toContain(name);
  expect(load({ environment: { QUORATE_RPC_PORT: "10" } }).skipped).toBeUndefined();
  expect(refusal({ environment: { QUORATE_PROT: "1" } })).toContain("unknown variable");
});

test.each(["10.0.0.256", "1.2.3", "1.2.3.4.", "10.0.0.01", ":", "::g", "fe80::1%eth0", "[::1]", "a b", ""])(
  "%j is no host to listen on",
  (host) => {
    expect(refusal({ flags: { "p2p.host": host } })).toContain("expected a host name or an IP address");
  },
);

test.each(["10.0.0.255", "0.0.0.0", "::", "2001:db8::7", "::ffff:10.0.0.1", "node0", "a-b.example"])(
  "%j is a host to listen on",
  (host) => {
    expect(load({ flags: { "p2p.host": host } }).config.p2p.host).toBe(host);
  },
);
