/**
 * Cutting one node off: an attacker with many addresses in few or many groups fills the book of a node that restarts
 * now and then, until the node dials nobody else. Book, plan of dials and drops, allowances and bans are the node's,
 * on virtual time; connections are not: who is up answers at once. The attacker answers every dial, never hangs up,
 * and tells no new block. Defended and not play the same world. Sources: Heilman et al. 2015; pow.md 2.9.
 */

import { must } from "../../../base/assert.ts";
import { AddressBook } from "../../../p2p/discovery/address-book.ts";
import { AddressBuckets } from "../../../p2p/discovery/address-buckets.ts";
import type { PeerAddress } from "../../../p2p/discovery/address-entry.ts";
import { Bans } from "../../../p2p/discovery/bans.ts";
import {
  type Dial,
  OUTBOUND_SLOTS,
  type OwnConnection,
  oldestOf,
  planDials,
  planDrops,
  type Situation,
} from "../../../p2p/discovery/outbound-slots.ts";
import { Random } from "../../sim/random.ts";
import { noStep, type Step } from "../step.ts";

export interface Eclipse {
  readonly seed: number;
  readonly trials: number;
  /** The attacker's groups, one row each. */
  readonly groups: readonly number[];
  /** The attacker's addresses in each. */
  readonly perGroup: number;
  /** Honest nodes that take connections, each in a group of its own. */
  readonly honest: number;
  /** How long the attack goes on. */
  readonly days: number;
  readonly restartHours: number;
}

export interface EclipseTally {
  /** The attacker's part of the connections of the victim's choice, averaged over the attack. */
  readonly slotShare: number;
  /** Part of the time in which all of them were the attacker's. */
  readonly timeShare: number;
  /** The longest such time, hours. */
  readonly longestHours: number;
  /** All of them were the attacker's when the attack ended. */
  readonly isCutOff: boolean;
  /** The most that the attacker held at once. */
  readonly slotsMost: number;
  /** The attacker's part of the addresses in the book at the end. */
  readonly bookShare: number;
}

/** What is averaged over trials. */
export interface EclipseRow {
  readonly groups: number;
  readonly addresses: number;
  readonly defended: boolean;
  readonly bookShare: number;
  readonly slotShare: number;
  readonly timeShare: number;
  readonly longestHours: number;
  /** Trials that ended cut off. */
  readonly cutOff: number;
  readonly everCutOff: number;
  readonly slotsMost: number;
}

export interface EclipseResult {
  readonly rows: readonly EclipseRow[];
  /** Defended, the attacker never holds more slots than groups, and is nowhere better off than against the naive. */
  readonly isMatch: boolean;
}

const MINUTE = 60_000;
const ENOUGH = "there are networks for all";
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A feeler goes out at most so often. */
const TICK_MS = 2 * MINUTE;
const BLOCK_MS = 10 * MINUTE;
/** When the node calls a tip stale: after ten spacings. */
const STALE_MS = 10 * BLOCK_MS;
const ASK_MS = HOUR;
/** Addresses in an answer; real ones have more, and soon run into the allowance. */
const ADVERTISED_MAX = 100;
/** Time before the attack, ms, in which the book fills with what answers. */
const QUIET_MS = DAY;
/** Part of the honest addresses behind which a node answers now. */
const REACHABLE = 0.75;
/** Mean life of a connection to an honest node. */
const HONEST_LIFE_MS = DAY;
const BEGINNING = 1_700_000_000_000;
/** A virtue of the comparison, not of the defence: chance between two runs of the same world. */
const CHANCE = 0.02;

/** How often {@link runEclipse} calls its step. */
export function eclipseSteps({ groups, trials }: Eclipse): number {
  return 2 * groups.length * trials;
}

export async function runEclipse(options: Eclipse, step: Step = noStep): Promise<EclipseResult> {
  const rows: EclipseRow[] = [];
  for (const groups of options.groups) {
    for (const defended of [false, true]) {
      const tallies: EclipseTally[] = [];
      for (let trial = 0; trial < options.trials; trial++) {
        const random = new Random(options.seed).split(`eclipse ${groups} ${trial}`);
        tallies.push(new Victim(options, groups, defended, random).live());
        await step();
      }
      rows.push(rowOf(options, groups, defended, tallies));
    }
  }
  const isMatch = rows.every((row, i) => {
    if (!row.defended) return true;
    const naive = must(rows[i - 1], "an undefended row comes before each defended one");
    return row.slotsMost <= row.groups && row.timeShare <= naive.timeShare + CHANCE;
  });
  return { rows, isMatch };
}

