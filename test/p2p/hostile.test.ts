/**
 * What a node does with peers that are not allowed, not of its chain, or not sane. The hostile side is a bare
 * libp2p host that says what the test wants, byte by byte. An unhandled rejection anywhere fails the run.
 */

import type { Connection, MultiaddrConnection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it } from "vitest";
import { concatBytes, equalBytes, showHash, text, utf8 } from "../../src/base/bytes.ts";
import {
  CONNECTIONS_PER_PEER_MAX,
  HELLO_BYTES_MAX,
  MAIL_FRAME_BYTES_MAX,
  REQUEST_BYTES_MAX,
} from "../../src/base/limits.ts";
import { SILENT } from "../../src/base/log.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { CLOCK_PROTOCOL } from "../../src/p2p/clocks.ts";
import { topicName } from "../../src/p2p/gossip/rumor.ts";
import { frameStream } from "../../src/p2p/transport/frames.ts";
import { createGater, signClaim } from "../../src/p2p/transport/handshake.ts";
import type { Host } from "../../src/p2p/transport/host.ts";
import { peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import { MAIL_PROTOCOL } from "../../src/p2p/transport/mail.ts";
import { Meter } from "../../src/p2p/transport/meter.ts";
import { REQUEST_PROTOCOL } from "../../src/p2p/transport/requests.ts";
import { FIRST_HELLO_PROTOCOL, HELLO_PROTOCOL } from "../../src/p2p/transport/sessions.ts";
import {
  decodeHello,
  encodeHello,
  encodeMailFrame,
  encodeTransactionBatch,
  firstHello,
} from "../../src/p2p/transport/wire.ts";
import { dial, helloOf, LISTEN, openBareHost, sayHello, varint } from "./hostile-peer.ts";
import {
  addressOf,
  GENESIS,
  isWarmUp,
  nodeOptions,
  OTHER_GENESIS,
  quickened,
  type Setup,
  seedOf,
  TestNode,
  until,
  warmUp,
} from "./testnet.ts";

const nodes: TestNode[] = [];
const hosts: Host[] = [];

afterEach(async () => {
  await Promise.all([
    ...nodes.splice(0).map((node) => node.network.stop()),
    ...hosts.splice(0).map((host) => host.stop()),
  ]);
});

async function startNode(index: number, setup: Setup = {}, speed = 4): Promise<TestNode> {
  const node = new TestNode(nodeOptions(index, setup), quickened(speed));
  nodes.push(node);
  await node.start();
  return node;
}

/** A bare host with the identity of node `index`. */
async function startBareHost(index: number): Promise<Host> {
  const host = await openBareHost(index);
  hosts.push(host);
  return host;
}

async function connectProperly(host: Host, node: TestNode, index = 1): Promise<Connection> {
  const connection = await dial(host, node);
  await sayHello(connection, encodeHello(helloOf(index)));
  await until(() => node.network.peers().length === 1, "the HELLO is accepted");
  return connection;
}

function warning(node: TestNode, detail: string): boolean {
  return node.lines.some(({ level, fields }) => level === "warn" && String(fields.detail).includes(detail));
}

/** Publishes until the node has got something: a valid batch, or too early. */
async function reach(host: Host, topic: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const { recipients } = await host.services.gossip.publish(
      topic,
      encodeTransactionBatch([utf8(`warm-up ${i}`)]),
    );
    if (recipients.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("nobody listens");
}

async function closed(connection: Connection): Promise<void> {
  await until(() => connection.status !== "open", "the connection is closed");
}

describe("a stranger", () => {
  it("is refused as soon as its peer id is known, counted each time and logged once", async () => {
    const node = await startNode(0);
    const stranger = await startBareHost(9);
    for (let i = 0; i < 3; i++) {
      const connection = await dial(stranger, node).catch(() => undefined);
      if (connection !== undefined) await closed(connection);
      await until(() => node.network.counters.rejected["peer-not-allowed"] === i + 1, "counted");
    }
    const lines = node.lines.filter(({ message }) =>
      message.startsWith("peer refused: not on the allowlist"),
    );
    expect(lines.length).toBe(1);
    expect(lines[0]!.fields.peer).toBe(peerIdFromSeed(seedOf(9)));
    expect(node.connected).toEqual([]);
  });
});

describe("the gater", () => {
  it("refuses a stranger in both directions and lets an allowed peer pass", async () => {
    const meter = new Meter();
    const allowed = peerIdFromString(peerIdFromSeed(seedOf(1)));
    const stranger = peerIdFromString(peerIdFromSeed(seedOf(9)));
    const gater = createGater(new Set([allowed.toString()]), {
      meter,
      logger: SILENT,
      isBlocked: () => false,
      connectionsOf: () => CONNECTIONS_PER_PEER_MAX - 1,
    });
    const connection = { remoteAddr: multiaddr(LISTEN) } as MultiaddrConnection;
    expect(gater.denyInboundEncryptedConnection!(allowed, connection)).toBe(false);
    expect(gater.denyOutboundEncryptedConnection!(allowed, connection)).toBe(false);
    expect(gater.denyInboundEncryptedConnection!(stranger, connection)).toBe(true);
    expect(gater.denyOutboundEncryptedConnection!(stranger, connection)).toBe(true);
    expect(meter.counters.rejected["peer-not-allowed"]).toBe(2);
  });

  it("refuses one more connection of a peer that has as many as it may, whoever it is", () => {
    const meter = new Meter();
    const allowed = peerIdFromString(peerIdFromSeed(seedOf(1)));
    const gater = createGater(new Set([allowed.toString()]), {
      meter,
      logger: SILENT,
      isBlocked: () => false,
      connectionsOf: () => CONNECTIONS_PER_PEER_MAX,
    });
    const connection = { remoteAddr: multiaddr(LISTEN) } as MultiaddrConnection;
    expect(gater.denyInboundEncryptedConnection!(allowed, connection)).toBe(true);
    expect(meter.counters.rejected["peer-connections"]).toBe(1);
  });
});

describe("the handshake", () => {
  it("refuses another genesis and says both values on both sides", async () => {
    const ours = await startNode(0);
    const theirs = await startNode(1, { genesisHash: OTHER_GENESIS, staticPeers: [addressOf(ours)] });
    const line = (a: Uint8Array, b: Uint8Array) =>
      `genesis mismatch: ours ${showHash(a)}, peer's ${showHash(b)}`;
    await until(() => warning(ours, line(GENESIS, OTHER_GENESIS)), "our log line");
    await until(() => warning(theirs, line(OTHER_GENESIS, GENESIS)), "their log line");
    expect(ours.network.counters.rejected["hello-genesis"]).toBe(1);
    expect(ours.network.peers()).toEqual([]);
    expect(theirs.network.peers()).toEqual([]);
    // The next dial is half a minute away.
    expect(ours.connected.length + theirs.connected.length).toBe(0);
  });

  it("refuses another chain id", async () => {
    const ours = await startNode(0);
    await startNode(1, { chainId: 2n, staticPeers: [addressOf(ours)] });
    await until(() => warning(ours, "chain id mismatch: ours 1, peer's 2"), "our log line");
  });

  it("refuses another wire version without reading on", async () => {
    const node = await startNode(0);
    const connection = await dial(await startBareHost(1), node);
    await sayHello(connection, concatBytes(Uint8Array.of(0, 9, 0, 9), utf8("unheard of")));
    await closed(connection);
    expect(warning(node, "wire version mismatch: ours 2 to 4, peer's 9")).toBe(true);
    expect(node.network.counters.rejected["hello-wire-version"]).toBe(1);
  });

  it("admits a peer of the release before, whichever of the two dials", async () => {
    const node = await startNode(0);
    const older = { claim: helloOf(1).claim };
    const connection = await dial(await startBareHost(1), node);
    const answer = await sayHello(
      connection,
      encodeHello(firstHello(helloOf(1, older))),
      FIRST_HELLO_PROTOCOL,
    );
    expect(decodeHello(answer)).toMatchObject({ value: { wireVersion: 2, storage: undefined } });
    await until(() => node.network.peers().length === 1, "the older dialer is admitted");
    expect(node.network.peers()[0]).toMatchObject({ storage: undefined, rules: undefined });
    const listener = await startBareHost(2);
    const received: Uint8Array[] = [];
    await listener.handle(FIRST_HELLO_PROTOCOL, async (stream) => {
      const frames = frameStream(stream, HELLO_BYTES_MAX);
      received.push(await frames.read());
      await frames.write(encodeHello(firstHello(helloOf(2))));
    });
    const peerId = peerIdFromSeed(seedOf(2));
    const dialer = await startNode(3, {
      staticPeers: [{ name: "older", peerId, multiaddr: listener.getMultiaddrs()[0]!.toString() }],
    });
    await until(() => dialer.network.peers().length === 1, "the older listener is admitted");
    expect(decodeHello(received[0]!)).toMatchObject({ value: { wireVersion: 2, wireVersionMin: 2 } });
  });

  it("keeps what a peer says of its blocks and its rules", async () => {
    const node = await startNode(0);
    const storage = { mode: "pruned", lowestBody: 4097n } as const;
    await sayHello(await dial(await startBareHost(1), node), encodeHello(helloOf(1, { storage, rules: 2 })));
    await until(() => node.network.peers().length === 1, "connected");
    expect(node.network.peers()[0]).toMatchObject({ storage, rules: 2 });
    expect(node.lowest).toEqual([4097n]);
  });

  it("refuses a validator claim that is signed for another peer id", async () => {
    const node = await startNode(0);
    const connection = await dial(await startBareHost(1), node);
    await sayHello(connection, encodeHello(helloOf(1, { claim: helloOf(2).claim })));
    await closed(connection);
    expect(node.network.counters.rejected["hello-claim"]).toBe(1);
  });

  it("takes a peer without a claim, or with a key outside the set, as one that does not validate", async () => {
    const node = await startNode(0);
    const connection = await dial(await startBareHost(1), node);
    await sayHello(connection, encodeHello(helloOf(1, { claim: undefined })));
    await until(() => node.network.peers().length === 1, "connected");
    expect(node.network.peers()[0]!.validator).toBeUndefined();
    const outsider = signClaim(createSigner(seedOf(50, 1)), GENESIS, peerIdFromSeed(seedOf(2)));
    await sayHello(await dial(await startBareHost(2), node), encodeHello(helloOf(2, { claim: outsider })));
    await until(() => node.network.peers().length === 2, "both connected");
    expect(node.network.peers()[1]!.validator).toBeUndefined();
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["one byte", Uint8Array.of(1)],
    ["noise", new Uint8Array(100).fill(0xff)],
    ["a HELLO cut short", encodeHello(helloOf(1)).slice(0, -1)],
    ["a HELLO with a byte too many", concatBytes(encodeHello(helloOf(1)), Uint8Array.of(0))],
  ])("closes the connection on %s", async (_, bytes) => {
    const node = await startNode(0);
    const connection = await dial(await startBareHost(1), node);
    await sayHello(connection, bytes).catch(() => undefined);
    await closed(connection);
    const { rejected } = node.network.counters;
    expect((rejected["hello-malformed"] ?? 0) + (rejected["hello-wire-version"] ?? 0)).toBe(1);
    expect(node.connected).toEqual([]);
  });

  it("closes the connection on a frame that announces more than a HELLO may have", async () => {
    const node = await startNode(0);
    const connection = await dial(await startBareHost(1), node);
    const stream = await connection.newStream(HELLO_PROTOCOL);
    stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 1, 2, 3));
    await closed(connection);
    expect(node.network.counters.rejected["hello-malformed"]).toBe(1);
  });

  it("closes a connection on which nobody says HELLO", async () => {
    const node = await startNode(0, {}, 20);
    const connection = await dial(await startBareHost(1), node);
    await closed(connection);
    expect(node.network.counters.rejected["hello-timeout"]).toBe(1);
  });
});

