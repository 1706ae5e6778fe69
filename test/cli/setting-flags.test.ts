/**
 * Goal: flags go before QUORATE_* variables, these before config.toml, that before the defaults, for every setting
 * and at every command that reads them. Method: three values a setting, through the whole program.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";
import { flagOf } from "../../src/node/home/config.ts";
import { type ConfigKey, variableOf } from "../../src/node/home/config-keys.ts";
import { json } from "./running.ts";

const KEY_A = "0x9622d915608540bcf6c3c376b0fbb65f3e23bb8747f9a186c36d69b0a7fab67d";
const KEY_B = "0x3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
const KEY_C = "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/** Of each setting a value for the file, one for the environment, one for the flag. */
const VALUES: { readonly [K in ConfigKey]: readonly [unknown, string, string] } = {
  name: ["file", "variable", "flag"],
  mode: ["full", "validator", "miner"],
  "verification.thread": ["on", "off", "on"],
  "rpc.host": ["::1", "127.0.0.2", "127.0.0.3"],
  "rpc.port": [1, "2", "3"],
  "rpc.cors_origins": [["https://a.example"], "https://b.example,https://c.example", "*"],
  "rpc.allowed_hosts": [["a.example"], "b.example", "c.example"],
  "p2p.host": ["::1", "127.0.0.2", "127.0.0.3"],
  "p2p.port": [1, "2", "3"],
  "p2p.discovery": ["auto", "on", "off"],
  "p2p.outbound": [1, "2", "3"],
  "p2p.inbound_max": [1, "2", "3"],
  "mining.threads": [1, "2", "3"],
  "mining.coinbase": [KEY_A, KEY_B, KEY_C],
  "mining.hash_limit": [1, "2", "3"],
  "chain.finality_depth": [1, "2", "3"],
  "chain.max_reorg_depth": [1, "2", "3"],
  "chain.minimum_work": ["0x1", "0x2", "0x3"],
  "consensus.block_time_ms": [1, "2", "3"],
  "consensus.empty_blocks_ms": [1, "2", "3"],
  "consensus.status_interval_ms": [51, "52", "53"],
  "consensus.request_timeout_ms": [51, "52", "53"],
  "consensus.timeout_max_ms": [51, "52", "53"],
  "consensus.resend_interval_ms": [51, "52", "53"],
  "consensus.fairness_timeout_ms": [51, "52", "53"],
  "sync.interval_ms": [1, "2", "3"],
  "storage.mode": ["archive", "pruned", "archive"],
  "storage.keep_blocks": [1, "2", "3"],
  "storage.keep_hours": [1, "2", "3"],
  "storage.reserve_mb": [1, "2", "3"],
  "snapshots.interval": [1, "2", "3"],
  "snapshots.kept": [1, "2", "3"],
  "snapshots.depth": [1, "2", "3"],
  "snapshots.join_above": [1, "2", "3"],
  "index.events": [true, "false", "true"],
  "modules.fetch": [false, "true", "false"],
  "mempool.max_transactions": [1, "2", "3"],
  "mempool.max_bytes": [65_536, "65537", "65538"],
  "mempool.min_fee": ["1", "2", "3"],
  "signer.url": ["tls://10.0.0.1:1", "tls://10.0.0.2:2", "tls://[::1]:3"],
  "signer.public_key": [KEY_A, KEY_B, KEY_C],
  "signer.ca": ["a.crt", "b.crt", "c.crt"],
  "signer.cert": ["a.crt", "b.crt", "c.crt"],
  "signer.key": ["a.key", "b.key", "c.key"],
  "signer.pkcs11.module": ["a.so", "b.so", "c.so"],
  "signer.pkcs11.token": ["a", "b", "c"],
  "signer.pkcs11.slot": [1, "2", "3"],
  "signer.pkcs11.label": ["a", "b", "c"],
  "signer.pkcs11.id": ["01", "02", "03"],
  "signer.pkcs11.pin_file": ["a.pin", "b.pin", "c.pin"],
  "log.level": ["debug", "warn", "error"],
  "log.file": ["a.log", "b.log", "c.log"],
};
const KEYS = Object.keys(VALUES) as ConfigKey[];

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-settings-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

/** By key, as `config show` says it. */
async function shown(...words: string[]) {
  const { code, value } = await json("config", "show", "--dir", dir, ...words);
  expect(code, JSON.stringify(value)).toBe(0);
  return value as Record<ConfigKey, { value: unknown; origin: string }>;
}

test("of every setting the flag goes before the variable, that before the file, that before the default", async () => {
  for (const entry of Object.values(await shown())) expect(entry.origin).toBe("default");
  const lines = KEYS.map((key) => `${key} = ${JSON.stringify(VALUES[key][0])}`);
  writeFileSync(join(dir, "config.toml"), lines.join("\n"));
  const byFile = await shown();
  for (const key of KEYS) expect(byFile[key]).toEqual({ value: VALUES[key][0], origin: "config.toml" });
  for (const key of KEYS) vi.stubEnv(variableOf(key), VALUES[key][1]);
  const byVariable = await shown();
  for (const key of KEYS) expect(byVariable[key]).toEqual({ value: VALUES[key][1], origin: variableOf(key) });
  const byFlag = await shown(...KEYS.flatMap((key) => [flagOf(key), VALUES[key][2]]));
  for (const key of KEYS) expect(byFlag[key]).toEqual({ value: VALUES[key][2], origin: flagOf(key) });
});

test("start and config show have a flag for every setting", async () => {
  const [start] = (await buildProgram(["start"])).commands;
  const [config] = (await buildProgram(["config"])).commands;
  for (const command of [start!, config!.commands[0]!]) {
    const flags = command.options.map(({ long }) => long);
    for (const key of KEYS) expect(flags, command.name()).toContain(flagOf(key));
  }
});

test("--mine is mode miner, with or without a number, and contradicts another mode", async () => {
  vi.stubEnv("QUORATE_MODE", "full");
  expect((await shown("--mine")).mode).toEqual({ value: "miner", origin: "--mode" });
  expect((await shown("--mine=2"))["mining.threads"]).toEqual({ value: "2", origin: "--mine" });
  const { code, value } = await json("config", "show", "--dir", dir, "--mine", "--mode", "full");
  expect([code, value.error.message]).toEqual([2, "--mine is mode miner: leave out --mode full"]);
});

test("the folder is that of the flag, then of QUORATE_DIR", async () => {
  writeFileSync(join(dir, "config.toml"), "name = 'here'");
  vi.stubEnv("QUORATE_DIR", dir);
  expect((await json("config", "show")).value.name.value).toBe("here");
  expect((await json("config", "show", "--dir", join(dir, "other"))).value.name.value).toBe("node");
});