function rowOf(
  { perGroup, trials }: Eclipse,
  groups: number,
  defended: boolean,
  tallies: readonly EclipseTally[],
): EclipseRow {
  const mean = (value: (tally: EclipseTally) => number) =>
    tallies.reduce((sum, tally) => sum + value(tally), 0) / trials;
  return {
    groups,
    addresses: groups * perGroup,
    defended,
    bookShare: mean((tally) => tally.bookShare),
    slotShare: mean((tally) => tally.slotShare),
    timeShare: mean((tally) => tally.timeShare),
    longestHours: Math.max(...tallies.map((tally) => tally.longestHours)),
    cutOff: tallies.filter((tally) => tally.isCutOff).length,
    everCutOff: tallies.filter((tally) => tally.longestHours > 0).length,
    slotsMost: Math.max(...tallies.map((tally) => tally.slotsMost)),
  };
}

/** All addresses of a trial. */
class Crowd {
  readonly honest: readonly PeerAddress[];
  readonly attackers: readonly PeerAddress[];
  readonly #reachable: ReadonlySet<string>;

  constructor({ honest, perGroup }: Eclipse, groups: number, random: Random) {
    const networks = random.shuffle(NETWORKS);
    this.honest = Array.from({ length: honest }, (_, i) => addressIn(must(networks[i], ENOUGH), 0, `h${i}`));
    this.attackers = Array.from({ length: groups * perGroup }, (_, i) =>
      addressIn(must(networks[honest + (i % groups)], ENOUGH), Math.floor(i / groups), `${ATTACKER}${i}`),
    );
    this.#reachable = new Set(
      this.honest.filter((_, i) => i === 0 || random.chance(REACHABLE)).map(({ peerId }) => peerId),
    );
  }

  answers({ peerId }: PeerAddress): boolean {
    return isAttacker(peerId) || this.#reachable.has(peerId);
  }
}

const ATTACKER = "a";

function isAttacker(peerId: string): boolean {
  return peerId.startsWith(ATTACKER);
}

/** The first two bytes of public networks. */
const NETWORKS = Array.from({ length: 88 * 256 }, (_, i) => `${11 + (i >> 8)}.${i & 255}`);

/** The most groups that the world has room for. */
export const GROUPS_MAX = 4_096;

function addressIn(network: string, host: number, peerId: string): PeerAddress {
  return { peerId, multiaddr: `/ip4/${network}.${(host >> 8) & 255}.${host & 255}/tcp/30300` };
}

interface Connection extends OwnConnection {
  readonly key: string;
  readonly peer: PeerAddress;
  readonly connectedAtMs: number;
  readonly endsAtMs: number;
  nextAskMs: number;
}

class Victim {
  readonly #options: Eclipse;
  readonly #defended: boolean;
  readonly #random: Random;
  readonly #crowd: Crowd;
  readonly #book: AddressBook;
  readonly #bans = new Bans();
  readonly #received = new AddressBuckets();
  readonly #attackFromMs = BEGINNING + QUIET_MS;
  #connections: Connection[] = [];
  #anchors: readonly PeerAddress[] = [];
  #lastFeelerMs = BEGINNING;
  /** When a new block last reached it. */
  #freshMs = BEGINNING;
  #called = 0;
  readonly #seen = { ticks: 0, slots: 0, held: 0, cutOff: 0, longest: 0, current: 0, most: 0 };

  constructor(options: Eclipse, groups: number, defended: boolean, random: Random) {
    this.#options = options;
    this.#defended = defended;
    this.#random = random.split("victim");
    this.#crowd = new Crowd(options, groups, random.split("crowd"));
    this.#book = new AddressBook({ salt: random.split("salt").bytes(32), defended });
  }

  live(): EclipseTally {
    const untilMs = this.#attackFromMs + this.#options.days * DAY;
    const restartMs = this.#options.restartHours * HOUR;
    const { honest } = this.#crowd;
    const first = must(honest[0], "there are honest peers");
    for (const peer of honest) this.#receive([peer], first, BEGINNING);
    for (let now = BEGINNING; now < untilMs; now += TICK_MS) {
      const attackedMs = now - this.#attackFromMs;
      if (attackedMs >= 0 && attackedMs % restartMs === 0) this.#restart(now);
      if (attackedMs >= 0 && attackedMs % HOUR === 0) this.#beCalled(now);
      this.#tick(now);
      if (attackedMs >= 0) this.#look();
    }
    return this.#tally();
  }

  #restart(now: number): void {
    const oldest = oldestOf(this.#connections);
    if (oldest.length > 0) this.#book.setAnchors(oldest.map(({ peer }) => peer));
    this.#anchors = this.#book.anchors;
    this.#connections = [];
    this.#lastFeelerMs = now;
    this.#freshMs = now;
  }

