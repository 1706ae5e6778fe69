/**
 * Pools that hold so many transfers already, and the transfers that they are offered again and again: what was admitted
 * leaves as if a block had taken it, and the head goes back to where it was.
 */
import { assert, must } from "../../base/assert.ts";
import { type Address, asHash, EMPTY } from "../../base/bytes.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { Account } from "../../chain/modules/accounts.ts";
import { bank } from "../../chain/modules/bank.ts";
import { type SignedTransaction, signTransaction } from "../../chain/types/transaction.ts";
import { createSigner, SEED_BYTES, type SignatureClaim, type Signer } from "../../crypto/keys.ts";
import type { HeadState } from "../../mempool/admission.ts";
import { Mempool } from "../../mempool/mempool.ts";

const GENESIS = {
  chainId: 31_399n,
  limits: { maxBlockBytes: 1_048_576, maxBlockTransactions: 5_000, maxTxBytes: 16_384, minFee: 0n },
};
const GENESIS_HASH = asHash(new Uint8Array(32).fill(1));
/** Accounts that send: as many as in a throughput run. */
const SENDERS = 400;
/** Whose transfers the pools hold already: others, whose numbers begin there. */
const HOLDERS = 1_000;
const BALANCE = 1_000_000_000n;
const HAS_SENDERS = "the index is below the number of senders";

/** The transfers that are offered, each sender in turn. */
export class AdmissionLoad {
  readonly transfers: readonly SignedTransaction[];
  readonly claims: readonly SignatureClaim[];

  constructor(count: number) {
    this.transfers = transfersOf(0, Math.min(SENDERS, count), count);
    const signatures = new AcceptedSignatures(GENESIS_HASH);
    this.claims = this.transfers.map((transfer) => signatures.claimOf(transfer));
  }
}

export class FilledPool {
  readonly held: number;
  readonly #pool: Mempool;
  readonly #load: AdmissionLoad;
  readonly #before: HeadState;
  readonly #after: HeadState;
  #signatures = new AcceptedSignatures(GENESIS_HASH);
  #envelopes: readonly Uint8Array[] = [];

  constructor(load: AdmissionLoad, held: number) {
    this.held = held;
    this.#load = load;
    const waiting = transfersOf(SENDERS, Math.min(HOLDERS, held), held);
    this.#before = headOf([...load.transfers, ...waiting], []);
    this.#after = headOf(waiting, load.transfers);
    const transactionsMax = 20 * (held + load.transfers.length);
    this.#pool = new Mempool(
      { genesis: GENESIS, transactionsMax, bytesMax: 1_024 * transactionsMax },
      {
        head: this.#before,
        signatures: {
          admit: (transaction) => this.#signatures.admit(transaction),
          admitTogether: (transactions) => this.#signatures.admitTogether(transactions),
        },
      },
    );
    this.#pool.addTogether(
      waiting.map(({ bytes }) => bytes),
      0,
    );
    this.reset();
  }

  /** What comes is bytes that nobody has seen. */
  prepare(): void {
    this.#envelopes = this.#load.transfers.map(({ bytes }) => bytes.slice());
    this.#signatures = new AcceptedSignatures(GENESIS_HASH);
  }

  /** Admits all of them, so many at a time. */
  admit(size: number): void {
    for (let from = 0; from < this.#envelopes.length; from += size) {
      const verdicts = this.#pool.addTogether(this.#envelopes.slice(from, from + size), 0);
      assert(
        verdicts.every(({ ok }) => ok),
        "transfers of ours are admitted",
      );
    }
  }

  /** Takes out what was admitted. */
  reset(): void {
    this.#pool.headChanged(this.#after, this.#load.transfers, 0);
    this.#pool.headChanged(this.#before, [], 0);
    assert(this.#pool.size === this.held, "a pool holds what it held before");
  }
}

/** @param first number of the first sender @param senders who send in turn */
function transfersOf(first: number, senders: number, count: number): SignedTransaction[] {
  const signers = Array.from({ length: senders }, (_, i) => createSigner(seedOf(first + i)));
  return Array.from({ length: count }, (_, i) =>
    transferOf(must(signers[i % senders], HAS_SENDERS), Math.floor(i / senders)),
  );
}

function transferOf(signer: Signer, nonce: number): SignedTransaction {
  const payload = bank.encodeCall({ to: signer.publicKey, amount: 1n, memo: EMPTY });
  const { chainId } = GENESIS;
  const fields = { chainId, nonce: BigInt(nonce), fee: 0n, validUntilHeight: 0n, module: bank.id };
  return signTransaction({ ...fields, payload }, signer, GENESIS_HASH);
}

/** @param included of these the head holds what its senders have sent */
function headOf(
  transactions: readonly SignedTransaction[],
  included: readonly SignedTransaction[],
): HeadState {
  const accounts = new Map<string, Account>();
  for (const { fromKey } of transactions) accounts.set(fromKey, { nonce: 0n, balance: BALANCE });
  for (const { fromKey, nonce } of included) accounts.set(fromKey, { nonce: nonce + 1n, balance: BALANCE });
  return { height: 1n, account: (_address: Address, key = "") => accounts.get(key) };
}

function seedOf(index: number): Uint8Array {
  const seed = new Uint8Array(SEED_BYTES);
  new DataView(seed.buffer).setUint32(0, index + 1);
  return seed;
}
