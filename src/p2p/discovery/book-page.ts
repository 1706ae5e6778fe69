/**
 * The address book as its operator reads it: how many addresses of which state and group, and a part of them, the
 * best known first. A group with most of the addresses is how an eclipse begins to look. Pure; changes nothing.
 */
import { must } from "../../base/assert.ts";
import { GROUPS_LISTED_MAX } from "../../base/limits.ts";
import type { AddressBook } from "./address-book.ts";
import { chanceOf, isTerrible, type KnownAddress } from "./address-entry.ts";
import { formatHost, parseAddress } from "./address-groups.ts";
import { networkText } from "./ban-subject.ts";

export interface BookCounts {
  readonly new: number;
  readonly tried: number;
  /** How many in both tables are told to peers: those heard of lately, and not given up after failed dials. */
  readonly decent: number;
  readonly groups: number;
  /** The groups with the most addresses, the largest first. */
  readonly largestGroups: readonly { readonly group: string; readonly addresses: number }[];
}

export interface ListedAddress extends KnownAddress {
  /** "10.20.0.0/16", "2001:db8::/32", or the address itself where each is a group of its own. */
  readonly groupText: string;
  /** Weight in the choice of whom to dial, above 0 and at most 1. */
  readonly score: number;
  readonly isDecent: boolean;
}

export interface BookPage {
  readonly state: "new" | "tried" | undefined;
  readonly offset: number;
  readonly countMax: number;
}

export function countBook(book: AddressBook, nowMs: number): BookCounts {
  const groups = new Map<string, { readonly group: string; addresses: number }>();
  let decent = 0;
  for (const entry of book.entries()) {
    const known = groups.get(entry.group) ?? { group: textOfGroup(entry), addresses: 0 };
    known.addresses++;
    groups.set(entry.group, known);
    if (!isTerrible(entry, nowMs)) decent++;
  }
  const largest = [...groups.values()].sort((a, b) => b.addresses - a.addresses);
  return {
    ...book.counts,
    decent,
    groups: groups.size,
    largestGroups: largest.slice(0, GROUPS_LISTED_MAX),
  };
}

/** Those that answered first, then by when they were last heard of. */
export function pageOfBook(
  book: AddressBook,
  { state, offset, countMax }: BookPage,
  nowMs: number,
): { readonly total: number; readonly addresses: readonly ListedAddress[] } {
  const entries = [...book.entries()].filter(
    ({ isTried }) => state === undefined || isTried === (state === "tried"),
  );
  entries.sort(
    (a, b) =>
      Number(b.isTried) - Number(a.isTried) || b.lastSeenMs - a.lastSeenMs || (a.key < b.key ? -1 : 1),
  );
  const addresses = entries.slice(offset, offset + countMax).map((entry) => ({
    ...entry,
    groupText: textOfGroup(entry),
    score: chanceOf(entry, nowMs),
    isDecent: !isTerrible(entry, nowMs),
  }));
  return { total: entries.length, addresses };
}

function textOfGroup({ scope, multiaddr }: KnownAddress): string {
  const { host, port } = must(parseAddress(multiaddr), "an address of the book was parsed when it came in");
  if (scope !== "public") return `${formatHost(host)} port ${port}`;
  return host.length === 4 ? `${host[0]}.${host[1]}.0.0/16` : networkText(host.subarray(0, 4), 32);
}
