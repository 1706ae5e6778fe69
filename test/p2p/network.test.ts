import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { equalBytes, text, utf8 } from "../../src/base/bytes.ts";
import type { Relay } from "../../src/base/fault.ts";
import type { Network } from "../../src/node/ports.ts";
import { peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import {
  addressOf,
  isWarmUp,
  nodeOptions,
  seedOf,
  startNodes,
  TestNode,
  until,
  validatorKeys,
  warmUp,
} from "./testnet.ts";

const open: TestNode[] = [];

function opened(node: TestNode): TestNode {
  open.push(node);
  return node;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.network.stop()));
});

describe("a network of four nodes", () => {
  it("is the port that the replica wrote down", () => {
    const node = new TestNode(nodeOptions(0));
    const port: Network = node.network;
    expect(port.peers()).toEqual([]);
  });

  it("connects everyone with everyone and knows who is which validator", async () => {
    const nodes = await startNodes(4, opened);
    for (const [i, node] of nodes.entries()) {
      const others = [0, 1, 2, 3].filter((other) => other !== i);
      const peers = [...node.network.peers()].sort((a, b) => a.validator! - b.validator!);
      expect(peers.map((peer) => peer.validator)).toEqual(others);
      expect(peers.every((peer) => peer.bytesIn > 0 && peer.bytesOut > 0 && peer.height === 0n)).toBe(true);
    }
  });

  it("delivers mail in the order in which it was posted", async () => {
    const [a, b] = await startNodes(2, opened);
    const posted = Array.from({ length: 2_000 }, (_, i) => `message ${i}`);
    for (const message of posted) a!.network.mail(1, utf8(message));
    await until(() => b!.mail.length === posted.length, "all mail arrived");
    expect(b!.mail.map(({ bytes }) => text(bytes))).toEqual(posted);
    expect(b!.mail.every(({ from }) => from === a!.network.peerId)).toBe(true);
    // Coalesced: far fewer bytes than one frame a message would have taken.
    expect(a!.network.counters.messagesOut.mail).toBe(posted.length);
  });

  it("carries a message of several mebibytes", async () => {
    const [a, b] = await startNodes(2, opened);
    const large = new Uint8Array(5 * 1024 * 1024).map((_, i) => i % 251);
    a!.network.mail(1, large);
    a!.network.mail(1, utf8("after it"));
    await until(() => b!.mail.length === 2, "both arrived");
    expect(Buffer.compare(b!.mail[0]!.bytes, large)).toBe(0);
  });

  it("keeps mail for a validator that is away and delivers it when it is back", async () => {
    const [a, b] = await startNodes(2, opened);
    const port = portOf(b!);
    await b!.network.stop();
    await until(() => a!.disconnected.length === 1, "the disconnect is noticed");
    for (let i = 0; i < 100; i++) a!.network.mail(1, utf8(`kept ${i}`));
    const options = { listen: `/ip4/127.0.0.1/tcp/${port}`, staticPeers: [addressOf(a!)], validatorCount: 2 };
    const again = opened(new TestNode(nodeOptions(1, options)));
    await again.start();
    await until(() => again.mail.length === 100, "the kept mail arrived");
    expect(again.mail.map(({ bytes }) => text(bytes))).toEqual(
      Array.from({ length: 100 }, (_, i) => `kept ${i}`),
    );
  });

  it("redials when the connection breaks, and delivers what was posted meanwhile, in order", async () => {
    const a = opened(new TestNode(nodeOptions(0, { validatorCount: 2 })));
    await a.start();
    const wire = await cuttableWire(portOf(a));
    const staticPeers = [{ ...addressOf(a), multiaddr: `/ip4/127.0.0.1/tcp/${wire.port}` }];
    const b = opened(new TestNode(nodeOptions(1, { validatorCount: 2, staticPeers })));
    await b.start();
    await until(() => a.connected.length === 1 && b.connected.length === 1, "connected");
    for (let round = 1; round <= 3; round++) {
      wire.cut();
      await until(() => a.disconnected.length === round, "the break is noticed");
      for (let i = 0; i < 100; i++) a.network.mail(1, utf8(`round ${round} letter ${i}`));
      await until(() => b.mail.length === 100, "all of it arrived");
      const expected = Array.from({ length: 100 }, (_, i) => `round ${round} letter ${i}`);
      expect(b.mail.splice(0).map(({ bytes }) => text(bytes))).toEqual(expected);
    }
    await wire.close();
  });

  it("connects nodes that start together, dialling one another", async () => {
    const ports = await Promise.all(Array.from({ length: 4 }, freePort));
    const staticPeers = ports.map((port, i) => ({
      name: `node${i}`,
      peerId: peerIdFromSeed(seedOf(i)),
      multiaddr: `/ip4/127.0.0.1/tcp/${port}`,
    }));
    const nodes = ports.map((port, i) =>
      opened(new TestNode(nodeOptions(i, { staticPeers, listen: `/ip4/127.0.0.1/tcp/${port}` }))),
    );
    await Promise.all(nodes.map((node) => node.start()));
    await until(() => nodes.every((node) => node.network.peers().length === 3), "all connected");
    // However many connections a pair has, each side tells of one peer, once.
    expect(nodes.map((node) => new Set(node.connected).size)).toEqual([3, 3, 3, 3]);
    expect(nodes.map((node) => node.connected.length)).toEqual([3, 3, 3, 3]);
    nodes[0]!.network.mail(3, utf8("vote"));
    await until(() => nodes[3]!.mail.length === 1, "mail arrived");
  });

  it("spreads transactions in batches and evidence to everyone", async () => {
    const nodes = await startNodes(4, opened);
    const sent = Array.from({ length: 500 }, (_, i) => `transaction ${i}`);
    await warmUp(nodes[0]!, nodes.slice(1));
    for (const transaction of sent) nodes[0]!.network.publish("transactions", utf8(transaction));
    nodes[0]!.network.publish("evidence", utf8("against somebody"));
    for (const node of nodes.slice(1)) {
      const rumors = () => node.rumors.filter((rumor) => !isWarmUp(rumor));
      await until(() => rumors().length === sent.length + 1, "all rumors arrived");
      const received = node.rumors.filter(({ topic }) => topic === "transactions");
      expect(received.map(({ bytes }) => text(bytes))).toEqual(sent);
    }
  });

  it("announces blocks to those who do not vote, and to a validator from the day on which it votes no more", async () => {
    const setup = { validatorCount: 2, allowlist: [0, 1, 2].map((i) => peerIdFromSeed(seedOf(i))) };
    const proposer = opened(new TestNode(nodeOptions(0, setup)));
    await proposer.start();
    const [validator, follower] = [1, 2].map((i) =>
      opened(new TestNode(nodeOptions(i, { ...setup, staticPeers: [addressOf(proposer)] }))),
    );
    await validator!.start();
    await follower!.start();
    await until(() => proposer.network.peers().length === 2, "both connected");
    await warmUp(proposer, [validator!, follower!]);
    const got = (node: TestNode) =>
      node.rumors.filter((rumor) => !isWarmUp(rumor)).map(({ bytes }) => text(bytes));
    proposer.network.publish("blocks", utf8("block 1"));
    await until(() => got(follower!).length === 1, "the announcement arrived");
    proposer.network.publish("transactions", utf8("behind it"));
    await until(() => got(validator!).length === 1, "what came after it arrived");
    expect(got(validator!)).toEqual(["behind it"]);
    proposer.network.seat(validatorKeys(2), [0]);
    proposer.network.publish("blocks", utf8("block 2"));
    await until(() => got(validator!).length === 2, "the announcement arrived");
  });

  it("carries a transaction a second time in a batch that gossip does not know", async () => {
    const [a, b] = await startNodes(2, opened);
    await warmUp(a!, [b!]);
    const again = utf8("told again");
    const count = () => b!.rumors.filter(({ bytes }) => equalBytes(bytes, again)).length;
    a!.network.publish("transactions", again);
    await until(() => count() === 1, "it came");
    for (const bytes of [again, again]) a!.network.publish("transactions", bytes);
    await until(() => count() === 3, "both of the new batch");
  });

  it("passes a rumor on that is accepted long after it came", async () => {
    const setup = { validatorCount: 3 };
    const first = opened(new TestNode(nodeOptions(0, setup)));
    await first.start();
    const middle = opened(new TestNode(nodeOptions(1, { ...setup, staticPeers: [addressOf(first)] })));
    await middle.start();
    const last = opened(new TestNode(nodeOptions(2, { ...setup, staticPeers: [addressOf(middle)] })));
    await last.start();
    await warmUp(first, [middle, last]);
    const [early, later] = [utf8("due later"), utf8("due now")];
    const holds = (node: TestNode, rumor: Uint8Array) =>
      node.rumors.some(({ bytes }) => equalBytes(bytes, rumor));
    const held: ((relay: Relay) => void)[] = [];
    middle.judge = (_, bytes) =>
      equalBytes(bytes, early) ? new Promise<Relay>((resolve) => held.push(resolve)) : "accept";
    first.network.publish("evidence", early);
    await until(() => held.length === 1, "it came");
    first.network.publish("evidence", later);
    await until(() => holds(last, later), "what was said after it overtakes it");
    expect(holds(last, early)).toBe(false);
    held[0]!("accept");
    await until(() => holds(last, early), "it was passed on");
  });

  it("cuts off blocked peers in both directions at once, and finds its way back when that ends", async () => {
    const nodes = await startNodes(4, opened);
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode];
    const ids = nodes.map((node) => node.network.peerId);
    // Only one side of two links blocks: either side is enough.
    a.network.block([ids[3]!]);
    b.network.block([ids[3]!]);
    d.network.block([ids[2]!]);
    expect(a.network.blocked).toEqual([ids[3]]);
    a.network.mail(3, utf8("into the void"));
    await until(() => d.disconnected.length === 3, "cut off");
    expect(d.network.peers()).toEqual([]);
    await expect(a.network.request(ids[3]!, utf8("hello"))).rejects.toThrow();
    // d dials on, and is refused.
    await until(() => (a.network.counters.rejected["peer-blocked"] ?? 0) >= 2, "dials refused");
    c.network.mail(0, utf8("the others talk on"));
    await until(() => a.mail.length === 1, "mail among the others");
    expect(d.connected.length).toBe(3);
    expect(d.mail).toEqual([]);

    for (const node of nodes) node.network.block([]);
    await until(() => nodes.every((node) => node.network.peers().length === 3), "all connected again");
    await until(() => d.mail.length === 1, "the mail that waited arrived");
    a.network.mail(3, utf8("and new mail too"));
    await until(() => d.mail.length === 2, "new mail arrived");
    await warmUp(d, [a, b, c]);
  });

  it("keeps a cut from the start", async () => {
    const a = opened(new TestNode(nodeOptions(0, { validatorCount: 2 })));
    await a.start();
    const options = nodeOptions(1, { validatorCount: 2, staticPeers: [addressOf(a)] });
    const b = opened(new TestNode({ ...options, blocked: [a.network.peerId] }));
    await b.start();
    expect(b.network.blocked).toEqual([a.network.peerId]);
    await b.network.request(a.network.peerId, utf8("hello")).catch(() => undefined);
    expect(b.network.counters.dialFailures).toBe(0);
    expect(b.network.peers()).toEqual([]);
    b.network.block([]);
    await until(() => b.network.peers().length === 1, "connected");
  });

  it("answers requests", async () => {
    const [a, b] = await startNodes(2, opened);
    b!.answer = async (from, bytes) => utf8(`${from === a!.network.peerId} ${text(bytes)}`);
    expect(text(await a!.network.request(b!.network.peerId, utf8("hello")))).toBe("true hello");
  });
});

function portOf(node: TestNode): number {
  return Number(/tcp\/(\d+)/.exec(node.network.addresses[0]!)![1]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** A TCP relay to `target` whose connections can be cut. */
async function cuttableWire(target: number): Promise<{ port: number; cut(): void; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  const port = await listen(server);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const close = () => {
    cut();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port, cut, close };
}
