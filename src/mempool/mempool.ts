/**
 * The pool of transactions that wait for a block: nonce lanes per sender, bounded in count and bytes. When it is
 * full, eviction.ts says who leaves, or that the newcomer does not enter. Each new head re-checks only the lanes it touched,
 * and what has expired. No clock, no signatures, no network: times come in as numbers, verdicts from ports.
 * Sources: decision 5, pbft.md 1.11 and 1.14.
 */
import { assert } from "../base/assert.ts";
import { type Address, byteText, type Hash } from "../base/bytes.ts";
import { accept, type Fault, fault, type Verdict } from "../base/fault.ts";
import {
  POOL_AGE_MS_MAX,
  POOL_BYTES_MAX,
  POOL_NONCE_GAP_MAX,
  POOL_TRANSACTIONS_MAX,
} from "../base/limits.ts";
import type { Genesis } from "../chain/genesis.ts";
import type { SignedTransaction } from "../chain/transaction.ts";
import {
  type AdmissionCode,
  type AdmissionPorts,
  type AdmissionRules,
  admitTransaction,
  type Candidate,
  type HeadState,
} from "./admission.ts";
import { type PoolBounds, planEviction } from "./eviction.ts";
import type { Entry, Lane } from "./lane.ts";
import { Shelves } from "./shelves.ts";

export interface MempoolOptions {
  readonly genesis: Pick<Genesis, "chainId" | "limits">;
  /** The bounds, for tests and small machines; base/limits.ts where left out. */
  readonly transactionsMax?: number;
  readonly bytesMax?: number;
  readonly nonceGapMax?: number;
  readonly ageMsMax?: number;
}

export interface MempoolPorts {
  readonly head: HeadState;
  /** The door's rule of chain/signatures.ts. */
  readonly signatures: { admit(transaction: SignedTransaction): boolean };
  /** Told after each call that changed the pool, in order, when the pool is consistent again. */
  readonly listener?: (events: readonly PoolEvent[]) => void;
}

/**
 * included: in a block. stale: another transaction used its nonce. replaced: by a higher fee at its nonce.
 * evicted: the pool was full. expired: past validUntilHeight. aged: too long in the pool. unpayable: the balance
 * no longer covers the lane.
 */
export type DropReason = "included" | "stale" | "replaced" | "evicted" | "expired" | "aged" | "unpayable";

export type PoolEvent =
  | { readonly kind: "added"; readonly transaction: SignedTransaction }
  | { readonly kind: "dropped"; readonly transaction: SignedTransaction; readonly reason: DropReason };

export interface MempoolStatus {
  readonly transactions: number;
  readonly bytes: number;
  readonly senders: number;
  readonly executable: number;
  /** Waiting for an earlier nonce. */
  readonly queued: number;
  readonly transactionsMax: number;
  readonly bytesMax: number;
  /** What a transaction of a sender without any in the pool must pay now: minFee, or more when the pool is full. */
  readonly minFeeToEnter: bigint;
}

/** For anti-entropy: equal digests mean equal pools; nobody's security hangs on it. */
export interface PoolDigest {
  readonly count: number;
  /** Exclusive or of the hashes of the envelopes. */
  readonly checksum: Hash;
}

/** The shortest envelope: a pool with less room than this is full. */
const ENVELOPE_BYTES_MIN = 132;

export class Mempool {
  readonly #rules: AdmissionRules;
  readonly #bounds: PoolBounds;
  readonly #ageMsMax: number;
  readonly #ports: MempoolPorts;
  readonly #shelves = new Shelves();
  /** One object for all admissions: made anew for each it would cost as much as the checks (measured). */
  readonly #door: AdmissionPorts;
  #head: HeadState;
  #sequence = 0;
  /** During one admission: its time, and the place found for the candidate. */
  #nowMs = 0;
  #place: Place | undefined;
  #events: PoolEvent[] = [];

