/**
 * The block tree, the choice of the head and the pool, naively: lists that are searched whole at every question. It
 * knows of every block beforehand whether its own rules hold (`isValid`), but looks only when the chain would.
 */
import { byteText, equalBytes } from "../../../src/base/bytes.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import type { Block } from "../../../src/chain/types/block.ts";
import type { SignedTransaction } from "../../../src/chain/types/transaction.ts";
import type { NaiveMinedLedger } from "../naive-ledger.ts";

export interface NaiveBlock {
  readonly block: Block;
  readonly parent: NaiveBlock | undefined;
  readonly height: number;
  /** Of the whole branch. */
  readonly work: bigint;
  readonly isValid: boolean;
  /** After it; of an invalid one its parent's. */
  readonly ledger: NaiveMinedLedger;
  readonly stateRoot: string;
  hasHead: boolean;
  hasBody: boolean;
  /** Place in the order of becoming complete; 0: not yet. */
  sequence: number;
  isFound: boolean;
  isTaken: boolean;
}

/** One move of the head. */
export interface NaiveMove {
  readonly abandoned: readonly NaiveBlock[];
  readonly entered: readonly NaiveBlock[];
  readonly head: NaiveBlock;
}

export class NaiveTree {
  readonly blocks: NaiveBlock[];
  head: NaiveBlock;
  readonly #maxReorgDepth: number;
  #sequence = 1;

  constructor(blocks: NaiveBlock[], maxReorgDepth: number) {
    this.blocks = blocks;
    this.head = blocks[0]!;
    this.#maxReorgDepth = maxReorgDepth;
  }

  /** Taken or found invalid, itself or an ancestor. */
  hasInvalidAncestor(block: NaiveBlock): boolean {
    return lineOf(block).some(({ isFound, isTaken }) => isFound || isTaken);
  }

  /** A body came: which blocks have all theirs now? */
  bodyCame(block: NaiveBlock): void {
    block.hasBody = true;
    for (;;) {
      const fresh = this.blocks.filter(
        (one) => one.sequence === 0 && lineOf(one).every(({ hasBody }) => hasBody),
      );
      if (fresh.length === 0) return;
      const lowest = Math.min(...fresh.map(({ height }) => height));
      const level = fresh.filter(({ height }) => height === lowest);
      // By the order of their parents, then by hash.
      level.sort(
        (a, b) =>
          a.parent!.sequence - b.parent!.sequence ||
          (byteText(a.block.hash) < byteText(b.block.hash) ? -1 : 1),
      );
      for (const one of level) one.sequence = ++this.#sequence;
    }
  }

  /** All moves of the head until none is left. */
  advance(): NaiveMove[] {
    const moves: NaiveMove[] = [];
    for (;;) {
      const target = this.#best();
      if (target === undefined) return moves;
      const line = lineOf(this.head);
      const enter = lineOf(target)
        .filter((one) => !line.includes(one))
        .reverse();
      const fork = enter[0]?.parent ?? target;
      const leave = line.slice(0, line.indexOf(fork));
      const isTaken = this.hasInvalidAncestor(this.head);
      const enough =
        leave.length === 0 || isTaken ? 1 : enter.findIndex(({ work }) => work > this.head.work) + 1;
      let done: NaiveBlock[] = [];
      for (const [i, one] of enter.entries()) {
        if (!one.isValid) {
          one.isFound = true;
          break;
        }
        done.push(one);
        if (i + 1 < enough) continue;
        moves.push({ abandoned: i + 1 === enough ? [...leave].reverse() : [], entered: done, head: one });
        this.head = one;
        done = [];
      }
      if (enter.length > 0) continue;
      moves.push({ abandoned: [...leave].reverse(), entered: [], head: target });
      this.head = target;
    }
  }

  /** The most work among blocks that are valid, complete and not taken away, with all their ancestors. */
  mostWork(): bigint {
    const fit = this.blocks.filter(
      (one) => one.sequence > 0 && lineOf(one).every(({ isValid, isTaken }) => isValid && !isTaken),
    );
    return fit.reduce((most, { work }) => (work > most ? work : most), 0n);
  }