describe("before the HELLO", () => {
  it("no mail, no request and no rumor is taken", async () => {
    const node = await startNode(0);
    const host = await startBareHost(1);
    host.services.gossip.subscribe(topicName(GENESIS, "blocks"));
    const connection = await dial(host, node);
    const mail = await connection.newStream(MAIL_PROTOCOL);
    await frameStream(mail, 100).write(encodeMailFrame([utf8("too early")]));
    const request = await connection.newStream(REQUEST_PROTOCOL);
    await frameStream(request, 100).write(utf8("too early"));
    await until(
      () => host.services.gossip.getSubscribers(topicName(GENESIS, "blocks")).length === 1,
      "subscribed",
    );
    // Again and again: the first may go to nobody, as the node is not in the mesh of the topic yet.
    let tries = 0;
    await until(() => {
      const early = utf8(`too early ${tries}`);
      if (tries++ % 20 === 0)
        host.services.gossip.publish(topicName(GENESIS, "blocks"), early).catch(() => {});
      return (node.network.counters.rejected["gossip-before-hello"] ?? 0) > 0;
    }, "the rumor is counted");
    await until(() => node.network.counters.rejected["mail-before-hello"] === 1, "the mail is counted");
    await until(() => node.network.counters.rejected["request-before-hello"] === 1, "the request is counted");
    expect([...node.mail, ...node.rumors]).toEqual([]);
  });
});

