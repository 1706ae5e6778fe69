/**
 * Transactions that were decoded here already, found by their bytes: whatever way an envelope comes again, in a block, by
 * gossip or from a user, it is not decoded and hashed a second time, and the object that was checked is the one that is
 * executed. Nothing is kept here: who holds transactions answers.
 */
import { equalBytes } from "../../base/bytes.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import type { SignedTransaction } from "./transaction.ts";

/** Whether an envelope is held, and as what. */
export interface TransactionHoldings {
  find(bytes: Uint8Array): SignedTransaction | undefined;
}

/**
 * The key by which an envelope is looked up: eight bytes of its signature, which tell honest ones apart; what is found is
 * compared in full. A text, since V8 hashes texts with a seed and numbers without: whoever chose numbers that collide would
 * make each look as long as the pool. Of eight characters it costs a quarter of a slice of sixteen (measured), and each
 * transaction is looked up some five times. Two envelopes may have the same; "" stands for what is too short.
 */
function envelopePart(bytes: Uint8Array): string {
  const at = bytes.length - SIGNATURE_BYTES;
  if (at < 0) return "";
  const byte = (i: number) => bytes[at + i] as number;
  return String.fromCharCode(byte(0), byte(1), byte(2), byte(3), byte(4), byte(5), byte(6), byte(7));
}

/** An index of what is held. Of two with the same part one is found. */
export class TransactionIndex implements TransactionHoldings {
  readonly #byPart = new Map<string, SignedTransaction>();

  add(transaction: SignedTransaction): void {
    this.#byPart.set(envelopePart(transaction.bytes), transaction);
  }

  delete(transaction: SignedTransaction): void {
    const part = envelopePart(transaction.bytes);
    if (this.#byPart.get(part) === transaction) this.#byPart.delete(part);
  }

  find(bytes: Uint8Array): SignedTransaction | undefined {
    const found = this.#byPart.get(envelopePart(bytes));
    return found !== undefined && equalBytes(found.bytes, bytes) ? found : undefined;
  }
}

/** The holder of a node, which is there later than those who ask it. */
export class KnownTransactions implements TransactionHoldings {
  #holder: TransactionHoldings | undefined;

  answerBy(holder: TransactionHoldings): void {
    this.#holder = holder;
  }

  find(bytes: Uint8Array): SignedTransaction | undefined {
    return this.#holder?.find(bytes);
  }
}