  #best(): NaiveBlock | undefined {
    const isTaken = this.hasInvalidAncestor(this.head);
    const line = lineOf(this.head);
    let best: NaiveBlock | undefined;
    for (const one of this.blocks) {
      if (one === this.head || one.sequence === 0 || this.hasInvalidAncestor(one)) continue;
      if (!isTaken && one.work <= this.head.work) continue;
      const left = line.indexOf(lineOf(one).find((ancestor) => line.includes(ancestor))!);
      if (this.#maxReorgDepth > 0 && !isTaken && left > this.#maxReorgDepth) continue;
      if (
        best === undefined ||
        one.work > best.work ||
        (one.work === best.work && one.sequence < best.sequence)
      )
        best = one;
    }
    return best;
  }
}

/** The block and its ancestors, down to block 0. */
export function lineOf(block: NaiveBlock): NaiveBlock[] {
  const line: NaiveBlock[] = [];
  for (let at: NaiveBlock | undefined = block; at !== undefined; at = at.parent) line.push(at);
  return line;
}

/** A pool that keeps a list and searches it; no bounds but the nonce gap. */
export class NaivePool {
  held: SignedTransaction[] = [];
  #head: NaiveBlock;
  readonly #nonceGapMax: number;

  constructor(head: NaiveBlock, nonceGapMax: number) {
    this.#head = head;
    this.#nonceGapMax = nonceGapMax;
  }

  add(tx: SignedTransaction): boolean {
    const account = this.#account(tx);
    const next = BigInt(this.#head.height + 1);
    if (tx.validUntilHeight !== 0n && tx.validUntilHeight < next) return false;
    if (account === undefined || tx.nonce < account.nonce) return false;
    const senderQueue = this.held.filter(({ from }) => equalBytes(from, tx.from));
    if (tx.nonce > this.#pendingNonce(tx) + BigInt(this.#nonceGapMax)) return false;
    const rival = senderQueue.find(({ nonce }) => nonce === tx.nonce);
    const cost = senderQueue.reduce(
      (sum, other) => (other === rival ? sum : sum + costOf(other)),
      costOf(tx),
    );
    if (cost > account.balance) return false;
    if (rival !== undefined) {
      if (equalBytes(rival.id, tx.id)) return false;
      if (tx.fee * 10n < rival.fee * 11n || tx.fee === rival.fee) return false;
      this.held = this.held.filter((other) => other !== rival);
    }
    this.held.push(tx);
    return true;
  }

  moved({ abandoned, head }: NaiveMove): void {
    this.#head = head;
    this.held = this.held.filter((tx) => tx.nonce >= (this.#account(tx)?.nonce ?? 0n));
    for (const from of new Set(this.held.map((tx) => byteText(tx.from)))) this.#trim(from);
    this.held = this.held.filter(
      (tx) => tx.validUntilHeight === 0n || tx.validUntilHeight > BigInt(head.height),
    );
    for (const { block } of abandoned)
      for (const tx of block.transactions) if (tx.bytes[0] !== 0) this.add(tx);
    // A hole may have come about: nothing waits farther behind one than a newcomer may.
    this.held = this.held.filter((tx) => tx.nonce <= this.#pendingNonce(tx) + BigInt(this.#nonceGapMax));
  }

  #pendingNonce(tx: SignedTransaction): bigint {
    const senderQueue = this.held.filter(({ from }) => equalBytes(from, tx.from));
    let pending = this.#account(tx)?.nonce ?? 0n;
    while (senderQueue.some(({ nonce }) => nonce === pending)) pending++;
    return pending;
  }

  /** What the account cannot pay leaves, the highest nonce first. */
  #trim(from: string): void {
    for (;;) {
      const senderQueue = this.held.filter((tx) => byteText(tx.from) === from);
      const cost = senderQueue.reduce((sum, tx) => sum + costOf(tx), 0n);
      if (senderQueue.length === 0 || cost <= (this.#head.ledger.accounts.get(from)?.balance ?? -1n)) return;
      const last = senderQueue.reduce((a, b) => (a.nonce > b.nonce ? a : b));
      this.held = this.held.filter((tx) => tx !== last);
    }
  }

  #account({ from }: SignedTransaction) {
    return this.#head.ledger.accounts.get(byteText(from));
  }
}

function costOf(tx: SignedTransaction): bigint {
  const call = tx.module === bank.id ? bank.decodeCall(tx.payload) : undefined;
  return tx.fee + (call?.ok === true ? call.value.amount : 0n);
}
