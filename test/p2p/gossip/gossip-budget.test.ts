/** What a peer's gossip may cost: the numbers on virtual time, and over loopback what a node does about it. */
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it } from "vitest";
import { HELLO_BYTES_MAX, RETURNED_PUBLISHED_MAX } from "../../../src/base/limits.ts";
import {
  GOSSIP_BYTES,
  GOSSIP_CONTROL,
  GOSSIP_KNOWN,
  GOSSIP_MESSAGES,
  GOSSIP_PAUSE_MS,
  GOSSIP_REFUSED_MS,
  GOSSIP_WAITED_MS,
  GossipBudgets,
} from "../../../src/p2p/gossip/gossip-budget.ts";
import { topicName } from "../../../src/p2p/gossip/rumor.ts";
import { frameStream } from "../../../src/p2p/transport/frames.ts";
import { createHost, GOSSIP_RPC_LIMITS, type Host, startHost } from "../../../src/p2p/transport/host.ts";
import { identityFromSeed } from "../../../src/p2p/transport/identity.ts";
import { Pauses } from "../../../src/p2p/transport/pauses.ts";
import { HELLO_PROTOCOL } from "../../../src/p2p/transport/sessions.ts";
import { encodeHello, encodeTransactionBatch } from "../../../src/p2p/transport/wire.ts";
import { dial, helloOf, LISTEN, openBareHost } from "../hostile-peer.ts";
import { GENESIS, nodeOptions, quickened, seedOf, TestNode, until } from "../testnet.ts";

const NOTHING_DUE = { waitMs: 0, isTooOften: false };

describe("the budget of a peer's gossip", () => {
  it("lets bytes and messages flow up to their rates, and never sends a peer away for their number", () => {
    const budgets = new GossipBudgets();
    budgets.received("a", GOSSIP_BYTES.capacity, 0);
    expect(budgets.due("a", 0)).toEqual(NOTHING_DUE);
    for (let ms = 0; ms < 60_000; ms += 100) {
      budgets.received("a", GOSSIP_BYTES.perSecond, ms);
      expect(budgets.due("a", ms).isTooOften).toBe(false);
    }
    expect(budgets.due("a", 60_000).waitMs).toBeGreaterThan(100_000);
    budgets.messages("b", GOSSIP_MESSAGES.capacity + GOSSIP_MESSAGES.perSecond, 0);
    expect(budgets.due("b", 0)).toEqual({ waitMs: 1_000, isTooOften: false });
    expect(budgets.due("c", 0)).toEqual(NOTHING_DUE);
  });

  it("drops control entries beyond their number", () => {
    const budgets = new GossipBudgets();
    expect(budgets.control("a", GOSSIP_CONTROL.capacity, 0)).toBe(true);
    expect(budgets.control("a", 1, 0)).toBe(false);
    expect(budgets.control("a", 1, 1_000)).toBe(true);
  });

  it("waits for the computing that came to nothing to be paid, and tells when that is the rule", () => {
    const budgets = new GossipBudgets();
    let waitedMs = 0;
    let nowMs = 0;
    let computedMs = 0;
    for (;;) {
      budgets.refused("a", 20, nowMs);
      computedMs += 20;
      const due = budgets.due("a", nowMs);
      if (due.isTooOften) break;
      waitedMs += due.waitMs;
      nowMs += 20 + due.waitMs;
    }
    expect(waitedMs).toBeLessThan(2 * GOSSIP_WAITED_MS.capacity);
    // A twentieth of the time, besides what is free at first.
    expect(computedMs).toBeLessThan(GOSSIP_REFUSED_MS.capacity + 0.06 * nowMs + 40);
  });

  it("bears what several nodes were given and every peer tells again in its own batches", () => {
    const budgets = new GossipBudgets();
    // A thousand new ones a second for ten minutes, each again from each of three peers, twice.
    for (let ms = 0; ms < 600_000; ms += 100) {
      budgets.passedOn(100);
      for (const peer of ["a", "b", "c"]) budgets.known(peer, 200, 2, ms);
      expect(budgets.due("a", ms)).toEqual(NOTHING_DUE);
    }
    // What a change of branches has every node tell anew, at once.
    budgets.known("d", RETURNED_PUBLISHED_MAX, 40, 0);
    budgets.known("d", RETURNED_PUBLISHED_MAX, 40, 0);
    expect(budgets.due("d", 0)).toEqual(NOTHING_DUE);
  });

  it("sends a peer away that tells nothing but what is known, while others are not touched", () => {
    const budgets = new GossipBudgets();
    let advertised = 0;
    let nowMs = 0;
    for (let due = budgets.due("a", 0); !due.isTooOften; due = budgets.due("a", nowMs)) {
      nowMs += 5 + due.waitMs;
      budgets.known("a", 400, 4, nowMs);
      advertised += 400;
    }
    expect(advertised).toBeLessThan(2 * GOSSIP_KNOWN.capacity + 6_000);
    expect(budgets.due("b", nowMs)).toEqual(NOTHING_DUE);
  });

  it("bears now and then an unwanted message for ever", () => {
    const budgets = new GossipBudgets();
    for (let ms = 0; ms < 3_600_000; ms += 1_000) {
      budgets.refused("a", 40, ms);
      expect(budgets.due("a", ms)).toEqual(NOTHING_DUE);
    }
  });
});

