import { describe, expect, it } from "vitest";
import { BUCKET_PLACES, NEW_BUCKETS_PER_SOURCE } from "../../../src/base/limits.ts";
import type { AddressBook } from "../../../src/p2p/discovery/address-book.ts";
import { formatPeerMemory, parsePeerMemory } from "../../../src/p2p/discovery/address-json.ts";
import { Bans } from "../../../src/p2p/discovery/bans.ts";
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

const ANY = () => true;
const TESTED = NOW + 5 * 60 * MINUTE;

function draw(book: AddressBook, count: number, seed: number): (string | undefined)[] {
  const random = seeded(seed);
  const next = () => book.select({ among: "all", nowMs: NOW, random, fits: ANY })?.key;
  return Array.from({ length: count }, next);
}

/** Two addresses that answered, `first` long before `second`, and would have the same place; the first has it. */
function collided(book: AddressBook): { readonly first: string; readonly second: string } {
  for (let i = 0; i < 20_000; i++) {
    const key = addAddress(book, i);
    book.succeeded(key, NOW);
    book.resolveCollisions(NOW);
    if (findAddress(book, key)?.isTried !== false) continue;
    book.succeeded(key, TESTED - MINUTE);
    const first = book.selectForTest({ nowMs: TESTED, random: seeded(1), fits: ANY });
    return { first: first!.key, second: key };
  }
  throw new Error("no collision");
}

