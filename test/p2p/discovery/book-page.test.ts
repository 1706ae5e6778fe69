/** The address book as its operator reads it. */
import { expect, it } from "vitest";
import { GROUPS_LISTED_MAX } from "../../../src/base/limits.ts";
import { countBook, pageOfBook } from "../../../src/p2p/discovery/book-page.ts";
import { createBook, MINUTE, NOW, peerIdOf, publicAddress } from "../seeded.ts";

const ALL = { state: undefined, offset: 0, countMax: 100 };

function filled(count: number) {
  const book = createBook();
  for (let i = 0; i < count; i++) {
    const address = { peerId: peerIdOf(i), multiaddr: publicAddress(i), lastSeenMs: NOW - i * MINUTE };
    book.add(address, publicAddress(500 + i), NOW);
  }
  return book;
}

it("a page of the address book counts addresses by state and group, the largest group first", () => {
  const book = createBook();
  const at = (multiaddr: string, i: number) =>
    book.add({ peerId: peerIdOf(i), multiaddr, lastSeenMs: NOW }, publicAddress(i), NOW);
  at("/ip4/20.1.0.1/tcp/1", 1);
  at("/ip4/20.1.9.1/tcp/1", 2);
  at("/ip6/2a00:1:2::1/tcp/1", 3);
  book.succeeded(`/ip4/20.1.9.1/tcp/1/p2p/${peerIdOf(2)}`, NOW);
  expect(countBook(book, NOW)).toEqual({
    new: 2,
    tried: 1,
    decent: 3,
    groups: 2,
    largestGroups: [
      { group: "20.1.0.0/16", addresses: 2 },
      { group: "2a00:1::/32", addresses: 1 },
    ],
  });
  book.add(
    { peerId: peerIdOf(4), multiaddr: "/ip4/127.0.0.1/tcp/7", lastSeenMs: NOW },
    "/ip4/127.0.0.1/tcp/9",
    NOW,
  );
  expect(pageOfBook(book, ALL, NOW).addresses.map(({ groupText }) => groupText)).toContain(
    "127.0.0.1 port 7",
  );
});

it("a page of the address book names no more groups than its bound", () => {
  const { groups, largestGroups } = countBook(filled(60), NOW);
  expect(groups).toBeGreaterThan(GROUPS_LISTED_MAX);
  expect(largestGroups).toHaveLength(GROUPS_LISTED_MAX);
});

it("the pages of the address book together hold everything once: who answered first, then who was heard of last", () => {
  const book = filled(25);
  const size = book.counts.new;
  const last = [...book.entries()].at(-1)!;
  book.succeeded(last.key, NOW);
  const pages = [0, 10, 20].map((offset) => pageOfBook(book, { ...ALL, offset, countMax: 10 }, NOW));
  expect(pages.every(({ total }) => total === size)).toBe(true);
  const listed = pages.flatMap(({ addresses }) => addresses);
  expect(new Set(listed.map(({ key }) => key)).size).toBe(size);
  expect(listed[0]!.key).toBe(last.key);
  const seen = listed.slice(1).map(({ lastSeenMs }) => lastSeenMs);
  expect(seen).toEqual([...seen].sort((a, b) => b - a));
});

it("a page of the address book shows one state alone, and how much an address is worth", () => {
  const book = filled(3);
  const [first] = [...book.entries()];
  for (let i = 0; i < 3; i++) book.attempted(first!.key, NOW - MINUTE * (60 - i));
  book.succeeded([...book.entries()][1]!.key, NOW - 30 * MINUTE);
  for (let i = 1; i < 4; i++) {
    book.attempted(first!.key, NOW - (30 - i) * MINUTE);
    book.succeeded([...book.entries()][1]!.key, NOW - (30 - i) * MINUTE + 1);
  }
  const fresh = pageOfBook(book, { ...ALL, state: "new" }, NOW);
  expect(fresh.addresses.every(({ isTried }) => !isTried)).toBe(true);
  expect(fresh.total).toBe(2);
  const failed = fresh.addresses.find(({ key }) => key === first!.key)!;
  expect(failed.attempts).toBeGreaterThanOrEqual(3);
  expect(failed.isDecent).toBe(false);
  expect(failed.score).toBeLessThan(0.3);
  expect(pageOfBook(book, { ...ALL, state: "tried" }, NOW).total).toBe(1);
});
