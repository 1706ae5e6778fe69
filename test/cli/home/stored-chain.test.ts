/**
 * The commands on a stopped node's chain, as people run them: blocks as a file from home to home, the newest blocks taken
 * away, everything checked again, indexes made anew, a look by JSON-RPC. In both modes, in this process.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hash } from "../../../src/base/bytes.ts";
import { SILENT } from "../../../src/base/log.ts";
import type { Genesis } from "../../../src/chain/genesis/genesis.ts";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { loadConfig } from "../../../src/node/home/config.ts";
import { createHome, homePaths } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { takeLock } from "../../../src/node/home/lock.ts";
import { secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { inspect } from "../../../src/node/inspect.ts";
import {
  type BlockPlace,
  canonicalKey,
  placeOfTransactionKey,
  receiptsKey,
  TRANSACTION_RANGE,
  VERSION_KEY,
} from "../../../src/storage/database-keys.ts";
import type { Kv } from "../../../src/storage/kv.ts";
import { openLevel } from "../../../src/storage/level.ts";
import { MinedCluster } from "../../node/pow-cluster.ts";
import { clusterAt } from "../../node/snapshot/snapshots.ts";
import { json, quorate } from "../running.ts";

const HEIGHT = 6;

let dir: string;
const chains = new Map<string, { readonly genesis: Genesis; readonly kv: Kv }>();

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-stored-chain-"));
  const cluster = await clusterAt(HEIGHT, { validators: 1 });
  await cluster.stop();
  chains.set("alliance", { genesis: cluster.genesis, kv: cluster.kv(0) });
  const mined = new MinedCluster({ nodes: 1, meanMs: () => 1_000, seed: "stored chain" });
  await mined.start();
  const isHigh = () => mined.replica(0).chain.head.summary.height >= BigInt(HEIGHT);
  for (const nonce of [0n, 1n]) {
    mined.replica(0).submit(mined.transfer(mined.people[0], nonce, mined.people[1].publicKey).bytes);
  }
  expect(await mined.until(isHigh)).toBe(true);
  await mined.stop();
  chains.set("mined", { genesis: mined.genesis, kv: mined.disk(0) });
  for (const mode of chains.keys()) await fill(home(mode, "source"), chains.get(mode)!.kv);
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The home of a full node that was never started. */
function home(mode: string, name: string): string {
  const path = join(dir, `${mode}-${name}`);
  createHome(path, {
    configText: 'mode = "full"\n[chain]\nfinality_depth = 3\n',
    genesisJson: formatGenesis(chains.get(mode)!.genesis),
    peers: [],
    nodeKey: keyOfSeed(secretsFromSeed(name)("node", "0")),
    validatorKey: undefined,
  });
  return path;
}

async function fill(path: string, from: Kv): Promise<void> {
  await edit(path, async (kv) => {
    const all = await from.entries({ from: new Uint8Array(0), to: Uint8Array.of(0xff) });
    await kv.write(
      all.map(([key, value]) => ({ kind: "put", key, value })),
      { sync: true },
    );
  });
}

async function edit(path: string, change: (kv: Kv) => Promise<void>): Promise<void> {
  mkdirSync(homePaths(path).db, { recursive: true });
  const kv = await openLevel(homePaths(path).db);
  try {
    await change(kv);
  } finally {
    await kv.close();
  }
}

/** A home with the whole chain. */
async function copy(mode: string, name: string): Promise<string> {
  const path = home(mode, name);
  await fill(path, chains.get(mode)!.kv);
  return path;
}

const source = (mode: string) => join(dir, `${mode}-source`);
const headOf = async (path: string) => (await json("verify", "--dir", path)).value;

