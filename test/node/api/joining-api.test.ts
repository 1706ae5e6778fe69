/** Goal: peers come and go by the operator's word while the node runs, and an invitation lets one node in, once. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SILENT } from "../../../src/base/log.ts";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { HomeJoining } from "../../../src/node/api/joining-api.ts";
import { createHome, homePaths, openHome } from "../../../src/node/home/home.ts";
import { keyOfSeed } from "../../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";
import { peerIdFromSeed } from "../../../src/p2p/transport/identity.ts";

const NOW = 1_800_000_000_000;
const idOf = (byte: number) => peerIdFromSeed(new Uint8Array(32).fill(byte));
const plan = planNetwork(DEVNET, secretsFromSeed("joining"));
const order = { urls: ["http://127.0.0.1:18545"], addresses: [], hours: 1 };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-joining-"));
  createHome(join(dir, "home"), {
    configText: "",
    genesisJson: formatGenesis(plan.genesis),
    peers: [{ name: "node1", peerId: idOf(1), multiaddr: "/ip4/127.0.0.1/tcp/30301" }],
    nodeKey: keyOfSeed(new Uint8Array(32).fill(9)),
    validatorKey: undefined,
  });
});
afterEach(() => rmSync(dir, { recursive: true }));

function setUp() {
  const home = openHome(join(dir, "home"));
  if (!home.ok) throw new Error(home.fault.detail);
  const used: { staticPeers: readonly { name: string }[]; allowed: readonly string[] }[] = [];
  const clock = { now: NOW };
  const joining = new HomeJoining({
    home: home.value,
    name: "node0",
    extraPeers: [{ name: "extra", peerId: idOf(5), multiaddr: "/ip4/127.0.0.1/tcp/30305" }],
    genesisHash: computeGenesisHash(plan.genesis),
    network: {
      addresses: [`/ip4/127.0.0.1/tcp/30300/p2p/${idOf(9)}`],
      peerId: idOf(9),
      usePeers: (peers) => used.push(peers),
    },
    logger: SILENT,
    now: () => clock.now,
  });
  return { joining, used, clock, path: homePaths(join(dir, "home")).peers };
}

test("peers.json is used as it is now, and one that is wrong changes nothing", () => {
  const { joining, used, path } = setUp();
  writeFileSync(path, JSON.stringify([{ name: "node2", peerId: idOf(2) }]));
  expect(joining.reloadPeers()).toMatchObject({ value: { peers: 1, added: ["node2"], removed: ["node1"] } });
  expect(used.at(-1)?.allowed).toEqual([idOf(2)]);
  expect(used.at(-1)?.staticPeers.map(({ name }) => name)).toEqual(["extra"]);
  for (const text of ["{", '[{"name":"a b"}]']) {
    writeFileSync(path, text);
    const read = joining.reloadPeers();
    expect(read.ok ? "" : read.fault.detail).toContain(path);
  }
  expect(used).toHaveLength(1);
});

test("an invitation lets one peer connect, now and after a restart, and tells it whom to dial", () => {
  const { joining, used, path } = setUp();
  const made = joining.invite(order);
  if (!made.ok) throw new Error(made.fault.detail);
  const guest = { invitation: made.value.text, name: "node4", peerId: idOf(4) };
  const answer = joining.admit(guest);
  expect(answer).toMatchObject({
    ok: true,
    value: [{ name: "node0", multiaddr: "/ip4/127.0.0.1/tcp/30300" }, { name: "node1" }],
  });
  expect(used.at(-1)?.allowed).toEqual([idOf(1), idOf(4)]);
  expect(JSON.parse(readFileSync(path, "utf8"))).toHaveLength(2);
  const again = setUp().joining;
  expect(again.admit(guest).ok).toBe(true);
  expect(again.admit({ ...guest, peerId: idOf(6) })).toMatchObject({ fault: { code: "INVITATION_USED" } });
  expect(JSON.parse(readFileSync(path, "utf8"))).toHaveLength(2);
});

test("an invitation that has expired, was changed or is another node's is refused, and so is a name that is none", () => {
  const { joining, clock, path } = setUp();
  const made = joining.invite(order);
  if (!made.ok) throw new Error(made.fault.detail);
  const guest = { invitation: made.value.text, name: "node4", peerId: idOf(4) };
  const codeOf = (other: Partial<typeof guest>) => {
    const admitted = joining.admit({ ...guest, ...other });
    return admitted.ok ? "admitted" : admitted.fault.code;
  };
  expect(codeOf({ invitation: `${guest.invitation}A` })).toBe("BAD_INVITATION");
  expect(codeOf({ name: "no name" })).toBe("BAD_INVITATION");
  expect(codeOf({ peerId: "../x" })).toBe("BAD_INVITATION");
  clock.now += 3_600_000;
  expect(codeOf({})).toBe("INVITATION_EXPIRED");
  expect(JSON.parse(readFileSync(path, "utf8"))).toHaveLength(1);
  expect(joining.invite({ ...order, urls: ["javascript:0"] })).toMatchObject({
    fault: { code: "BAD_INVITATION" },
  });
});
