/** `quorate init` of mined chains: a new one of each profile, and homes that join one. Of validators: program.test.ts. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hex0x, showHash } from "../../../src/base/bytes.ts";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { type Config, loadConfig } from "../../../src/node/home/config.ts";
import { type Home, openHome } from "../../../src/node/home/home.ts";
import { loadKey } from "../../../src/node/home/key-file.ts";
import { MINING_PROFILES, type MiningProfile } from "../../../src/node/home/mining-profiles.ts";
import { json, quorate } from "../running.ts";

const ACCOUNT = `0x${"a1".repeat(32)}`;
const SHIPPED = (name: string) => fileURLToPath(new URL(`../../../genesis/${name}`, import.meta.url));

let dir: string;
let home: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-init-"));
  home = join(dir, "home");
});
afterEach(() => rmSync(dir, { recursive: true }));

function opened(): { home: Home; config: Config } {
  const found = openHome(home);
  if (!found.ok) throw new Error(found.fault.detail);
  const loaded = loadConfig({ file: found.value.configText, environment: {}, flags: {} });
  if (!loaded.ok) throw new Error(loaded.fault.detail);
  return { home: found.value, config: loaded.value.config };
}

const init = (...words: string[]) => json("init", "--dir", home, ...words);

describe("a new mined chain", () => {
  test("is a dev chain that this node mines for a new key, and nobody owns anything yet", async () => {
    const { code, value } = await init("--consensus", "pow", "--name", "m0");
    expect(code).toBe(0);
    const { home: found, config } = opened();
    const { genesis } = found;
    expect([genesis.validators, genesis.accounts, genesis.profile]).toEqual([[], [], "dev"]);
    expect(genesis.consensus).toEqual(MINING_PROFILES.dev);
    expect([config.mode, config.name]).toEqual(["miner", "m0"]);
    expect(found.validatorKey).toBeUndefined();
    const key = loadKey(join(home, "keys", "coinbase.json"));
    expect(key.ok && hex0x(key.value.publicKey)).toBe(value.coinbase);
    expect(config.mining.coinbase && hex0x(config.mining.coinbase)).toBe(value.coinbase);
    expect(value).toMatchObject({ mode: "miner", genesisHash: showHash(computeGenesisHash(genesis)) });
    // Its block 0 is a whole second of now.
    expect(Number(genesis.timeMs) % 1_000).toBe(0);
    expect(Math.abs(Number(genesis.timeMs) - Date.now())).toBeLessThan(60_000);
  });

  test.each([
    ["dev", "miner", "dev"],
    ["bitcoin", "miner", "production"],
    ["regtest", "full", "dev"],
  ] as const)("of profile %s begins in mode %s", async (profile: MiningProfile, mode, kind) => {
    const { value } = await init("--consensus", "pow", "--profile", profile, "--chain-id", "99");
    const { genesis } = opened().home;
    expect(genesis.consensus).toEqual(MINING_PROFILES[profile]);
    expect([genesis.chainId, genesis.profile, value.mode]).toEqual([99n, kind, mode]);
  });

  test("pays the account that it is told, and makes no key for it", async () => {
    const { value } = await init("--consensus", "pow", "--coinbase", ACCOUNT);
    expect(value.coinbase).toBe(ACCOUNT);
    expect(existsSync(join(home, "keys", "coinbase.json"))).toBe(false);
    const { config } = opened();
    expect(config.mining.coinbase && hex0x(config.mining.coinbase)).toBe(ACCOUNT);
  });

  test("says how it goes on: where its secret is, or how blocks are made on demand", async () => {
    const mined = await quorate("init", "--dir", home, "--consensus", "pow");
    expect(mined.stdout).toContain(`secret in ${join(home, "keys", "coinbase.json")}`);
    const words = ["--consensus", "pow", "--profile", "regtest"];
    const demanded = await quorate("init", "--dir", join(dir, "other"), ...words);
    expect(demanded.stdout).toContain("quorate miner generate 10");
  });
});

describe("a home that joins a mined chain", () => {
  test("follows it, and mines it at once when it knows who is paid", async () => {
    const genesis = ["--genesis", SHIPPED("pow-dev.json")];
    expect((await init(...genesis)).value).toMatchObject({ mode: "full" });
    const { stdout } = await quorate("init", "--dir", join(dir, "second"), ...genesis);
    expect(stdout).toContain("--mine --coinbase ACCOUNT");
    expect(stdout).not.toContain("peers.json");
    home = join(dir, "third");
    expect((await init(...genesis, "--coinbase", ACCOUNT)).value).toMatchObject({
      mode: "miner",
      coinbase: ACCOUNT,
    });
  });

  test("is no validator", async () => {
    const { code, value } = await init("--genesis", SHIPPED("pow-bitcoin.json"), "--validator");
    expect([code, value.error.message]).toEqual([2, expect.stringContaining("no validators")]);
  });
});

test.each([
  [["--consensus", "pow", "--supply", "5"], "its money is mined"],
  [["--consensus", "pow", "--validator"], "a mined chain has neither"],
  [["--consensus", "pow", "--profile", "mainnet"], "Allowed choices"],
  [["--consensus", "pow", "--coinbase", "0x12"], "0x and 64 hex digits"],
  [["--consensus", "poa"], "Allowed choices"],
  [["--profile", "dev"], "say --consensus pow"],
  [["--coinbase", ACCOUNT], "say --consensus pow"],
  [["--genesis", SHIPPED("pow-dev.json"), "--consensus", "pow"], "with --genesis they are in the file"],
  [["--genesis", SHIPPED("pow-dev.json"), "--profile", "dev"], "with --genesis they are in the file"],
  [["--genesis", SHIPPED("pbft-dev.json"), "--coinbase", ACCOUNT], "nothing is mined"],
  [["--consensus", "pow", "--chain-id", "0"], "integer from 1"],
])("init refuses %j and leaves no home", async (words, reason) => {
  const { code, stderr } = await quorate("init", "--dir", home, ...words);
  expect([code, stderr]).toEqual([2, expect.stringContaining(reason)]);
  expect(existsSync(home)).toBe(false);
});
