/** Who keeps its place among the connections that others open. */
import { describe, expect, it } from "vitest";
import { chooseEviction, type InboundPeer, InboundPlaces } from "../../../src/p2p/discovery/inbound-slots.ts";
import { INBOUND_MAX } from "../../../src/p2p/discovery/outbound-slots.ts";
import { NOW } from "../seeded.ts";

/** A peer from a group of its own, unless a host is named. */
function peer(index: number, changes: Partial<InboundPeer> = {}): InboundPeer {
  return {
    peerId: `peer${index}`,
    multiaddr: `/ip4/${20 + (index % 100)}.7.1.1/tcp/${1_000 + index}`,
    connectedAtMs: NOW + index,
    latencyMs: 100 + index,
    lastBlockAtMs: undefined,
    lastTransactionAtMs: undefined,
    ...changes,
  };
}

const many = (count: number, changes: (index: number) => Partial<InboundPeer> = () => ({})) =>
  Array.from({ length: count }, (_, i) => peer(i, changes(i)));
const byName = (group: string) => group;

/** A node whose places are held by these; whoever is evicted is gone at once. */
function placesOf(peers: readonly InboundPeer[], trusted: readonly string[] = [], countMax = INBOUND_MAX) {
  const world = { peers: [...peers], evicted: [] as string[] };
  const places = new InboundPlaces(countMax, "salt", {
    inbound: () => world.peers,
    isTrusted: (peerId) => trusted.includes(peerId),
    evict: (peerId) => {
      world.evicted.push(peerId);
      world.peers = world.peers.filter((one) => one.peerId !== peerId);
    },
  });
  const connect = (newcomer: InboundPeer): boolean => {
    const hasPlace = places.makeRoom(newcomer);
    if (hasPlace) world.peers.push(newcomer);
    return hasPlace;
  };
  return { world, places, connect };
}

describe("places for connections that others open", () => {
  it("are never all held by idle ones: a newcomer gets in, and nobody is given up while there are free ones", () => {
    const { world, connect } = placesOf([]);
    for (const one of many(INBOUND_MAX, () => ({ multiaddr: "/ip4/127.0.0.1/tcp/1" })))
      expect(connect(one)).toBe(true);
    expect(world.evicted).toEqual([]);
    expect(connect(peer(500))).toBe(true);
    expect(world.evicted.length).toBe(1);
    expect(world.peers.length).toBe(INBOUND_MAX);
  });

  it("are kept by those that brought blocks or transactions last, are quick, or are there for long, whoever comes", () => {
    const useful = [
      peer(0, { connectedAtMs: NOW + 900, lastBlockAtMs: NOW + 901 }),
      peer(1, { connectedAtMs: NOW + 901, lastTransactionAtMs: NOW + 902 }),
      peer(2, { connectedAtMs: NOW + 902, latencyMs: 1 }),
      peer(3, { connectedAtMs: NOW - 1_000_000 }),
    ];
    const idle = many(INBOUND_MAX - 4, (i) => ({
      peerId: `idle${i}`,
      multiaddr: `/ip4/66.6.0.1/tcp/${i + 1}`,
    }));
    const { world, connect } = placesOf([...useful, ...idle]);
    for (let i = 0; i < 500; i++) {
      const changes = { peerId: `attacker${i}`, multiaddr: `/ip4/${30 + (i % 60)}.6.${i % 250}.1/tcp/1` };
      connect(peer(1_000 + i, changes));
    }
    const names = new Set(world.peers.map(({ peerId }) => peerId));
    expect(useful.filter(({ peerId }) => !names.has(peerId))).toEqual([]);
    expect(world.peers.length).toBe(INBOUND_MAX);
  });

  it("of the peers that the operator names are never given up", () => {
    const trusted = many(8);
    const { connect, world } = placesOf(
      trusted,
      trusted.map(({ peerId }) => peerId),
      8,
    );
    expect(connect(peer(100))).toBe(false);
    expect(world.evicted).toEqual([]);
  });

  it("that one public group may hold are a quarter, and a newcomer of it takes one of its own", () => {
    const { connect, world } = placesOf(
      many(INBOUND_MAX / 4, (i) => ({ multiaddr: `/ip4/66.6.${i}.1/tcp/1` })),
    );
    expect(connect(peer(100, { multiaddr: "/ip4/66.6.99.1/tcp/1" }))).toBe(true);
    expect(world.evicted.length).toBe(1);
    expect(connect(peer(101))).toBe(true);
    expect(world.evicted.length).toBe(1);
  });

  it("are counted by peers: one that calls a second time takes nobody's", () => {
    const { places, world } = placesOf(many(8), [], 8);
    expect(places.makeRoom(peer(3))).toBe(true);
    expect(world.evicted).toEqual([]);
  });

  it("are brought back to their number where many came at once", () => {
    const { places, world } = placesOf(many(10), [], 8);
    for (let i = 0; i < 5; i++) places.trim();
    expect(world.peers.length).toBe(8);
  });
});

describe("the inbound peer that is given up", () => {
  it("is the youngest of the group with most peers, among those without a merit", () => {
    const crowd = many(30, (i) => ({
      latencyMs: undefined,
      multiaddr: `/ip4/66.${i < 20 ? 6 : 7}.${i}.1/tcp/1`,
    }));
    expect(chooseEviction(crowd, byName)?.peerId).toBe("peer29");
    const mixed = many(30, (i) => ({
      latencyMs: undefined,
      multiaddr: `/ip4/66.${i % 3 === 0 ? 7 : 6}.${i}.1/tcp/1`,
    }));
    expect(chooseEviction(mixed, byName)?.peerId).toBe("peer29");
    const late = [...mixed, peer(50, { latencyMs: undefined })];
    expect(chooseEviction(late, byName)?.peerId).toBe("peer29");
  });

  it("is of no group that comes first in the secret order, by its oldest peer", () => {
    const peers = many(16, (i) => ({ latencyMs: undefined, connectedAtMs: NOW + (i === 7 ? 99 : i) }));
    const ranked = (group: string) => (group === "1b07" ? "0" : "1");
    expect(chooseEviction(peers, byName)?.peerId).toBe("peer7");
    expect(chooseEviction(peers, ranked)?.peerId).toBe("peer15");
  });

  it("is the only one, where there is one, and nobody where there is none", () => {
    expect(chooseEviction([peer(1)], byName)?.peerId).toBe("peer1");
    expect(chooseEviction([], byName)).toBeUndefined();
  });
});
