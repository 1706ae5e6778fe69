import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { hex } from "../../../src/base/bytes.ts";
import { ADDRESSES_PER_ANSWER_MAX, REQUEST_BYTES_MAX } from "../../../src/base/limits.ts";
import { SILENT } from "../../../src/base/log.ts";
import { AddressFile } from "../../../src/node/home/address-file.ts";
import type { AddressBook } from "../../../src/p2p/discovery/address-book.ts";
import { AddressBuckets } from "../../../src/p2p/discovery/address-buckets.ts";
import {
  decodeAddresses,
  decodeAddressQuestion,
  encodeAddresses,
  encodeAddressQuestion,
} from "../../../src/p2p/discovery/address-wire.ts";
import { Bans } from "../../../src/p2p/discovery/bans.ts";
import { Discovery, type DiscoveryOptions } from "../../../src/p2p/discovery/discovery.ts";
import type { InboundPeer } from "../../../src/p2p/discovery/inbound-slots.ts";
import { createBook, MINUTE, NOW, peerIdOf, publicAddress, seeded } from "../seeded.ts";
import { addressOf, nodeOptions, TestNode, until } from "../testnet.ts";
import { VirtualTime } from "../virtual-time.ts";

function advertised(i: number) {
  return { peerId: peerIdOf(i), multiaddr: publicAddress(i), lastSeenMs: NOW };
}

function optionsOf(book: AddressBook, seed = 1): DiscoveryOptions & { saved: number; stale: boolean } {
  const options = {
    book,
    bans: new Bans(),
    outboundSlots: 8,
    inboundMax: 8,
    saved: 0,
    stale: false,
    random: seeded(seed),
    isTipStale: () => options.stale,
    save: async () => {
      options.saved++;
    },
  };
  return options;
}

describe("the bytes of the address exchange", () => {
  it("come back as they went", () => {
    const addresses = [advertised(1), { ...advertised(2), multiaddr: "/ip6/2a00:1::7/tcp/9" }, advertised(3)];
    const back = decodeAddresses(encodeAddresses(addresses));
    expect(back).toEqual({ ok: true, value: addresses });
    expect(decodeAddressQuestion(encodeAddressQuestion({ listenPort: 30_300 }))).toEqual({
      ok: true,
      value: { listenPort: 30_300 },
    });
  });

  it("hold a thousand addresses and refuse one more", () => {
    const many = Array.from({ length: ADDRESSES_PER_ANSWER_MAX + 1 }, (_, i) => advertised(i));
    expect(decodeAddresses(encodeAddresses(many.slice(1))).ok).toBe(true);
    expect(decodeAddresses(encodeAddresses(many)).ok).toBe(false);
    expect(encodeAddresses(many).length).toBeLessThan(REQUEST_BYTES_MAX);
  });

  it("refuse other kinds, families, port 0, hosts that nobody listens on, and IPv4 in the form of IPv6", () => {
    const good = encodeAddresses([advertised(1)]);
    const changed = (at: number, ...bytes: number[]) => {
      const copy = good.slice();
      copy.set(bytes, at);
      return decodeAddresses(copy).ok;
    };
    expect(changed(0, 16)).toBe(true);
    expect(changed(0, 1)).toBe(false);
    expect(changed(5, 5)).toBe(false);
    expect(changed(6, 224)).toBe(false);
    expect(changed(10, 0, 0)).toBe(false);
    const mapped = encodeAddresses([{ ...advertised(1), multiaddr: "/ip6/2a00:1::7/tcp/9" }]);
    mapped.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 8, 8, 8, 8], 6);
    expect(decodeAddresses(mapped).ok).toBe(false);
    expect(decodeAddresses(good.subarray(0, -1)).ok).toBe(false);
  });

  it("never throw, whatever arrives, and have one encoding", () => {
    const hostile = fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.of(16, 0, 0, 0, 1, ...bytes));
    fc.assert(
      fc.property(fc.oneof(hostile, fc.uint8Array({ maxLength: 100 })), (bytes) => {
        decodeAddressQuestion(bytes);
        const decoded = decodeAddresses(bytes);
        if (decoded.ok) expect(encodeAddresses(decoded.value)).toEqual(bytes);
      }),
    );
  });
});

describe("the allowance of addresses", () => {
  it("is a thousand at once, then one in ten seconds, each peer for itself", () => {
    const buckets = new AddressBuckets();
    expect(buckets.take("a", 700, NOW)).toBe(700);
    expect(buckets.take("a", 700, NOW)).toBe(300);
    expect(buckets.take("a", 700, NOW + 9_000)).toBe(0);
    expect(buckets.take("a", 700, NOW + 70_000)).toBe(7);
    expect(buckets.take("b", 700, NOW)).toBe(700);
  });
});

