/** Randomness and addresses for the tests of the address book, by seed. */
import type { AddressBook, BookOptions } from "../../src/p2p/discovery/address-book.ts";
import { AddressBook as Book } from "../../src/p2p/discovery/address-book.ts";
import type { KnownAddress } from "../../src/p2p/discovery/address-entry.ts";
import { peerIdFromPublicBytes } from "../../src/p2p/transport/identity.ts";

export const NOW = 1_800_000_000_000;
export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;

/** Mulberry32: numbers in [0, 1) that depend on the seed alone. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function createBook(options: Partial<BookOptions> = {}): AddressBook {
  return new Book({ salt: new Uint8Array(32).fill(5), ...options });
}

/** The `i`-th public address, each in a /16 of its own for i below 20,000. */
export function publicAddress(i: number): string {
  return `/ip4/${20 + Math.floor(i / 256)}.${i % 256}.1.1/tcp/30300`;
}

/** The `i`-th address of one /16. */
export function neighbour(prefix: string, i: number): string {
  return `/ip4/${prefix}.${Math.floor(i / 250) % 250}.${i % 250}/tcp/${30_000 + Math.floor(i / 62_500)}`;
}

export function peerIdOf(i: number): string {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, i);
  return peerIdFromPublicBytes(key);
}

/** Tells the book an address, by its own word unless `source` says who. */
export function addAddress(
  book: AddressBook,
  i: number,
  multiaddr = publicAddress(i),
  source = multiaddr,
): string {
  const peerId = `peer${i}`;
  book.add({ peerId, multiaddr, lastSeenMs: NOW }, source, NOW);
  return `${multiaddr}/p2p/${peerId}`;
}

export function findAddress(book: AddressBook, key: string): KnownAddress | undefined {
  return [...book.entries()].find((entry) => entry.key === key);
}
