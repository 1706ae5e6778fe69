/**
 * A peer that is allowed, says a proper HELLO and then tries everything: noise, oversized, unfinished and endless frames,
 * wrong kinds, questions whose answers it does not read, and streams torn down half-way, on every protocol of a real port.
 * Afterwards an honest peer is served as before. An unhandled rejection anywhere fails the run.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { afterEach, expect, it } from "vitest";
import { concatBytes, equalBytes, text, utf8 } from "../../src/base/bytes.ts";
import { MAIL_FRAME_BYTES_MAX, REQUEST_BYTES_MAX } from "../../src/base/limits.ts";
import { CLOCK_PROTOCOL } from "../../src/p2p/clocks.ts";
import { topicName } from "../../src/p2p/gossip/rumor.ts";
import type { Host } from "../../src/p2p/transport/host.ts";
import { MAIL_PROTOCOL } from "../../src/p2p/transport/mail.ts";
import { REQUEST_PROTOCOL } from "../../src/p2p/transport/requests.ts";
import { HELLO_PROTOCOL } from "../../src/p2p/transport/sessions.ts";
import { encodeHello, encodeMailFrame, encodeTransactionBatch } from "../../src/p2p/transport/wire.ts";
import { dial, helloOf, openBareHost, sayHello, varint } from "./hostile-peer.ts";
import { seeded } from "./seeded.ts";
import { addressOf, GENESIS, nodeOptions, OTHER_GENESIS, TestNode, until, warmUp } from "./testnet.ts";

const PROTOCOLS = {
  HELLO: HELLO_PROTOCOL,
  mail: MAIL_PROTOCOL,
  requests: REQUEST_PROTOCOL,
  clock: CLOCK_PROTOCOL,
  gossip: "/meshsub/1.2.0",
  ping: "/ipfs/ping/1.0.0",
  identify: "/ipfs/id/1.0.0",
};
const STREAMS = 12;
const VALIDATORS = 4;
const HONEST = 3;

const nodes: TestNode[] = [];
const hosts: Host[] = [];
afterEach(async () => {
  await Promise.all([
    ...nodes.splice(0).map(({ network }) => network.stop()),
    ...hosts.splice(0).map((h) => h.stop()),
  ]);
});

async function startNode(index: number, peer?: TestNode): Promise<TestNode> {
  const staticPeers = peer === undefined ? [] : [addressOf(peer)];
  const node = new TestNode(nodeOptions(index, { staticPeers, validatorCount: VALIDATORS }));
  nodes.push(node);
  await node.start();
  return node;
}

const random = seeded(20_261_129);
const noise = (bytes: number) => Uint8Array.from({ length: bytes }, () => Math.floor(256 * random()));

/** What is sent into a stream of any protocol; what comes back is not read. */
const STREAM_TRIES: Readonly<Record<string, (stream: Stream) => void>> = {
  noise: (stream) => void stream.send(noise(1 + Math.floor(300 * random()))),
  "framed noise": (stream) => void stream.send(concatBytes(varint(64), noise(64))),
  "many frames of noise": (stream) => {
    for (let i = 0; i < 20; i++) stream.send(concatBytes(varint(32), noise(32)));
  },
  "an empty frame": (stream) => void stream.send(Uint8Array.of(0)),
  "a frame that is never finished": (stream) => void stream.send(concatBytes(varint(5_000), noise(3))),
  "a frame beyond every bound": (stream) => void stream.send(varint(2 ** 31)),
  "a length without end": (stream) => void stream.send(new Uint8Array(20).fill(0xff)),
  "a length in more bytes than it takes": (stream) => void stream.send(Uint8Array.of(0x81, 0x00, 1)),
  "an abort in the middle of a frame": (stream) => {
    stream.send(concatBytes(varint(500), noise(10)));
    stream.abort(new Error("torn down"));
  },
  "nothing at all": () => undefined,
};

/** What belongs to one protocol: right in form, wrong in what it says. */
const CONTENT_TRIES: readonly (readonly [protocol: string, bytes: () => Uint8Array])[] = [
  [HELLO_PROTOCOL, () => framed(encodeHello(helloOf(1)))],
  [HELLO_PROTOCOL, () => framed(encodeHello(helloOf(1, { genesisHash: OTHER_GENESIS })))],
  [HELLO_PROTOCOL, () => framed(encodeHello(helloOf(2)))],
  [MAIL_PROTOCOL, () => framed(encodeMailFrame([]))],
  [MAIL_PROTOCOL, () => framed(encodeMailFrame(Array.from({ length: 50 }, () => noise(20))))],
  [MAIL_PROTOCOL, () => varint(MAIL_FRAME_BYTES_MAX + 1)],
  [REQUEST_PROTOCOL, () => varint(REQUEST_BYTES_MAX + 1)],
  [REQUEST_PROTOCOL, () => framed(noise(REQUEST_BYTES_MAX))],
];

