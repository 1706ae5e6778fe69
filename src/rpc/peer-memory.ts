/**
 * The part of the port api.ts that speaks of strangers: the addresses that a node of an open network knows, and whom
 * it keeps out. Written here by its user, implemented by the node; it answers from memory.
 */
import type { Verdict } from "../base/fault.ts";

export interface PeerMemoryApi {
  counts(): BookCounts;
  /** Those that answered first, then by when they were last heard of. */
  addresses(page: BookPage): { readonly total: number; readonly addresses: readonly AddressView[] };
  /** Banned peers and hosts first, then those with faults that do not suffice for a ban. Their number is bounded. */
  bans(): readonly BanView[];
  /** Keeps a peer or a host out for a day. Faults: BAD_SUBJECT, NEVER_BANNED. */
  ban(subject: string): Verdict<BanView>;
  /** Forgives it everything. @returns whether there was anything. It has the faults of `ban`. */
  unban(subject: string): Verdict<boolean>;
}

export interface BookPage {
  readonly state: "new" | "tried" | undefined;
  readonly offset: number;
  readonly countMax: number;
}

export interface BookCounts {
  /** Addresses that this node heard of. */
  readonly new: number;
  /** Addresses that answered once. */
  readonly tried: number;
  /** How many in both tables are told to peers. */
  readonly decent: number;
  readonly groups: number;
  /** The groups with the most addresses, the largest first. Their number is bounded. */
  readonly largestGroups: readonly { readonly group: string; readonly addresses: number }[];
}

/** Times are milliseconds since the Unix epoch, 0 for never. */
export interface AddressView {
  readonly peerId: string;
  readonly multiaddr: string;
  readonly groupText: string;
  readonly isTried: boolean;
  readonly isDecent: boolean;
  /** Weight in the choice of whom to dial, above 0 and at most 1. */
  readonly score: number;
  readonly lastSeenMs: number;
  readonly lastTriedMs: number;
  readonly lastSuccessMs: number;
  /** Failed dials since the last success that counted. */
  readonly attempts: number;
}

export interface BanView {
  readonly kind: "peer" | "host";
  /** A peer id, an IPv4 address or an IPv6 /64. */
  readonly text: string;
  /** Points of faults that it has now. 100 make a ban. */
  readonly score: number;
  /** When the last fault happened, or when the operator banned it. */
  readonly atMs: number;
  readonly bannedUntilMs: number | undefined;
}
