/**
 * What a node of an open network remembers of others, for its operator alone: who could read the whole book could
 * measure how far an eclipse of this node has come.
 */
import { z } from "zod";
import { ADDRESSES_LISTED_MAX, BANS_LISTED_MAX } from "../../base/limits.ts";
import { mustRemember } from "../answers/capabilities.ts";
import { refusalOf } from "../errors.ts";
import { method } from "../jsonrpc/method.ts";
import type { AddressView, BanView } from "../peer-memory.ts";
import { count, timeMs } from "../schemas/answer-fields.ts";
import { countInput } from "../schemas/input.ts";
import { PEER } from "./examples.ts";

const OFFSET_MAX = 2 ** 31;
const score = z.number().positive().max(1);

export const addressBook = method({
  name: "net_addressBook",
  summary:
    "The addresses that a node of an open network knows: how many of which state and group, and a part of them.",
  kind: "admin",
  params: z.strictObject({
    state: z
      .enum(["new", "tried"])
      .optional()
      .meta({ description: "new: heard of; tried: answered once; both if left out" }),
    offset: countInput(0, OFFSET_MAX).default(0),
    limit: countInput(0, ADDRESSES_LISTED_MAX).default(100),
  }),
  result: z.strictObject({
    new: count,
    tried: count,
    decent: count.meta({ description: "of both, those told to peers: heard of lately, not given up" }),
    groups: count,
    largestGroups: z.array(z.strictObject({ group: z.string(), addresses: count })).meta({
      description: "networks with the most addresses, IPv4 /16 or IPv6 /32; a local address is one by itself",
    }),
    total: count.meta({ description: "addresses of the asked state" }),
    addresses: z
      .array(
        z.strictObject({
          peerId: z.string(),
          addr: z.string(),
          group: z.string(),
          state: z.enum(["new", "tried"]),
          decent: z.boolean(),
          score: score.meta({ description: "weight in the choice of whom to dial" }),
          lastSeenMs: timeMs.meta({ description: "when somebody last claimed to be connected to it" }),
          lastTriedMs: timeMs.nullable(),
          lastSuccessMs: timeMs.nullable(),
          failedDials: count,
        }),
      )
      .meta({ description: "those that answered first, then by when they were last heard of" }),
    nextOffset: count.nullable(),
  }),
  examples: [
    {
      name: "the first one",
      params: { limit: 1 },
      result: {
        new: 2,
        tried: 1,
        decent: 3,
        groups: 3,
        largestGroups: [{ group: "20.1.0.0/16", addresses: 1 }],
        total: 3,
        addresses: [
          {
            peerId: PEER,
            addr: "/ip4/20.1.2.3/tcp/30300",
            group: "20.1.0.0/16",
            state: "tried",
            decent: true,
            score: 1,
            lastSeenMs: 1767225600000,
            lastTriedMs: 1767225000000,
            lastSuccessMs: 1767225000000,
            failedDials: 0,
          },
        ],
        nextOffset: 1,
      },
    },
  ],
  call({ api }, { state, offset, limit }) {
    const memory = mustRemember(api);
    const { new: unproven, tried, decent, groups, largestGroups } = memory.counts();
    const { total, addresses } = memory.addresses({ state, offset, countMax: limit });
    const next = offset + addresses.length;
    return {
      new: unproven,
      tried,
      decent,
      groups,
      largestGroups: [...largestGroups],
      total,
      addresses: addresses.map(showAddress),
      nextOffset: next < total ? next : null,
    };
  },
});

const ban = z.strictObject({
  kind: z.enum(["peer", "host"]),
  subject: z.string().meta({ description: "a peer id, an IPv4 address or an IPv6 network of 64 bits" }),
  score: z.number().nonnegative().meta({ description: "points of faults, fading; 100 make a ban" }),
  lastFaultMs: timeMs,
  bannedUntilMs: timeMs.nullable().meta({ description: "null: only faults that do not suffice" }),
});

const BANNED = {
  kind: "host" as const,
  subject: "20.1.2.3",
  score: 0,
  lastFaultMs: 1767225600000,
  bannedUntilMs: 1767312000000,
};

export const getBans = method({
  name: "net_getBans",
  summary: "Whom a node of an open network keeps out, and whose faults it counts; banned ones first.",
  kind: "admin",
  params: z.strictObject({ limit: countInput(1, BANS_LISTED_MAX).default(100) }),
  result: z.array(ban),
  examples: [{ name: "one host", params: {}, result: [BANNED] }],
  call: ({ api }, { limit }) => mustRemember(api).bans().slice(0, limit).map(showBan),
});

const subject = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: "a peer id, an IP address, an IPv6 /64, or the multiaddr of a node" });

export const banPeer = method({
  name: "net_ban",
  summary:
    "Keeps a peer or a host out for a day: its connections end, and it is neither dialled nor let in. Peers that this node was told to trust, and local addresses, are never banned.",
  kind: "admin",
  params: z.strictObject({ subject }),
  result: ban,
  examples: [{ name: "a host", params: { subject: "20.1.2.3" }, result: BANNED }],
  call({ api }, { subject: text }) {
    const banned = mustRemember(api).ban(text);
    if (!banned.ok) throw refusalOf(banned.fault);
    return showBan(banned.value);
  },
});

export const unbanPeer = method({
  name: "net_unban",
  summary: "Forgives a peer or a host its faults and its ban; one that was banned as both needs both.",
  kind: "admin",
  params: z.strictObject({ subject }),
  result: z.strictObject({ lifted: z.boolean().meta({ description: "false: there was nothing to lift" }) }),
  examples: [{ name: "a host", params: { subject: "20.1.2.3" }, result: { lifted: true } }],
  call({ api }, { subject: text }) {
    const lifted = mustRemember(api).unban(text);
    if (!lifted.ok) throw refusalOf(lifted.fault);
    return { lifted: lifted.value };
  },
});

function showAddress(address: AddressView) {
  return {
    peerId: address.peerId,
    addr: address.multiaddr,
    group: address.groupText,
    state: address.isTried ? ("tried" as const) : ("new" as const),
    decent: address.isDecent,
    score: address.score,
    lastSeenMs: Math.max(0, address.lastSeenMs),
    lastTriedMs: address.lastTriedMs === 0 ? null : address.lastTriedMs,
    lastSuccessMs: address.lastSuccessMs === 0 ? null : address.lastSuccessMs,
    failedDials: address.attempts,
  };
}

function showBan({ kind, text, score: points, atMs, bannedUntilMs }: BanView) {
  return {
    kind,
    subject: text,
    score: Math.round(points * 10) / 10,
    lastFaultMs: atMs,
    bannedUntilMs: bannedUntilMs ?? null,
  };
}
