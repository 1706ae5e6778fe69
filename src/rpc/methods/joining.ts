/** Methods by which nodes are let in: an invitation, its use, and peers.json read anew. */
import { z } from "zod";
import { mustHaveHome } from "../answers/capabilities.ts";
import { refusalOf } from "../errors.ts";
import { INVITATION_ADDRESSES_MAX, INVITATION_HOURS_MAX, INVITATION_TEXT_MAX } from "../joining.ts";
import { method } from "../jsonrpc/method.ts";
import { count, timeMs } from "../schemas/answer-fields.ts";
import { countInput } from "../schemas/input.ts";
import { PEER } from "./examples.ts";

const TEXT = "quorate-invite-1.AQ...";
const addresses = z.array(z.string().min(1).max(300)).max(INVITATION_ADDRESSES_MAX);

export const invite = method({
  name: "net_invite",
  summary:
    "A short text by which one new node may connect to this one and get the chain from it, signed by this node's key: for quorate join.",
  kind: "admin",
  params: z.strictObject({
    urls: addresses.min(1).meta({ description: "where the newcomer reaches this JSON-RPC, http or https" }),
    addresses: addresses
      .default([])
      .meta({ description: "multiaddrs where it connects; those listened on if left out" }),
    hours: countInput(1, INVITATION_HOURS_MAX).default(24),
  }),
  result: z.strictObject({ text: z.string(), expiresAtMs: timeMs }),
  examples: [
    {
      name: "for a day",
      params: { urls: ["http://127.0.0.1:18545"] },
      result: { text: TEXT, expiresAtMs: 1767312000000 },
    },
  ],
  call({ api }, order) {
    const made = mustHaveHome(api).invite(order);
    if (!made.ok) throw refusalOf(made.fault);
    return made.value;
  },
});

export const join = method({
  name: "net_join",
  summary:
    "Takes an invitation of this node: the peer id may connect from now on, and is told whom to dial. It gives no vote.",
  kind: "write",
  params: z.strictObject({
    invitation: z.string().max(INVITATION_TEXT_MAX),
    name: z.string().min(1).max(64),
    peerId: z.string().min(1).max(64),
  }),
  result: z.strictObject({
    peers: z
      .array(z.strictObject({ name: z.string(), peerId: z.string(), multiaddr: z.string() }))
      .meta({ description: "this node first, then those that it dials itself" }),
  }),
  examples: [
    {
      name: "a newcomer",
      params: { invitation: TEXT, name: "node4", peerId: PEER },
      result: { peers: [{ name: "node0", peerId: PEER, multiaddr: "/ip4/127.0.0.1/tcp/30300" }] },
    },
  ],
  call({ api }, guest) {
    const admitted = mustHaveHome(api).admit(guest);
    if (!admitted.ok) throw refusalOf(admitted.fault);
    return { peers: admitted.value.map(({ name, peerId, multiaddr }) => ({ name, peerId, multiaddr })) };
  },
});

export const reloadPeers = method({
  name: "net_reloadPeers",
  summary:
    "Reads peers.json of the node's home again: new peers are dialled and let in, who is gone from it is cut off unless the chain admits it.",
  kind: "admin",
  params: z.strictObject({}),
  result: z.strictObject({
    peers: count,
    added: z.array(z.string()).meta({ description: "names" }),
    removed: z.array(z.string()),
  }),
  examples: [{ name: "one more", params: {}, result: { peers: 4, added: ["node4"], removed: [] } }],
  call({ api }) {
    const reloaded = mustHaveHome(api).reloadPeers();
    if (!reloaded.ok) throw refusalOf(reloaded.fault);
    const { peers, added, removed } = reloaded.value;
    return { peers, added: [...added], removed: [...removed] };
  },
});
