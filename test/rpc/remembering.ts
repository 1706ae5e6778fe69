/** What a node of an open network would remember: a real book, real bans and a real discovery, without a network. */
import { SILENT } from "../../src/base/log.ts";
import { NetworkMemory } from "../../src/node/api/peer-memory-api.ts";
import type { AddressBook } from "../../src/p2p/discovery/address-book.ts";
import { Bans } from "../../src/p2p/discovery/bans.ts";
import { Discovery } from "../../src/p2p/discovery/discovery.ts";
import { createBook, NOW, peerIdOf, publicAddress } from "../p2p/seeded.ts";

export const OWN_PEER = peerIdOf(900);
export const TRUSTED_PEER = peerIdOf(901);

export interface Remembering {
  readonly memory: NetworkMemory;
  readonly book: AddressBook;
  readonly bans: Bans;
}

/** @param addresses in the book, the first of which has answered */
export function remembering(addresses: number): Remembering {
  const book = createBook();
  for (let i = 0; i < addresses; i++) {
    const address = { peerId: peerIdOf(i), multiaddr: publicAddress(i), lastSeenMs: NOW - i };
    book.add(address, publicAddress(500 + i), NOW);
  }
  for (const { key } of [...book.entries()].slice(0, 1)) book.succeeded(key, NOW);
  const bans = new Bans();
  const options = { book, bans, outboundSlots: 8, inboundMax: 8, random: () => 0.5 };
  const discovery = new Discovery(
    { ...options, isTipStale: () => false, save: async () => undefined },
    {
      scheduler: { now: () => NOW, after: () => () => undefined },
      logger: SILENT,
      selfId: OWN_PEER,
      isStatic: () => false,
      isTrusted: (peerId) => peerId === TRUSTED_PEER,
      isBlocked: () => false,
      listenPort: () => 0,
      lastBlockAtMs: () => undefined,
      inbound: () => [],
      evict: () => undefined,
      dial: async () => undefined,
      dialFailed: () => undefined,
      close: () => undefined,
      request: () => Promise.reject(new Error("no network")),
    },
  );
  return { memory: new NetworkMemory(discovery, () => NOW), book, bans };
}
