/**
 * What a node of an open network knows of others' addresses, built so that who floods it cannot choose whom the node
 * will dial. Two tables of salted buckets: *new* for what peers told, *tried* for what answered a dial. A place held
 * by a decent address is not given up: hearsay is dropped, and of two that answered the older stays until a test dial
 * to it fails. Entries come from our own exchange alone. It decides what is kept and drawn, never when to dial.
 *
 * Pure: time and randomness come in as arguments; the salt is handed in. `defended: false` makes the naive book that
 * the attack laboratory compares with: no buckets, groups, tests or anchors, the newest address wins its place.
 * Differs from Bitcoin's in that an address has one place among the new ones, that of its first source.
 */
import { assert, must } from "../../base/assert.ts";
import { ADDRESSES_PER_ANSWER_MAX, ANCHORS_MAX, TRIED_COLLISIONS_MAX } from "../../base/limits.ts";
import {
  type AddressEntry,
  chanceOf,
  HORIZON_MS,
  isTerrible,
  type KnownAddress,
  keyOf,
  type PeerAddress,
} from "./address-entry.ts";
import {
  formatAddress,
  groupOf,
  mayTravel,
  parseAddress,
  type Scope,
  scopeOf,
  speakerGroupOf,
} from "./address-groups.ts";
import { AddressTable, Places, pick, type TablePlace } from "./address-table.ts";

/** Draws before a selection gives up; the growing factor makes the worst address certain within 60. */
const DRAWS_MAX = 100;
/** A success of so long ago is taken as proof in a collision, and a failure waits so long for one. */
const TEST_VALID_MS = 4 * 3_600_000;
/** A test dial has so long to succeed. */
const TEST_MS = 60_000;
/** A collision that could not be tested by then ends in favour of the newcomer. */
const TEST_TIMEOUT_MS = 40 * 60_000;
/** Share of the book that one answer shows at most, and the number below which it shows all. */
const SHOWN_SHARE = 0.23;
const SHOWN_MIN = 64;

export interface BookOptions {
  /** A secret of 32 bytes that is kept for the life of the book. */
  readonly salt: Uint8Array;
  /** Whether places depend on groups of addresses. They do where this is left out. */
  readonly defended?: boolean;
}

/** An address as a peer tells it. */
export interface AdvertisedAddress extends PeerAddress {
  readonly lastSeenMs: number;
}

/** What of an entry outlives a restart. */
export type StoredAddress = PeerAddress & Omit<KnownAddress, "key" | "scope" | "group">;

export interface Selection {
  /** The tables to choose from: "new" holds only addresses that never answered, which feelers try. */
  readonly among: "all" | "new";
  readonly nowMs: number;
  /** A number in [0, 1). */
  random(): number;
  /** What the caller can use now. */
  fits(address: KnownAddress): boolean;
}

interface Collision {
  readonly candidate: AddressEntry;
  readonly sinceMs: number;
}

export class AddressBook {
  readonly salt: Uint8Array;
  readonly isDefended: boolean;
  readonly #places: Places;
  readonly #new = new AddressTable();
  readonly #tried = new AddressTable();
  readonly #entries = new Map<string, AddressEntry>();
  readonly #collisions = new Map<string, Collision>();
  #anchors: readonly PeerAddress[] = [];
  /** When any address answered last: a failed dial counts only once after it, or a cut cable would empty the book. */
  #lastSuccessMs = 1;

  constructor({ salt, defended = true }: BookOptions) {
    this.salt = salt;
    this.isDefended = defended;
    this.#places = new Places(salt);
  }

