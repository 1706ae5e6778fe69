/**
 * Tells the others what came back into the pool when a branch was abandoned: they may never have heard of it, or
 * have it in no pool any more. Each change of branches is told once and up to a bound; the rest is left to
 * anti-entropy. Nothing is told while blocks are being fetched: the branch that is coming in may hold it. It knows
 * neither chain nor network. Source: pow.md 2.8, 3; decision 7.
 */
import type { Hash } from "../../base/bytes.ts";
import { RETURNED_PUBLISHED_MAX } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";

/**
 * Milliseconds between two looks whether the fetching is over: less than what anti-entropy takes for a
 * transaction to settle.
 */
const LOOK_MS = 250;

export interface ReorgedTransactionsPorts {
  readonly scheduler: Pick<Scheduler, "after">;
  /** Blocks are being fetched. */
  isSyncing(): boolean;
  /** The envelope of a transaction in the pool, by the hash of the whole envelope. */
  pooled(hash: Hash): Uint8Array | undefined;
  publish(envelope: Uint8Array): void;
}

export class ReorgedTransactions {
  readonly #ports: ReorgedTransactionsPorts;
  /**
   * Txids in the order of the chain that held them, so that all nodes that leave it make the same messages of them.
   */
  #waiting: Hash[] = [];
  #cancelLook: (() => void) | undefined;

  constructor(ports: ReorgedTransactionsPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#waiting = [];
  }

  /** What one change of branches left behind, after the pool has taken it back as far as it is still valid. */
  add(left: readonly { readonly hash: Hash }[]): void {
    const room = RETURNED_PUBLISHED_MAX - this.#waiting.length;
    const back = left.map(({ hash }) => hash).filter((hash) => this.#ports.pooled(hash) !== undefined);
    this.#waiting.push(...back.slice(0, room));
    if (this.#cancelLook === undefined) this.#look();
  }

  #look(): void {
    this.#cancelLook = undefined;
    if (this.#waiting.length === 0) return;
    if (this.#ports.isSyncing()) {
      this.#cancelLook = this.#ports.scheduler.after(LOOK_MS, () => this.#look());
      return;
    }
    const envelopes = this.#waiting.flatMap((hash) => this.#ports.pooled(hash) ?? []);
    this.#waiting = [];
    // The first one once more: gossip knows a message by its content for two minutes, and would not even send the
    // one in which, say, a single transaction left for the first time.
    for (const envelope of [...envelopes, ...envelopes.slice(0, 1)]) this.#ports.publish(envelope);
  }
}
