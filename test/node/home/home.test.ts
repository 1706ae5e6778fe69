/**
 * Goal: a node home reads back as it was made, secrets stay secret, and whatever is wrong in it is named with its
 * file. Method: a real folder, one thing broken at a time.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { formatConfigFile } from "../../../src/node/home/config.ts";
import { createHome, homePaths, type NewHome, openHome } from "../../../src/node/home/home.ts";
import { formatKey, keyOfSeed, parseKey, saveKey } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { formatPeers, multiaddrOf, parsePeerAddress, parsePeers } from "../../../src/node/home/peers-file.ts";

const plan = planNetwork(DEVNET, secretsFromSeed("dev"));
const [first, second] = [plan.validators[0]!, plan.validators[1]!];
const content: NewHome = {
  configText: formatConfigFile({ mode: "validator" }),
  genesisJson: formatGenesis(plan.genesis),
  peers: [{ name: "node1", peerId: second.peerId, multiaddr: "/ip4/127.0.0.1/tcp/30301" }],
  nodeKey: keyOfSeed(first.nodeSeed),
  validatorKey: keyOfSeed(first.seed),
};

let root: string;
let dir: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-home-"));
  dir = join(root, "home");
});
afterEach(() => rmSync(root, { recursive: true }));

function refusal(): string {
  const home = openHome(dir);
  return home.ok ? "accepted" : `${home.fault.code}: ${home.fault.detail}`;
}

test("a home reads back as it was made, with keys that only the owner may read", () => {
  expect(createHome(dir, content).ok).toBe(true);
  const home = openHome(dir);
  if (!home.ok) throw new Error(home.fault.detail);
  expect(formatGenesis(home.value.genesis)).toBe(content.genesisJson);
  expect(home.value.peers).toEqual(content.peers);
  expect(home.value.nodeKey).toEqual(content.nodeKey);
  expect(home.value.validatorKey).toEqual(content.validatorKey);
  expect(statSync(home.value.paths.validatorKey).mode & 0o777).toBe(0o600);
});

test("a home without a validator key is a full node's", () => {
  createHome(dir, { ...content, validatorKey: undefined });
  const home = openHome(dir);
  expect(home.ok && home.value.validatorKey).toBe(undefined);
});

test("a home is never made over another one", () => {
  createHome(dir, content);
  const again = createHome(dir, { ...content, genesisJson: "{}" });
  expect(!again.ok && again.fault.code).toBe("exists");
  expect(openHome(dir).ok).toBe(true);
});

describe("opening a home names what is wrong", () => {
  test("no home at all", () => {
    expect(refusal()).toContain(`quorate init --dir ${dir}`);
  });

  test("a genesis with a wrong field", () => {
    createHome(dir, content);
    writeFileSync(homePaths(dir).genesis, content.genesisJson.replace('"format": 1', '"format": 9'));
    expect(refusal()).toBe(
      `malformed: ${homePaths(dir).genesis}: format: expected 1 (the only format this version reads), found 9`,
    );
  });

  test("a key file that others may read", () => {
    createHome(dir, content);
    chmodSync(homePaths(dir).validatorKey, 0o644);
    expect(refusal()).toContain("unsafe: ");
    expect(refusal()).toContain("mode 644 lets others read a secret key; run: chmod 600");
  });

  test("a key file of another version, of another key, or cut short, without showing the secret", () => {
    createHome(dir, content);
    const path = homePaths(dir).nodeKey;
    const good = readFileSync(path, "utf8");
    writeFileSync(path, good.replace('"version": 1', '"version": 2'));
    expect(refusal()).toContain("version: expected 1 (the only version this program reads), found 2");
    writeFileSync(path, formatKey({ ...content.nodeKey, publicKey: second.publicKey }));
    expect(refusal()).toContain("but the seed's is");
    const cut = good.slice(0, -8).concat('"\n}');
    writeFileSync(path, cut);
    expect(refusal()).toContain("seed: expected the secret seed");
    expect(refusal()).not.toContain(Buffer.from(content.nodeKey.seed).toString("hex").slice(0, 16));
  });

  test("peers.json with a wrong address", () => {
    createHome(dir, content);
    writeFileSync(
      homePaths(dir).peers,
      formatPeers([{ ...content.peers[0]!, multiaddr: "127.0.0.1:30300" }]),
    );
    expect(refusal()).toContain("peers.json: [0].multiaddr: expected an address such as");
  });
});

test("a key file is never overwritten", () => {
  const path = join(root, "key.json");
  expect(saveKey(path, content.nodeKey).ok).toBe(true);
  expect(saveKey(path, content.validatorKey!)).toMatchObject({ ok: false, fault: { code: "exists" } });
  expect(parseKey(readFileSync(path, "utf8"))).toMatchObject({ ok: true, value: content.nodeKey });
});

test("a peer that only dials in is listed without an address", () => {
  const { name, peerId } = content.peers[0]!;
  const listed = parsePeers(JSON.stringify([{ name, peerId }]));
  expect(listed).toEqual({ ok: true, value: [{ name, peerId }] });
});

test("peers are listed once, and --peer takes a whole multiaddr", () => {
  const peer = content.peers[0]!;
  expect(parsePeers(formatPeers([peer, peer]))).toMatchObject({ ok: false });
  expect(parsePeerAddress(`${peer.multiaddr}/p2p/${peer.peerId}`)).toMatchObject({
    ok: true,
    value: { peerId: peer.peerId, multiaddr: peer.multiaddr },
  });
  for (const bad of ["", `${peer.multiaddr}`, `/p2p/${peer.peerId}`, `${peer.multiaddr}/p2p/Qm`]) {
    expect(parsePeerAddress(bad).ok).toBe(false);
  }
  expect(multiaddrOf("10.0.0.1", 1)).toBe("/ip4/10.0.0.1/tcp/1");
  expect(multiaddrOf("::1", 1)).toBe("/ip6/::1/tcp/1");
  expect(multiaddrOf("a.example", 1)).toBe("/dns/a.example/tcp/1");
});