const framed = (bytes: Uint8Array) => concatBytes(varint(bytes.length), bytes);

/** An attacker's connection as long as the node keeps it; after a HELLO again when it does not. */
class Attacker {
  readonly #host: Host;
  readonly #node: TestNode;
  readonly #index: number;
  #connection: Connection | undefined;

  constructor(host: Host, node: TestNode, index: number) {
    this.#host = host;
    this.#node = node;
    this.#index = index;
  }

  /** Undefined while the node lets this peer in no more. */
  async connection(): Promise<Connection | undefined> {
    if (this.#connection?.status === "open") return this.#connection;
    try {
      this.#connection = await dial(this.#host, this.#node);
      await sayHello(this.#connection, encodeHello(helloOf(this.#index)));
    } catch {
      this.#connection = undefined;
    }
    return this.#connection;
  }

  /** Refusals are what it came for. */
  async into(protocol: string, attempt: (stream: Stream) => void): Promise<void> {
    try {
      const connection = await this.connection();
      if (connection === undefined) return;
      attempt(await connection.newStream(protocol, { signal: AbortSignal.timeout(2_000) }));
    } catch {
      // The stream or the connection is gone.
    }
  }
}

it("a node outlives whatever an allowed peer does on each protocol after its HELLO, and serves the honest one", async () => {
  const node = await startNode(0);
  node.answer = async (from, bytes) =>
    from === honest.network.peerId ? bytes : new Uint8Array(200_000).fill(bytes[0] ?? 0);
  const honest = await startNode(HONEST, node);
  const attackers: Attacker[] = [];
  for (const index of [1, 2]) {
    const host = await openBareHost(index);
    hosts.push(host);
    attackers.push(new Attacker(host, node, index));
  }
  const accepted = await Promise.all(attackers.map((attacker) => attacker.connection()));
  expect(accepted.every((connection) => connection !== undefined)).toBe(true);
  await until(() => node.network.peers().length === 3, "both are accepted, beside the honest one");

  for (const attacker of attackers) {
    for (const protocol of Object.values(PROTOCOLS)) {
      for (const attempt of Object.values(STREAM_TRIES)) await attacker.into(protocol, attempt);
    }
    for (const [protocol, bytes] of CONTENT_TRIES) {
      await attacker.into(protocol, (stream) => void stream.send(bytes()));
    }
    // Questions whose answers nobody reads, and streams on which nothing is ever finished, as many as there may be.
    for (let i = 0; i < STREAMS; i++) {
      await attacker.into(REQUEST_PROTOCOL, (stream) => {
        stream.pause();
        stream.send(framed(utf8(`unread ${i}`)));
      });
      await attacker.into(MAIL_PROTOCOL, (stream) => void stream.send(concatBytes(varint(1_000), noise(1))));
    }
  }
  for (const host of hosts) await gossipBadly(host);

  // The honest peer has been there all the time, and is served as before.
  expect(node.network.peers().map(({ peerId }) => peerId)).toContain(honest.network.peerId);
  expect(honest.disconnected).toEqual([]);
  expect(text(await honest.network.request(node.network.peerId, utf8("still there?")))).toBe("still there?");
  honest.network.mail(0, utf8("a vote"));
  await until(() => node.mail.some(({ bytes }) => equalBytes(bytes, utf8("a vote"))), "mail arrives");
  await warmUp(honest, [node]);
  expect(node.lines.filter(({ level }) => level === "error")).toEqual([]);
  const { rejected } = node.network.counters;
  for (const kind of ["mail-malformed", "request-malformed"] as const)
    expect(rejected[kind], kind).toBeGreaterThan(0);

  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  await until(() => node.network.peers().length === 1, "who is gone is forgotten");
});

/** Rumors of every wrong form on the node's topics and on one that it does not have. */
async function gossipBadly(host: Host): Promise<void> {
  const topics = [topicName(GENESIS, "transactions"), topicName(GENESIS, "blocks"), "quorate/none"];
  for (const topic of topics) {
    const batch = encodeTransactionBatch(Array.from({ length: 10 }, () => noise(50)));
    for (const bytes of [new Uint8Array(0), noise(100), new Uint8Array(70_000), batch]) {
      await host.services.gossip.publish(topic, bytes).catch(() => undefined);
    }
  }
}
