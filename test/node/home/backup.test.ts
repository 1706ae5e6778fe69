/** Goal: a backup holds the chain, keys only if asked and votes never; whatever is changed in it is noticed before it is used. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { executeGenesis } from "../../../src/chain/genesis/genesis-state.ts";
import { ChainStore } from "../../../src/chain/store.ts";
import { restoreBackup, writeBackup } from "../../../src/node/home/backup.ts";
import { BackupWriter, encodeFile, KIND } from "../../../src/node/home/backup-format.ts";
import { createHome, homePaths } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { openVotes } from "../../../src/node/votes/vote-journal-home.ts";
import { openLevel } from "../../../src/storage/level.ts";
import { json, quorate } from "../../cli/running.ts";

const { genesis, validators } = planNetwork({ ...DEVNET, epochLength: 32 }, secretsFromSeed("backup"));
let dir: string;
let home: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-backup-"));
  home = join(dir, "home");
  createHome(home, {
    configText: 'mode = "validator"\n',
    genesisJson: formatGenesis(genesis),
    peers: [],
    nodeKey: keyOfSeed(validators[0]!.nodeSeed),
    validatorKey: keyOfSeed(validators[0]!.seed),
  });
  const { db, journal } = homePaths(home);
  mkdirSync(db, { recursive: true });
  const kv = await openLevel(db);
  await new ChainStore(kv, genesis.limits).writeGenesis(executeGenesis(genesis));
  await kv.close();
  mkdirSync(journal, { recursive: true });
  writeFileSync(join(journal, "votes.log"), "SECRET VOTES");
});
afterEach(() => rmSync(dir, { recursive: true }));

const file = () => join(dir, "backup");
const target = () => join(dir, "restored");

async function entriesOf(at: string) {
  const kv = await openLevel(homePaths(at).db);
  const all = await kv.entries({ from: new Uint8Array(0), to: Uint8Array.of(0xff) });
  await kv.close();
  return all;
}

test("a home comes back with its whole chain and its keys, and knows that its votes are gone", async () => {
  expect((await json("backup", "--dir", home, "--out", file(), "--with-keys")).value).toMatchObject({
    height: 0,
  });
  expect(readFileSync(file()).includes("SECRET VOTES")).toBe(false);
  const restored = await json("restore", file(), "--dir", target());
  expect(restored.value).toMatchObject({ isValidator: true, withKeys: true });
  const paths = homePaths(target());
  expect(existsSync(paths.journal)).toBe(false);
  expect(existsSync(`${paths.validatorKey}.voted`)).toBe(true);
  expect(readFileSync(paths.validatorKey)).toEqual(readFileSync(homePaths(home).validatorKey));
  expect(await entriesOf(target())).toEqual(await entriesOf(home));
  await expect(openVotes(paths)).rejects.toMatchObject({ code: "missing-journal" });
  expect((await openVotes(paths, true)).state).toBe("missing");
});

test("of fewer than four validators it says what a key without its votes can do, not what is refused to it", async () => {
  for (const [nodes, words] of [
    [2, "with 2 of 2 needed no vote passes without it: the operators sign a transition"],
    [3, "by vote: quorate gov propose replace"],
  ] as const) {
    const few = planNetwork(
      { ...DEVNET, validators: nodes, epochLength: 32 },
      secretsFromSeed("few"),
    ).genesis;
    writeFileSync(homePaths(home).genesis, formatGenesis(few));
    rmSync(homePaths(home).db, { recursive: true });
    mkdirSync(homePaths(home).db, { recursive: true });
    const kv = await openLevel(homePaths(home).db);
    await new ChainStore(kv, few.limits).writeGenesis(executeGenesis(few));
    await kv.close();
    const [name, to] = [join(dir, `backup${nodes}`), join(dir, `restored${nodes}`)];
    await json("backup", "--dir", home, "--out", name, "--with-keys");
    const { stdout } = await quorate("restore", name, "--dir", to);
    expect(stdout).toContain(words);
    expect(stdout).toContain("--recover-amnesia is refused");
  }
});

test("without keys it is a full node with a peer id of its own", async () => {
  expect((await json("backup", "--dir", home, "--out", file())).code).toBe(0);
  const { seed } = keyOfSeed(validators[0]!.seed);
  expect(readFileSync(file()).includes(Buffer.from(seed).toString("hex"))).toBe(false);
  const { value } = await json("restore", file(), "--dir", target());
  expect(value).toMatchObject({ isValidator: false, peerId: expect.stringMatching(/^12D3/) });
  expect(readFileSync(homePaths(target()).config, "utf8")).toContain('mode = "full"');
  expect(existsSync(homePaths(target()).validatorKey)).toBe(false);
});

test("each changed or missing byte is noticed, and then nothing is written", async () => {
  expect((await writeBackup(home, file(), true)).ok).toBe(true);
  const good = readFileSync(file());
  const cases = [
    good.subarray(0, good.length - 1),
    good.subarray(0, 40),
    good.subarray(0, 0),
    Buffer.from("x"),
  ];
  for (let at = 0; at < good.length; at += Math.ceil(good.length / 25)) {
    const bad = Buffer.from(good);
    bad[at] = bad[at]! ^ 1;
    cases.push(bad);
  }
  for (const bytes of cases) {
    writeFileSync(file(), bytes);
    expect((await restoreBackup(file(), target())).ok).toBe(false);
    expect(existsSync(target())).toBe(false);
  }
});

test("nothing is overwritten, and a running node's home is left alone", async () => {
  expect((await writeBackup(home, file(), true)).ok).toBe(true);
  expect((await json("backup", "--dir", home, "--out", file())).value.error.code).toBe("EXISTS");
  expect((await json("restore", file(), "--dir", home)).value.error.code).toBe("EXISTS");
  expect((await json("backup", "--dir", dir, "--out", join(dir, "b"))).code).toBe(2);
  expect((await json("restore", join(dir, "none"), "--dir", target())).code).toBe(2);
});

test("with a file twice, or over one that is there, is refused before anything is written", async () => {
  const made = await open(file(), "w");
  const writer = new BackupWriter(made);
  await writer.begin();
  const facts = { genesisHash: "ab", height: 0, headHash: "cd", withKeys: false };
  await writer.section(KIND.facts, new TextEncoder().encode(JSON.stringify(facts)));
  const peers = encodeFile("peers.json", new TextEncoder().encode("[]"));
  for (const section of [peers, peers]) await writer.section(KIND.file, section);
  await writer.end();
  await made.close();
  expect(await restoreBackup(file(), target())).toMatchObject({
    fault: { code: "damaged", detail: expect.stringContaining('"peers.json" stands twice') },
  });
  expect(existsSync(target())).toBe(false);
  rmSync(file());
  await writeBackup(home, file(), false);
  mkdirSync(target());
  writeFileSync(join(target(), "peers.json"), "my own");
  expect(await restoreBackup(file(), target())).toMatchObject({ fault: { code: "exists" } });
  expect(readFileSync(join(target(), "peers.json"), "utf8")).toBe("my own");
  expect(existsSync(homePaths(target()).dbImport)).toBe(false);
});