/** A peer whose id is its address, one that came later in the list the younger. */
function inboundAt(multiaddr: string, index: number): InboundPeer {
  const nothing = { latencyMs: undefined, lastBlockAtMs: undefined, lastTransactionAtMs: undefined };
  return { peerId: multiaddr, multiaddr, connectedAtMs: NOW + index, ...nothing };
}

/** A discovery on virtual time whose peers are lists. */
function lone(book: AddressBook, trusted: readonly string[] = []) {
  const time = new VirtualTime();
  const options = optionsOf(book);
  const world = {
    dialled: [] as string[],
    closed: [] as string[],
    inbound: [] as string[],
    evicted: [] as string[],
    asked: [] as string[],
  };
  let answer = encodeAddresses([]);
  const discovery = new Discovery(options, {
    scheduler: time,
    logger: SILENT,
    selfId: "self",
    isStatic: (peerId) => trusted.includes(peerId),
    isTrusted: (peerId) => trusted.includes(peerId),
    isBlocked: () => false,
    listenPort: () => 30_300,
    lastBlockAtMs: () => undefined,
    inbound: () => world.inbound.map(inboundAt),
    evict: (peerId) => world.evicted.push(peerId),
    dial: async (peer) => {
      world.dialled.push(peer.peerId);
    },
    dialFailed: () => undefined,
    close: (peerId) => {
      world.closed.push(peerId);
      discovery.disconnected(peerId);
    },
    request: async (peerId) => {
      world.asked.push(peerId);
      return answer;
    },
  });
  const answerWith = (bytes: Uint8Array) => {
    answer = bytes;
  };
  return { time, options, world, discovery, answerWith };
}

