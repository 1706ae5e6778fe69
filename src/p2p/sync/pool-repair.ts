/**
 * Anti-entropy of pools: pulls what a peer's pool has and ours has not. Only what can run and pays the price of entry
 * is compared; what the pool refused is remembered for a while and not asked for again; and where more is missing than
 * one question may name, the place to begin is drawn, so that nothing at the front of a list starves what stands
 * behind it. What we have and the peer lacks, it pulls in its own round. Sources: decision 7, ADR 0012.
 */

import { byteText, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { POOL_FETCH_MAX, POOL_REFUSALS_MAX, POOL_TRANSACTIONS_MAX } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { sha256 } from "../../crypto/hash.ts";
import type { RepairAnswer, RepairQuestion } from "./repair-wire.ts";
import type { SettledPool } from "./settled-pool.ts";
import { drawSalt, ShortHashes } from "./short-hash.ts";

/**
 * What became of a transaction; `refused-early` means that a nonce before it is missing, which may come in a moment.
 */
export type AdmittedTransaction = "held" | "refused" | "refused-early";

/** What repair needs of the pool. Hashes are those of whole envelopes. */
export interface RepairPool {
  /**
   * Hashes of the transactions that can run, have been in the pool for at least `ageMsMin` and pay `feeMin`, as do all
   * before them of their senders. One sender's follow one another by nonce.
   */
  hashes(ageMsMin: number, feeMin: bigint): readonly Hash[];
  /** Hashes of all it holds, in no order. */
  held(): readonly Hash[];
  /** What a transaction that can run must pay to enter now. */
  entryPrice(): bigint;
  /** The envelope, or undefined when it is not in the pool any more. */
  fetch(hash: Hash): Uint8Array | undefined;
  /** Offers an envelope to the pool, which checks it as it checks any other. */
  admit(envelope: Uint8Array, from: string): Promise<AdmittedTransaction>;
}

export interface PoolRepairPorts {
  readonly scheduler: Pick<Scheduler, "now">;
  readonly pool: RepairPool;
  readonly settled: SettledPool;
  /** A number in [0, 1). */
  jitter(): number;
  isRunning(): boolean;
  reportFault(peerId: string, detail: string): void;
  ask<Kind extends "pool" | "transactions">(
    kind: Kind,
    peerId: string,
    question: Extract<RepairQuestion, { kind: Kind }>,
  ): Promise<Extract<RepairAnswer, { kind: Kind }> | undefined>;
}

/** How long a refused transaction is not asked for again; by then the price or the state may be another. */
const REFUSED_MS = 60_000;
const EARLY_MS = 5_000;

export class PoolRepair {
  readonly #ports: PoolRepairPorts;
  /** When each refused transaction may be asked for again, by its hash; the one refused first is first. */
  readonly #refused = new Map<string, { readonly hash: Uint8Array; readonly untilMs: number }>();
  #isLevelling = false;

  constructor(ports: PoolRepairPorts) {
    this.#ports = ports;
  }

  /** How many refusals are remembered now. */
  get refusals(): number {
    return this.#refused.size;
  }

  async level(peerId: string): Promise<void> {
    if (this.#isLevelling) return;
    this.#isLevelling = true;
    try {
      const { pool, ask, jitter } = this.#ports;
      const names = new ShortHashes(drawSalt(jitter));
      const { salt } = names;
      const list = await ask("pool", peerId, { kind: "pool", feeMin: pool.entryPrice(), salt });
      if (list === undefined) return;
      const ours = new Set([...pool.held(), ...this.#refusedNow()].map(names.of));
      const missing = list.shortHashes.filter((shortHash) => !ours.has(shortHash));
      // One bounded request a round; the rest is still missing at the next.
      const asked = fromRandomPlace(missing, POOL_FETCH_MAX, this.#ports.jitter);
      if (asked.length > 0) await this.#pull(peerId, names, asked);
    } finally {
      this.#isLevelling = false;
    }
  }

  /** What a peer may want: short hashes under its salt of what pays `feeMin`, as many as an answer may hold. */
  list(feeMin: bigint, salt: bigint): readonly bigint[] {
    const { hashes } = this.#ports.settled.list(feeMin);
    const listed = fromRandomPlace(hashes, POOL_TRANSACTIONS_MAX, this.#ports.jitter);
    return this.#ports.settled.name(salt, listed);
  }

  /** The envelopes that have these short hashes; two that share one are both meant. */
  named(salt: bigint, shortHashes: readonly bigint[]): readonly Uint8Array[] {
    const { pool, settled } = this.#ports;
    const wanted = new Set(shortHashes);
    const names = new ShortHashes(salt);
    const found =
      settled.find(salt, wanted) ?? pool.hashes(0, 0n).filter((hash) => wanted.has(names.of(hash)));
    return found.map((hash) => pool.fetch(hash)).filter((envelope) => envelope !== undefined);
  }

  async #pull(peerId: string, names: ShortHashes, shortHashes: readonly bigint[]): Promise<void> {
    const { ask, isRunning, pool, reportFault } = this.#ports;
    const answer = await ask("transactions", peerId, { kind: "transactions", salt: names.salt, shortHashes });
    const asked = new Set(shortHashes);
    for (const envelope of answer?.envelopes ?? []) {
      if (!isRunning()) return;
      const hash = sha256(envelope);
      // Several with one short hash are by chance or an attacker's doing, not the fault of whoever holds them.
      if (!asked.has(names.of(hash))) {
        reportFault(peerId, "sent a transaction that was not asked for");
        return;
      }
      const admitted = await pool.admit(envelope.slice(), peerId);
      if (admitted !== "held") this.#remember(hash, admitted === "refused" ? REFUSED_MS : EARLY_MS);
    }
  }

  #remember(hash: Uint8Array, ms: number): void {
    const key = byteText(hash);
    this.#refused.delete(key);
    this.#refused.set(key, { hash, untilMs: this.#ports.scheduler.now() + ms });
    if (this.#refused.size > POOL_REFUSALS_MAX) dropOldest(this.#refused);
  }

  /** Hashes of what is not asked for again yet; what may be is forgotten. */
  #refusedNow(): Uint8Array[] {
    const now = this.#ports.scheduler.now();
    const refused: Uint8Array[] = [];
    for (const [key, { hash, untilMs }] of this.#refused) {
      // Far ahead: the clock was set back.
      if (now < untilMs && untilMs - now <= REFUSED_MS) refused.push(hash);
      else this.#refused.delete(key);
    }
    return refused;
  }
}

/**
 * At most `countMax` of `items` in their order, round the end, from the front in half of the cases and from a place that
 * is drawn in the others: what is to be had of one sender stands in the order of nonces, so it comes from the front.
 */
function fromRandomPlace<T>(items: readonly T[], countMax: number, jitter: () => number): readonly T[] {
  if (items.length <= countMax) return items;
  const start = jitter() < 0.5 ? 0 : Math.floor(jitter() * items.length);
  return [...items.slice(start), ...items.slice(0, start)].slice(0, countMax);
}
