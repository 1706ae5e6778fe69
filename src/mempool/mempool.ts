/**
 * The pool of transactions that wait for a block: a queue per sender, bounded; those that wait for an earlier nonce have a small share.
 * Each new head re-checks the queues it touched and what has expired. Times and verdicts come in. Sources: decision 5, ADR 0012.
 *
 * This folder: transactions that wait: admission.ts, the queues of senders, who leaves a full pool (eviction.ts), what
 * goes into a block (template.ts). Not here: spreading them (p2p/gossip) and what a rumor is worth (node/ingress).
 */
import { assert, must } from "../base/assert.ts";
import type { Address, Hash } from "../base/bytes.ts";
import { accept, type Fault, type Verdict } from "../base/fault.ts";
import {
  POOL_AGE_MS_MAX,
  POOL_BYTES_MAX,
  POOL_QUEUED_DIVISOR,
  POOL_TRANSACTIONS_MAX,
} from "../base/limits.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import {
  type AdmissionCode,
  type AdmissionPorts,
  admitTransaction,
  type Candidate,
  type HeadState,
  leastFee,
} from "./admission.ts";
import { ENVELOPE_BYTES_MIN, findPlace, type PoolPlace } from "./capacity.ts";
import type { PoolBounds } from "./eviction.ts";
import { signaturesAsked, TransactionReader } from "./joint-admission.ts";
import { entryIn, PoolIndex } from "./pool-index.ts";
import { followPolicy, newlyBarred, type PoolRules, poolRulesOf } from "./pool-policy.ts";
import type { DropReason, MempoolOptions, MempoolPorts, MempoolStatus, PoolEvent } from "./pool-ports.ts";
import { newEntry, type QueueEntry, type SenderQueue } from "./sender-queue.ts";

export class Mempool {
  readonly #rules: PoolRules;
  readonly #bounds: PoolBounds;
  readonly #ageMsMax: number;
  readonly #ports: MempoolPorts;
  readonly #poolIndex = new PoolIndex();
  /** One object for all admissions: made anew for each it would cost as much as the checks (measured). */
  readonly #admission: AdmissionPorts;
  readonly #reader: TransactionReader;
  #head: HeadState;
  #sequence = 0;
  /** During one admission: its time, and the place found for the candidate. */
  #nowMs = 0;
  #place: PoolPlace | undefined;
  /** While abandoned blocks give back, so much may wait for the earlier nonces that are on their way. */
  #isReturning = false;
  /** Sender queues in which a hole may have come about. */
  readonly #broken = new Set<SenderQueue>();
  #risen: QueueEntry[] = [];
  #events: PoolEvent[] = [];

  constructor(options: MempoolOptions, ports: MempoolPorts) {
    const { limits } = options.genesis;
    this.#rules = poolRulesOf(options);
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
    followPolicy(this.#rules, ports.head);
    this.#reader = new TransactionReader(this.#rules, this.#poolIndex);
    this.#admission = this.#openAdmission();
  }

  get size(): number {
    return this.#poolIndex.size;
  }

  get bytes(): number {
    return this.#poolIndex.bytes;
  }

  /** Whether the transaction is here and could run after those before it: only such are passed on to others. */
  isExecutable(transaction: SignedTransaction): boolean {
    const senderQueue = this.#poolIndex.senderQueueOf(transaction);
    const runs = senderQueue !== undefined && transaction.nonce < senderQueue.pendingNonce;
    return runs && entryIn(senderQueue, transaction) !== undefined;
  }

  /** Transactions that could run one after the other on the head's state. */
  get executable(): number {
    return this.#poolIndex.executable;
  }

  /** The executable one that has waited longest. */
  oldestExecutable(): { readonly transaction: SignedTransaction; readonly addedMs: number } | undefined {
    return this.#poolIndex.firstByArrival()?.first;
  }

  /**
   * Admission of what comes by RPC and gossip.
   * @param source an envelope, or a transaction that was decoded before. @param nowMs of any clock, always the same.
   */
  add(source: Uint8Array | SignedTransaction, nowMs: number): Verdict<SignedTransaction, AdmissionCode> {
    const verdict = this.#admit(source, nowMs);
    this.#report();
    return verdict;
  }

  /** {@link add} of what came together; the listener is told once. */
  addTogether(envelopes: readonly Uint8Array[], nowMs: number): Verdict<SignedTransaction, AdmissionCode>[] {
    this.prepare(envelopes);
    const verdicts = envelopes.map((envelope) => this.#admit(envelope, nowMs));
    this.#report();
    return verdicts;
  }

  /** Judges the signatures of what came together and is now {@link add}ed, one by one. */
  prepare(envelopes: readonly Uint8Array[]): void {
    this.#ports.signatures.admitTogether?.(this.#asked(this.#reader.readTogether(envelopes)));
  }

  /** Those of the envelopes of whose signatures will be asked when they are added, for who judges them on another thread. */
  prepareAhead(envelopes: readonly Uint8Array[]): SignedTransaction[] {
    return this.#asked(this.#reader.readAhead(envelopes));
  }

  #asked(opened: readonly SignedTransaction[]): SignedTransaction[] {
    return signaturesAsked(opened, this.#rules, this.#admission, this.#hasRoomFor(opened));
  }

  /** For all of these, whether they can run at once or wait for an earlier nonce. */
  #hasRoomFor(transactions: readonly SignedTransaction[]): boolean {
    const { transactionsMax, bytesMax, queuedMax, queuedBytesMax } = this.#bounds;
    const { size, bytes, queued, queuedBytes } = this.#poolIndex;
    const more = transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0);
    const count = transactions.length;
    const fits = size + count <= transactionsMax && bytes + more <= bytesMax;
    return fits && queued + count <= queuedMax && queuedBytes + more <= queuedBytesMax;
  }