  get counts(): { readonly new: number; readonly tried: number } {
    return { new: this.#new.size, tried: this.#tried.size };
  }

  /** Every entry, in no order that matters. */
  entries(): IterableIterator<KnownAddress> {
    return this.#entries.values();
  }

  /** Connections to dial first after a restart. */
  get anchors(): readonly PeerAddress[] {
    return this.#anchors;
  }

  setAnchors(anchors: readonly PeerAddress[]): void {
    if (this.isDefended) this.#anchors = anchors.slice(0, ANCHORS_MAX);
  }

  /**
   * Takes an address that the peer at `sourceMultiaddr` told.
   * @returns whether it is in the book afterwards
   */
  add(advertised: AdvertisedAddress, sourceMultiaddr: string, nowMs: number): boolean {
    const address = parseAddress(advertised.multiaddr);
    const source = parseAddress(sourceMultiaddr);
    if (address === undefined || source === undefined) return false;
    const [scope, nearness] = [scopeOf(address), scopeOf(source)];
    if (scope === undefined || nearness === undefined || !mayTravel(scope, nearness)) return false;
    const lastSeenMs = Math.min(advertised.lastSeenMs, nowMs);
    if (nowMs - lastSeenMs > HORIZON_MS) return false;
    const peer = { peerId: advertised.peerId, multiaddr: formatAddress(address) };
    const known = this.#entries.get(keyOf(peer));
    if (known !== undefined) {
      known.lastSeenMs = Math.max(known.lastSeenMs, lastSeenMs);
      return true;
    }
    const entry = newEntry(peer, { scope, group: groupOf(address), sourceGroup: speakerGroupOf(source) });
    entry.lastSeenMs = lastSeenMs;
    return this.#addNew(entry, nowMs);
  }

  /** A dial begins. */
  attempted(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.lastTriedMs = nowMs;
    if (entry.lastCountedMs >= this.#lastSuccessMs) return;
    entry.lastCountedMs = nowMs;
    entry.attempts++;
  }

  /** The address answered with the right identity and chain: it moves to the tried ones, if its place there is free. */
  succeeded(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.lastSeenMs = nowMs;
    entry.lastTriedMs = nowMs;
    entry.lastSuccessMs = nowMs;
    entry.attempts = 0;
    this.#lastSuccessMs = nowMs;
    if (entry.isTried || !this.isDefended) return;
    const occupant = this.#tried.at(this.#places.inTried(entry));
    if (occupant === undefined) this.#moveToTried(entry);
    else if (!this.#collisions.has(key) && this.#collisions.size < TRIED_COLLISIONS_MAX) {
      this.#collisions.set(key, { candidate: entry, sinceMs: nowMs });
    }
  }

  /** A connection that we dialled is there now, as good as an answer to a test. */
  seen(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.lastSeenMs = nowMs;
    if (entry.lastSuccessMs > 0) entry.lastSuccessMs = nowMs;
  }

  /** Forgets an address: its node follows another chain, or is banned. */
  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const [table, place] = [this.#tableOf(entry), this.#placeOf(entry)];
    assert(table.at(place) === entry, "an entry of the book stands at its place");
    table.clear(place);
    this.#entries.delete(key);
    this.#collisions.delete(key);
  }

  /**
   * Chooses an address to dial: from either table with equal chance, however full they are, and better ones
   * more often.
   */
  select({ among, nowMs, random, fits }: Selection): KnownAddress | undefined {
    for (let i = 0, factor = 1; i < DRAWS_MAX; i++, factor *= 1.2) {
      const isFromTried = among === "all" && this.#tried.size > 0 && (this.#new.size === 0 || random() < 0.5);
      const entry = this.#draw(isFromTried ? this.#tried : this.#new, random);
      if (entry === undefined) return undefined;
      if (!fits(entry)) continue;
      if (random() < factor * chanceOf(entry, nowMs)) return entry;
    }
    return undefined;
  }

  /** An address whose place another wants, to be tested by a dial. */
  selectForTest({ nowMs, random, fits }: Omit<Selection, "among">): KnownAddress | undefined {
    this.resolveCollisions(nowMs);
    const occupants = [...this.#collisions.values()]
      .map(({ candidate }) => this.#tried.at(this.#places.inTried(candidate)))
      .filter((occupant): occupant is AddressEntry => occupant !== undefined && fits(occupant));
    return occupants.length === 0 ? undefined : pick(occupants, random);
  }

  /** Ends the collisions whose test is over: who answered keeps its place, who did not becomes hearsay again. */
  resolveCollisions(nowMs: number): void {
    for (const [key, { candidate, sinceMs }] of this.#collisions) {
      const place = this.#places.inTried(candidate);
      const occupant = this.#tried.at(place);
      const outcome = occupant === undefined ? "free" : testOf(occupant, sinceMs, nowMs);
      if (outcome === "under-way") continue;
      this.#collisions.delete(key);
      if (outcome === "answered") continue;
      if (occupant !== undefined) this.#demote(occupant, place, nowMs);
      // The one that lost its place may have taken that of the candidate, where this has become a terrible one.
      if (this.#entries.get(key) === candidate) this.#moveToTried(candidate);
    }
  }

  /** Addresses to tell to a peer at an address of scope `peer`: a random part of the decent ones. */
  sample(countMax: number, peer: Scope, nowMs: number, random: () => number): KnownAddress[] {
    const decent = [...this.#entries.values()].filter(
      (entry) => !isTerrible(entry, nowMs) && mayTravel(entry.scope, peer),
    );
    const shown = Math.max(SHOWN_MIN, Math.ceil(SHOWN_SHARE * decent.length));
    const count = Math.min(countMax, shown, decent.length, ADDRESSES_PER_ANSWER_MAX);
    for (let i = 0; i < count; i++) {
      const j = i + Math.floor(random() * (decent.length - i));
      const [here, there] = [
        must(decent[i], "i lies within"),
        must(decent[j], "j lies between i and the end"),
      ];
      [decent[i], decent[j]] = [there, here];
    }
    return decent.slice(0, count);
  }

  /** Puts a stored entry back, without judging it; one whose place is taken is dropped. No time is after `nowMs`. */
  restore(stored: StoredAddress, nowMs: number): void {
    const address = parseAddress(stored.multiaddr);
    const scope = address === undefined ? undefined : scopeOf(address);
    if (address === undefined || scope === undefined) return;
    const peer = { peerId: stored.peerId, multiaddr: formatAddress(address) };
    const entry = newEntry(peer, { scope, group: groupOf(address), sourceGroup: stored.sourceGroup });
    // A clock that was once ahead must not keep addresses from being dialled.
    entry.lastSeenMs = Math.min(stored.lastSeenMs, nowMs);
    entry.lastTriedMs = Math.min(stored.lastTriedMs, nowMs);
    entry.lastSuccessMs = Math.min(stored.lastSuccessMs, nowMs);
    entry.attempts = stored.attempts;
    entry.isTried = stored.isTried && this.isDefended;
    const place = this.#placeOf(entry);
    if (this.#entries.has(entry.key) || this.#tableOf(entry).at(place) !== undefined) return;
    this.#tableOf(entry).put(place, entry);
    this.#entries.set(entry.key, entry);
  }

  #draw(table: AddressTable, random: () => number): AddressEntry | undefined {
    if (this.isDefended) return table.draw(random);
    return this.#entries.size === 0 ? undefined : pick([...this.#entries.values()], random);
  }

  #addNew(entry: AddressEntry, nowMs: number): boolean {
    const place = this.#placeOf(entry);
    const occupant = this.#new.at(place);
    if (occupant !== undefined) {
      if (this.isDefended && !isTerrible(occupant, nowMs)) return false;
      this.#forget(occupant);
    }
    this.#new.put(place, entry);
    this.#entries.set(entry.key, entry);
    return true;
  }

  #moveToTried(entry: AddressEntry): void {
    assert(this.#entries.get(entry.key) === entry && !entry.isTried, "what is tried now was new until now");
    const [from, to] = [this.#places.inNew(entry), this.#places.inTried(entry)];
    assert(
      this.#new.at(from) === entry && this.#tried.at(to) === undefined,
      "an entry moves to a free place",
    );
    this.#new.clear(from);
    entry.isTried = true;
    this.#tried.put(to, entry);
    this.#collisions.delete(entry.key);
  }

  /** Back among the new ones, if its place there is free or held by a terrible one. */
  #demote(entry: AddressEntry, place: TablePlace, nowMs: number): void {
    this.#tried.clear(place);
    this.#entries.delete(entry.key);
    entry.isTried = false;
    this.#addNew(entry, nowMs);
  }

  #forget(entry: AddressEntry): void {
    this.#entries.delete(entry.key);
    this.#collisions.delete(entry.key);
  }

  #tableOf(entry: AddressEntry): AddressTable {
    return entry.isTried ? this.#tried : this.#new;
  }

  #placeOf(entry: AddressEntry): TablePlace {
    if (!this.isDefended) return this.#places.anywhere(entry.key);
    return entry.isTried ? this.#places.inTried(entry) : this.#places.inNew(entry);
  }
}

function newEntry(
  peer: PeerAddress,
  origin: Pick<AddressEntry, "scope" | "group" | "sourceGroup">,
): AddressEntry {
  return {
    key: keyOf(peer),
    peerId: peer.peerId,
    multiaddr: peer.multiaddr,
    scope: origin.scope,
    group: origin.group,
    sourceGroup: origin.sourceGroup,
    lastSeenMs: 0,
    lastTriedMs: 0,
    lastSuccessMs: 0,
    lastCountedMs: 0,
    attempts: 0,
    isTried: false,
  };
}

/** How the test of a tried address stands whose place is wanted since `sinceMs`. */
function testOf(occupant: AddressEntry, sinceMs: number, nowMs: number): "answered" | "failed" | "under-way" {
  if (nowMs - occupant.lastSuccessMs < TEST_VALID_MS) return "answered";
  if (nowMs - occupant.lastTriedMs < TEST_VALID_MS) {
    return nowMs - occupant.lastTriedMs > TEST_MS ? "failed" : "under-way";
  }
  return nowMs - sinceMs > TEST_TIMEOUT_MS ? "failed" : "under-way";
}