describe.each(["alliance", "mined"])("the stored chain of a stopped node (%s)", (mode) => {
  it("goes as a file of blocks from home to home, and an import that is repeated takes in what is missing", async () => {
    const [first, whole] = [join(dir, `${mode}-first`), join(dir, `${mode}-whole`)];
    const before = readdirSync(dir);
    const part = await json("export", "--dir", source(mode), "--out", first, "--to", "3");
    expect(part).toMatchObject({ code: 0, value: { from: 1, to: 3, blocks: 3 } });
    expect(readdirSync(dir).toSorted()).toEqual([...before, `${mode}-first`].toSorted());
    const all = await json("export", "--dir", source(mode), "--out", whole);
    const head = await headOf(source(mode));
    expect(all).toMatchObject({ code: 0, value: { to: head.height, lastHash: head.headHash } });
    expect(all.value.bytes).toBe(readFileSync(whole).length);
    const target = home(mode, "target");
    expect(await json("import", first, "--dir", target)).toMatchObject({
      code: 0,
      value: { imported: 3, height: 3 },
    });
    expect(await json("import", whole, "--dir", target)).toMatchObject({
      code: 0,
      value: { imported: head.height - 3, known: 3, height: head.height },
    });
    expect(await headOf(target)).toMatchObject({ valid: true, height: head.height, headHash: head.headHash });
    expect(await json("export", "--dir", source(mode), "--out", whole)).toMatchObject({
      code: 2,
      value: { error: { code: "EXISTS" } },
    });
    const full = join(dir, `${mode}-full`);
    symlinkSync("/dev/full", `${full}.partial`);
    const { code, value } = await json("export", "--dir", source(mode), "--out", full);
    expect([code, value.error.message]).toEqual([78, expect.stringContaining(`${full}: the disk is full`)]);
  });

  it("is refused as a file where a byte was changed, a part is missing or blocks before it are", async () => {
    const [whole, late] = [join(dir, `${mode}-to-change`), join(dir, `${mode}-late`)];
    await json("export", "--dir", source(mode), "--out", whole);
    await json("export", "--dir", source(mode), "--out", late, "--from", "5");
    const bytes = readFileSync(whole);
    const target = home(mode, "careful");
    const tried = async (content: Uint8Array) => {
      writeFileSync(join(dir, "tried"), content);
      const { code, value } = await json("import", join(dir, "tried"), "--dir", target);
      return [code, value.error.code];
    };
    expect(await tried(bytes.subarray(0, 40))).toEqual([1, "MALFORMED"]);
    expect(await tried(bytes.subarray(0, bytes.length - 1))).toEqual([1, "TRUNCATED"]);
    expect(await tried(new Uint8Array(100))).toEqual([2, "NOT_A_BLOCK_FILE"]);
    const flipped = Uint8Array.from(bytes);
    flipped[bytes.length - 3]! ^= 1;
    expect(await tried(flipped)).toEqual([1, "WRONG_SUM"]);
    expect(await tried(Uint8Array.from([...bytes, 0]))).toEqual([1, "MALFORMED"]);
    const empty = home(mode, "empty");
    expect(await json("import", late, "--dir", empty)).toMatchObject({
      code: 2,
      value: { error: { code: "GAP" } },
    });
    const other = mode === "mined" ? "alliance" : "mined";
    expect(await json("import", whole, "--dir", home(other, `${mode}-foreign`))).toMatchObject({
      code: 2,
      value: { error: { code: "WRONG_GENESIS" } },
    });
  });

  it("loses its newest blocks on request, those that are final only with --yes, and gets them back from a file", async () => {
    const path = await copy(mode, "rolled");
    const file = join(dir, `${mode}-rolled-blocks`);
    const head = await headOf(path);
    await json("export", "--dir", path, "--out", file);
    const refused = await json("rollback", "--to", "0", "--dir", path);
    expect(refused).toMatchObject({ code: 2, value: { error: { code: "FINAL" } } });
    const shallow = await json("rollback", "--to", String(head.height - 1), "--dir", path);
    expect(shallow.code).toBe(mode === "alliance" ? 2 : 0);
    expect((await json("import", file, "--dir", path)).code).toBe(0);
    const done = await json("rollback", "--to", "2", "--dir", path, "--yes");
    expect(done).toMatchObject({
      code: 0,
      value: { from: head.height, height: 2, removed: head.height - 2 },
    });
    expect(await json("verify", "--deep", "--dir", path)).toMatchObject({
      code: 0,
      value: { valid: true, height: 2, headHash: done.value.headHash, executed: true },
    });
    expect(await json("import", file, "--dir", path)).toMatchObject({ code: 0, value: { known: 2 } });
    expect(await headOf(path)).toMatchObject({ height: head.height, headHash: head.headHash });
    expect(await json("rollback", "--to", "99", "--dir", path)).toMatchObject({ code: 2 });
  });

  it("is checked deeply, and each kind of damage is named", async () => {
    const { code, value } = await json("verify", "--deep", "--dir", source(mode));
    expect({ code, value }).toMatchObject({
      code: 0,
      value: { valid: true, headers: value.height, executed: true },
    });
    expect(value.signatures).toBeGreaterThan(0);
    expect(value.indexEntries).toBe(value.transactions);
    const path = await copy(mode, "damaged");
    const wrong = async (change: (kv: Kv) => Promise<void>) => {
      await edit(path, change);
      const found = await json("verify", "--deep", "--dir", path);
      return [found.code, found.value.fault?.code];
    };
    const { key, place } = await firstWithTransactions(path);
    expect(await wrong((kv) => kv.write([{ kind: "delete", key }], { sync: true }))).toEqual([
      1,
      "wrong-index",
    ]);
    expect(await json("reindex", "--dir", path)).toMatchObject({
      code: 0,
      value: { transactions: value.transactions },
    });
    expect((await json("verify", "--deep", "--dir", path)).code).toBe(0);
    const put = (at: Uint8Array, bytes: Uint8Array) => (kv: Kv) =>
      kv.write([{ kind: "put", key: at, value: bytes }], { sync: true });
    expect(await wrong(put(Uint8Array.of(0x08, 1, 2, 3), Uint8Array.of(7)))).toEqual([1, "wrong-state"]);
    if (mode === "alliance") {
      const file = join(dir, "as-snapshots-show-it");
      const { stateRoot } = (await json("snapshot", "export", "--dir", source(mode), "--out", file)).value;
      const { fault } = (await json("verify", "--deep", "--dir", path)).value;
      expect(fault.detail).toContain(`the head ${stateRoot}`);
    }
    expect(await json("reindex", "--state", "--dir", path)).toMatchObject({ code: 0 });
    expect((await json("verify", "--deep", "--dir", path)).code).toBe(0);
    expect((await wrong(put(receiptsKey(place), Uint8Array.of(0, 0, 0, 0))))[0]).toBe(1);
  });

  it("answers reading methods on loopback, and no other", async () => {
    const path = source(mode);
    const kv = await openLevel(homePaths(path).db);
    const config = loadConfig({ environment: {} });
    if (!config.ok) throw new Error(config.fault.detail);
    const { genesis } = chains.get(mode)!;
    const shown = {
      home: { genesis, genesisJson: formatGenesis(genesis) },
      config: config.value.config,
      port: 0,
    };
    const failures: unknown[] = [];
    const inspection = await inspect(shown, { kv, log: SILENT, failed: (error) => failures.push(error) });
    try {
      const call = async (method: string, params: object = {}) => {
        const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
        const headers = { "content-type": "application/json" };
        const response = await fetch(inspection.url, { method: "POST", headers, body });
        return (await response.json()) as { readonly result: unknown };
      };
      expect(inspection.url).toContain("127.0.0.1");
      const { result } = await call("chain_getHead");
      expect(result).toMatchObject({ height: Number(inspection.height) });
      expect(await call("chain_getBlock", { block: 2 })).toHaveProperty("result");
      expect(await call("tx_send", { raw: "0x00" })).toMatchObject({
        error: { data: { code: "METHOD_NOT_FOUND" } },
      });
    } finally {
      await inspection.stop();
      await kv.close();
    }
    expect(failures).toEqual([]);
  });

  it("is asked for its format before an upgrade, and a format that nothing leads from is no success", async () => {
    const path = await copy(mode, "format");
    const words = ["migrate", "--check", "--dir", path];
    expect(await json(...words)).toMatchObject({ code: 0, value: { possible: true, steps: [] } });
    const versions = (await json("version")).value;
    expect(versions).toMatchObject({ databaseFormat: 4, wire: { min: 2, max: 4 }, rules: 1 });
    const newer = versions.databaseFormat + 1;
    await edit(path, (kv) =>
      kv.write([{ kind: "put", key: VERSION_KEY, value: Uint8Array.of(0, newer) }], { sync: true }),
    );
    expect(await json(...words)).toMatchObject({ code: 2, value: { possible: false, format: newer } });
  });

  it("is made smaller, and is left alone while a node runs", async () => {
    const path = await copy(mode, "small");
    const compacted = await json("compact", "--dir", path);
    expect(compacted).toMatchObject({ code: 0, value: { bytesBefore: expect.any(Number) } });
    expect(compacted.value.bytesAfter).toBeGreaterThan(0);
    const lock = takeLock(homePaths(path).lock);
    const words = [
      ["export", "--out", join(dir, "never")],
      ["rollback", "--to", "1"],
      ["compact"],
      ["reindex"],
      ["inspect"],
    ];
    for (const [command, ...rest] of words)
      expect(await json(command!, ...rest, "--dir", path)).toMatchObject({
        code: 6,
        value: { error: { code: "LOCKED" } },
      });
    if (lock.ok) lock.value.release();
    expect(existsSync(join(dir, "never"))).toBe(false);
    const { code, stdout } = await quorate("verify", "--deep", "--dir", path);
    expect([code, stdout]).toEqual([0, expect.stringContaining("index entries")]);
  });
});

/** A key of the index, and the block that it names. */
async function firstWithTransactions(path: string): Promise<{ key: Uint8Array; place: BlockPlace }> {
  let found: { key: Uint8Array; place: BlockPlace } | undefined;
  await edit(path, async (kv) => {
    const [entry] = await kv.entries({ ...TRANSACTION_RANGE, limit: 1 });
    const { height } = placeOfTransactionKey(entry![0]);
    found = { key: entry![0], place: { height, hash: kv.get(canonicalKey(height)) as Hash } };
  });
  return found!;
}