describe("a peer that was sent away", () => {
  it("may come back when its time is over", () => {
    const pauses = new Pauses();
    pauses.begin("a", 100);
    expect([pauses.has("a", 99), pauses.has("b", 99), pauses.has("a", 100)]).toEqual([true, false, false]);
  });
});

const nodes: TestNode[] = [];
const hosts: Host[] = [];

afterEach(async () => {
  await Promise.all([
    ...nodes.splice(0).map(({ network }) => network.stop()),
    ...hosts.splice(0).map((h) => h.stop()),
  ]);
});

/** A bare host with a good HELLO, connected to a node. */
async function connectBareHost(isValidator: boolean) {
  const node = new TestNode(nodeOptions(0), quickened(20));
  nodes.push(node);
  await node.start();
  const host = await openBareHost(1);
  hosts.push(host);
  const connection = await dial(host, node);
  const stream = await connection.newStream(HELLO_PROTOCOL);
  const hello = isValidator ? helloOf(1) : helloOf(1, { claim: undefined });
  await frameStream(stream, HELLO_BYTES_MAX).write(encodeHello(hello));
  await until(() => node.network.peers().length === 1, "connected");
  return { node, host, connection, topic: topicName(GENESIS, "transactions") };
}

function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

let serial = 0;

/** Batches that differ, until `isOver`. */
async function flood(host: Host, topic: string, isOver: () => boolean, more: string[] = []): Promise<void> {
  for (let i = 0; i < 2_000 && !isOver(); i++) {
    const texts = [`unwanted ${serial++}`, ...more];
    const bytes = encodeTransactionBatch(texts.map((text) => new TextEncoder().encode(text)));
    await host.services.gossip.publish(topic, bytes).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe("a node whose peer gossips what nobody wants", () => {
  it("sends a full node away, and does not let it in again for a while", async () => {
    const { node, host, connection, topic } = await connectBareHost(false);
    node.judge = () => {
      compute(20);
      return "ignore";
    };
    await flood(host, topic, () => connection.status !== "open");
    await until(() => connection.status !== "open", "sent away");
    const judged = node.rumors.length;
    const again = await host.dial(multiaddr(node.network.addresses[0]!)).catch(() => undefined);
    if (again !== undefined) await until(() => again.status !== "open", "not let in");
    await until(() => (node.network.counters.rejected["peer-paused"] ?? 0) > 0, "counted");
    expect(node.lines.map(({ message }) => message)).toContain("peer sent away: its gossip is not wanted");
    expect(node.rumors.length).toBe(judged);
    expect(GOSSIP_PAUSE_MS).toBe(60_000);
  });

  it("sends a full node away that tells what is known again and again, each time in another batch", async () => {
    const { node, host, connection, topic } = await connectBareHost(false);
    node.judge = () => "known";
    const known = Array.from({ length: 2_000 }, () => "known");
    await flood(host, topic, () => connection.status !== "open", known);
    await until(() => connection.status !== "open", "sent away");
    expect(node.network.counters.rejected["gossip-known"]).toBeGreaterThan(1);
    expect(node.lines.map(({ message }) => message)).toContain("peer sent away: its gossip is not wanted");
  });

  it("keeps a validator for its votes and reads no more than its budget", async () => {
    const { node, host, connection, topic } = await connectBareHost(true);
    node.judge = () => {
      compute(20);
      return "ignore";
    };
    await flood(host, topic, () => (node.network.counters.rejected["gossip-budget"] ?? 0) >= 2);
    expect(node.network.counters.rejected["gossip-budget"]).toBeGreaterThanOrEqual(2);
    expect(connection.status).toBe("open");
    expect(node.rumors.length).toBeLessThan(30);
  });
});

interface Rpc {
  readonly control?: { readonly graft: readonly unknown[] };
}

interface InnerGossip {
  sendRpc(id: string, rpc: object): boolean;
  handleReceivedRpc(peer: unknown, rpc: Rpc): Promise<void>;
}

describe("an RPC of gossipsub with more entries than a correct node sends", () => {
  it("is not looked at", async () => {
    const topics = [topicName(GENESIS, "transactions")];
    const create = (seed: number) =>
      createHost({ identity: identityFromSeed(seedOf(seed)), listen: LISTEN, gater: {}, topics });
    const [receiver, sender] = await Promise.all([create(0), create(1)]);
    hosts.push(receiver, sender);
    const seen: number[] = [];
    const gossip = receiver.services.gossip as unknown as InnerGossip;
    gossip.handleReceivedRpc = async (_, { control }) => {
      if (control !== undefined) seen.push(control.graft.length);
    };
    await Promise.all(hosts.map((host) => startHost(host, LISTEN)));
    await sender.dial(multiaddr(receiver.getMultiaddrs()[0]!.toString()));
    const none = { ihave: [], iwant: [], prune: [], idontwant: [] };
    const send = (count: number) => {
      const graft = Array.from({ length: count }, () => ({ topicID: topics[0] }));
      const rpc = { subscriptions: [], messages: [], control: { ...none, graft } };
      return (sender.services.gossip as unknown as InnerGossip).sendRpc(receiver.peerId.toString(), rpc);
    };
    const { maxControlMessages } = GOSSIP_RPC_LIMITS;
    await until(() => send(maxControlMessages + 1), "the stream is there");
    send(maxControlMessages);
    await until(() => seen.length > 0, "the smaller one arrives");
    expect(seen).toEqual([maxControlMessages]);
  });
});
