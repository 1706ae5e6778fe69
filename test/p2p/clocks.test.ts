/** Goal: nodes know each other's clocks and why they are not connected. Method: real nodes on loopback. */
import { afterEach, describe, expect, it } from "vitest";
import type { Scheduler } from "../../src/base/scheduler.ts";
import { Clocks } from "../../src/p2p/clocks.ts";
import type { ProtocolParts } from "../../src/p2p/network-ports.ts";
import { peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import {
  addressOf,
  nodeOptions,
  OTHER_GENESIS,
  REAL_TIME,
  type Setup,
  seedOf,
  TestNode,
  until,
} from "./testnet.ts";

const HOUR_MS = 3_600_000;
const nodes: TestNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.network.stop()));
});

async function start(index: number, setup: Setup = {}, scheduler: Scheduler = REAL_TIME): Promise<TestNode> {
  const node = new TestNode(nodeOptions(index, setup), scheduler);
  nodes.push(node);
  await node.start();
  return node;
}

const clockOf = (node: TestNode) => node.network.peers()[0]?.clock;
const reasonAt = (node: TestNode) => node.network.troubles()[0]?.reason;

it("the exchange of clocks tells each of two peers how far the other's clock is off, and logs it once", async () => {
  const right = await start(0);
  const ahead = { ...REAL_TIME, now: () => Date.now() + HOUR_MS };
  const wrong = await start(1, { staticPeers: [addressOf(right)] }, ahead);
  await until(() => clockOf(right) !== undefined && clockOf(wrong) !== undefined, "both clocks to be known");
  for (const [node, offsetMs] of [
    [right, HOUR_MS],
    [wrong, -HOUR_MS],
  ] as const) {
    const clock = clockOf(node)!;
    expect(Math.abs(clock.offsetMs - offsetMs)).toBeLessThanOrEqual(clock.errorMs);
  }
  const warnings = right.lines.filter(({ message }) => message.includes("the clock of a peer"));
  expect(warnings).toMatchObject([{ level: "warn", fields: { name: "node1" } }]);
});

it("the exchange of clocks asks no peer for its time that connects when the clocks have stopped", () => {
  let planned = 0;
  const scheduler = { now: () => 0, after: () => () => planned++ };
  const clocks = new Clocks({ scheduler } as unknown as ProtocolParts);
  clocks.stop();
  clocks.connected("a peer");
  clocks.stop(); // would cancel what was planned
  expect(planned).toBe(0);
});

describe("a node without a peer knows why", () => {
  it("where nobody listens, and where another node answers", async () => {
    const other = await start(0);
    const [multiaddr] = addressOf(other).multiaddr.split("/p2p");
    const lonely = await start(1, {
      staticPeers: [
        { name: "down", peerId: peerIdFromSeed(seedOf(2)), multiaddr: "/ip4/127.0.0.1/tcp/1" },
        { name: "replaced", peerId: peerIdFromSeed(seedOf(3)), multiaddr: multiaddr! },
      ],
    });
    await until(() => lonely.network.troubles().length === 2, "two reasons");
    const reasons = Object.fromEntries(lonely.network.troubles().map(({ name, reason }) => [name, reason]));
    expect(reasons.down).toBe("nobody listens at /ip4/127.0.0.1/tcp/1");
    expect(reasons.replaced).toContain("another node answers");
  });

  it("where its peer id is not on the other's list", async () => {
    const strict = await start(0, { allowlist: [] });
    const refused = await start(1, { staticPeers: [addressOf(strict)] });
    await until(() => reasonAt(refused) !== undefined, "a reason");
    expect(reasonAt(refused)).toContain("do not list this node's peer id");
    expect(reasonAt(refused)).toContain(refused.network.peerId);
  });

  it("where the genesis is another", async () => {
    const other = await start(0, { genesisHash: OTHER_GENESIS });
    const lonely = await start(1, { staticPeers: [addressOf(other)] });
    await until(() => reasonAt(lonely)?.startsWith("genesis mismatch: ours 0x07") === true, "the reason");
  });
});
