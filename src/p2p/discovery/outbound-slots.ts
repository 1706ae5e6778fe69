/**
 * Whom an open network's node dials: eight connections of its own choice, no two in one group, the anchors of the
 * last run first; a short test dial (a feeler) every two minutes; one more while the tip is stale, because then those
 * eight may all be an attacker's. Connections that others opened count for nothing here. A pure decision: the book,
 * the situation and randomness come in, dials come out. Source: Heilman et al. 2015, section 7.
 */
import { must } from "../../base/assert.ts";
import type { AddressBook } from "./address-book.ts";
import { type KnownAddress, keyOf, type PeerAddress } from "./address-entry.ts";
import { groupOf, parseAddress } from "./address-groups.ts";

/**
 * Why we opened a connection: "static" is in peers.json; "extra" is the additional one of a stale tip; a "feeler" is
 * closed as soon as it has answered.
 */
export type Role = "static" | "anchor" | "outbound" | "extra" | "feeler";

/** Connections of our own choice. */
export const OUTBOUND_SLOTS = 8;
/** Connections that others may open. */
export const INBOUND_MAX = 64;
const FEELER_INTERVAL_MS = 2 * 60_000;
/** The same address is not dialled again within this time. */
const RETRY_MS = 60_000;
/** An extra connection has so long to bring a new tip before the worst of all makes room for another. */
const EXTRA_TRIAL_MS = 10 * 60_000;

/** A connection that we opened, or are opening. */
export interface OwnConnection {
  readonly peerId: string;
  /** The group of its address. It is undefined where the address has none, as with a host name in peers.json. */
  readonly group: string | undefined;
  readonly role: Role;
  /** When it was opened. Undefined while it is being opened. */
  readonly connectedAtMs: number | undefined;
  /** When it last brought blocks that were not known here: what it tells of its head is no merit. */
  readonly lastBlockAtMs: number | undefined;
}

export interface Situation {
  readonly own: readonly OwnConnection[];
  readonly slots: number;
  readonly isTipStale: boolean;
  /** Anchors of the last run that were not dialled in this one. */
  readonly anchors: readonly PeerAddress[];
  readonly lastFeelerMs: number;
  /**
   * Whether the peer must not be dialled: others chose it, it is dialled already, it is banned, or it is this node.
   */
  isExcluded(peer: PeerAddress): boolean;
}

export interface Dial {
  readonly peer: PeerAddress;
  readonly key: string;
  readonly group: string;
  readonly role: Role;
}

/** Decides which addresses to dial now. @param random gives numbers in [0, 1). */
export function planDials(
  book: AddressBook,
  situation: Situation,
  nowMs: number,
  random: () => number,
): readonly Dial[] {
  const plan = new Plan(book, situation, nowMs);
  for (const anchor of situation.anchors) if (plan.freeSlots > 0) plan.addAnchor(anchor);
  const select = (role: Role, among: "all" | "new") =>
    plan.add(role, book.select({ among, nowMs, random, fits: (address) => plan.fits(address, role) }));
  while (plan.freeSlots > 0) if (!select("outbound", "all")) break;
  if (situation.isTipStale && plan.freeSlots === 0) select("extra", "all");
  if (!book.isDefended || nowMs - situation.lastFeelerMs < FEELER_INTERVAL_MS) return plan.dials;
  const fits = (address: KnownAddress) => plan.fits(address, "feeler");
  if (!plan.add("feeler", book.selectForTest({ nowMs, random, fits }))) select("feeler", "new");
  return plan.dials;
}

/**
 * Connections of our choice that are one too many: the one that brought no new block for longest, the youngest of
 * equals.
 * Anchors and static peers are never given up.
 */
export function planDrops({ own, slots, isTipStale }: Situation, nowMs: number): readonly string[] {
  const chosen = own.filter((one) => isChosen(one.role) && one.connectedAtMs !== undefined);
  if (chosen.length <= slots) return [];
  const youngestAtMs = Math.max(...chosen.map(connectedAt));
  if (isTipStale && nowMs - youngestAtMs < EXTRA_TRIAL_MS) return [];
  const worst = chosen.filter((one) => one.role !== "anchor").sort(byPriority)[0];
  return worst === undefined ? [] : [worst.peerId];
}

/** Who would be the anchors after a restart: the oldest connections of our choice. */
export function oldestOf<T extends OwnConnection>(own: readonly T[]): readonly T[] {
  return own
    .filter((one) => (one.role === "outbound" || one.role === "anchor") && one.connectedAtMs !== undefined)
    .sort((a, b) => connectedAt(a) - connectedAt(b));
}

/** Whether a connection of this role takes a slot. */
function isChosen(role: Role): boolean {
  return role === "anchor" || role === "outbound" || role === "extra";
}

/** The least useful first. */
function byPriority(a: OwnConnection, b: OwnConnection): number {
  const [left, right] = [a.lastBlockAtMs ?? 0, b.lastBlockAtMs ?? 0];
  if (left !== right) return left - right;
  return connectedAt(b) - connectedAt(a);
}

function connectedAt({ connectedAtMs }: OwnConnection): number {
  return must(connectedAtMs, "only connections that are made are compared");
}

/** The dials of one decision, and whom they rule out for its next ones. */
class Plan {
  readonly dials: Dial[] = [];
  readonly #book: AddressBook;
  readonly #situation: Situation;
  readonly #nowMs: number;
  readonly #peers: Set<string>;
  readonly #groups: Set<string>;

  constructor(book: AddressBook, situation: Situation, nowMs: number) {
    this.#book = book;
    this.#situation = situation;
    this.#nowMs = nowMs;
    this.#peers = new Set(situation.own.map((one) => one.peerId));
    const grouped = situation.own.filter((one) => one.role !== "feeler");
    this.#groups = new Set(grouped.flatMap((one) => one.group ?? []));
  }

  /**
   * How many slots are free: -1 while there is an extra connection, which fills a slot if it stays when the tip is
   * fresh.
   */
  get freeSlots(): number {
    const roles = [...this.#situation.own, ...this.dials].map((one) => one.role);
    return this.#situation.slots - roles.filter(isChosen).length;
  }

  /** A feeler may go to a group that has a connection: it takes no slot. */
  fits(address: KnownAddress, role: Role): boolean {
    if (this.#nowMs - address.lastTriedMs < RETRY_MS) return false;
    return this.#isFree(address, address.group, role);
  }

  add(role: Role, address: KnownAddress | undefined): boolean {
    if (address === undefined) return false;
    const { peerId, multiaddr, key, group } = address;
    this.#push({ peer: { peerId, multiaddr }, key, group, role });
    return true;
  }

  /** An anchor need not be in the book: it was stored by itself. */
  addAnchor(peer: PeerAddress): void {
    const address = parseAddress(peer.multiaddr);
    if (address === undefined) return;
    const group = groupOf(address);
    if (this.#isFree(peer, group, "anchor")) this.#push({ peer, key: keyOf(peer), group, role: "anchor" });
  }

  #isFree(peer: PeerAddress, group: string, role: Role): boolean {
    if (this.#peers.has(peer.peerId) || this.#situation.isExcluded(peer)) return false;
    return role === "feeler" || !this.#book.isDefended || !this.#groups.has(group);
  }

  #push(dial: Dial): void {
    this.dials.push(dial);
    this.#peers.add(dial.peer.peerId);
    if (dial.role !== "feeler") this.#groups.add(dial.group);
  }
}
