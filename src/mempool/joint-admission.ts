/**
 * Envelopes that came together. They are decoded once, when the first is looked at, and the signatures that admission will
 * ask for are found, so that they can be judged together before the transactions are admitted one by one.
 */
import { accept, type Verdict } from "../base/fault.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import {
  type AdmissionCode,
  type AdmissionPorts,
  type AdmissionRules,
  admitUnverified,
  openEnvelope,
} from "./admission.ts";
import type { PoolIndex } from "./pool-index.ts";

type Opened = Verdict<SignedTransaction, AdmissionCode>;

/** Decodes what comes from outside, each envelope once. */
export class TransactionReader {
  readonly #rules: AdmissionRules;
  readonly #pool: Pick<PoolIndex, "byBytes">;
  /** What came together last, and what it holds: whoever comes next comes with these, in their order. */
  #envelopes: readonly Uint8Array[] = [];
  #opened: readonly Opened[] = [];
  #next = 0;
  /** What was decoded before it comes, as another thread judges its signature meanwhile. */
  readonly #ahead = new WeakMap<Uint8Array, SignedTransaction>();

  constructor(rules: AdmissionRules, pool: Pick<PoolIndex, "byBytes">) {
    this.#rules = rules;
    this.#pool = pool;
  }

  /** Those of the envelopes that decode. */
  readTogether(envelopes: readonly Uint8Array[]): SignedTransaction[] {
    this.#envelopes = envelopes;
    this.#opened = envelopes.map((envelope) => this.#open(envelope));
    this.#next = 0;
    const transactions: SignedTransaction[] = [];
    for (const opened of this.#opened) if (opened.ok) transactions.push(opened.value);
    return transactions;
  }

  /** Those of the envelopes that decode; they are not decoded again when they come. */
  readAhead(envelopes: readonly Uint8Array[]): SignedTransaction[] {
    return envelopes.flatMap((envelope) => {
      const opened = this.#open(envelope);
      if (!opened.ok) return [];
      this.#ahead.set(envelope, opened.value);
      return [opened.value];
    });
  }

  read(envelope: Uint8Array): Opened {
    // Some never come: a call may be refused before its transaction gets here.
    const index = this.#envelopes.indexOf(envelope, this.#next);
    const opened = index < 0 ? undefined : this.#opened[index];
    if (opened === undefined) return this.#open(envelope);
    this.#next = index + 1;
    // Nobody comes with them again: the pool keeps what it admitted.
    if (this.#next === this.#envelopes.length) [this.#envelopes, this.#opened] = [[], []];
    return opened;
  }

  #open(envelope: Uint8Array): Opened {
    const held = this.#pool.byBytes(envelope) ?? this.#ahead.get(envelope);
    return held === undefined ? openEnvelope(envelope, this.#rules) : accept(held);
  }
}

/**
 * Those of whose signatures admission will ask as things stand: what passes every other check. Changes nothing.
 * @param hasRoom the pool has room for all of them, and need not look for that of each
 */
export function signaturesAsked(
  transactions: readonly SignedTransaction[],
  rules: AdmissionRules,
  ports: AdmissionPorts,
  hasRoom: boolean,
): SignedTransaction[] {
  const asking = hasRoom ? { ...ports, findRoom: () => undefined } : ports;
  return transactions.filter((transaction) => admitUnverified(transaction, rules, asking).ok);
}
