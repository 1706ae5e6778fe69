/**
 * Goal: every command line ends with a documented exit code, one object with --json and nothing on stdout that is
 * not the result. Method: the whole program in this process, in a folder of its own, its streams collected.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parseGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { checkPorts } from "../../src/cli/home/doctor.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { homePaths, openHome } from "../../src/node/home/home.ts";
import { takeLock } from "../../src/node/home/lock.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { json, quorate } from "./running.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-cli-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

test("the version is printed without loading a command", async () => {
  expect((await buildProgram(["--version"])).commands).toEqual([]);
  expect(await quorate("--version")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
});

describe("quorate init", () => {
  test("makes a chain of one validator that holds the supply", async () => {
    const home = join(dir, "home");
    const { code, value } = await json("init", "--dir", home, "--name", "solo", "--supply", "500");
    expect(code).toBe(0);
    const opened = openHome(home);
    if (!opened.ok) throw new Error(opened.fault.detail);
    const { genesis, validatorKey } = opened.value;
    expect(genesis.validators.map((validator) => validator.name)).toEqual(["solo"]);
    expect(genesis.accounts).toEqual([{ address: validatorKey?.publicKey, balance: 500n }]);
    expect(value.mode).toBe("validator");
  });

  test("joins a chain by its genesis as a full node, and never writes over a home", async () => {
    const first = join(dir, "first");
    const { value } = await json("init", "--dir", first);
    const second = join(dir, "second");
    const joined = await json("init", "--dir", second, "--genesis", homePaths(first).genesis);
    expect(joined.value).toMatchObject({ genesisHash: value.genesisHash, mode: "full" });
    const again = await json("init", "--dir", second);
    expect(again).toMatchObject({ code: 2, value: { error: { code: "EXISTS" } } });
    const mixed = await json("init", "--dir", join(dir, "x"), "--genesis", "f", "--supply", "1");
    expect(mixed.code).toBe(2);
  });
});

test("testnet writes homes that know each other and share one genesis", async () => {
  const out = join(dir, "net");
  const hosts = "10.0.0.1,10.0.0.1,b.example,fd00::1,10.0.0.5";
  const { code, value } = await json("testnet", "-n", "4", "--full-nodes", "1", "-o", out, "--hosts", hosts);
  expect(code).toBe(0);
  const homes = value.nodes.map((node: { dir: string }) => {
    const home = openHome(node.dir);
    if (!home.ok) throw new Error(home.fault.detail);
    return home.value;
  });
  expect(new Set(homes.map((home: { genesisJson: string }) => home.genesisJson)).size).toBe(1);
  expect(homes[0].peers.map((peer: { multiaddr: string }) => peer.multiaddr)).toEqual([
    "/ip4/10.0.0.1/tcp/30301",
    "/dns/b.example/tcp/30300",
    "/ip6/fd00::1/tcp/30300",
    "/ip4/10.0.0.5/tcp/30300",
  ]);
  expect(homes[4].validatorKey).toBeUndefined();
  const genesis = parseGenesis(homes[0].genesisJson);
  expect(genesis.ok && genesis.value.genesis.profile).toBe("production");
  // Node i has validator index i.
  for (const i of [0, 1, 2, 3]) {
    expect(genesis.ok && genesis.value.genesis.validators[i]?.publicKey).toEqual(
      homes[i].validatorKey.publicKey,
    );
  }
  expect((await quorate("testnet", "-o", out)).code).toBe(2);
  expect((await quorate("testnet", "-o", join(dir, "y"), "--hosts", "a,b")).stderr).toContain(
    "expected 4 addresses",
  );
});

test("keys are made, listed, shown, exported and imported, and a name is never reused", async () => {
  const at = ["--dir", dir];
  const made = await json("keys", "new", "alice", ...at);
  const { value } = await json("keys", "export", "alice", ...at);
  expect((await quorate("keys", "show", "alice", ...at)).stdout.trim()).toBe(made.value.address);
  const copy = await json("keys", "import", "copy", value.seed, ...at);
  expect(copy.value.address).toBe(made.value.address);
  expect((await json("keys", "list", ...at)).value.keys.map((key: { name: string }) => key.name)).toEqual([
    "alice",
    "copy",
  ]);
  expect((await json("keys", "new", "alice", ...at)).value.error.code).toBe("EXISTS");
  expect((await quorate("keys", "new", "../x", ...at)).code).toBe(2);
  expect((await quorate("keys", "import", "bad", "0x12", ...at)).code).toBe(2);
  expect((await quorate("keys", "show", "nobody", ...at)).code).toBe(2);
});

test("genesis validate accepts the shipped file and names what is wrong in another", async () => {
  const shipped = new URL("../../genesis/pbft-dev.json", import.meta.url).pathname;
  const good = await json("genesis", "validate", shipped);
  expect(good).toMatchObject({ code: 0, value: { valid: true, validators: 4, accounts: 10, warnings: [] } });
  expect((await quorate("genesis", "hash", shipped)).stdout.trim()).toBe(good.value.genesisHash);
  const broken = join(dir, "genesis.json");
  writeFileSync(broken, readFileSync(shipped, "utf8").replace('"logWindow": 32', '"logWindow": 33'));
  const { code, stderr } = await quorate("genesis", "validate", broken);
  expect([code, stderr]).toEqual([
    2,
    `✖ ${broken}: consensus.logWindow: 33 is not a multiple of checkpointInterval 16\n`,
  ]);
});

test("config show names the origin of each value", async () => {
  writeFileSync(join(dir, "config.toml"), "[rpc]\nport = 1\n");
  const { value } = await json("config", "show", "--dir", dir);
  expect(value["rpc.port"]).toEqual({ value: 1, origin: "config.toml" });
  expect(value["p2p.port"]).toEqual({ value: 30300, origin: "default" });
});

test("every command explains itself", async () => {
  const program = await buildProgram([]);
  const paths = program.commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((sub) => [command.name(), sub.name()]),
  ]);
  expect(paths.length).toBeGreaterThan(30);
  for (const path of paths) {
    const { code, stdout } = await quorate(...path, "--help");
    expect([code, stdout.split("\n")[0]]).toEqual([0, expect.stringContaining(`quorate ${path.join(" ")}`)]);
  }
}, 60_000);

describe("the program ends with a documented code", () => {
  test.each([
    [["frobnicate"], 2],
    [["keys", "shw"], 2],
    [["tx", "transfer", "--amount", "x"], 2],
    [["status", "--nope"], 2],
    [["start", "--dir", "/nonexistent/home"], 2],
    [["status", "--rpc", "http://127.0.0.1:9"], 4],
    [["anchor", "verify", "x", "--receipts", "/nonexistent", "--genesis", "/nonexistent"], 2],
    [["devnet", "status", "--devnet", "/nonexistent"], 4],
    [["--help"], 0],
    [["version"], 0],
  ])("%j: %i", async (words, code) => {
    expect((await quorate(...words)).code).toBe(code);
  });

  test("also where --json makes a usage error an object", async () => {
    const { code, value } = await json("status", "--nope");
    expect([code, value.error.code]).toEqual([2, "USAGE"]);
  });
});

describe("transactions without a node", () => {
  const solo = async (...words: string[]) => {
    await quorate("init", "--dir", join(dir, "home"), ...words);
    await quorate("keys", "new", "alice", "--dir", dir);
    return homePaths(join(dir, "home"));
  };

  test("sign makes bytes that decode shows, with the signature checked against the genesis", async () => {
    const { genesis } = await solo();
    // A devnet of the working folder has an alice too, and a name that means two accounts is refused.
    const places = ["--dir", dir, "--devnet", join(dir, "none")];
    const order = ["--from", "alice", "--to", "alice", "--amount", "7", "--nonce", "3", ...places];
    const { code, value } = await json("tx", "sign", ...order, "--genesis", genesis);
    expect([code, value.nonce]).toEqual([0, 3]);
    const decoded = await json("tx", "decode", value.tx, "--genesis", genesis);
    expect(decoded).toMatchObject({
      code: 0,
      value: { txHash: value.txHash, nonce: 3, call: { amount: "7" }, signatureValid: true },
    });
    expect((await json("tx", "decode", value.tx)).value.signatureValid).toBeUndefined();
    const broken = value.tx.replace(/..$/, (last: string) => (last === "00" ? "01" : "00"));
    expect(await json("tx", "decode", broken, "--genesis", genesis)).toMatchObject({
      code: 1,
      value: { signatureValid: false },
    });
    expect((await quorate("tx", "decode", "0x01")).code).toBe(2);
    expect((await quorate("tx", "sign", ...order)).code).toBe(2);
  });

  test("a send is refused before anything is sent when what it should believe cannot be had", async () => {
    const few = await json("tx", "send", "0x01", "--faults", "1", "--rpc", "127.0.0.1:9");
    expect(few).toMatchObject({ code: 2, value: { error: { message: expect.stringContaining("2 URLs") } } });
    const none = await json("tx", "send", "0x01", "--genesis", join(dir, "nothing.json"));
    expect(none.code).toBe(2);
  });
});

test("several nodes are asked in turn, whether in one --rpc, in many or in the environment", async () => {
  const [one, two, three] = [9, 10, 11].map((port) => `http://127.0.0.1:${port}`);
  const { code, value } = await json(
    "account",
    `0x${"01".repeat(32)}`,
    "--rpc",
    "127.0.0.1:9,127.0.0.1:10",
    "--rpc",
    three!,
  );
  expect(code).toBe(4);
  for (const url of [one, two, three]) expect(value.error.message).toContain(`${url}: `);
  vi.stubEnv("QUORATE_RPC_URL", `${one},${two}`);
  const { value: fromEnvironment } = await json("peers");
  vi.unstubAllEnvs();
  expect(fromEnvironment.error.message).toMatch(/:9: .*:10: /);
});

test("node-id is the peer id that init printed", async () => {
  const home = join(dir, "home");
  const { value } = await json("init", "--dir", home);
  expect((await json("node-id", "--dir", home)).value).toEqual({ peerId: value.peerId });
  expect((await quorate("node-id", "--dir", dir)).code).toBe(2);
});

describe("quorate reset", () => {
  /** A home with something in every place. */
  async function usedHome() {
    const paths = homePaths(join(dir, "home"));
    await quorate("init", "--dir", paths.dir);
    for (const folder of [paths.db, paths.journal, paths.logs]) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "file"), "x");
    }
    writeFileSync(`${paths.validatorKey}.voted`, "x");
    await quorate("keys", "new", "savings", "--dir", paths.dir);
    return paths;
  }

  test("without --yes deletes nothing and says what it would", async () => {
    const paths = await usedHome();
    const { code, value } = await json("reset", "--dir", paths.dir);
    expect([code, value.error.message]).toEqual([2, expect.stringContaining(paths.db)]);
    expect(existsSync(paths.db)).toBe(true);
    expect((await quorate("reset", "--yes", "--dir", dir)).code).toBe(2);
  });

  test("deletes chain and logs, and leaves keys, votes and configuration", async () => {
    const paths = await usedHome();
    expect((await json("reset", "--yes", "--dir", paths.dir)).code).toBe(0);
    expect([paths.db, paths.logs].filter(existsSync)).toEqual([]);
    const kept = [paths.journal, paths.nodeKey, paths.validatorKey, `${paths.validatorKey}.voted`];
    for (const path of [...kept, paths.genesis, paths.config]) expect(existsSync(path), path).toBe(true);
    expect(existsSync(paths.lock)).toBe(false);
  });

  test("--votes and --keys take what they name, and never an account's key", async () => {
    const paths = await usedHome();
    await quorate("reset", "--yes", "--votes", "--dir", paths.dir);
    expect([paths.journal, `${paths.validatorKey}.voted`].filter(existsSync)).toEqual([]);
    expect(existsSync(paths.validatorKey)).toBe(true);
    await quorate("reset", "--yes", "--keys", "--dir", paths.dir);
    expect([paths.nodeKey, paths.validatorKey, paths.genesis].filter(existsSync)).toEqual([]);
    expect(existsSync(join(paths.dir, "keys", "savings.json"))).toBe(true);
    expect((await quorate("init", "--dir", paths.dir)).code).toBe(0);
  });

  test("refuses while the node runs", async () => {
    const paths = await usedHome();
    const lock = takeLock(paths.lock);
    expect((await json("reset", "--yes", "--dir", paths.dir)).code).toBe(6);
    expect(existsSync(paths.db)).toBe(true);
    if (lock.ok) lock.value.release();
  });
});

test("the doctor calls ports of the own devnet busy for a good reason, and those of others a failure", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const own = await checkPorts([port], new Set([port]), "d");
    expect(own).toMatchObject({ ok: true, detail: expect.stringContaining("belong to your devnet in d") });
    const foreign = await checkPorts([port], new Set(), "d");
    expect(foreign).toMatchObject({ ok: false, detail: expect.stringContaining(`${port} in use`) });
  } finally {
    server.close();
  }
});

test("devnet accounts lists what the devnet's seed gives, with secrets", async () => {
  const file = { format: 1, seed: "dev", validators: 4, accounts: 2, balance: "5" };
  writeFileSync(join(dir, "devnet.json"), JSON.stringify(file));
  const { value } = await json("devnet", "accounts", "--devnet", dir);
  const plan = planNetwork({ ...DEVNET, accounts: 2 }, secretsFromSeed("dev"));
  expect(value.accounts.map((account: { name: string }) => account.name)).toEqual(["alice", "bob"]);
  expect(value.accounts[0].secret).toBe(`0x${Buffer.from(plan.accounts[0]!.seed).toString("hex")}`);
});
