/** A bare libp2p host that says what a test wants, byte by byte, to a node of src/p2p. */
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { HELLO_BYTES_MAX } from "../../src/base/limits.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { topicName } from "../../src/p2p/gossip/rumor.ts";
import { frameStream } from "../../src/p2p/transport/frames.ts";
import { signClaim } from "../../src/p2p/transport/handshake.ts";
import { createHost, type Host, startHost } from "../../src/p2p/transport/host.ts";
import { identityFromSeed, peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import { HELLO_PROTOCOL } from "../../src/p2p/transport/sessions.ts";
import { type Hello, WIRE_VERSION } from "../../src/p2p/transport/wire.ts";
import { GENESIS, seedOf, type TestNode } from "./testnet.ts";

export const LISTEN = "/ip4/127.0.0.1/tcp/0";

/** A bare host with the identity of node `index`, started. */
export async function openBareHost(index: number): Promise<Host> {
  const topics = [topicName(GENESIS, "transactions"), topicName(GENESIS, "blocks")];
  const host = await createHost({
    identity: identityFromSeed(seedOf(index)),
    listen: LISTEN,
    gater: {},
    topics,
  });
  await startHost(host, LISTEN);
  return host;
}

export function dial(host: Host, node: TestNode): Promise<Connection> {
  return host.dial(multiaddr(node.network.addresses[0]!));
}

export function helloOf(index: number, changes: Partial<Hello> = {}): Hello {
  const claim = signClaim(createSigner(seedOf(index, 1)), GENESIS, peerIdFromSeed(seedOf(index)));
  const hello = {
    wireVersion: WIRE_VERSION,
    wireVersionMin: WIRE_VERSION,
    storage: { mode: "archive", lowestBody: 1n } as const,
    rules: 1,
    chainId: 1n,
    genesisHash: GENESIS,
    name: "bare",
    headHeight: 0n,
  };
  return { ...hello, claim, ...changes };
}

/** Says `bytes` as HELLO and reads the node's. */
export async function sayHello(
  connection: Connection,
  bytes: Uint8Array,
  protocol = HELLO_PROTOCOL,
): Promise<Uint8Array> {
  const stream = await connection.newStream(protocol);
  const frames = frameStream(stream, HELLO_BYTES_MAX);
  await frames.write(bytes);
  return frames.read(AbortSignal.timeout(3_000));
}

/** The length of a frame, as it goes before it. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
