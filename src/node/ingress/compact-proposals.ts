/**
 * Proposals whose transactions are put together here: most are in the pool, some came with the proposal, and what is missing
 * is asked for, from the primary first, then from those who have signed for the block, then from the others. It is a
 * short cut and no more: whoever cannot complete a proposal is sent it whole by STATUS, and a primary that withholds is
 * replaced by the view's timer.
 * Source: docs/protocol.md, "Compact proposals"; docs/adr/0044-06-proposals-carry-hashes.md.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import {
  COMPACT_ANSWERS_MAX,
  COMPACT_ASKS_MAX,
  COMPACT_BLOCKS_KEPT,
  COMPACT_INCOMPLETE_MAX,
} from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Block, BodyLimits } from "../../chain/types/block.ts";
import { decodeTransaction, type SignedTransaction } from "../../chain/types/transaction.ts";
import type { OpenedCompact } from "../../consensus/compact-form.ts";
import type { Parsed, ValidatorId } from "../../consensus/engine.ts";
import type { CompactCounts } from "../metrics/message-counts.ts";
import { AuthoredMap } from "./authored-map.ts";
import {
  decodeBlockTransactions,
  decodeWanted,
  encodeBlockTransactions,
  encodeWanted,
} from "./compact-wire.ts";
import { MAIL_BLOCK_TRANSACTIONS, MAIL_WANTED_TRANSACTIONS } from "./packet.ts";
import type { Bill } from "./work-budget.ts";

/** So many blocks at and below the head are kept for those who have not committed them yet. */
const KEPT_BELOW_HEAD = 4n;

export interface CompactProposalPorts<P extends Parsed, M> {
  readonly scheduler: Pick<Scheduler, "after">;
  readonly limits: BodyLimits;
  /** How long an answer may take before another validator is asked, ms. */
  readonly askMs: number;
  readonly counts: CompactCounts;
  readonly self: ValidatorId | undefined;
  /** How many validators there are. */
  readonly validators: number;
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
  /** Who has signed for the block since it is missed. */
  readonly holders: Set<ValidatorId>;
  /** Who was asked and has not answered. */
  readonly asked: Set<ValidatorId>;
  /** Who is not to be asked again before all others were. */
  readonly tried: Set<ValidatorId>;
  asks: number;
  cancel: () => void;
}

interface KeptBlock {
  readonly block: Block;
  readonly answers: Map<ValidatorId, number>;
}