/** A frame of one message, of which little has come. */
function beginLarge(bytes: number): Uint8Array {
  const head = new Uint8Array(128);
  head.set([0, 0, 0, 1]);
  new DataView(head.buffer).setUint32(4, bytes - 8);
  return concatBytes(varint(bytes), head);
}

describe("mail", () => {
  async function mailStream(node: TestNode): Promise<Stream> {
    return (await connectProperly(await startBareHost(1), node)).newStream(MAIL_PROTOCOL);
  }

  it.each([
    ["an empty list", encodeMailFrame([])],
    ["noise", new Uint8Array(50).fill(0xee)],
    [
      "a list that promises too much",
      concatBytes(encodeMailFrame([utf8("x")]).slice(0, 3), Uint8Array.of(9, 0)),
    ],
  ])("drops %s, counts it and closes the stream only", async (_, frame) => {
    const node = await startNode(0);
    const stream = await mailStream(node);
    await frameStream(stream, 100).write(frame);
    await until(() => node.network.counters.rejected["mail-malformed"] === 1, "counted");
    await until(() => stream.status !== "open", "the stream is closed");
    expect(node.mail).toEqual([]);
    expect(node.network.peers().length).toBe(1);
  });

  it("keeps two streams of a validator over all its connections", async () => {
    const node = await startNode(0);
    const host = await startBareHost(1);
    const first = await connectProperly(host, node);
    const second = await host.dial(multiaddr(node.network.addresses[0]!), { force: true });
    await sayHello(second, encodeHello(helloOf(1)));
    for (const connection of [first, first, second]) {
      const stream = await connection.newStream(MAIL_PROTOCOL);
      stream.send(varint(1_000));
    }
    await until(() => node.network.counters.rejected["mail-streams"] === 1, "the oldest is cut off");
  });

  it("awaits one large frame of a validator over all its connections", async () => {
    const node = await startNode(0);
    const host = await startBareHost(1);
    const first = await connectProperly(host, node);
    const second = await host.dial(multiaddr(node.network.addresses[0]!), { force: true });
    await sayHello(second, encodeHello(helloOf(1)));
    const oldest = await first.newStream(MAIL_PROTOCOL);
    oldest.send(beginLarge(MAIL_FRAME_BYTES_MAX));
    const newest = await second.newStream(MAIL_PROTOCOL);
    newest.send(beginLarge(MAIL_FRAME_BYTES_MAX));
    await until(() => node.network.counters.rejected["mail-unfinished"] === 1, "one is cut off");
    expect(node.announced).toEqual([MAIL_FRAME_BYTES_MAX - 8, MAIL_FRAME_BYTES_MAX - 8]);
  });

  it("of more than 64 KiB is kept only where it is awaited, and what stands behind it is read", async () => {
    const node = await startNode(0);
    const frames = frameStream(await mailStream(node), 100);
    const large = (bytes: number) => new Uint8Array(bytes).fill(bytes % 251);
    node.awaits = (bytes) => bytes === 200_000;
    for (const messages of [
      [large(65_535)],
      [large(100_000)],
      [utf8("vote 1")],
      [large(200_000)],
      [large(40_000), large(40_001)],
      [utf8("vote 2")],
    ]) {
      await frames.write(encodeMailFrame(messages), 5_000);
    }
    await until(() => node.mail.length === 4, "what is awaited and what is small arrived");
    expect(node.mail.map(({ bytes }) => bytes.length)).toEqual([65_535, 6, 200_000, 6]);
    expect(equalBytes(node.mail[2]!.bytes, large(200_000))).toBe(true);
    expect(node.announced).toEqual([100_000, 200_000]);
    expect(node.network.counters.rejected["mail-unasked"]).toBe(2);
  });

  it("drops a frame that announces more than the bound", async () => {
    const node = await startNode(0);
    const stream = await mailStream(node);
    stream.send(varint(MAIL_FRAME_BYTES_MAX + 1));
    await until(() => node.network.counters.rejected["mail-malformed"] === 1, "counted");
  });

  it("is taken from validators only", async () => {
    const node = await startNode(0);
    const connection = await dial(await startBareHost(1), node);
    await sayHello(connection, encodeHello(helloOf(1, { claim: undefined })));
    const stream = await connection.newStream(MAIL_PROTOCOL);
    // The stream may be closed before anything can be said on it.
    await frameStream(stream, 100)
      .write(encodeMailFrame([utf8("vote")]))
      .catch(() => undefined);
    await until(() => node.network.counters.rejected["mail-not-validator"] === 1, "counted");
    expect(node.mail).toEqual([]);
  });

  it("never throws on what it is given, and counts what is too large", async () => {
    const node = await startNode(0);
    node.network.mail(3, new Uint8Array(MAIL_FRAME_BYTES_MAX));
    node.network.mail(999, utf8("nobody"));
    expect(node.network.counters.rejected["mail-too-large"]).toBe(1);
  });
});