describe("the address book", () => {
  it("knows an address once, however often it is told, and takes the later time", () => {
    const book = createBook();
    const key = addAddress(book, 1);
    book.add(
      { peerId: "peer1", multiaddr: publicAddress(1), lastSeenMs: NOW + DAY },
      publicAddress(2),
      NOW + MINUTE,
    );
    expect(book.counts).toEqual({ new: 1, tried: 0 });
    expect(findAddress(book, key)?.lastSeenMs).toBe(NOW + MINUTE);
  });

  it("keeps a false identity at an address beside the true one, so that it hides nobody", () => {
    const book = createBook();
    addAddress(book, 1);
    addAddress(book, 2, publicAddress(1), publicAddress(9));
    expect(book.counts.new).toBe(2);
  });

  it("takes no loopback or private address from a public peer, and nothing nobody can listen on", () => {
    const book = createBook();
    for (const host of ["127.0.0.1", "10.0.0.1", "192.168.1.1", "0.0.0.0", "239.1.1.1"]) {
      addAddress(book, 1, `/ip4/${host}/tcp/30300`, publicAddress(1));
    }
    addAddress(book, 1, "/dns4/example.org/tcp/30300", publicAddress(1));
    expect(book.counts.new).toBe(0);
    addAddress(book, 1, "/ip4/127.0.0.1/tcp/30300", "/ip4/127.0.0.1/tcp/5");
    expect(book.counts.new).toBe(1);
  });

  it("refuses what nobody has seen for a month", () => {
    const book = createBook();
    const sampled = { peerId: "a", multiaddr: publicAddress(1), lastSeenMs: NOW - 31 * DAY };
    expect(book.add(sampled, publicAddress(2), NOW)).toBe(false);
  });

  it("lets one source reach a bounded part of its places, whatever groups it tells of", () => {
    const book = createBook();
    for (let i = 0; i < 10_000; i++) addAddress(book, i, publicAddress(i), "/ip4/66.66.1.1/tcp/1");
    expect(book.counts.new).toBeLessThanOrEqual(NEW_BUCKETS_PER_SOURCE * BUCKET_PLACES);
    expect(book.counts.new).toBeGreaterThan(500);
    const before = book.counts.new;
    for (let i = 0; i < 100; i++) addAddress(book, 200_000 + i, publicAddress(i), "/ip4/77.77.1.1/tcp/1");
    expect(book.counts.new - before).toBeGreaterThan(80);
  });

  it("keeps what answered, and places the honest told, through a flood of 100,000 from one /16", () => {
    const book = createBook();
    const honest = Array.from({ length: 200 }, (_, i) => addAddress(book, i));
    for (const key of honest.slice(0, 100)) book.succeeded(key, NOW);
    const tried = book.counts.tried;
    expect(tried).toBeGreaterThan(90);
    for (let i = 0; i < 100_000; i++)
      addAddress(book, 1_000 + i, neighbour("66.66", i), neighbour("66.66", i % 500));
    expect(book.counts.tried).toBe(tried);
    expect(honest.filter((key) => findAddress(book, key) !== undefined).length).toBeGreaterThan(190);
    // Nor do the flood's many entries weigh what their number says.
    const drawn = draw(book, 1_000, 3);
    expect(drawn.filter((key) => key?.startsWith("/ip4/66.66.")).length).toBeLessThan(400);
  });

  it("loses its places to the same flood when it is undefended", () => {
    const book = createBook({ defended: false });
    const honest = Array.from({ length: 200 }, (_, i) => addAddress(book, i));
    for (const key of honest) book.succeeded(key, NOW);
    for (let i = 0; i < 60_000; i++)
      addAddress(book, 1_000 + i, neighbour("66.66", i), neighbour("66.66", i % 500));
    expect(book.counts.new).toBeLessThanOrEqual(20_480);
    expect(honest.filter((key) => findAddress(book, key) !== undefined).length).toBeLessThan(20);
    expect(draw(book, 200, 3).filter((key) => key?.startsWith("/ip4/66.66.")).length).toBeGreaterThan(190);
  });

  it("makes the same choices from the same seed, and others under another salt", () => {
    const filled = (salt: number) => {
      const book = createBook({ salt: new Uint8Array(32).fill(salt) });
      for (let i = 0; i < 300; i++) addAddress(book, i, publicAddress(i), publicAddress(i % 7));
      return book;
    };
    expect(draw(filled(1), 50, 9)).toEqual(draw(filled(1), 50, 9));
    expect(draw(filled(1), 50, 9)).not.toEqual(draw(filled(1), 50, 10));
    expect(draw(filled(1), 50, 9)).not.toEqual(draw(filled(2), 50, 9));
  });

  it("gives the place of an address that never answered three dials to a newcomer", () => {
    const book = createBook();
    const source = "/ip4/66.66.1.1/tcp/1";
    for (let i = 0; i < 5_000; i++) addAddress(book, i, publicAddress(i), source);
    const full = book.counts.new;
    const old = [...book.entries()].map(({ key }) => key);
    for (let round = 0; round < 3; round++) {
      // Something else answers in between, or the failures would be our own cable's.
      book.succeeded(addAddress(book, 99_999, "/ip4/9.9.9.9/tcp/1"), NOW + round * MINUTE);
      for (const key of old) book.attempted(key, NOW + round * MINUTE + 1);
    }
    const later = NOW + 10 * MINUTE;
    for (let i = 10_000; i < 15_000; i++) {
      book.add({ peerId: `peer${i}`, multiaddr: publicAddress(i), lastSeenMs: later }, source, later);
    }
    expect(old.filter((key) => findAddress(book, key) !== undefined).length).toBeLessThan(full / 10);
  });

  it("does not count failures while nothing answers at all", () => {
    const book = createBook();
    const key = addAddress(book, 1);
    for (let i = 0; i < 50; i++) book.attempted(key, NOW + i * MINUTE);
    expect(findAddress(book, key)?.attempts).toBe(1);
  });

  it("keeps the older of two that answered until a test dial to it fails", () => {
    const book = createBook();
    const { first, second } = collided(book);
    book.attempted(first, TESTED);
    book.resolveCollisions(TESTED + 1);
    expect(findAddress(book, first)?.isTried).toBe(true);
    book.resolveCollisions(TESTED + 2 * MINUTE);
    expect(findAddress(book, second)?.isTried).toBe(true);
    expect(findAddress(book, first)?.isTried ?? false).toBe(false);
  });

  it("forgets the wish for a place whose owner passed the test", () => {
    const book = createBook();
    const { first, second } = collided(book);
    book.attempted(first, TESTED);
    book.succeeded(first, TESTED + 1);
    book.resolveCollisions(TESTED + 2 * MINUTE);
    expect(findAddress(book, first)?.isTried).toBe(true);
    expect(findAddress(book, second)?.isTried).toBe(false);
    expect(book.selectForTest({ nowMs: TESTED + MINUTE, random: seeded(1), fits: ANY })).toBeUndefined();
  });

  it("forgets the wish for a place that became free and was taken by the one that wished it", () => {
    const book = createBook();
    const { first, second } = collided(book);
    book.remove(first);
    book.succeeded(second, TESTED);
    expect(findAddress(book, second)?.isTried).toBe(true);
    // Its place among the new ones is taken meanwhile.
    for (let i = 0; i < 3_000; i++) addAddress(book, 1_000 + i);
    book.resolveCollisions(TESTED + DAY);
    expect(findAddress(book, second)?.isTried).toBe(true);
  });

  it("tells a bounded random part, and private addresses to private peers alone", () => {
    const book = createBook();
    for (let i = 0; i < 2_000; i++) addAddress(book, i);
    addAddress(book, 5_000, "/ip4/127.0.0.1/tcp/7");
    const sampled = book.sample(1_000, "public", NOW, seeded(1));
    expect(sampled.length).toBe(Math.ceil(0.23 * (book.counts.new - 1)));
    expect(new Set(sampled.map(({ key }) => key)).size).toBe(sampled.length);
    expect(sampled.some(({ multiaddr }) => multiaddr.startsWith("/ip4/127."))).toBe(false);
    expect(sampled).not.toEqual(book.sample(1_000, "public", NOW, seeded(2)));
    const small = createBook();
    addAddress(small, 1, "/ip4/127.0.0.1/tcp/7");
    expect(small.sample(1_000, "loopback", NOW, seeded(1)).length).toBe(1);
  });
});