describe("discovery", () => {
  it("asks only peers it dialled, and never takes more than their allowance", async () => {
    const book = createBook();
    const { time, world, discovery, answerWith } = lone(book);
    answerWith(
      encodeAddresses([advertised(1), advertised(2)].map((one) => ({ ...one, lastSeenMs: time.now() }))),
    );
    discovery.start();
    discovery.connected({ peerId: "caller", multiaddr: publicAddress(50), direction: "inbound" });
    await time.pass(5_000);
    expect(world.asked).toEqual([]);
    discovery.connected({ peerId: "chosen", multiaddr: publicAddress(51), direction: "outbound" });
    await time.pass(5_000);
    expect(world.asked).toEqual(["chosen"]);
    expect([...book.entries()].map(({ peerId }) => peerId).sort()).toEqual(
      [peerIdOf(1), peerIdOf(2), "chosen"].sort(),
    );
    expect(world.dialled.sort()).toEqual([peerIdOf(1), peerIdOf(2)].sort());
    await discovery.stop();
    expect(time.pending).toBe(0);
  });

  it("notes a caller at the host it is seen at, by the port it names, and tells it to others", async () => {
    const book = createBook();
    const { discovery } = lone(book);
    const caller = peerIdOf(7);
    discovery.connected({ peerId: caller, multiaddr: "/ip4/20.9.1.1/tcp/51234", direction: "inbound" });
    discovery.answer(caller, encodeAddressQuestion({ listenPort: 30_300 }));
    expect([...book.entries()].map(({ key }) => key)).toEqual([`/ip4/20.9.1.1/tcp/30300/p2p/${caller}`]);
    discovery.connected({ peerId: peerIdOf(8), multiaddr: "/ip4/20.8.1.1/tcp/5", direction: "inbound" });
    const answer = decodeAddresses(discovery.answer(peerIdOf(8), encodeAddressQuestion({ listenPort: 0 })));
    expect(answer.ok && answer.value.map(({ peerId }) => peerId)).toEqual([caller]);
  });

  it("bans who answers with rubbish again and again, but no trusted peer, and cuts its connections", async () => {
    const { time, options, world, discovery, answerWith } = lone(createBook(), ["friend"]);
    answerWith(Uint8Array.of(9));
    discovery.start();
    discovery.connected({ peerId: "bad", multiaddr: publicAddress(1), direction: "outbound" });
    discovery.connected({ peerId: "friend", multiaddr: publicAddress(2), direction: "outbound" });
    await time.pass(5 * MINUTE);
    expect(world.closed).toEqual(["bad"]);
    const again = { peerId: "bad", multiaddr: publicAddress(1), direction: "inbound" as const };
    expect(discovery.refuses(again)).toBe("peer-banned");
    expect(options.bans.isBanned("friend", publicAddress(2), time.now())).toBe(false);
    await discovery.stop();
  });

  it("bans and forgives by the operator's word, at once and on disk, but never itself or a trusted peer", async () => {
    const [bad, friend] = [peerIdOf(1), peerIdOf(2)];
    const { options, world, discovery } = lone(createBook(), [friend]);
    discovery.start();
    discovery.connected({ peerId: bad, multiaddr: "/ip4/127.0.0.1/tcp/5", direction: "inbound" });
    discovery.connected({ peerId: friend, multiaddr: publicAddress(2), direction: "outbound" });
    expect(discovery.ban(`peer:${friend}`)).toBeUndefined();
    expect(discovery.ban("peer:self")).toBeUndefined();
    expect(discovery.ban(`peer:${bad}`)).toBeDefined();
    expect(world.closed).toEqual([bad]);
    expect(options.saved).toBe(1);
    const again = { peerId: bad, multiaddr: "/ip4/127.0.0.1/tcp/6", direction: "inbound" as const };
    expect(discovery.refuses(again)).toBe("peer-banned");
    expect(discovery.unban(`peer:${bad}`)).toBe(true);
    expect(discovery.refuses(again)).toBeUndefined();
    expect(discovery.unban(`peer:${bad}`)).toBe(false);
    expect(options.saved).toBe(2);
    await discovery.stop();
  });

  it("gives a stranger the place of another when all are taken, and sooner one of its own group", () => {
    const { world, discovery } = lone(createBook(), ["/ip4/66.1.1.1/tcp/1"]);
    const refuses = (multiaddr: string) =>
      discovery.refuses({ peerId: "x", multiaddr, direction: "inbound" });
    world.inbound = ["/ip4/66.1.1.1/tcp/1", "/ip4/66.1.2.1/tcp/1"];
    expect(refuses("/ip4/67.1.3.1/tcp/1")).toBeUndefined();
    expect(world.evicted).toEqual([]);
    expect(refuses("/ip4/66.1.3.1/tcp/1")).toBeUndefined();
    expect(world.evicted).toEqual(["/ip4/66.1.2.1/tcp/1"]);
    world.inbound = Array.from({ length: 7 }, (_, i) => `/ip4/127.0.0.1/tcp/${i + 1}`);
    expect(refuses("/ip4/127.0.0.1/tcp/99")).toBeUndefined();
    expect(world.evicted.length).toBe(1);
    world.inbound.push("/ip4/127.0.0.1/tcp/98");
    expect(refuses("/ip4/127.0.0.1/tcp/99")).toBeUndefined();
    expect(world.evicted.slice(1)).toEqual(["/ip4/127.0.0.1/tcp/98"]);
    world.inbound = world.inbound.map(() => "/ip4/66.1.1.1/tcp/1");
    expect(refuses("/ip4/127.0.0.1/tcp/99")).toBe("inbound-full");
    const dialled = { peerId: "x", multiaddr: publicAddress(1), direction: "outbound" as const };
    expect(discovery.refuses(dialled)).toBeUndefined();
  });

  it("closes a feeler that answered, remembers its address as tried, and saves anchors at the end", async () => {
    const book = createBook();
    for (let i = 0; i < 30; i++)
      book.add({ ...advertised(i), lastSeenMs: 1_000_000 }, publicAddress(i), 1_000_000);
    const { time, options, world, discovery } = lone(book);
    discovery.start();
    await time.pass(0);
    expect(world.dialled.length).toBe(8);
    const connect = (peerId: string) => {
      const { multiaddr } = [...book.entries()].find((entry) => entry.peerId === peerId)!;
      return discovery.connected({ peerId, multiaddr, direction: "outbound" });
    };
    for (const peerId of world.dialled) expect(connect(peerId)).toBe(true);
    await time.pass(2 * MINUTE + 2_000);
    const feeler = world.dialled[8]!;
    expect(connect(feeler)).toBe(false);
    expect(world.closed).toEqual([feeler]);
    expect(book.counts.tried).toBe(9);
    options.stale = true;
    await time.pass(2_000);
    expect(world.dialled.length).toBe(10);
    await discovery.stop();
    expect(options.saved).toBe(1);
    expect(book.anchors.map(({ peerId }) => peerId)).toEqual(world.dialled.slice(0, 2));
  });

  it("forgets an address whose node follows another chain", async () => {
    const book = createBook();
    book.add({ ...advertised(1), lastSeenMs: 1_000_000 }, publicAddress(1), 1_000_000);
    const { time, discovery } = lone(book);
    discovery.start();
    await time.pass(0);
    discovery.refused(peerIdOf(1));
    expect(book.counts).toEqual({ new: 0, tried: 0 });
    await discovery.stop();
  });
});

