/**
 * Proposals whose transactions are put together here: most are in the pool, some came with the proposal, and what is missing
 * is asked for, from the primary first, then from those who have signed for the block. It is a short cut and no more:
 * whoever cannot complete a proposal is sent it whole by STATUS, and a primary that withholds is replaced by the view's
 * timer. Of one author one proposal a height waits, and its author has paid for it until it is of use.
 * Source: docs/protocol.md, "Compact proposals"; docs/adr/0044-06-proposals-carry-hashes.md.
 */
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import {
  COMPACT_ASKS_MAX,
  COMPACT_HOLDERS_MAX,
  COMPACT_INCOMPLETE_MAX,
  COMPACT_QUESTIONS_MAX,
} from "../../base/limits.ts";
import { RecentMap } from "../../base/recent-map.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { BodyLimits } from "../../chain/types/block.ts";
import { decodeTransaction, type SignedTransaction } from "../../chain/types/transaction.ts";
import type { OpenedCompact } from "../../consensus/compact-form.ts";
import type { Parsed, ValidatorId } from "../../consensus/engine.ts";
import type { CompactCounts } from "../metrics/message-counts.ts";
import { AuthoredMap } from "./authored-map.ts";
import { decodeBlockTransactions, encodeWanted } from "./compact-wire.ts";
import { MAIL_WANTED_TRANSACTIONS } from "./packet.ts";
import { ProposedBlocks } from "./proposed-blocks.ts";
import type { Bill } from "./work-budget.ts";

/** 20 Mbit/s: so long an answer is given to arrive, before another is asked for the same. */
const ANSWER_BYTES_PER_MS = 2_500;

export interface CompactProposalPorts<P extends Parsed, M> {
  readonly scheduler: Pick<Scheduler, "after">;
  readonly limits: BodyLimits;
  /** How long an answer may take before another validator is asked, ms, besides what its bytes take. */
  readonly askMs: number;
  readonly counts: CompactCounts;
  readonly self: ValidatorId | undefined;
  /** A transaction that is here, whatever way it came. */
  readonly find: (hash: Hash) => SignedTransaction | undefined;
  /** Whether the engine still waits for the proposal. */
  readonly wants: (parsed: P) => boolean;
  readonly mail: (to: ValidatorId, content: Uint8Array, kind: number) => void;
  /** The proposal is whole. */
  readonly completed: (author: ValidatorId, message: M) => void;
  readonly refuse: (author: ValidatorId, code: string) => void;
}

/** A proposal that lacks transactions. */
interface Incomplete<P, M> {
  readonly parsed: P;
  readonly opened: OpenedCompact<M>;
  readonly transactions: (SignedTransaction | undefined)[];
  /** The places of each missing transaction, by its hash. */
  readonly missing: Map<string, number[]>;
  /** Gives its author back what it has cost. */
  readonly settle: () => void;
  /** Who was asked since all that could be asked were. */
  readonly tried: Set<ValidatorId>;
  asks: number;
  cancel: () => void;
}

/** What somebody was asked for, and so may send. */
interface Question {
  readonly count: number;
  readonly bytesMax: number;
}

