/**
 * The only place that makes a libp2p node: TCP, noise, yamux, identify, ping and gossipsub, with the bounds of a
 * small permissioned network. It knows no layout of ours. Adapter for libp2p and its modules.
 *
 * Two settings differ from most examples. `asyncValidation` stays off: a topic validator that returns a promise
 * is awaited before a message is delivered or forwarded anyway, while `asyncValidation` would forward nothing
 * until a method is called that the public interface does not have. The limits on inbound connections are per
 * host, and all nodes of a devnet share 127.0.0.1, so they are raised.
 *
 * This folder: from a libp2p host to whole frames of known peers: handshake, sessions, direct mail, requests, the
 * bounds of what a peer may hold or open. Not here: what the frames say beyond wire.ts.
 */
import "./polyfill.ts";
import { type GossipSub, gossipsub, StrictNoSign } from "@chainsafe/libp2p-gossipsub";
import { identify } from "@libp2p/identify";
import type { ConnectionGater, Libp2p, PrivateKey, StreamMuxer } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { concatBytes, utf8 } from "../../base/bytes.ts";
import {
  CONNECTIONS_MAX,
  GOSSIP_BYTES_MAX,
  GOSSIP_OUTBOUND_BYTES_MAX,
  P2P_HELD_BYTES_MAX,
  P2P_HELD_BYTES_PER_PEER_MAX,
} from "../../base/limits.ts";
import { sha256 } from "../../crypto/hash.ts";
import type { InboundPeer } from "../discovery/inbound-slots.ts";
import { guardedYamux, type MuxerGuard } from "./guarded-muxer.ts";
import { noteProtocolsOnce } from "./known-protocols.ts";
import type { Rejection } from "./meter.ts";
import { noiseCrypto } from "./noise-crypto.ts";
import { HeldBytes } from "./peer-held-bytes.ts";

export type Host = Libp2p<{ readonly gossip: GossipSub }>;

export interface HostOptions {
  readonly identity: PrivateKey;
  /** A multiaddr such as /ip4/127.0.0.1/tcp/9000. Port 0 takes a free one. */
  readonly listen: string;
  readonly gater: ConnectionGater;
  /** Gossip on other topics is neither subscribed nor relayed. */
  readonly topics: readonly string[];
  /** Bytes from which on a message is announced to the mesh (IDONTWANT); the library's 512 if left out. */
  readonly announcedFrom?: number;
  /** What the muxer refuses is counted here. */
  rejected?(reason: Rejection): void;
  /** The library threw where nobody would have caught it; that connection was closed. */
  libraryFailed?(error: Error): void;
}

/**
 * Entries that one RPC may have; with more it is not looked at. There are three topics, and GRAFT and PRUNE
 * name one each.
 */
export const GOSSIP_RPC_LIMITS = {
  maxSubscriptions: 16,
  maxMessages: 1_000,
  maxControlMessages: 32,
  maxIhaveMessageIDs: 5_000,
  maxIwantMessageIDs: 5_000,
  maxIdontwantMessageIDs: 512,
  maxPeerInfos: 0,
};
const PING_INTERVAL_MS = 10_000;
const DIAL_TIMEOUT_MS = 5_000;

/** A host that does not listen yet: protocols are registered first, then {@link startHost}. */
export async function createHost(options: HostOptions): Promise<Host> {
  const muxers = guardedYamux(muxerGuard(options));
  const host = await createLibp2p({
    start: false,
    privateKey: options.identity,
    nodeInfo: { name: "quorate", userAgent: "quorate" },
    addresses: { listen: [options.listen] },
    transports: [tcp()],
    connectionEncrypters: [noise({ crypto: noiseCrypto() })],
    streamMuxers: [muxers.factory],
    connectionGater: options.gater,
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: CONNECTIONS_MAX,
      maxIncomingPendingConnections: CONNECTIONS_MAX,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS,
      reconnectRetries: 0,
    },
    // A dead connection is found by its pings; a busy one must not be mistaken for it.
    connectionMonitor: { pingInterval: PING_INTERVAL_MS, pingTimeout: { minTimeout: 2 * PING_INTERVAL_MS } },
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub(gossipOptions(options)),
    },
  });
  const forget = noteProtocolsOnce(host.peerStore, () => performance.now());
  host.addEventListener("peer:disconnect", ({ detail }) => forget(detail.toString()));
  host.addEventListener("connection:open", ({ detail }) => {
    muxers.connected(detail as { readonly muxer?: StreamMuxer }, detail.remotePeer.toString());
  });
  return host;
}

function muxerGuard({ rejected, libraryFailed }: HostOptions): MuxerGuard {
  return {
    held: new HeldBytes({ perPeer: P2P_HELD_BYTES_PER_PEER_MAX, altogether: P2P_HELD_BYTES_MAX }),
    now: () => Date.now(),
    rejected: (reason) => rejected?.(reason),
    libraryFailed: (error) => libraryFailed?.(error),
  };
}

