/**
 * One address of the address book and what experience says of it: when it is worth a dial, and when its place may be
 * given to another. Times are milliseconds since the Unix epoch, 0 for never. Pure. Source: the ageing rules that
 * Bitcoin nodes have used against Heilman et al.'s eclipse attack since 2015, with our own numbers.
 */

import type { Scope } from "./address-groups.ts";

/** What is told, stored and dialled. */
export interface PeerAddress {
  /** The libp2p peer id in base58. */
  readonly peerId: string;
  /** Where it listens, without /p2p at the end, as formatAddress writes it. */
  readonly multiaddr: string;
}

/** An entry as the book's callers see it. */
export interface KnownAddress extends PeerAddress {
  readonly key: string;
  readonly scope: Scope;
  readonly group: string;
  /** Group of the peer that told it first. */
  readonly sourceGroup: string;
  /** When someone last claimed to have it connected. */
  readonly lastSeenMs: number;
  readonly lastTriedMs: number;
  readonly lastSuccessMs: number;
  /** Failed dials since the last success that counted. */
  readonly attempts: number;
  /** Whether it ever answered and holds a place among those that did. */
  readonly isTried: boolean;
}

export interface AddressEntry extends KnownAddress {
  lastSeenMs: number;
  lastTriedMs: number;
  lastSuccessMs: number;
  attempts: number;
  /** The dial that {@link attempts} counted last. */
  lastCountedMs: number;
  isTried: boolean;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** An address that was not heard of for so long is taken to be gone. */
export const HORIZON_MS = 30 * DAY_MS;
/** A dial is not repeated within this time if there is another choice. */
const RECENT_TRY_MS = 10 * MINUTE_MS;

/** Whether a text is the peer id of an Ed25519 identity, the only kind that has a place in an address book. */
export function isPeerId(text: string): boolean {
  return /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/.test(text);
}

/** One address may be claimed by several peer ids, and one id for several addresses: each pair stands for itself. */
export function keyOf({ peerId, multiaddr }: PeerAddress): string {
  return `${multiaddr}/p2p/${peerId}`;
}

/** Whether the entry's place may be given to a newcomer, and it is not told to peers. */
export function isTerrible(entry: KnownAddress, nowMs: number): boolean {
  if (nowMs - entry.lastTriedMs < MINUTE_MS) return false; // under test now
  if (nowMs - entry.lastSeenMs > HORIZON_MS) return true;
  if (entry.lastSuccessMs === 0) return entry.attempts >= 3;
  return nowMs - entry.lastSuccessMs > 7 * DAY_MS && entry.attempts >= 10;
}

/** Weight in a draw, above 0 and at most 1: less after a dial of the last minutes and after each failed one. */
export function chanceOf(entry: KnownAddress, nowMs: number): number {
  const recent = nowMs - entry.lastTriedMs < RECENT_TRY_MS ? 0.01 : 1;
  return recent * 0.66 ** Math.min(entry.attempts, 8);
}
