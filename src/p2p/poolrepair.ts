/**
 * Anti-entropy of pools: pulls what a peer's pool has and ours has not. Only what can run and pays the price of entry
 * is compared; what the pool refused is remembered for a while and not asked for again; and where more is missing than
 * one question may name, the place to begin is drawn, so that nothing at the front of a list starves what stands
 * behind it. What we have and the peer lacks, it pulls in its own round. Sources: decision 7, ADR 0012.
 */
import type { Hash } from "../base/bytes.ts";
import { POOL_FETCH_MAX, POOL_REFUSALS_MAX, POOL_TRANSACTIONS_MAX } from "../base/limits.ts";
import type { Scheduler } from "../base/scheduler.ts";
import { sha256 } from "../crypto/hash.ts";
import { type RepairAnswer, type RepairQuestion, shortHashOf } from "./repairwire.ts";

/** `refused-early`: a nonce before it is missing, which may be here in a moment. */
export type Admitted = "held" | "refused" | "refused-early";

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
  admit(envelope: Uint8Array, from: string): Promise<Admitted>;
}

export interface PoolRepairPorts {
  readonly scheduler: Pick<Scheduler, "now">;
  readonly pool: RepairPool;
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
  /** When each refused transaction may be asked for again, by short hash; the one refused first is first. */
  readonly #refused = new Map<bigint, number>();
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
      const { pool, ask } = this.#ports;
      const list = await ask("pool", peerId, { kind: "pool", feeMin: pool.entryPrice() });
      if (list === undefined) return;
      const ours = new Set(pool.held().map(shortHashOf));
      const now = this.#ports.scheduler.now();
      const missing = list.shortHashes.filter(
        (shortHash) => !ours.has(shortHash) && !this.#isRefused(shortHash, now),
      );
      // One bounded request a round; the rest is still missing at the next.
      const asked = fromRandomPlace(missing, POOL_FETCH_MAX, this.#ports.jitter);
      if (asked.length > 0) await this.#pull(peerId, asked);
    } finally {
      this.#isLevelling = false;
    }
  }

  /** What a peer may want: short hashes of what pays `feeMin`, as many as an answer may hold. */
  list(ageMsMin: number, feeMin: bigint): readonly bigint[] {
    const hashes = this.#ports.pool.hashes(ageMsMin, feeMin);
    return fromRandomPlace(hashes, POOL_TRANSACTIONS_MAX, this.#ports.jitter).map(shortHashOf);
  }

  async #pull(peerId: string, shortHashes: readonly bigint[]): Promise<void> {
    const { ask, isRunning, pool, reportFault } = this.#ports;
    const answer = await ask("transactions", peerId, { kind: "transactions", shortHashes });
    const asked = new Set(shortHashes);
    for (const envelope of answer?.envelopes ?? []) {
      if (!isRunning()) return;
      const shortHash = shortHashOf(sha256(envelope));
      if (!asked.delete(shortHash)) {
        reportFault(peerId, "sent a transaction that was not asked for");
        return;
      }
      const admitted = await pool.admit(envelope.slice(), peerId);
      if (admitted !== "held") this.#remember(shortHash, admitted === "refused" ? REFUSED_MS : EARLY_MS);
    }
  }

  #remember(shortHash: bigint, ms: number): void {
    this.#refused.delete(shortHash);
    this.#refused.set(shortHash, this.#ports.scheduler.now() + ms);
    if (this.#refused.size <= POOL_REFUSALS_MAX) return;
    const [oldest] = this.#refused.keys();
    this.#refused.delete(oldest!);
  }

  #isRefused(shortHash: bigint, now: number): boolean {
    const untilMs = this.#refused.get(shortHash);
    if (untilMs === undefined) return false;
    // Far ahead: the clock was set back.
    if (now < untilMs && untilMs - now <= REFUSED_MS) return true;
    this.#refused.delete(shortHash);
    return false;
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