/** @throws Error naming the address and what to do when it cannot be listened on. */
export async function startHost(host: Host, listen: string): Promise<void> {
  try {
    await host.start();
  } catch (error) {
    await host.stop();
    throw explainListenError(listen, error);
  }
}

/** Resolves when a connection exists. @throws Error when there is none to be had. */
export async function dialPeer(
  host: Host,
  peer: { readonly peerId: string; readonly multiaddr: string },
): Promise<void> {
  const suffix = `/p2p/${peer.peerId}`;
  const address = peer.multiaddr.endsWith(suffix) ? peer.multiaddr : `${peer.multiaddr}${suffix}`;
  await host.dial(multiaddr(address));
}

/** Ends all connections with a peer at once. */
export function closePeer(host: Host, peerId: string): void {
  for (const connection of host.getConnections()) {
    if (connection.remotePeer.toString() === peerId) connection.abort(new Error("not wanted any more"));
  }
}

/** The peers with connections that they opened, each with its oldest. */
export function inboundPeers(
  host: Host,
): readonly Pick<InboundPeer, "peerId" | "multiaddr" | "connectedAtMs" | "latencyMs">[] {
  const inbound = host.getConnections().filter((one) => one.direction === "inbound" && one.status === "open");
  inbound.sort((a, b) => b.timeline.open - a.timeline.open);
  const byPeer = new Map(inbound.map((connection) => [connection.remotePeer.toString(), connection]));
  return [...byPeer].map(([peerId, { remoteAddr, timeline, rtt }]) => {
    return { peerId, multiaddr: remoteAddr.toString(), connectedAtMs: timeline.open, latencyMs: rtt };
  });
}

/** How many connections there are with a peer. */
export function connectionsOf(host: Host, peerId: string): number {
  return host.getConnections().filter((one) => one.remotePeer.toString() === peerId).length;
}

function gossipOptions({ topics, announcedFrom }: HostOptions): Parameters<typeof gossipsub>[0] {
  return {
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: ({ topic, data }) => sha256(concatBytes(utf8(topic), data)),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    canRelayMessage: false,
    allowedTopics: [...topics],
    ...(announcedFrom === undefined ? {} : { idontwantMinDataSize: announcedFrom }),
    maxInboundDataLength: GOSSIP_BYTES_MAX,
    decodeRpcLimits: GOSSIP_RPC_LIMITS,
    // One RPC of a peer after the other: gossip-guard.ts reads on when the last one is paid for.
    awaitRpcHandler: true,
    maxOutboundBufferSize: GOSSIP_OUTBOUND_BYTES_MAX,
    doPX: false,
    scoreParams: {
      IPColocationFactorWeight: 0,
      topics: Object.fromEntries(topics.map((topic) => [topic, topicScore()])),
    },
    scoreThresholds: { gossipThreshold: -100, publishThreshold: -200, graylistThreshold: -400 },
  };
}

/**
 * Known organisations: only provably invalid messages cost anything (the square of their number), forgotten
 * within minutes; who delivers first or sits in the mesh for long earns nothing.
 */
function topicScore() {
  return {
    topicWeight: 1,
    timeInMeshWeight: 0,
    timeInMeshQuantum: 1_000,
    timeInMeshCap: 1,
    firstMessageDeliveriesWeight: 0,
    firstMessageDeliveriesDecay: 0.5,
    firstMessageDeliveriesCap: 1,
    meshMessageDeliveriesWeight: 0,
    meshMessageDeliveriesDecay: 0.5,
    meshMessageDeliveriesCap: 1,
    meshMessageDeliveriesThreshold: 1,
    meshMessageDeliveriesWindow: 10,
    meshMessageDeliveriesActivation: 1_000,
    meshFailurePenaltyWeight: 0,
    meshFailurePenaltyDecay: 0.5,
    invalidMessageDeliveriesWeight: -1,
    invalidMessageDeliveriesDecay: 0.97,
  };
}

function explainListenError(listen: string, cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const { host, port } = hostAndPort(listen);
  if (message.includes("EADDRINUSE")) {
    const advice = `stop it, or listen on another port, for instance ${port + 1}`;
    return new Error(`port ${port} on ${host} is in use by another process: ${advice}`, { cause });
  }
  if (message.includes("EACCES")) {
    return new Error(`port ${port} on ${host} needs privileges: choose one above 1023`, { cause });
  }
  if (message.includes("EADDRNOTAVAIL")) {
    return new Error(`${host} is not an address of this machine: listen on one that is`, { cause });
  }
  return new Error(`cannot listen on ${listen}: ${message}`, { cause });
}

function hostAndPort(listen: string): { host: string; port: number } {
  const components = multiaddr(listen).getComponents();
  const port = components.find(({ name }) => name === "tcp")?.value;
  return { host: components[0]?.value ?? listen, port: Number(port ?? 0) };
}