describe("the text of addresses.json", () => {
  it("brings back every entry, the anchors, the bans and the same places", () => {
    const book = createBook();
    for (let i = 0; i < 500; i++) addAddress(book, i, publicAddress(i), publicAddress(i % 11));
    for (let i = 0; i < 500; i += 5) book.succeeded(`${publicAddress(i)}/p2p/peer${i}`, NOW);
    book.setAnchors([1, 2, 3].map((i) => ({ peerId: `peer${i}`, multiaddr: publicAddress(i) })));
    const bans = new Bans();
    for (let i = 0; i < 2; i++) bans.report("bad", publicAddress(1), "repair", NOW);
    const text = formatPeerMemory({ book, bans }, NOW);
    const back = parsePeerMemory(text, NOW);
    if (!back.ok) throw new Error(back.fault.detail);
    expect(back.value.book.counts).toEqual(book.counts);
    expect(new Set([...back.value.book.entries()].map(({ key, isTried }) => `${key} ${isTried}`))).toEqual(
      new Set([...book.entries()].map(({ key, isTried }) => `${key} ${isTried}`)),
    );
    expect(back.value.book.anchors.length).toBe(2);
    expect(back.value.bans.isBanned("bad", publicAddress(9), NOW)).toBe(true);
    expect(formatPeerMemory(back.value, NOW).length).toBe(text.length);
  });

  it.each(["", "{}", "[]", "null", '{"version":"2"}', '{"version":"1","salt":"00"}'])(
    "refuses %j whole",
    (text) => expect(parsePeerMemory(text, NOW).ok).toBe(false),
  );

  it("refuses an entry that is none, and takes no time from the future", () => {
    const book = createBook();
    const key = addAddress(book, 1);
    const text = formatPeerMemory({ book, bans: new Bans() }, NOW);
    expect(parsePeerMemory(text.replace("/tcp/30300", "/tcp/0"), NOW).ok).toBe(false);
    const ahead = parsePeerMemory(text.replace('"lastTriedMs":0', `"lastTriedMs":${NOW + DAY}`), NOW);
    expect(ahead.ok && findAddress(ahead.value.book, key)?.lastTriedMs).toBe(NOW);
  });
});
