import { afterEach, describe, expect, it } from "vitest";
import { text, utf8 } from "../../src/base/bytes.ts";
import type { Network } from "../../src/node/ports.ts";
import { addressOf, isWarmUp, nodeOptions, startNodes, TestNode, until, warmUp } from "./testnet.ts";

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
    const port = Number(/tcp\/(\d+)/.exec(b!.network.addresses[0]!)![1]);
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

  it("spreads transactions in batches and announcements to everyone", async () => {
    const nodes = await startNodes(4, opened);
    const sent = Array.from({ length: 500 }, (_, i) => `transaction ${i}`);
    await warmUp(nodes[0]!, nodes.slice(1));
    for (const transaction of sent) nodes[0]!.network.publish("transactions", utf8(transaction));
    nodes[0]!.network.publish("blocks", utf8("a block"));
    for (const node of nodes.slice(1)) {
      const rumors = () => node.rumors.filter((rumor) => !isWarmUp(rumor));
      await until(() => rumors().length === sent.length + 1, "all rumors arrived");
      const received = node.rumors.filter(({ topic }) => topic === "transactions");
      expect(received.map(({ bytes }) => text(bytes))).toEqual(sent);
    }
  });

  it("answers requests", async () => {
    const [a, b] = await startNodes(2, opened);
    b!.answer = async (from, bytes) => utf8(`${from === a!.network.peerId} ${text(bytes)}`);
    expect(text(await a!.network.request(b!.network.peerId, utf8("hello")))).toBe("true hello");
  });
});
