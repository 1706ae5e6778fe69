import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AddressBook } from "../../../src/p2p/discovery/address-book.ts";
import {
  type Dial,
  OUTBOUND_SLOTS,
  type OwnConnection,
  oldestOf,
  planDials,
  planDrops,
  type Situation,
} from "../../../src/p2p/discovery/outbound-slots.ts";
import {
  addAddress,
  createBook,
  DAY,
  findAddress,
  MINUTE,
  NOW,
  neighbour,
  publicAddress,
  seeded,
} from "../seeded.ts";

const CALM: Situation = {
  own: [],
  slots: OUTBOUND_SLOTS,
  isTipStale: false,
  anchors: [],
  lastFeelerMs: NOW,
  isExcluded: () => false,
};

function ownOf(dial: Dial, lastBlockAtMs?: number, connectedAtMs = NOW): OwnConnection {
  const { peer, group, role } = dial;
  return { peerId: peer.peerId, group, role, connectedAtMs, lastBlockAtMs };
}

function plan(book: AddressBook, situation: Partial<Situation> = {}, seed = 1, nowMs = NOW): readonly Dial[] {
  return planDials(book, { ...CALM, ...situation }, nowMs, seeded(seed));
}

function bookOf(count: number): AddressBook {
  const book = createBook();
  for (let i = 0; i < count; i++) addAddress(book, i);
  return book;
}

const isAttacker = (dial: Dial) => dial.peer.multiaddr.startsWith("/ip4/66.");

describe("the plan of outbound connections", () => {
  it("fills eight slots, no two in one group", () => {
    const dials = plan(bookOf(100));
    expect(dials.map(({ role }) => role)).toEqual(new Array(8).fill("outbound"));
    expect(new Set(dials.map(({ group }) => group)).size).toBe(8);
    expect(plan(bookOf(100), { own: dials.map((dial) => ownOf(dial)) })).toEqual([]);
  });

  it("gives an attacker with k groups at most k slots, however many addresses it has", () => {
    const attack = fc.record({ seed: fc.nat(), groups: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(attack, ({ seed, groups }) => {
        const book = createBook();
        for (let i = 0; i < 40; i++) addAddress(book, i);
        for (let i = 0; i < 2_000; i++) {
          const address = neighbour(`66.${i % groups}`, i);
          book.succeeded(addAddress(book, 1_000 + i, address), NOW - MINUTE * 60);
        }
        const dials = plan(book, {}, seed);
        expect(dials.filter(isAttacker).length).toBeLessThanOrEqual(groups);
        expect(dials.length).toBe(8);
      }),
      { numRuns: 10 },
    );
  });

  it("gives it nearly all of them without the defences", () => {
    const book = createBook({ defended: false });
    for (let i = 0; i < 40; i++) addAddress(book, i);
    for (let i = 0; i < 2_000; i++) addAddress(book, 1_000 + i, neighbour("66.0", i));
    expect(plan(book).filter(isAttacker).length).toBeGreaterThanOrEqual(7);
  });

  it("makes the same plan from the same seed", () => {
    expect(plan(bookOf(100), {}, 7)).toEqual(plan(bookOf(100), {}, 7));
    expect(plan(bookOf(100), {}, 7)).not.toEqual(plan(bookOf(100), {}, 8));
  });

  it("begins with the anchors, also when the book no longer has them", () => {
    const anchors = [1_000, 1_001].map((i) => ({ peerId: `peer${i}`, multiaddr: publicAddress(i) }));
    const dials = plan(bookOf(50), { anchors });
    expect(dials.slice(0, 2).map(({ peer, role }) => ({ ...peer, role }))).toEqual(
      anchors.map((anchor) => ({ ...anchor, role: "anchor" })),
    );
    expect(dials.length).toBe(8);
  });

  it("counts the groups of static peers as taken, and their slots as free", () => {
    const own: OwnConnection[] = [
      { peerId: "s", group: "1400", role: "static", connectedAtMs: NOW, lastBlockAtMs: 0 },
    ];
    const dials = plan(bookOf(9), { own });
    expect(dials.length).toBe(8);
    expect(dials.map(({ group }) => group)).not.toContain("1400");
  });

  it("dials every node of a devnet, which all share a host", () => {
    const book = createBook();
    for (let i = 0; i < 5; i++) addAddress(book, i, `/ip4/127.0.0.1/tcp/${30_300 + i}`);
    expect(plan(book).length).toBe(5);
  });

  it("neither dials who is excluded nor the same address twice within a minute", () => {
    const book = bookOf(3);
    expect(plan(book, { isExcluded: ({ peerId }) => peerId !== "peer1" }).length).toBe(1);
    for (const { key } of plan(book)) book.attempted(key, NOW);
    expect(plan(book, {}, 1, NOW + MINUTE / 2)).toEqual([]);
    expect(plan(book, {}, 1, NOW + MINUTE).length).toBe(3);
  });

  it("sends a feeler every two minutes, to an address that never answered", () => {
    const book = bookOf(100);
    for (let i = 0; i < 90; i++) book.succeeded(`${publicAddress(i)}/p2p/peer${i}`, NOW - DAY);
    const own = plan(book).map((dial) => ownOf(dial));
    expect(plan(book, { own }, 1, NOW + MINUTE)).toEqual([]);
    const [feeler, ...rest] = plan(book, { own }, 1, NOW + 2 * MINUTE);
    expect(rest).toEqual([]);
    expect(feeler?.role).toBe("feeler");
    expect(findAddress(book, feeler!.key)?.isTried).toBe(false);
  });

  it("looks for one more peer while the tip is stale, and for one only", () => {
    const book = bookOf(100);
    const own = plan(book).map((dial) => ownOf(dial));
    const [extra, ...rest] = plan(book, { own, isTipStale: true });
    expect(extra?.role).toBe("extra");
    expect(rest).toEqual([]);
    expect(plan(book, { own: [...own, ownOf(extra!)], isTipStale: true })).toEqual([]);
  });

  it("gives up the one that brought no block for longest, not the one that brought the news, nor an anchor", () => {
    const book = bookOf(100);
    const dials = plan(book);
    const own = dials.map((dial, i) =>
      ownOf(i === 0 ? { ...dial, role: "anchor" } : dial, i === 0 ? NOW - 100 : NOW - 50),
    );
    const stuck = { ...own[3]!, lastBlockAtMs: NOW - 60 };
    const extra: OwnConnection = {
      peerId: "x",
      group: "x",
      role: "extra",
      connectedAtMs: NOW,
      lastBlockAtMs: NOW,
    };
    const all = [...own.filter((_, i) => i !== 3), stuck, extra];
    const stale = { ...CALM, own: all, isTipStale: true };
    expect(planDrops(stale, NOW + MINUTE)).toEqual([]);
    expect(planDrops({ ...stale, isTipStale: false }, NOW + MINUTE)).toEqual([stuck.peerId]);
    expect(planDrops(stale, NOW + 11 * MINUTE)).toEqual([stuck.peerId]);
    expect(planDrops({ ...CALM, own }, NOW + DAY)).toEqual([]);
  });

  it("keeps the oldest of its own connections as anchors", () => {
    const dials = plan(bookOf(100));
    const own = dials.map((dial, i) => ownOf(dial, 0, NOW - i));
    expect(oldestOf(own).map(({ peerId }) => peerId)).toEqual(dials.map(({ peer }) => peer.peerId).reverse());
  });
});