  /** A new head on top of the last, with the transactions of all blocks since the last call: costs in proportion to these and to what expires. */
  headChanged(head: HeadState, included: readonly SignedTransaction[], nowMs: number): void {
    this.#head = head;
    const touched = new Set<SenderQueue>();
    for (const transaction of included) {
      const senderQueue = this.#poolIndex.noteIncluded(transaction);
      if (senderQueue !== undefined) touched.add(senderQueue);
    }
    for (const senderQueue of touched) this.#recheck(senderQueue);
    for (const entry of newlyBarred(this.#rules, head, this.#poolIndex)) this.#drop(entry, "barred");
    this.#dropExpired();
    this.#dropAged(nowMs);
    this.#trimQueues();
    this.#report();
  }

  /**
   * A new head on another branch: every sender queue is re-checked, and the abandoned transactions are admitted again.
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
    for (const transaction of included) this.#poolIndex.noteIncluded(transaction);
    for (const senderQueue of [...this.#poolIndex.senderQueues.values()]) {
      this.#broken.add(senderQueue);
      this.#recheck(senderQueue);
    }
    this.#dropExpired();
    this.#dropAged(nowMs);
    const returned = this.#readd(abandoned, nowMs);
    this.#report();
    return returned;
  }

  /** Drops what has been in the pool for too long; for a chain that stands still. */
  dropAged(nowMs: number): void {
    this.#dropAged(nowMs);
    this.#trimQueues();
    this.#report();
  }

  get(id: Uint8Array): SignedTransaction | undefined {
    return this.#poolIndex.byId(id)?.transaction;
  }

  find(envelope: Uint8Array): SignedTransaction | undefined {
    return this.#poolIndex.byBytes(envelope);
  }

  getByHash(hash: Uint8Array): SignedTransaction | undefined {
    return this.#poolIndex.byHash(hash)?.transaction;
  }

  /** When it was added, by the clock of whoever added it. Undefined for one that is not here. */
  addedMs(transaction: SignedTransaction): number | undefined {
    return this.#poolIndex.entryOf(transaction)?.addedMs;
  }

  /** The hashes of all envelopes, in no particular order. */
  hashes(): Hash[] {
    return Array.from(this.#poolIndex.entries(), ({ transaction }) => transaction.hash);
  }

  /** What others may want, in order of nonces: executable, here since `addedMsMax`, and paying `feeMin` as do all before it. */
  offered(addedMsMax: number, feeMin: bigint): Hash[] {
    const hashes: Hash[] = [];
    for (const senderQueue of this.#poolIndex.senderQueues.values()) {
      for (const { transaction, addedMs } of senderQueue.entries) {
        if (transaction.fee < feeMin) break;
        if (addedMs <= addedMsMax) hashes.push(transaction.hash);
      }
    }
    return hashes;
  }

  /** The nonce of the sender's next transaction, counting what is executable in the pool. */
  pendingNonce(sender: Address): bigint {
    return this.#poolIndex.senderQueue(sender)?.pendingNonce ?? this.#head.account(sender)?.nonce ?? 0n;
  }

  status(): MempoolStatus {
    const { size, bytes, executable, queued, queuedBytes, senderQueues } = this.#poolIndex;
    return {
      transactions: size,
      bytes,
      senders: senderQueues.size,
      executable,
      queued,
      queuedBytes,
      ...this.#bounds,
      minFeeToEnter: this.#minFeeToEnter(),
    };
  }

  /** The queues with an executable entry, the longest waiting first, for template.ts. The pool must not change meanwhile. */
  queuesByArrival(): Iterator<SenderQueue, undefined> {
    return this.#poolIndex.queuesByArrival();
  }

  /** The same, the highest fee first. */
  queuesByFee(): Iterator<SenderQueue, undefined> {
    return this.#poolIndex.queuesByFee();
  }

  #admit(source: Uint8Array | SignedTransaction, nowMs: number): Verdict<SignedTransaction, AdmissionCode> {
    this.#nowMs = nowMs;
    const opened = source instanceof Uint8Array ? this.#reader.read(source) : accept(source);
    if (!opened.ok) return opened;
    const verdict = admitTransaction(opened.value, this.#rules, this.#admission);
    return verdict.ok ? accept(this.#enter(verdict.value)) : verdict;
  }

  #openAdmission(): AdmissionPorts {
    return {
      head: () => this.#head,
      senderQueue: (transaction) => this.#poolIndex.senderQueueOf(transaction),
      findRoom: (candidate) => this.#findRoom(candidate),
      admitSignature: (transaction) => this.#ports.signatures.admit(transaction),
    };
  }

  /** Remembers where the candidate would go: {@link #enter} follows at once if the signature is right. */
  #findRoom(candidate: Candidate): Fault<"MEMPOOL_FULL"> | undefined {
    const { transaction, cost } = candidate;
    const entry = newEntry(transaction, cost, this.#sequence, this.#nowMs);
    const found = findPlace(this.#poolIndex, candidate, entry, this.#boundsNow());
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
    const senderQueue =
      replaced === undefined
        ? this.#poolIndex.put(entry, account.nonce)
        : this.#poolIndex.replace(replaced, entry);
    for (const victim of victims) this.#drop(victim, "evicted");
    this.#events.push({ kind: "added", transaction });
    this.#noteRisen(senderQueue);
    return transaction;
  }

  #minFeeToEnter(): bigint {
    const minFee = leastFee(this.#rules);
    const { transactionsMax, bytesMax } = this.#bounds;
    const isFull = this.size >= transactionsMax || this.bytes + ENVELOPE_BYTES_MIN > bytesMax;
    // Queued ones make room for nothing.
    const worst = isFull && this.#poolIndex.queued === 0 ? this.#poolIndex.lowestPriority() : undefined;
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
    for (const senderQueue of this.#broken) {
      const last = senderQueue.pendingNonce + BigInt(this.#rules.nonceGapMax);
      for (let entry = senderQueue.queued.at(-1); entry !== undefined && entry.transaction.nonce > last; ) {
        this.#drop(entry, "evicted");
        entry = senderQueue.queued.at(-1);
      }
    }
    this.#broken.clear();
    const { queuedMax, queuedBytesMax } = this.#bounds;
    while (this.#poolIndex.queued > queuedMax || this.#poolIndex.queuedBytes > queuedBytesMax) {
      const last = this.#poolIndex.longestQueue()?.queued.at(-1);
      this.#drop(must(last, "what waits stands in a queue"), "evicted");
    }
  }

  #noteRisen(senderQueue: SenderQueue): void {
    for (const entry of senderQueue.takeRisen()) this.#risen.push(entry);
  }

  /** Brings one sender queue in line with the head: used nonces leave at its front, what cannot be paid at its end. */
  #recheck(senderQueue: SenderQueue): void {
    const account = this.#head.account(senderQueue.sender, senderQueue.key);
    for (const entry of this.#poolIndex.moveAccount(senderQueue, account?.nonce ?? 0n)) {
      this.#dropped(entry, entry.isIncluded ? "included" : "stale");
    }
    while (!senderQueue.isEmpty && (account === undefined || senderQueue.cost > account.balance)) {
      const last = senderQueue.queued.at(-1) ?? senderQueue.last;
      this.#drop(must(last, "a queue that is not empty has a last entry"), "unpayable");
    }
    this.#noteRisen(senderQueue);
  }

  #dropExpired(): void {
    const next = this.#head.height + 1n;
    for (;;) {
      const entry = this.#poolIndex.soonestToExpire();
      if (entry === undefined || entry.transaction.validUntilHeight >= next) return;
      this.#broken.add(this.#drop(entry, "expired"));
    }
  }

  #dropAged(nowMs: number): void {
    for (;;) {
      const entry = this.#poolIndex.oldest();
      if (entry === undefined || nowMs - entry.addedMs <= this.#ageMsMax) return;
      this.#broken.add(this.#drop(entry, "aged"));
    }
  }

  /** @returns the sender queue it stood in. */
  #drop(entry: QueueEntry, reason: DropReason): SenderQueue {
    const senderQueue = this.#poolIndex.take(entry);
    this.#dropped(entry, reason);
    return senderQueue;
  }

  #dropped({ transaction, addedMs }: QueueEntry, reason: DropReason): void {
    this.#events.push({ kind: "dropped", transaction, reason, addedMs });
  }

  #report(): void {
    const [events, risen] = [this.#events, this.#risen];
    if (events.length > 0) {
      this.#events = [];
      this.#ports.listener?.(events);
    }
    if (risen.length === 0) return;
    this.#risen = [];
    // Meanwhile one may have left, or wait again.
    for (const entry of risen) entry.wasExecutable = this.isExecutable(entry.transaction);
    const ready = risen.filter((entry) => entry.wasExecutable).map(({ transaction }) => transaction);
    if (ready.length > 0) this.#ports.becameExecutable?.(ready);
  }
}
