/** A whole node in this process, on a home of its own: what it does when it cannot go on. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { connect } from "../../src/cli/rpc.ts";
import { loadConfig } from "../../src/node/home/config.ts";
import { createHome, homePaths, openHome } from "../../src/node/home/home.ts";
import { keyOfSeed } from "../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { type NodeOptions, startNode } from "../../src/node/node.ts";
import { openJournalFile } from "../../src/storage/journal-file.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-node-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The home of the only validator of its network, on free ports. */
function soleValidator(settings: Record<string, string> = {}): NodeOptions {
  const plan = planNetwork({ ...DEVNET, validators: 1 }, secretsFromSeed("node test"));
  const [validator] = plan.validators;
  createHome(dir, {
    configText: "",
    genesisJson: formatGenesis(plan.genesis),
    peers: [],
    nodeKey: keyOfSeed(validator!.nodeSeed),
    validatorKey: keyOfSeed(validator!.seed),
  });
  const home = openHome(dir);
  const flags = { mode: "validator", "rpc.port": "0", "p2p.port": "0", "log.file": "node.log", ...settings };
  const config = loadConfig({ file: undefined, environment: {}, flags });
  if (!home.ok || !config.ok) throw new Error("the home of the test is wrong");
  return { home: home.value, config: config.value.config };
}

it("a node does not start with a journal it cannot use, and leaves nothing open", async () => {
  const options = soleValidator();
  const { log } = await openJournalFile(join(homePaths(dir).journal, "votes.log"));
  await log.append([Uint8Array.of(77)]);
  await log.close();
  await expect(startNode(options)).rejects.toThrow("journal record of version 77");
  expect(existsSync(homePaths(dir).lock)).toBe(false);
});

describe("a validator's journal", () => {
  const votes = () => join(homePaths(dir).journal, "votes.log");
  const mark = () => `${homePaths(dir).validatorKey}.voted`;

  async function run(options: NodeOptions, height: bigint): Promise<void> {
    const node = await startNode(options);
    try {
      await vi.waitUntil(() => node.height() >= height, { timeout: 10_000, interval: 5 });
    } finally {
      await node.stop();
    }
  }

  it("is made before the mark beside the key, and a start between the two goes on", async () => {
    const options = soleValidator();
    await run(options, 0n);
    expect(existsSync(votes())).toBe(true);
    rmSync(mark()); // as a crash before it was made
    await run(options, 0n);
    expect(readFileSync(mark(), "utf8")).toContain("This key has voted");
  });

  it("is never made anew for a key that has voted: without the mark the database tells", async () => {
    const options = soleValidator({ "consensus.empty_blocks_ms": "20" });
    await run(options, 2n);
    const old = readFileSync(votes());
    await run(options, 5n);
    rmSync(votes());
    await expect(startNode(options)).rejects.toMatchObject({ name: "StartError", code: "missing-journal" });
    rmSync(mark());
    await expect(startNode(options)).rejects.toMatchObject({ name: "StartError", code: "amnesia" });
    expect(existsSync(votes())).toBe(false);
    writeFileSync(votes(), old);
    await expect(startNode(options)).rejects.toThrow(/an older copy was put back.*start with --mode full/);
    await run({ ...options, config: { ...options.config, mode: "full" } }, 5n);
  });

  it("is refused for any damage but a torn tail, in one line", async () => {
    const options = soleValidator({ "consensus.empty_blocks_ms": "20" });
    await run(options, 3n);
    const good = readFileSync(votes());
    for (const [at, code] of [
      [3, "corrupt-journal"],
      [7, "unusable-journal"],
      [12, "corrupt-journal"],
      [good.length - 20, "corrupt-journal"],
    ] as const) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1;
      writeFileSync(votes(), bad);
      const start = startNode(options);
      await expect(start, `byte ${at}`).rejects.toMatchObject({ name: "StartError", code });
      await expect(start).rejects.toThrow(/^.*$/);
    }
    writeFileSync(votes(), Buffer.concat([good, good.subarray(40, 60)]));
    await run(options, 4n);
  });
});

it("a node refuses a damaged database in one line that says what to do", async () => {
  const options = soleValidator();
  await (await startNode(options)).stop();
  rmSync(join(homePaths(dir).db, "CURRENT"));
  const start = startNode(options);
  await expect(start).rejects.toMatchObject({ name: "StartError", code: "damaged-database" });
  await expect(start).rejects.toThrow(/^.*CURRENT is missing\. Move it away.*$/);
  expect(existsSync(homePaths(dir).lock)).toBe(false);
});

it("a node suspects a genesis that is not the database's or the key's, and names the file", async () => {
  const options = soleValidator();
  await (await startNode(options)).stop();
  const { home } = options;
  const other = { ...options, home: { ...home, genesis: { ...home.genesis, chainId: 99n } } };
  const start = startNode(other);
  await expect(start).rejects.toMatchObject({ name: "StartError", code: "wrong-genesis" });
  await expect(start).rejects.toThrow(`${homePaths(dir).genesis}: the database belongs to another chain`);
  rmSync(join(dir, "data"), { recursive: true });
  rmSync(`${homePaths(dir).validatorKey}.voted`);
  const stranger = { ...options, home: { ...home, validatorKey: keyOfSeed(new Uint8Array(32).fill(9)) } };
  await expect(startNode(stranger)).rejects.toMatchObject({ name: "StartError", code: "wrong-key" });
});

it("a node starts and stops, twice in a row", async () => {
  const options = soleValidator();
  for (let round = 0; round < 2; round++) {
    const node = await startNode(options);
    expect(node.height()).toBe(0n);
    // A dev chain serves pages under development.
    const page = { headers: { origin: "http://localhost:5173" } };
    expect((await fetch(`${node.rpcUrl}/chain_getHead`, page)).status).toBe(200);
    await Promise.all([node.stop(), node.stop()]);
    expect(existsSync(homePaths(dir).lock)).toBe(false);
  }
});

it("a node takes orders from its user's commands on this machine, and from nobody for an address or a header", async () => {
  const options = soleValidator();
  const node = await startNode(options);
  try {
    const order = () => connect({ rpc: [node.rpcUrl] }).call("devnet_setPartition", { blocked: [] });
    expect(await order()).toBeDefined();
    for (const name of ["x-nothing", "x-real-ip", "via", "cf-connecting-ip", "authorization"]) {
      const response = await fetch(node.rpcUrl, {
        method: "POST",
        headers: { "content-type": "application/json", [name]: "10.0.0.2" },
        body: '{"jsonrpc":"2.0","id":1,"method":"devnet_setPartition","params":{"blocked":[]}}',
      });
      expect(await response.json(), name).toMatchObject({ error: { data: { code: "AUTH_REQUIRED" } } });
    }
    expect(statSync(join(dir, "rpc.token")).mode & 0o777).toBe(0o600);
  } finally {
    await node.stop();
  }
  expect(existsSync(join(dir, "rpc.token"))).toBe(false);
});
