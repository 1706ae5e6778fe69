/** Methods that speak of the pool and of the peers. */
import { z } from "zod";
import type { PeerView } from "../api.ts";
import { method } from "../jsonrpc/method.ts";
import { count, timeMs, wide } from "../schemas/answer-fields.ts";
import { showWide } from "../schemas/show-numbers.ts";
import { PEER } from "./examples.ts";

const ADDRESS = "/ip4/127.0.0.1/tcp/30300";

export const poolStatus = method({
  name: "mempool_status",
  summary: "How full the pool of pending transactions is.",
  kind: "read",
  live: true,
  params: z.strictObject({}),
  result: z.strictObject({
    transactions: count,
    bytes: count,
    executable: count.meta({ description: "of them, those that could run now, one after the other" }),
    queued: count.meta({
      description: "of them, those that wait for an earlier nonce; no other node has them from here",
    }),
    transactionsMax: count,
    bytesMax: count,
  }),
  examples: [
    {
      name: "an idle node",
      params: {},
      result: {
        transactions: 0,
        bytes: 0,
        executable: 0,
        queued: 0,
        transactionsMax: 20000,
        bytesMax: 33554432,
      },
    },
  ],
  call({ api }) {
    const { transactions, bytes, executable, queued, transactionsMax, bytesMax } = api.pool();
    return { transactions, bytes, executable, queued, transactionsMax, bytesMax };
  },
});

export const netInfo = method({
  name: "net_info",
  summary: "This node's peer id, where it listens, and how many peers it has.",
  kind: "read",
  live: true,
  params: z.strictObject({}),
  result: z.strictObject({
    peerId: z.string(),
    listening: z.array(z.string()),
    peers: count,
    inbound: count,
    outbound: count,
    blocked: z
      .array(z.string())
      .meta({ description: "peer ids that it is cut off from on purpose (devnet_setPartition)" }),
  }),
  examples: [
    {
      name: "one of four validators",
      params: {},
      result: { peerId: PEER, listening: [ADDRESS], peers: 3, inbound: 1, outbound: 2, blocked: [] },
    },
  ],
  call({ api }) {
    const peers = api.peers();
    const inbound = peers.filter((peer) => peer.direction === "inbound").length;
    return {
      peerId: api.info().peerId,
      listening: [...api.listenAddresses()],
      peers: peers.length,
      inbound,
      outbound: peers.length - inbound,
      blocked: [...api.blockedPeers()],
    };
  },
});

export const netPeers = method({
  name: "net_peers",
  summary: "The connected peers.",
  kind: "read",
  live: true,
  params: z.strictObject({}),
  result: z.array(
    z.strictObject({
      peerId: z.string(),
      name: z.string().nullable(),
      addr: z.string(),
      direction: z.enum(["inbound", "outbound"]),
      role: z.enum(["validator", "full"]),
      latencyMs: z.number().nonnegative().nullable(),
      bytesIn: count,
      bytesOut: count,
      height: wide.nullable().meta({ description: "the head that it last told, a hint" }),
      clockOffsetMs: z
        .number()
        .int()
        .nullable()
        .meta({ description: "its clock minus this node's; null while it is not measured" }),
      clockErrorMs: count.nullable().meta({ description: "the offset is right to within so much" }),
      storage: z
        .strictObject({
          mode: z.enum(["archive", "pruned"]),
          lowestBody: wide.meta({ description: "lowest block whose body it had when it connected" }),
        })
        .nullable()
        .meta({ description: "as it said at the handshake; null for a peer of the release before" }),
      rulesKnown: count
        .nullable()
        .meta({ description: "highest rules of the chain that its program knows; null as above" }),
      sinceMs: timeMs.meta({ description: "when it connected, ms since the Unix epoch" }),
    }),
  ),
  examples: [
    {
      name: "one peer",
      params: {},
      result: [
        {
          peerId: PEER,
          name: "node1",
          addr: ADDRESS,
          direction: "outbound",
          role: "validator",
          latencyMs: 0.4,
          bytesIn: 10240,
          bytesOut: 20480,
          height: 5,
          clockOffsetMs: 3,
          clockErrorMs: 2,
          storage: { mode: "pruned", lowestBody: 4097 },
          rulesKnown: 1,
          sinceMs: 1767225600000,
        },
      ],
    },
  ],
  call: ({ api }) => api.peers().map(showPeer),
});

function showStorage({ mode, lowestBody }: NonNullable<PeerView["storage"]>) {
  return { mode, lowestBody: showWide(lowestBody) };
}

function showPeer(peer: PeerView) {
  return {
    peerId: peer.peerId,
    name: peer.name ?? null,
    addr: peer.address,
    direction: peer.direction,
    role: peer.validator === undefined ? ("full" as const) : ("validator" as const),
    latencyMs: peer.latencyMs ?? null,
    bytesIn: peer.bytesIn,
    bytesOut: peer.bytesOut,
    height: peer.height === undefined ? null : showWide(peer.height),
    clockOffsetMs: peer.clock?.offsetMs ?? null,
    clockErrorMs: peer.clock?.errorMs ?? null,
    storage: peer.storage === undefined ? null : showStorage(peer.storage),
    rulesKnown: peer.rules ?? null,
    sinceMs: peer.connectedAtMs,
  };
}