describe("a network of real nodes", () => {
  const open: TestNode[] = [];

  afterEach(async () => {
    await Promise.all(open.splice(0).map((node) => node.network.stop()));
  });

  async function startOpen(index: number, seeds: readonly TestNode[], inboundMax = 8): Promise<TestNode> {
    const book = createBook({ salt: new Uint8Array(32).fill(index) });
    const discovery = { ...optionsOf(book, index), inboundMax };
    const staticPeers = seeds.map(addressOf);
    const setup = { staticPeers, allowlist: [], signer: undefined };
    const node = new TestNode({ ...nodeOptions(index, setup), discovery });
    open.push(node);
    await node.start();
    return node;
  }

  it("connects strangers that know one node in common", async () => {
    const a = await startOpen(0, []);
    const b = await startOpen(1, [a]);
    await until(() => a.network.peers().length === 1, "b reached a");
    const c = await startOpen(2, [a]);
    const d = await startOpen(3, [a]);
    const nodes = [a, b, c, d];
    await until(() => nodes.every((node) => node.network.peers().length === 3), "all met", 15_000);
    const met = c.network.peers().find(({ peerId }) => peerId === b.network.peerId);
    expect(met).toBeDefined();
    expect(nodes.flatMap((node) => Object.keys(node.network.counters.rejected))).toEqual([]);
  });

  it("lets a newcomer in though others hold all places", async () => {
    const hub = await startOpen(0, [], 2);
    for (const index of [1, 2]) await startOpen(index, [hub]);
    await until(() => hub.network.peers().length === 2, "all places are taken");
    const late = await startOpen(3, [hub]);
    await until(() => late.connected.includes(hub.network.peerId), "the newcomer is in");
    expect(hub.network.counters.rejected["inbound-evicted"]).toBeGreaterThan(0);
    await until(() => hub.network.peers().length <= 2, "no more than its places");
  });

  it("loses who is banned by its operator, and lets nobody such in again", async () => {
    const a = await startOpen(0, []);
    const b = await startOpen(1, [a]);
    await until(() => a.network.peers().length === 1, "b reached a");
    expect(a.network.discovery?.ban(`peer:${b.network.peerId}`)).toBeDefined();
    await until(() => a.disconnected.includes(b.network.peerId), "b is gone");
    await until(() => (a.network.counters.rejected["peer-banned"] ?? 0) > 0, "b was refused");
    expect(a.network.peers()).toEqual([]);
  });

  it("stays closed to strangers without discovery", async () => {
    const closed = new TestNode(nodeOptions(0, { allowlist: [] }));
    open.push(closed);
    await closed.start();
    expect(closed.network.discovery).toBeUndefined();
    const stranger = await startOpen(1, [closed]);
    await until(() => (closed.network.counters.rejected["peer-not-allowed"] ?? 0) > 0, "refused");
    expect(stranger.connected).toEqual([]);
  });
});

describe("addresses.json", () => {
  const folders: string[] = [];

  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  async function pathOf(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "quorate-addresses-"));
    folders.push(folder);
    return join(folder, "addresses.json");
  }

  const ports = { logger: SILENT, now: () => NOW };

  it("is written whole and read again", async () => {
    const path = await pathOf();
    const file = AddressFile.open(path, ports);
    file.memory.book.add(advertised(1), publicAddress(1), NOW);
    await Promise.all([file.save(), file.save()]);
    const again = AddressFile.open(path, ports);
    expect([...again.memory.book.entries()].map(({ peerId }) => peerId)).toEqual([peerIdOf(1)]);
    expect(hex(again.memory.book.salt)).toBe(hex(file.memory.book.salt));
    expect(await readdir(join(path, ".."))).toEqual(["addresses.json"]);
  });

  it("is moved aside with a warning when it cannot be read", async () => {
    const path = await pathOf();
    await writeFile(path, '{"version":"1","salt":');
    const warnings: string[] = [];
    const logger = { log: (level: string) => warnings.push(level) };
    const file = AddressFile.open(path, { logger, now: () => NOW });
    expect(file.memory.book.counts).toEqual({ new: 0, tried: 0 });
    expect(warnings).toEqual(["warn"]);
    expect(await readFile(`${path}.bad`, "utf8")).toContain("salt");
    await file.save();
    expect((await readdir(join(path, ".."))).sort()).toEqual(["addresses.json", "addresses.json.bad"]);
  });
});