describe("requests", () => {
  it("are refused when the receiver throws, and the peer stays", async () => {
    const node = await startNode(0);
    const asker = await startNode(1, { staticPeers: [addressOf(node)] });
    node.answer = () => Promise.reject(new Error("malformed"));
    await until(() => asker.network.peers().length === 1, "connected");
    await expect(asker.network.request(node.network.peerId, utf8("?"))).rejects.toThrow(
      "refused the request",
    );
    expect(node.network.counters.rejected["request-refused"]).toBe(1);
    expect(asker.network.peers().length).toBe(1);
  });

  it("are told busy, politely, when a peer asks too much at once", async () => {
    const node = await startNode(0);
    const connection = await connectProperly(await startBareHost(1), node);
    let release: () => void = () => undefined;
    const delay = new Promise<void>((resolve) => {
      release = resolve;
    });
    node.answer = async (_, bytes) => {
      await delay;
      return bytes;
    };
    const ask = async () => {
      const frames = frameStream(await connection.newStream(REQUEST_PROTOCOL), 1_000);
      await frames.write(utf8("?"));
      return (await frames.read())[0];
    };
    const answers = Array.from({ length: 6 }, ask);
    await until(() => node.network.counters.rejected["request-busy"] === 2, "two are told");
    release();
    expect((await Promise.all(answers)).sort()).toEqual([0, 0, 0, 0, 1, 1]);
  });

  it("fail at once for an absent peer and when too many are under way", async () => {
    const node = await startNode(0);
    const asker = await startNode(1, { staticPeers: [addressOf(node)] });
    await expect(asker.network.request(peerIdFromSeed(seedOf(3)), utf8("?"))).rejects.toThrow(
      "not connected",
    );
    await until(() => asker.network.peers().length === 1, "connected");
    const asked = Array.from({ length: 6 }, () => asker.network.request(node.network.peerId, utf8("?")));
    const results = await Promise.allSettled(asked);
    expect(results.filter(({ status }) => status === "rejected").length).toBe(2);
  });

  it.each([
    ["a frame that announces too much", varint(REQUEST_BYTES_MAX + 1)],
    ["an empty frame", Uint8Array.of(0)],
    ["a length not in its shortest form", Uint8Array.of(0x81, 0x00, 1)],
    ["a length without end", new Uint8Array(20).fill(0xff)],
  ])("are dropped when they are %s", async (_, bytes) => {
    const node = await startNode(0);
    const connection = await connectProperly(await startBareHost(1), node);
    const stream = await connection.newStream(REQUEST_PROTOCOL);
    stream.send(bytes);
    await until(() => node.network.counters.rejected["request-malformed"] === 1, "counted");
    expect(node.network.peers().length).toBe(1);
  });

  it("end with an error when the answerer breaks off", async () => {
    const node = await startNode(0);
    const host = await startBareHost(1);
    await host.handle(REQUEST_PROTOCOL, (stream) => stream.abort(new Error("no")));
    await connectProperly(host, node);
    await expect(node.network.request(peerIdFromSeed(seedOf(1)), utf8("?"))).rejects.toThrow("failed");
  });
});

