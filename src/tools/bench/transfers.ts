/**
 * The transfers of a load: for each node the accounts that send through it, each account's transactions in the order
 * of its nonces, signed in advance so that signing takes nothing from the machine under load. Bound:
 * BENCH_PRESIGNED_MAX; beyond it, and when a run is faster than expected, a transaction is signed when it is due.
 */
import { must } from "../../base/assert.ts";
import { hex } from "../../base/bytes.ts";
import { type ChainRef, Wallet } from "../../sdk/wallet.ts";

/** A signed transfer as it is sent. */
export interface LoadTransfer {
  /** Lower-case hex without 0x, as the node shows it after 0x. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

interface Account {
  readonly wallet: Wallet;
  readonly index: number;
  /** The nonce of the next transaction to sign. */
  nonce: number;
  /** Signed and not sent yet, from `next` on. */
  readonly signed: LoadTransfer[];
  next: number;
}

/** Transfers are small, so that no account of any load runs dry. */
const AMOUNT = 1n;
const HAS_QUEUE = "every node has a queue of senders";

export class Transfers {
  readonly #chain: ChainRef;
  readonly #accounts: readonly Account[];
  readonly #senderQueues: readonly (readonly Account[])[];
  readonly #turns: number[];
  #signedLate = 0;

  /** @param seeds of the accounts, one every `nodes` of which sends through the same node */
  constructor(seeds: readonly Uint8Array[], nodes: number, chain: ChainRef) {
    this.#chain = chain;
    this.#accounts = seeds.map((seed, index) => ({
      wallet: Wallet.fromSeed(seed),
      index,
      nonce: 0,
      signed: [],
      next: 0,
    }));
    this.#senderQueues = Array.from({ length: nodes }, (_, node) =>
      this.#accounts.filter((account) => account.index % nodes === node),
    );
    this.#turns = this.#senderQueues.map(() => 0);
  }

  /** Transfers that were not signed in advance. */
  get signedLate(): number {
    return this.#signedLate;
  }

  /** Signs one more for every account. */
  signRound(): void {
    for (const account of this.#accounts) account.signed.push(this.#sign(account));
  }

  /** The next transfers through a node, its accounts in turn. */
  take(node: number, count: number): LoadTransfer[] {
    const senderQueue = must(this.#senderQueues[node], HAS_QUEUE);
    let turn = must(this.#turns[node], HAS_QUEUE);
    const taken: LoadTransfer[] = [];
    for (let i = 0; i < count; i++)
      taken.push(this.#next(must(senderQueue[turn++ % senderQueue.length], "every node has accounts")));
    this.#turns[node] = turn;
    return taken;
  }

  /** The next transfer of an account, by its index. */
  takeOf(index: number): LoadTransfer {
    return this.#next(must(this.#accounts[index], "an account has an index below their number"));
  }

  #next(account: Account): LoadTransfer {
    const ready = account.signed[account.next];
    if (ready === undefined) {
      this.#signedLate++;
      return this.#sign(account);
    }
    // What was sent need not be kept; the hole costs a pointer.
    delete account.signed[account.next++];
    return ready;
  }

  #sign(account: Account): LoadTransfer {
    const nonce = account.nonce++;
    const next = this.#accounts[(account.index + 1 + nonce) % this.#accounts.length];
    const to = must(next, "the index is below their number").wallet.address;
    const signed = account.wallet.transfer({ chain: this.#chain, nonce, to, amount: AMOUNT });
    return { id: hex(signed.id), bytes: signed.bytes };
  }
}