export class CompactProposals<P extends Parsed, M> {
  readonly blocks: ProposedBlocks;
  readonly #ports: CompactProposalPorts<P, M>;
  /** Each under its author and height: there waits one at a time. */
  readonly #incomplete = new AuthoredMap<Incomplete<P, M>>(
    COMPACT_INCOMPLETE_MAX,
    2 * COMPACT_INCOMPLETE_MAX,
  );
  /** By who was asked and the block's hash, until it is answered, perhaps late. */
  readonly #questions = new Map<string, Question>();
  /** Who has signed for which block, lately. */
  readonly #holders = new RecentMap<string, Set<ValidatorId>>(COMPACT_HOLDERS_MAX);
  #committed = 0n;

  constructor(ports: CompactProposalPorts<P, M>) {
    this.#ports = ports;
    this.blocks = new ProposedBlocks(ports);
  }

  stop(): void {
    for (const proposal of this.#incomplete) proposal.cancel();
    this.#incomplete.clear();
    this.#questions.clear();
    this.blocks.stop();
  }

  /**
   * A proposal whose signature was checked.
   * @param settle gives its author back what it has cost. It is called once it is whole, or its height is committed
   */
  receive(parsed: P, opened: OpenedCompact<M>, settle: () => void): void {
    const { height } = opened.head.summary;
    if (height <= this.#committed) return; // its transactions have left the pool
    const held = this.#incomplete.get(parsed.from, `${height}`);
    // A correct primary proposes once, and a later view proposes anew.
    if (held !== undefined && this.#ports.wants(held.parsed)) return;
    if (held !== undefined) this.#forget(held);
    const brought = this.#decode(opened.envelopes);
    if (brought === undefined) return this.#ports.refuse(parsed.from, "malformed");
    const gathered = this.#gather(opened.hashes, brought);
    const state = { tried: new Set<number>(), asks: 0, cancel: () => undefined };
    const proposal: Incomplete<P, M> = { parsed, opened, settle, ...gathered, ...state };
    const { counts } = this.#ports;
    counts.received++;
    if (proposal.missing.size === 0) return this.#complete(proposal);
    counts.incomplete++;
    counts.missing += proposal.missing.size;
    this.#incomplete.set(parsed.from, `${height}`, height, proposal);
    this.#ask(proposal);
  }

  /** A validator has signed for the block with this hash, so it holds it. */
  noteHolder(author: ValidatorId, hash: Hash): void {
    const key = byteText(hash);
    const known = this.#holders.get(key);
    if (known === undefined) this.#holders.set(key, new Set([author]));
    else known.add(author);
  }

  /** Takes in what was asked for. What is here meanwhile is left; an answer that comes late costs its author nothing. */
  receiveTransactions(author: ValidatorId, content: Uint8Array, bill: Bill): void {
    const hash = content.subarray(0, 32);
    const question = this.#takeQuestion(author, hash);
    if (question === undefined) return;
    if (content.length > question.bytesMax) return this.#ports.refuse(author, "too-large");
    const waiting = [...this.#incomplete].filter(({ opened }) => equalBytes(opened.head.hash, hash));
    if (waiting.length === 0) return bill.refund();
    const { limits, refuse } = this.#ports;
    const answer = decodeBlockTransactions(content, { ...limits, maxBlockTransactions: question.count });
    const brought = answer.ok ? this.#decode(answer.value.envelopes) : undefined;
    if (brought === undefined) return refuse(author, "malformed");
    for (const proposal of waiting) {
      const before = proposal.missing.size;
      for (const transaction of brought.values()) fill(proposal, transaction);
      if (proposal.missing.size < before) bill.refund();
      if (proposal.missing.size === 0) this.#complete(proposal);
    }
  }

  /** Whether so many bytes of transactions of this block were asked of this validator. @param start of the message */
  awaits(author: ValidatorId, start: Uint8Array, bytes: number): boolean {
    const question = this.#questions.get(questionKey(author, start.subarray(0, 32)));
    return question !== undefined && bytes <= question.bytesMax;
  }

  /** What is committed needs no proposal. */
  headChanged(height: bigint): void {
    this.#committed = height;
    this.blocks.headChanged(height);
    for (const proposal of this.#incomplete) {
      if (proposal.opened.head.summary.height > height) continue;
      proposal.settle();
      this.#forget(proposal);
    }
  }

  #gather(
    hashes: readonly Hash[],
    brought: ReadonlyMap<string, SignedTransaction>,
  ): Pick<Incomplete<P, M>, "transactions" | "missing"> {
    const missing = new Map<string, number[]>();
    const transactions = hashes.map((hash, place) => {
      const found = this.#ports.find(hash) ?? (brought.size > 0 ? brought.get(byteText(hash)) : undefined);
      if (found !== undefined) return found;
      const key = byteText(hash);
      const places = missing.get(key);
      if (places === undefined) missing.set(key, [place]);
      else places.push(place);
      return undefined;
    });
    return { transactions, missing };
  }

  /** By their hashes, or undefined when one is malformed. */
  #decode(envelopes: readonly Uint8Array[]): Map<string, SignedTransaction> | undefined {
    const { limits } = this.#ports;
    const decoded = new Map<string, SignedTransaction>();
    for (const envelope of envelopes) {
      const known = limits.known?.find(envelope);
      const read = known === undefined ? decodeTransaction(envelope, limits.maxTxBytes) : undefined;
      const transaction = read?.ok === true ? read.value : known;
      if (transaction === undefined) return undefined;
      decoded.set(transaction.hashKey, transaction);
    }
    return decoded;
  }

  /** Looks what gossip has brought meanwhile and asks one validator after the other, until the proposal is whole or not wanted. */
  #ask(proposal: Incomplete<P, M>): void {
    const { scheduler, counts, wants, askMs } = this.#ports;
    const { parsed, opened } = proposal;
    const { height, bodyBytes, txCount } = opened.head.summary;
    if (this.#incomplete.get(parsed.from, `${height}`) !== proposal) return; // lower heights took its place
    if (proposal.asks >= COMPACT_ASKS_MAX || !wants(parsed)) return this.#forget(proposal);
    if (proposal.asks > 0) this.#lookAgain(proposal);
    if (proposal.missing.size === 0) return this.#complete(proposal);
    const indexes = [...proposal.missing.values()].flat().sort((a, b) => a - b);
    const to = this.#nextToAsk(proposal);
    proposal.asks++;
    counts.asked++;
    if (to !== undefined) this.#mailQuestion(to, proposal, indexes);
    const answerMs = Math.ceil((bodyBytes * indexes.length) / txCount / ANSWER_BYTES_PER_MS);
    proposal.cancel = scheduler.after(askMs + answerMs, () => this.#ask(proposal));
  }

  #lookAgain({ opened, missing, transactions }: Incomplete<P, M>): void {
    for (const [key, places] of missing) {
      const hash = opened.hashes[places[0] ?? 0];
      const found = hash === undefined ? undefined : this.#ports.find(hash);
      if (found === undefined) continue;
      for (const place of places) transactions[place] = found;
      missing.delete(key);
    }
  }

  /** Whoever has not signed need not hold the block: it is not asked. */
  #nextToAsk({ parsed, opened, tried }: Incomplete<P, M>): ValidatorId | undefined {
    const holders = this.#holders.get(byteText(opened.head.hash)) ?? [];
    const inOrder = [parsed.from, ...holders].filter((each) => each !== this.#ports.self);
    const next = inOrder.find((each) => !tried.has(each));
    if (next === undefined) tried.clear();
    const to = next ?? inOrder[0];
    if (to !== undefined) tried.add(to);
    return to;
  }

  #mailQuestion(to: ValidatorId, { opened }: Incomplete<P, M>, indexes: readonly number[]): void {
    const { hash, summary } = opened.head;
    const key = questionKey(to, hash);
    this.#questions.delete(key);
    if (this.#questions.size >= COMPACT_QUESTIONS_MAX) dropOldest(this.#questions);
    const count = indexes.length;
    const bytesMax = 36 + 2 * count + Math.min(summary.bodyBytes, count * this.#ports.limits.maxTxBytes);
    this.#questions.set(key, { count, bytesMax });
    this.#ports.mail(to, encodeWanted({ block: hash, indexes }), MAIL_WANTED_TRANSACTIONS);
  }

  #takeQuestion(author: ValidatorId, hash: Uint8Array): Question | undefined {
    const key = questionKey(author, hash);
    const question = this.#questions.get(key);
    this.#questions.delete(key);
    return question;
  }

  #complete(proposal: Incomplete<P, M>): void {
    const { opened, parsed, transactions, settle } = proposal;
    this.#forget(proposal);
    const whole = opened.complete(transactions as SignedTransaction[]);
    if (!whole.ok) return this.#ports.refuse(parsed.from, whole.fault.code);
    settle();
    this.#ports.completed(parsed.from, whole.value);
  }

  #forget(proposal: Incomplete<P, M>): void {
    proposal.cancel();
    const key = `${proposal.opened.head.summary.height}`;
    const { from } = proposal.parsed;
    if (this.#incomplete.get(from, key) === proposal) this.#incomplete.delete(from, key);
  }
}

function fill<P, M>({ missing, transactions }: Incomplete<P, M>, transaction: SignedTransaction): void {
  for (const place of missing.get(transaction.hashKey) ?? []) transactions[place] = transaction;
  missing.delete(transaction.hashKey);
}

function questionKey(author: ValidatorId, hash: Uint8Array): string {
  return `${author} ${byteText(hash)}`;
}
