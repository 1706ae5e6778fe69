/**
 * Sends the transactions of one account, one nonce after the other, however many calls are made at once. Safe within a
 * process: of several senders of one account, in one process or in many, each transaction takes effect at most once and
 * a lost race for a nonce is noticed, because no two orders make equal bytes (`distinctExpiry`). docs/adr/0014.
 */
import { must } from "../base/assert.ts";
import { hex0x } from "../base/bytes.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { Client, WaitFor } from "./client.ts";
import { OutcomeUnknownError } from "./outcome.ts";
import type { Sent } from "./submission.ts";
import {
  type AnchorOrder,
  distinctExpiry,
  NEVER_REACHED_HEIGHT,
  type TransferOrder,
  type Wallet,
} from "./wallet.ts";

/** What remains to be said of a transaction; without `validUntilHeight` it never expires. */
type Rest<T> = Omit<T, "chain" | "nonce">;

export interface SenderOptions {
  /** How far to wait, as in Client.send: "accepted" by default. */
  readonly wait?: WaitFor;
  readonly timeoutMs?: number;
}

export type SentInTurn = Sent & { readonly nonce: bigint };

/** So often a nonce may be lost to other senders of the account before a call gives up. */
export const NONCE_RACES_MAX = 32;
/** Accepted transactions that are kept for a node that does not know them yet. */
const KEPT_MAX = 64;

/** Refusals of a transaction whose nonce another one has. Thrown as RpcError, they say that it was not sent. */
const NONCE_TAKEN: readonly string[] = ["TX_NONCE_TOO_LOW", "TX_UNDERPRICED_REPLACEMENT", "TX_DUPLICATE"];

/** Whether nothing was sent because another transaction of the account has the nonce: the next one is free to take. */
export function isNonceTaken(error: unknown): boolean {
  return error instanceof RpcError && NONCE_TAKEN.includes(error.data.code ?? "");
}

/** The part of the client that a sender needs. */
type SenderClient = Pick<Client, "chain" | "nextNonce" | "send">;

export class Sender {
  readonly #client: SenderClient;
  readonly #wallet: Wallet;
  /** The last that were accepted, in order of their nonces, without a hole. */
  #kept: SignedTransaction[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  /** @param wallet needs one Sender per account and process: two of them race for nonces, and notice it. */
  constructor(client: SenderClient, wallet: Wallet) {
    this.#client = client;
    this.#wallet = wallet;
  }

  /** @throws as Client.send does: RpcError and plain Error mean that nothing was sent */
  transfer(order: Rest<TransferOrder>, options: SenderOptions = {}): Promise<SentInTurn> {
    return this.#send(order, (whole) => this.#wallet.transfer(whole), options);
  }

  /** @throws as Client.send does: RpcError and plain Error mean that nothing was sent */
  anchor(order: Rest<AnchorOrder>, options: SenderOptions = {}): Promise<SentInTurn> {
    return this.#send(order, (whole) => this.#wallet.anchor(whole), options);
  }

  async #send<T extends TransferOrder | AnchorOrder>(
    order: Rest<T>,
    sign: (order: T) => SignedTransaction,
    { wait = "accepted", timeoutMs }: SenderOptions,
  ): Promise<SentInTurn> {
    const distinct = { validUntilHeight: distinctExpiry(), ...order };
    // One after the other until it is accepted: who comes next must not take the same nonce.
    const turn = this.#turn.then(async () => {
      const chain = await this.#client.chain();
      return this.#place((nonce) => sign({ ...distinct, chain, nonce } as unknown as T));
    });
    this.#turn = turn.catch(() => undefined);
    const { tx, sent } = await turn;
    const { nonce } = tx;
    if (wait === "none" || wait === "accepted") return { ...sent, nonce };
    const options = timeoutMs === undefined ? { wait } : { wait, timeoutMs };
    const done = await this.#client.send(tx, options).catch((error: unknown) => {
      throw unknownAfterAcceptance(tx, error);
    });
    return { ...done, nonce };
  }

  /** Signs with the next free nonce until a node accepts it. */
  async #place(sign: (nonce: bigint) => SignedTransaction): Promise<{ tx: SignedTransaction; sent: Sent }> {
    for (let races = 0; ; races++) {
      const tx = sign(await this.#nextNonce());
      try {
        const { already, ...sent } = await this.#client.send(tx, { wait: "accepted" });
        if (already === true && tx.validUntilHeight < NEVER_REACHED_HEIGHT) throw duplicate(tx);
        this.#kept = [...this.#kept, tx].slice(-KEPT_MAX);
        return { tx, sent };
      } catch (error) {
        // Which nonces are taken will show: the next call asks anew.
        this.#kept = [];
        if (!isNonceTaken(error) || races === NONCE_RACES_MAX) throw error;
      }
    }
  }

  /** A node that answers with less than was accepted elsewhere, or has let go of it, gets it again: equal bytes do no harm. */
  async #nextNonce(): Promise<bigint> {
    const nextNonce = await this.#client.nextNonce(this.#wallet.address);
    this.#kept = this.#kept.filter(({ nonce }) => nonce >= nextNonce);
    const [first] = this.#kept;
    if (first === undefined || first.nonce !== nextNonce) {
      this.#kept = [];
      return nextNonce;
    }
    try {
      for (const tx of this.#kept) await this.#client.send(tx, { wait: "accepted" });
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#kept = [];
      return this.#client.nextNonce(this.#wallet.address);
    }
    return must(this.#kept.at(-1), "something is kept, and all of it was sent again").nonce + 1n;
  }
}

/** Whatever a node says of it later, one has accepted it. */
function unknownAfterAcceptance({ id }: SignedTransaction, error: unknown): OutcomeUnknownError {
  if (error instanceof OutcomeUnknownError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof RpcError ? (error.data.code ?? "REFUSED") : "NO_ANSWER";
  return new OutcomeUnknownError(message, { txHash: hex0x(id), code, cause: error });
}

/**
 * Equal orders with an expiry that the caller sets make equal bytes, so that nobody can tell whose transaction it is.
 */
function duplicate({ id, nonce, validUntilHeight }: SignedTransaction): OutcomeUnknownError {
  const message =
    `an equal transaction was sent before: nonce ${nonce}, valid until height ${validUntilHeight}; ` +
    "another memo or expiry makes them differ";
  return new OutcomeUnknownError(message, { txHash: hex0x(id), code: "TX_DUPLICATE" });
}