describe("rumors", () => {
  it("that do not decode are rejected and counted, and never reach the receiver", async () => {
    const node = await startNode(0);
    const host = await startBareHost(1);
    const topic = topicName(GENESIS, "transactions");
    host.services.gossip.subscribe(topic);
    await connectProperly(host, node);
    await reach(host, topic);
    for (const bytes of [
      new Uint8Array(0),
      Uint8Array.of(0, 0, 0, 0),
      utf8("noise"),
      new Uint8Array(70_000),
    ]) {
      await host.services.gossip.publish(topic, bytes);
    }
    await until(() => node.network.counters.rejected["gossip-malformed"] === 4, "counted");
    expect(node.rumors.filter((rumor) => !isWarmUp(rumor))).toEqual([]);
  });

  it("of a mixed batch are passed on anew without the refused ones", async () => {
    const [a, b] = [await startNode(0), await startNode(1)];
    const middle = await startNode(2, { staticPeers: [addressOf(a), addressOf(b)] });
    middle.judge = (topic, bytes) => (topic === "transactions" && bytes[0] === 0x62 ? "ignore" : "accept");
    await warmUp(a, [middle]);
    await warmUp(middle, [a, b]);
    for (const transaction of ["a1", "b2", "c3"]) a.network.publish("transactions", utf8(transaction));
    const received = () => b.rumors.filter(({ topic }) => topic === "transactions");
    await until(() => received().length === 2, "the good ones arrived");
    expect(received().map(({ bytes }) => text(bytes))).toEqual(["a1", "c3"]);
    expect(middle.network.counters.rejected["gossip-ignored"]).toBe(1);
  });

  it("survive a receiver that throws", async () => {
    const a = await startNode(0);
    const b = await startNode(1, { staticPeers: [addressOf(a)] });
    await until(() => a.network.peers().length === 1, "connected");
    await warmUp(a, [b]);
    b.judge = () => {
      throw new Error("disk full");
    };
    a.network.publish("evidence", utf8("against somebody"));
    await until(() => b.lines.some(({ message }) => message === "a rumor could not be judged"), "logged");
  });
});