export class CompactProposals<P extends Parsed, M> {
  readonly #ports: CompactProposalPorts<P, M>;
  readonly #incomplete = new AuthoredMap<Incomplete<P, M>>(
    COMPACT_INCOMPLETE_MAX,
    4 * COMPACT_INCOMPLETE_MAX,
  );
  readonly #kept = new AuthoredMap<KeptBlock>(COMPACT_BLOCKS_KEPT, 3 * COMPACT_BLOCKS_KEPT);

  #committed = 0n;

  constructor(ports: CompactProposalPorts<P, M>) {
    this.#ports = ports;
  }

  stop(): void {
    for (const [, proposal] of this.#incomplete) proposal.cancel();
    this.#incomplete.clear();
    this.#kept.clear();
  }

  /** A block that `author` has proposed, and of which others may ask transactions from now on. */
  keep(author: ValidatorId, block: Block): void {
    const key = byteText(block.hash);
    if (this.#kept.get(key) === undefined) this.#kept.set(key, author, { block, answers: new Map() });
  }

  /** A proposal whose signature was checked. */
  receive(parsed: P, opened: OpenedCompact<M>): void {
    const key = byteText(opened.head.hash);
    if (opened.head.summary.height <= this.#committed) return; // its transactions have left the pool
    const held = this.#incomplete.get(key);
    // In a later view the same block is proposed anew.
    if (held !== undefined && this.#ports.wants(held.parsed)) return;
    this.#forget(key);
    const brought = this.#decode(opened.envelopes);
    if (brought === undefined) return this.#ports.refuse(parsed.from, "malformed");
    const { transactions, missing } = this.#gather(opened.hashes, brought);
    const sets = { holders: new Set<number>(), asked: new Set<number>(), tried: new Set<number>() };
    const proposal = { parsed, opened, transactions, missing, ...sets, asks: 0, cancel: () => undefined };
    const { counts } = this.#ports;
    counts.received++;
    if (missing.size === 0) return this.#complete(proposal);
    counts.incomplete++;
    counts.missing += missing.size;
    this.#incomplete.set(key, parsed.from, proposal);
    this.#ask(key, proposal);
  }

  /** A validator holds the block with this hash: it has signed for it. */
  heldBy(author: ValidatorId, hash: Hash): void {
    if (this.#incomplete.size > 0) this.#incomplete.get(byteText(hash))?.holders.add(author);
  }

  /** Answers who lacks transactions of a block that is kept here. */
  receiveWanted(author: ValidatorId, content: Uint8Array, bill: Bill): void {
    const wanted = decodeWanted(content, this.#ports.limits);
    if (!wanted.ok) return this.#ports.refuse(author, wanted.fault.code);
    const { block: hash, indexes } = wanted.value;
    const kept = this.#kept.get(byteText(hash));
    if (kept === undefined) return;
    const answered = kept.answers.get(author) ?? 0;
    if (answered >= COMPACT_ANSWERS_MAX) return;
    const { transactions } = kept.block;
    const envelopes = indexes.flatMap((index) => transactions[index]?.bytes ?? []);
    if (envelopes.length < indexes.length) return this.#ports.refuse(author, "malformed");
    kept.answers.set(author, answered + 1);
    bill.refund();
    this.#ports.mail(author, encodeBlockTransactions({ block: hash, envelopes }), MAIL_BLOCK_TRANSACTIONS);
  }

  /** Takes in what was asked for. What another has brought meanwhile is left. */
  receiveTransactions(author: ValidatorId, content: Uint8Array, bill: Bill): void {
    const proposal = this.#incomplete.get(byteText(content.subarray(0, 32)));
    if (proposal?.asked.delete(author) !== true) return;
    const answer = decodeBlockTransactions(content, this.#ports.limits);
    const brought = answer.ok ? this.#decode(answer.value.envelopes) : undefined;
    if (brought === undefined) return this.#ports.refuse(author, "malformed");
    const before = proposal.missing.size;
    for (const [hash, transaction] of brought) {
      for (const place of proposal.missing.get(hash) ?? []) proposal.transactions[place] = transaction;
      proposal.missing.delete(hash);
    }
    if (proposal.missing.size < before) bill.refund();
    if (proposal.missing.size === 0) this.#complete(proposal);
  }

  /** Whether transactions of this block were asked of this validator: theirs may be long. @param start of the message */
  awaits(author: ValidatorId, start: Uint8Array): boolean {
    return this.#incomplete.get(byteText(start.subarray(0, 32)))?.asked.has(author) === true;
  }

  /** What is committed needs no proposal; who is behind by more than a few blocks asks for whole ones. */
  headChanged(height: bigint): void {
    this.#committed = height;
    for (const [key, { opened }] of this.#incomplete) {
      if (opened.head.summary.height <= height) this.#forget(key);
    }
    for (const [key, { block }] of this.#kept) {
      if (block.summary.height + KEPT_BELOW_HEAD <= height) this.#kept.delete(key);
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
      missing.set(key, [...(missing.get(key) ?? []), place]);
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

  /** Asks one validator after the other, until the proposal is whole or not wanted any more. */
  #ask(key: string, proposal: Incomplete<P, M>): void {
    if (this.#incomplete.get(key) !== proposal) return; // it gave way to newer ones
    const { scheduler, mail, counts, wants, askMs } = this.#ports;
    if (proposal.asks >= COMPACT_ASKS_MAX || !wants(proposal.parsed)) return this.#forget(key);
    const to = this.#nextToAsk(proposal);
    if (to !== undefined) {
      proposal.asks++;
      proposal.tried.add(to);
      proposal.asked.add(to);
      counts.asked++;
      const indexes = [...proposal.missing.values()].flat().sort((a, b) => a - b);
      mail(to, encodeWanted({ block: proposal.opened.head.hash, indexes }), MAIL_WANTED_TRANSACTIONS);
    }
    proposal.cancel = scheduler.after(askMs, () => this.#ask(key, proposal));
  }

  #nextToAsk(proposal: Incomplete<P, M>): ValidatorId | undefined {
    const { self, validators } = this.#ports;
    const { parsed, holders, tried } = proposal;
    const everyone = Array.from({ length: validators }, (_, index) => index);
    const inOrder = [parsed.from, ...holders, ...everyone].filter((each) => each !== self);
    const next = inOrder.find((each) => !tried.has(each));
    if (next !== undefined) return next;
    tried.clear();
    return inOrder[0];
  }

  #complete(proposal: Incomplete<P, M>): void {
    const { opened, parsed, transactions } = proposal;
    this.#forget(byteText(opened.head.hash));
    const whole = opened.complete(transactions as SignedTransaction[]);
    if (!whole.ok) return this.#ports.refuse(parsed.from, whole.fault.code);
    this.#ports.completed(parsed.from, whole.value);
  }

  #forget(key: string): void {
    this.#incomplete.get(key)?.cancel();
    this.#incomplete.delete(key);
  }
}
