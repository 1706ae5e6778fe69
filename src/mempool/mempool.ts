/**
 * The pool of transactions that wait for a block: nonce lanes per sender, bounded in count and bytes; those that wait
 * for an earlier nonce have a small share of it. When it is full, eviction.ts says who leaves, or that the newcomer
 * does not enter. Each new head re-checks only the lanes it touched, and what has expired. No clock, no signatures, no
 * network: times come in as numbers, verdicts from ports. Sources: decision 5, pbft.md 1.11 and 1.14, ADR 0012.
 */
import { assert } from "../base/assert.ts";
import { type Address, byteText, type Hash } from "../base/bytes.ts";
import { accept, type Fault, type Verdict } from "../base/fault.ts";
import {
  POOL_AGE_MS_MAX,
  POOL_BYTES_MAX,
  POOL_NONCE_GAP_MAX,
  POOL_QUEUED_DIVISOR,
  POOL_TRANSACTIONS_MAX,
} from "../base/limits.ts";
import type { SignedTransaction } from "../chain/transaction.ts";
import {
  type AdmissionCode,
  type AdmissionPorts,
  type AdmissionRules,
  admitTransaction,
  type Candidate,
  type HeadState,
  leastFee,
} from "./admission.ts";
import type { PoolBounds } from "./eviction.ts";
import type { Entry, Lane } from "./lane.ts";
import type {
  DropReason,
  MempoolOptions,
  MempoolPorts,
  MempoolStatus,
  PoolDigest,
  PoolEvent,
} from "./poolports.ts";
import { findPlace, type Place } from "./room.ts";
import { Shelves } from "./shelves.ts";

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
  /** While abandoned blocks give back, so much may wait for the earlier nonces that are on their way. */
  #isReturning = false;
  /** Lanes in which a hole may have come about. */
  readonly #broken = new Set<Lane>();
  #risen: Entry[] = [];
  #events: PoolEvent[] = [];

  constructor(options: MempoolOptions, ports: MempoolPorts) {
    const { chainId, limits } = options.genesis;
    this.#rules = {
      chainId,
      minFee: limits.minFee,
      maxTxBytes: limits.maxTxBytes,
      feeMin: options.feeMin ?? 0n,
      nonceGapMax: options.nonceGapMax ?? POOL_NONCE_GAP_MAX,
    };
    const { transactionsMax = POOL_TRANSACTIONS_MAX, bytesMax = POOL_BYTES_MAX } = options;
    this.#bounds = {
      transactionsMax,
      bytesMax,
      queuedMax: options.queuedMax ?? Math.max(1, Math.floor(transactionsMax / POOL_QUEUED_DIVISOR)),
      queuedBytesMax:
        options.queuedBytesMax ?? Math.max(limits.maxTxBytes, Math.floor(bytesMax / POOL_QUEUED_DIVISOR)),
    };
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

  /** Whether the transaction is here and could run after those before it: only such are passed on to others. */
  isExecutable({ id, from, nonce }: SignedTransaction): boolean {
    const lane = this.#shelves.lane(from);
    return lane !== undefined && nonce < lane.pendingNonce && this.#shelves.byId(id) !== undefined;
  }

  /** Transactions that could run one after the other on the head's state. */
  get executable(): number {
    return this.#shelves.executable;
  }

  /** The executable one that has waited longest. */
  oldestExecutable(): { readonly transaction: SignedTransaction; readonly addedMs: number } | undefined {
    return this.#shelves.firstByArrival()?.first;
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
    this.#trimQueues();
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
    for (const lane of [...this.#shelves.lanes.values()]) {
      this.#broken.add(lane);
      this.#recheck(lane, ids);
    }
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
    this.#trimQueues();
    this.#tell();
  }

  /** When the oldest one was added, in the caller's time; undefined for an empty pool. */
  oldestAddedMs(): number | undefined {
    return this.#shelves.oldest()?.addedMs;
  }

  get(id: Uint8Array): SignedTransaction | undefined {
    return this.#shelves.byId(id)?.transaction;
  }

  getByHash(hash: Uint8Array): SignedTransaction | undefined {
    return this.#shelves.byHash(hash)?.transaction;
  }

  /** The hashes of all envelopes, in no particular order. */
  hashes(): Hash[] {
    return Array.from(this.#shelves.entries(), ({ transaction }) => transaction.hash);
  }

  /**
   * The hashes of what others may want: executable, here since `addedMsMax`, and paying `feeMin` as do all before it
   * of its sender. One sender's follow one another in the order of their nonces.
   */
  offered(addedMsMax: number, feeMin: bigint): Hash[] {
    const hashes: Hash[] = [];
    for (const lane of this.#shelves.lanes.values()) {
      for (const { transaction, addedMs } of lane.entries) {
        if (transaction.fee < feeMin) break;
        if (addedMs <= addedMsMax) hashes.push(transaction.hash);
      }
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
    const { size, bytes, executable, queued, queuedBytes, lanes } = this.#shelves;
    return {
      transactions: size,
      bytes,
      senders: lanes.size,
      executable,
      queued,
      queuedBytes,
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
    const { transaction, cost } = candidate;
    const entry = { transaction, cost, sequence: this.#sequence, addedMs: this.#nowMs, wasExecutable: false };
    const found = findPlace(this.#shelves, candidate, entry, this.#boundsNow());
    if (!found.ok) return found.fault;
    this.#place = found.value;
    return undefined;
  }

  #boundsNow(): PoolBounds {
    const { transactionsMax, bytesMax } = this.#bounds;
    return this.#isReturning
      ? { transactionsMax, bytesMax, queuedMax: transactionsMax, queuedBytesMax: bytesMax }
      : this.#bounds;
  }

  #enter({ transaction, account }: Candidate): SignedTransaction {
    const place = this.#place;
    this.#place = undefined;
    assert(place?.entry.transaction === transaction, "room was found before the signature was looked at");
    this.#sequence++;
    const { entry, replaced, victims } = place;
    if (replaced !== undefined) this.#dropped(replaced, "replaced");
    const lane =
      replaced === undefined
        ? this.#shelves.put(entry, account.nonce)
        : this.#shelves.replace(replaced, entry);
    for (const victim of victims) this.#drop(victim, "evicted");
    this.#events.push({ kind: "added", transaction });
    this.#noteRisen(lane, entry);
    return transaction;
  }

  #minFeeToEnter(): bigint {
    const minFee = leastFee(this.#rules);
    const { transactionsMax, bytesMax } = this.#bounds;
    const isFull = this.size >= transactionsMax || this.bytes + ENVELOPE_BYTES_MIN > bytesMax;
    // Queued ones make room for nothing.
    const worst = isFull && this.#shelves.queued === 0 ? this.#shelves.leastWorth() : undefined;
    return worst === undefined ? minFee : worst.leastFee + 1n;
  }

  #readd(transactions: readonly SignedTransaction[], nowMs: number): number {
    this.#isReturning = true;
    const returned = transactions.filter((transaction) => this.#admit(transaction, nowMs).ok);
    this.#isReturning = false;
    this.#trimQueues();
    return returned.length;
  }

  /** Brings what is queued back to its bounds after a hole came about, or what abandoned blocks held came in. */
  #trimQueues(): void {
    for (const lane of this.#broken) {
      const last = lane.pendingNonce + BigInt(this.#rules.nonceGapMax);
      for (let entry = lane.queued.at(-1); entry !== undefined && entry.transaction.nonce > last; ) {
        this.#drop(entry, "evicted");
        entry = lane.queued.at(-1);
      }
    }
    this.#broken.clear();
    const { queuedMax, queuedBytesMax } = this.#bounds;
    while (this.#shelves.queued > queuedMax || this.#shelves.queuedBytes > queuedBytesMax) {
      this.#drop(this.#shelves.longestQueue()!.queued.at(-1)!, "evicted");
    }
  }

  #noteRisen(lane: Lane, newcomer?: Entry): void {
    for (const entry of lane.takeRisen()) if (entry !== newcomer) this.#risen.push(entry);
  }

  /** Brings one lane in line with the head: used nonces leave at its front, what cannot be paid at its end. */
  #recheck(lane: Lane, included: ReadonlySet<string>): void {
    const account = this.#head.account(lane.sender);
    for (const entry of this.#shelves.moveAccount(lane, account?.nonce ?? 0n)) {
      this.#dropped(entry, included.has(byteText(entry.transaction.id)) ? "included" : "stale");
    }
    while (!lane.isEmpty && (account === undefined || lane.cost > account.balance)) {
      this.#drop((lane.queued.at(-1) ?? lane.last)!, "unpayable");
    }
    this.#noteRisen(lane);
  }

  #dropExpired(): void {
    const next = this.#head.height + 1n;
    for (;;) {
      const entry = this.#shelves.soonestToExpire();
      if (entry === undefined || entry.transaction.validUntilHeight >= next) return;
      this.#broken.add(this.#drop(entry, "expired"));
    }
  }

  #dropAged(nowMs: number): void {
    for (;;) {
      const entry = this.#shelves.oldest();
      if (entry === undefined || nowMs - entry.addedMs <= this.#ageMsMax) return;
      this.#broken.add(this.#drop(entry, "aged"));
    }
  }

  /** @returns the lane it stood in. */
  #drop(entry: Entry, reason: DropReason): Lane {
    const lane = this.#shelves.take(entry);
    this.#dropped(entry, reason);
    return lane;
  }

  #dropped({ transaction }: Entry, reason: DropReason): void {
    this.#events.push({ kind: "dropped", transaction, reason });
  }

  #tell(): void {
    const [events, risen] = [this.#events, this.#risen];
    if (events.length > 0) {
      this.#events = [];
      this.#ports.listener?.(events);
    }
    if (risen.length === 0) return;
    this.#risen = [];
    // Meanwhile one may have left, or wait again.
    for (const entry of risen) entry.wasExecutable = this.isExecutable(entry.transaction);
    const told = risen.filter((entry) => entry.wasExecutable).map(({ transaction }) => transaction);
    if (told.length > 0) this.#ports.becameExecutable?.(told);
  }
}
