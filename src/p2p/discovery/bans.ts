/**
 * Who is kept out for a day. Faults that a peer provably committed add to a score of its id and of its host; the
 * score fades, and at 100 both are banned. It judges no fault itself, and its caller spares static peers, loopback
 * and private addresses: a mistake there would cut off one's own machines. Pure: time is an argument.
 */
import { BAN_RECORDS_MAX } from "../../base/limits.ts";
import { hostOf, parseAddress, scopeOf } from "./address-groups.ts";

const BAN_SCORE = 100;
export const BAN_MS = 24 * 3_600_000;
/** A score fades by one point in so long. */
const POINT_MS = 60_000;

/**
 * The points that a fault costs. What several honest nodes can do by mistake of ours costs less than a ban by
 * itself.
 */
const FAULT_POINTS = {
  /** A block, header or answer of repair that is provably wrong. */
  repair: 50,
  /** A rumor that no honest node passes on. */
  rumor: 20,
  /** An answer of the address exchange that does not decode. */
  addresses: 50,
} as const;
export type BanFault = keyof typeof FAULT_POINTS;

/** A record as it is kept on disk. */
export interface BanRecord {
  /** "peer:" and a peer id, or "host:" and what hostOf says. */
  readonly subject: string;
  /** The points that the subject had at {@link atMs}. */
  readonly score: number;
  readonly atMs: number;
  /** 0 when there is no ban. */
  readonly bannedUntilMs: number;
}

export class Bans {
  /** Records in the order of their last fault. */
  readonly #records = new Map<string, BanRecord>();

  /** Every record that still says something. */
  records(nowMs: number): readonly BanRecord[] {
    return [...this.#records.values()].filter((record) => silentFrom(record) > nowMs);
  }

  /**
   * Takes records from disk; what exceeds the bound is left out. No fault is after `nowMs`, no ban longer than a day
   * from it.
   */
  restore(records: readonly BanRecord[], nowMs: number): void {
    for (const record of records.slice(0, BAN_RECORDS_MAX)) {
      const atMs = Math.min(record.atMs, nowMs);
      const bannedUntilMs = Math.min(record.bannedUntilMs, nowMs + BAN_MS);
      this.#records.set(record.subject, { ...record, atMs, bannedUntilMs });
    }
  }

  /**
   * Notes a fault of a peer connected from or at `multiaddr`.
   * @returns whether the peer is banned now; always false for loopback and private addresses
   */
  report(peerId: string, multiaddr: string, fault: BanFault, nowMs: number): boolean {
    const subjects = subjectsOf(peerId, multiaddr);
    return subjects.map((subject) => this.#add(subject, FAULT_POINTS[fault], nowMs)).includes(true);
  }

  /** The operator's word: a day from now, whatever the score. */
  ban(subject: BanRecord["subject"], nowMs: number): BanRecord {
    if (!this.#records.has(subject) && this.#records.size >= BAN_RECORDS_MAX) this.#forgetOne();
    const record = { subject, score: 0, atMs: nowMs, bannedUntilMs: nowMs + BAN_MS };
    this.#records.set(subject, record);
    return record;
  }

  /** Takes back a ban, and the score with it. @returns whether there was anything to take back */
  lift(subject: BanRecord["subject"]): boolean {
    return this.#records.delete(subject);
  }

  /** A peer id wherever it calls from; a host only where hosts are not spared. */
  isBanned(peerId: string, multiaddr: string, nowMs: number): boolean {
    return [`peer:${peerId}`, ...subjectsOf(peerId, multiaddr)].some(
      (subject) => (this.#records.get(subject)?.bannedUntilMs ?? 0) > nowMs,
    );
  }

  #add(subject: string, points: number, nowMs: number): boolean {
    const before = this.#records.get(subject);
    const score = (before === undefined ? 0 : scoreAt(before, nowMs)) + points;
    const wasUntilMs = before?.bannedUntilMs ?? 0;
    const bannedUntilMs = score >= BAN_SCORE ? Math.max(wasUntilMs, nowMs + BAN_MS) : wasUntilMs;
    if (before === undefined && this.#records.size >= BAN_RECORDS_MAX) this.#forgetOne();
    // Whoever served a ban begins at nought.
    this.#records.set(subject, {
      subject,
      score: score >= BAN_SCORE ? 0 : score,
      atMs: nowMs,
      bannedUntilMs,
    });
    return bannedUntilMs > nowMs;
  }

  #forgetOne(): void {
    let soonest: BanRecord | undefined;
    for (const record of this.#records.values()) {
      if (soonest === undefined || silentFrom(record) < silentFrom(soonest)) soonest = record;
    }
    if (soonest !== undefined) this.#records.delete(soonest.subject);
  }
}

/** Points that are left of a record's score. */
export function scoreAt({ score, atMs }: Pick<BanRecord, "score" | "atMs">, nowMs: number): number {
  return Math.max(0, score - Math.max(0, nowMs - atMs) / POINT_MS);
}

/** When a record says nothing any more. */
function silentFrom({ score, atMs, bannedUntilMs }: BanRecord): number {
  return Math.max(bannedUntilMs, atMs + score * POINT_MS);
}

/** None for an address that is spared, and a name is no host. */
function subjectsOf(peerId: string, multiaddr: string): readonly string[] {
  const address = parseAddress(multiaddr);
  if (address === undefined || scopeOf(address) !== "public") return [];
  return [`peer:${peerId}`, `host:${hostOf(address)}`];
}