  constructor(options: MempoolOptions, ports: MempoolPorts) {
    const { chainId, limits } = options.genesis;
    this.#rules = {
      chainId,
      minFee: limits.minFee,
      maxTxBytes: limits.maxTxBytes,
      nonceGapMax: options.nonceGapMax ?? POOL_NONCE_GAP_MAX,
    };
    this.#bounds = {
      transactionsMax: options.transactionsMax ?? POOL_TRANSACTIONS_MAX,
      bytesMax: options.bytesMax ?? POOL_BYTES_MAX,
    };
    const { transactionsMax, bytesMax } = this.#bounds;
    this.#ageMsMax = options.ageMsMax ?? POOL_AGE_MS_MAX;
    assert(transactionsMax > 0 && bytesMax >= limits.maxTxBytes, "an empty pool has room for any one");
    this.#ports = ports;
    this.#head = ports.head;
    this.#door = this.#openDoor();
  }

  get size(): number {
    return this.#shelves.size;
  }

  get bytes(): number {
    return this.#shelves.bytes;
  }

  /** Transactions that could run one after the other on the head's state. */
  get executable(): number {
    return this.#shelves.executable;
  }

  /** The executable one that has waited longest. */
  oldestExecutable(): { readonly transaction: SignedTransaction; readonly addedMs: number } | undefined {
    return this.#shelves.lanesByArrival().next().value?.first;
  }

  /**
   * The door: RPC and gossip.
   * @param source an envelope, or a transaction that was decoded before.
   * @param nowMs of any clock, always the same.
   */
  add(source: Uint8Array | SignedTransaction, nowMs: number): Verdict<SignedTransaction, AdmissionCode> {
    const verdict = this.#admit(source, nowMs);
    this.#tell();
    return verdict;
  }

  /**
   * A new head on top of the last. Costs in proportion to `included` and to what expires, not to the pool.
   * @param included the transactions of all blocks since the last call.
   */
  headChanged(head: HeadState, included: readonly SignedTransaction[], nowMs: number): void {
    this.#head = head;
    const ids = new Set<string>();
    const touched = new Set<Lane>();
    for (const transaction of included) {
      const lane = this.#shelves.lane(transaction.from);
      if (lane === undefined) continue;
      touched.add(lane);
      ids.add(byteText(transaction.id));
    }
    for (const lane of touched) this.#recheck(lane, ids);
    this.#dropExpired();
    this.#dropAged(nowMs);
    this.#tell();
  }

  /**
   * A new head on another branch. Any account may have moved either way, so every lane is re-checked; then the
   * abandoned transactions come in again through the door.
   * @param abandoned of the blocks left, in their order. @param included of the blocks entered.
   * @returns how many of the abandoned are back in the pool.
   */
  headReplaced(
    head: HeadState,
    abandoned: readonly SignedTransaction[],
    included: readonly SignedTransaction[],
    nowMs: number,
  ): number {
    this.#head = head;
    const ids = new Set(included.map((transaction) => byteText(transaction.id)));
    for (const lane of [...this.#shelves.lanes.values()]) this.#recheck(lane, ids);
    this.#dropExpired();
    this.#dropAged(nowMs);
    const returned = this.#readd(abandoned, nowMs);
    this.#tell();
    return returned;
  }

  /** Back from blocks that will not be: a truncated proposal. @returns how many are in the pool again. */
  readd(transactions: readonly SignedTransaction[], nowMs: number): number {
    const returned = this.#readd(transactions, nowMs);
    this.#tell();
    return returned;
  }

  /** Drops what has been in the pool for too long; for a chain that stands still. */
  dropAged(nowMs: number): void {
    this.#dropAged(nowMs);
    this.#tell();
  }

  get(id: Uint8Array): SignedTransaction | undefined {
    return this.#shelves.byId(id)?.transaction;
  }

  getByHash(hash: Uint8Array): SignedTransaction | undefined {
    return this.#shelves.byHash(hash)?.transaction;
  }

  /** The hashes of all envelopes that came in by `addedMsMax`, in no particular order. */
  hashes(addedMsMax = Number.POSITIVE_INFINITY): Hash[] {
    const hashes: Hash[] = [];
    for (const { transaction, addedMs } of this.#shelves.entries()) {
      if (addedMs <= addedMsMax) hashes.push(transaction.hash);
    }
    return hashes;
  }

  digest(): PoolDigest {
    return { count: this.#shelves.size, checksum: this.#shelves.checksum };
  }

  /** The nonce of the sender's next transaction, counting what is executable in the pool. */
  pendingNonce(sender: Address): bigint {
    return this.#shelves.lane(sender)?.pendingNonce ?? this.#head.account(sender)?.nonce ?? 0n;
  }

  status(): MempoolStatus {
    const { size, bytes, executable, lanes } = this.#shelves;
    return {
      transactions: size,
      bytes,
      senders: lanes.size,
      executable,
      queued: size - executable,
      ...this.#bounds,
      minFeeToEnter: this.#minFeeToEnter(),
    };
  }

  /** For template.ts: lanes with an executable entry, the longest waiting first. The pool must not change meanwhile. */
  lanesByArrival(): Iterator<Lane, undefined> {
    return this.#shelves.lanesByArrival();
  }

  /** For template.ts: lanes with an executable entry, the highest fee first. The pool must not change meanwhile. */
  lanesByFee(): Iterator<Lane, undefined> {
    return this.#shelves.lanesByFee();
  }

  #admit(source: Uint8Array | SignedTransaction, nowMs: number): Verdict<SignedTransaction, AdmissionCode> {
    this.#nowMs = nowMs;
    const verdict = admitTransaction(source, this.#rules, this.#door);
    return verdict.ok ? accept(this.#enter(verdict.value)) : verdict;
  }

  #openDoor(): AdmissionPorts {
    return {
      head: () => this.#head,
      lane: (sender) => this.#shelves.lane(sender),
      has: (id) => this.#shelves.byId(id) !== undefined,
      findRoom: (candidate) => this.#findRoom(candidate),
      admitSignature: (transaction) => this.#ports.signatures.admit(transaction),
    };
  }

  /** Remembers where the candidate would go: {@link #enter} follows at once if the signature is right. */
  #findRoom(candidate: Candidate): Fault<"MEMPOOL_FULL"> | undefined {
    const { transaction, cost, lane } = candidate;
    const entry: Entry = { transaction, cost, sequence: this.#sequence, addedMs: this.#nowMs };
    const replaced = lane?.at(transaction.nonce);
    const plan = planEviction(this.#shelves, entry, replaced, this.#bounds);
    if (!plan.enters) return this.#full(transaction, plan.leastFee);
    this.#place = { entry, replaced, victims: plan.victims };
    return undefined;
  }

  #full({ fee, from }: SignedTransaction, least: bigint): Fault<"MEMPOOL_FULL"> {
    const own = this.#shelves.lane(from);
    const before =
      own === undefined || own.leastFee >= least ? "" : `, after ${own.leastFee} at another nonce,`;
    return fault(
      "MEMPOOL_FULL",
      `the pool is full (${this.size} of ${this.#bounds.transactionsMax} transactions, ${this.bytes} of ` +
        `${this.#bounds.bytesMax} bytes) and fee ${fee}${before} is too low for it; the least fee that enters is ` +
        `${least}, for each of the sender's transactions up to this one; pay that or wait`,
    );
  }

  #enter({ transaction, account }: Candidate): SignedTransaction {
    const place = this.#place;
    this.#place = undefined;
    assert(place?.entry.transaction === transaction, "room was found before the signature was looked at");
    this.#sequence++;
    if (place.replaced !== undefined) this.#drop(place.replaced, "replaced");
    this.#shelves.put(place.entry, account.nonce);
    for (const victim of place.victims) this.#drop(victim, "evicted");
    this.#events.push({ kind: "added", transaction });
    return transaction;
  }

  #minFeeToEnter(): bigint {
    const { minFee } = this.#rules;
    const { transactionsMax, bytesMax } = this.#bounds;
    const isFull = this.size >= transactionsMax || this.bytes + ENVELOPE_BYTES_MIN > bytesMax;
    const worst = isFull ? this.#shelves.lanesByWorth().next().value : undefined;
    return worst === undefined ? minFee : worst.leastFee + 1n;
  }

  #readd(transactions: readonly SignedTransaction[], nowMs: number): number {
    return transactions.filter((transaction) => this.#admit(transaction, nowMs).ok).length;
  }

  /** Brings one lane in line with the head: used nonces leave at its front, what cannot be paid at its end. */
  #recheck(lane: Lane, included: ReadonlySet<string>): void {
    const account = this.#head.account(lane.sender);
    for (const entry of this.#shelves.moveAccount(lane, account?.nonce ?? 0n)) {
      this.#dropped(entry, included.has(byteText(entry.transaction.id)) ? "included" : "stale");
    }
    while (lane.last !== undefined && (account === undefined || lane.cost > account.balance)) {
      this.#drop(lane.last, "unpayable");
    }
  }

  #dropExpired(): void {
    const next = this.#head.height + 1n;
    for (;;) {
      const entry = this.#shelves.soonestToExpire();
      if (entry === undefined || entry.transaction.validUntilHeight >= next) return;
      this.#drop(entry, "expired");
    }
  }

  #dropAged(nowMs: number): void {
    for (;;) {
      const entry = this.#shelves.oldest();
      if (entry === undefined || nowMs - entry.addedMs <= this.#ageMsMax) return;
      this.#drop(entry, "aged");
    }
  }

  #drop(entry: Entry, reason: DropReason): void {
    this.#shelves.take(entry);
    this.#dropped(entry, reason);
  }

  #dropped({ transaction }: Entry, reason: DropReason): void {
    this.#events.push({ kind: "dropped", transaction, reason });
  }

  #tell(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#ports.listener?.(events);
  }
}

/** Where a candidate goes: its entry, what it replaces and who leaves for it. */
interface Place {
  readonly entry: Entry;
  readonly replaced: Entry | undefined;
  readonly victims: readonly Entry[];
}
