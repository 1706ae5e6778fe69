/**
 * Execution: transactions in order on an overlay of the parent's state, giving receipts and a diff. Deterministic
 * and synchronous; signatures are judged by a function handed in. The same code runs for a proposer that builds
 * (an invalid transaction is left out) and for a validator that checks (it makes the block invalid). Decision 5.
 */

import { assert } from "../../base/assert.ts";
import type { Address } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import { EVENT_BYTES_MAX, EVENTS_PER_RECEIPT_MAX } from "../../base/limits.ts";
import { type Account, creditAt, readAccountAt, writeAccountAt } from "../modules/accounts.ts";
import { type MembershipContext, type Module, ModuleFault, type StateReader } from "../modules/module.ts";
import { accountKey } from "../state/state-keys.ts";
import { ReadOnce, StateOverlay } from "../state/state-overlay.ts";
import type { Event, Receipt } from "../types/receipt.ts";
import type { SignedTransaction } from "../types/transaction.ts";
import {
  type CheckedCall,
  checkTransaction,
  type TransactionFaultCode,
  type TransactionRules,
  validateTransaction,
} from "./validate-transaction.ts";

/** What a block's transactions see besides the state. */
export interface BlockContext {
  readonly height: bigint;
  readonly timeMs: bigint;
  /** Undefined: the fees are summed for the block's coinbase. */
  readonly feeRecipient: Address | undefined;
  /** Place of the first transaction in the block: 1 behind a coinbase. 0 if left out. */
  readonly firstIndex?: number;
  readonly rules: TransactionRules;
  /** Undefined where the validators never change. */
  readonly governing?: MembershipContext | undefined;
  /** The consensus rule (ZIP-215), cached acceptances first. */
  readonly signatureIsValid: (tx: SignedTransaction) => boolean;
}

export type ExecutionFault = Fault<TransactionFaultCode | "TX_BAD_SIGNATURE">;

/** One block while it is executed: its overlay, its receipts and what they add up to. */
export class BlockExecution {
  readonly state: StateOverlay;
  readonly receipts: Receipt[] = [];
  /** The sum of the fees of all transactions so far. */
  fees = 0n;
  /** What was read of the parent's state so far, by the text of the key. */
  readonly read: ReadonlyMap<string, Uint8Array | undefined>;
  readonly #context: BlockContext;
  /** The key of the account that is paid the fees. */
  readonly #feeKey: Uint8Array | undefined;

  constructor(parentState: StateReader, context: BlockContext) {
    const parent = new ReadOnce(parentState);
    this.state = new StateOverlay(parent);
    this.read = parent.known();
    this.#context = context;
    const { feeRecipient } = context;
    this.#feeKey = feeRecipient === undefined ? undefined : accountKey(feeRecipient);
  }

  get height(): bigint {
    return this.#context.height;
  }

  /** Runs the next transaction; a fault means that it is invalid here and nothing changed. */
  run(tx: SignedTransaction): ExecutionFault | undefined {
    const checked = checkTransaction(tx, this.#context.rules, this.#context.height);
    if (!checked.ok) return checked.fault;
    const key = accountKey(tx.from);
    const sender = readAccountAt(this.state, key);
    const refused = validateTransaction(tx, sender);
    if (refused !== undefined) return refused;
    assert(sender !== undefined, "a validated sender has an account");
    if (!this.#context.signatureIsValid(tx)) return fault("TX_BAD_SIGNATURE", "the signature is not valid");
    this.#chargeFee(tx, key, sender);
    this.receipts.push(this.#runCall(tx, checked.value));
    return undefined;
  }

  /** Fee and nonce are taken first and stay taken if the call fails. */
  #chargeFee(tx: SignedTransaction, key: Uint8Array, sender: Account): void {
    writeAccountAt(this.state, key, { balance: sender.balance - tx.fee, nonce: sender.nonce + 1n });
    if (this.#feeKey !== undefined) {
      const paid = creditAt(this.state, this.#feeKey, tx.fee);
      assert(paid.ok, "genesis refuses a total above 2^63 - 1: no balance can pass 2^64 - 1");
    }
    this.fees += tx.fee;
  }

  #runCall({ id: txid, from, fee }: SignedTransaction, { module, call }: CheckedCall): Receipt {
    this.state.mark();
    const { height, timeMs, governing, firstIndex = 0 } = this.#context;
    let events: Event[] | undefined;
    const index = firstIndex + this.receipts.length;
    const emit = (kind: number, data: Uint8Array) => {
      checkEvent(module, events?.length ?? 0, data);
      const event = { module: module.id, kind, data };
      // A list with its first in it has room for that one; an empty one makes room for sixteen more, as long as receipts are kept.
      if (events === undefined) events = [event];
      else events.push(event);
    };
    try {
      module.execute(call, { height, timeMs, sender: from, fee, txid, state: this.state, governing, emit });
    } catch (error) {
      if (!(error instanceof ModuleFault)) throw error;
      this.state.takeBack();
      return { txid, index, status: "failed", code: error.code, fee, events: [] };
    }
    return { txid, index, status: "success", code: 0, fee, events: events ?? [] };
  }
}

function checkEvent({ name }: Module, before: number, data: Uint8Array): void {
  if (before >= EVENTS_PER_RECEIPT_MAX) assert(false, `module ${name} emits too many events`);
  if (data.length > EVENT_BYTES_MAX) assert(false, `module ${name} emits an event of ${data.length} bytes`);
}