  /** All of the attacker's addresses call once a day, and each names itself. */
  #beCalled(now: number): void {
    const { attackers } = this.#crowd;
    for (let i = Math.ceil(attackers.length / 24); i > 0; i--) {
      const caller = must(
        attackers[this.#called++ % attackers.length],
        "the loop runs where there are attackers",
      );
      if (this.#received.take(caller.peerId, 1, now) === 0) continue;
      this.#book.add({ ...caller, lastSeenMs: now }, caller.multiaddr, now);
    }
  }

  #tick(now: number): void {
    this.#connections = this.#connections.filter(({ endsAtMs }) => endsAtMs > now);
    if (this.#isLinked || now < this.#attackFromMs) this.#freshMs = now;
    const situation = this.#situation(now);
    for (const { key } of this.#connections) this.#book.seen(key, now);
    const dropped = planDrops(situation, now);
    this.#connections = this.#connections.filter(({ peerId }) => !dropped.includes(peerId));
    for (const dial of planDials(this.#book, this.#situation(now), now, () => this.#random.fraction())) {
      this.#dial(dial, now);
    }
    for (const connection of this.#connections) this.#ask(connection, now);
  }

  /** An honest node among those of its own choice: its blocks arrive. */
  get #isLinked(): boolean {
    return this.#connections.some(({ peerId }) => !isAttacker(peerId));
  }

  #situation(now: number): Situation {
    const connected = new Set(this.#connections.map(({ peerId }) => peerId));
    return {
      own: this.#connections.map((one) => ({ ...one, lastBlockAtMs: this.#lastBlockAtMs(one.peerId, now) })),
      slots: OUTBOUND_SLOTS,
      isTipStale: this.#defended && now - this.#freshMs > STALE_MS,
      anchors: this.#anchors,
      lastFeelerMs: this.#lastFeelerMs,
      isExcluded: ({ peerId, multiaddr }) =>
        connected.has(peerId) || this.#bans.isBanned(peerId, multiaddr, now),
    };
  }

  /** The attacker's blocks end where the attack began. */
  #lastBlockAtMs(peerId: string, now: number): number {
    const until = isAttacker(peerId) ? Math.min(now, this.#attackFromMs) : now;
    return until - ((until - BEGINNING) % BLOCK_MS);
  }

  #dial({ peer, key, group, role }: Dial, now: number): void {
    if (role === "feeler") this.#lastFeelerMs = now;
    this.#anchors = this.#anchors.filter(({ peerId }) => peerId !== peer.peerId);
    this.#book.attempted(key, now);
    if (!this.#crowd.answers(peer)) return;
    this.#book.add({ ...peer, lastSeenMs: now }, peer.multiaddr, now);
    this.#book.succeeded(key, now);
    if (role === "feeler") return;
    const lifeMs = isAttacker(peer.peerId)
      ? Number.POSITIVE_INFINITY
      : -Math.log(1 - this.#random.fraction()) * HONEST_LIFE_MS;
    const { peerId } = peer;
    this.#connections.push({
      ...{ peerId, peer, key, group, role, lastBlockAtMs: undefined },
      connectedAtMs: now,
      endsAtMs: now + lifeMs,
      nextAskMs: now,
    });
  }

  #ask(connection: Connection, now: number): void {
    if (connection.nextAskMs > now) return;
    connection.nextAskMs = now + ASK_MS * (0.75 + 0.5 * this.#random.fraction());
    const { honest, attackers } = this.#crowd;
    const isHostile = isAttacker(connection.peerId) && now >= this.#attackFromMs;
    const known = isHostile ? attackers : honest;
    const advertised = Array.from({ length: Math.min(ADVERTISED_MAX, known.length) }, () =>
      this.#random.pick(known),
    );
    this.#receive(
      advertised.slice(0, this.#received.take(connection.peerId, advertised.length, now)),
      connection.peer,
      now,
    );
  }

  #receive(advertised: readonly PeerAddress[], { multiaddr }: PeerAddress, now: number): void {
    for (const peer of advertised) this.#book.add({ ...peer, lastSeenMs: now - 2 * HOUR }, multiaddr, now);
  }

  #look(): void {
    const seen = this.#seen;
    const chosen = this.#connections.length;
    const held = this.#connections.filter(({ peerId }) => isAttacker(peerId)).length;
    seen.ticks++;
    seen.slots += chosen;
    seen.held += held;
    seen.most = Math.max(seen.most, held);
    const isCutOff = chosen > 0 && held === chosen;
    seen.current = isCutOff ? seen.current + 1 : 0;
    if (isCutOff) seen.cutOff++;
    seen.longest = Math.max(seen.longest, seen.current);
  }

  #tally(): EclipseTally {
    const { ticks, slots, held, cutOff, longest, current, most } = this.#seen;
    const known = [...this.#book.entries()];
    return {
      slotShare: slots === 0 ? 0 : held / slots,
      timeShare: cutOff / ticks,
      longestHours: (longest * TICK_MS) / HOUR,
      isCutOff: current > 0,
      slotsMost: most,
      bookShare: known.filter(({ peerId }) => isAttacker(peerId)).length / Math.max(1, known.length),
    };
  }
}