describe("a busy port", () => {
  it("is explained with the port and another one to try", async () => {
    const node = await startNode(0);
    const port = Number(/tcp\/(\d+)/.exec(node.network.addresses[0]!)![1]);
    const second = new TestNode(nodeOptions(1, { listen: `/ip4/127.0.0.1/tcp/${port}` }));
    const message = `port ${port} on 127.0.0.1 is in use by another process: stop it, or listen on another port, for instance ${port + 1}`;
    await expect(second.start()).rejects.toThrow(message);
    await second.network.stop();
  });
});

describe("a question for the time", () => {
  const askTime = async (connection: Connection): Promise<number> => {
    const stream = await connection.newStream(CLOCK_PROTOCOL);
    const frames = frameStream(stream, 8);
    await frames.write(Uint8Array.of(0));
    const answer = await frames.read(AbortSignal.timeout(3_000));
    await stream.close();
    return answer.length;
  };

  it("is answered ten times at once and no more", async () => {
    const node = await startNode(0);
    const connection = await connectProperly(await startBareHost(1), node);
    let answers = 0;
    while (answers < 100 && (await askTime(connection).catch(() => 0)) === 8) answers++;
    expect(answers).toBeGreaterThanOrEqual(10);
    expect(answers).toBeLessThan(100);
    expect(node.network.peers()[0]!.clock).toBeUndefined(); // a peer that does not know the protocol
  });

  it("is not answered before the HELLO", async () => {
    const node = await startNode(0);
    const connection = await dial(await startBareHost(1), node);
    await expect(askTime(connection)).rejects.toThrow();
  });
});
