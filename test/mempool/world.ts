/** Accounts, transactions and a head for the pool's tests: signatures are not its matter, so most are not real. */
import { type Address, asAddress, asHash, EMPTY, hex } from "../../src/base/bytes.ts";
import type { Genesis } from "../../src/chain/genesis/genesis.ts";
import type { Account } from "../../src/chain/modules/accounts.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import { type SignedTransaction, signTransaction } from "../../src/chain/types/transaction.ts";
import type { Signer } from "../../src/crypto/keys.ts";
import type { HeadState } from "../../src/mempool/admission.ts";
import { Mempool } from "../../src/mempool/mempool.ts";
import type { MempoolOptions, PoolEvent } from "../../src/mempool/pool-ports.ts";

export const genesisHash = asHash(new Uint8Array(32).fill(7));
export const genesis: Pick<Genesis, "chainId" | "limits"> = {
  chainId: 7n,
  limits: { maxBlockBytes: 10_000, maxBlockTransactions: 100, maxTxBytes: 300, minFee: 2n },
};

/** A sender whose signatures are 64 constant bytes. */
export function sender(name: string): Signer {
  const publicKey = asAddress(new Uint8Array(32).fill(name.charCodeAt(0)));
  return { publicKey, sign: () => new Uint8Array(64).fill(1) };
}

export interface TransferFields {
  readonly nonce?: number;
  readonly fee?: number;
  readonly amount?: number;
  readonly validUntil?: number;
  readonly memo?: string;
  readonly chainId?: bigint;
}

export function transfer(from: Signer, fields: TransferFields = {}): SignedTransaction {
  const memo = fields.memo === undefined ? EMPTY : new TextEncoder().encode(fields.memo);
  const amount = BigInt(fields.amount ?? 1);
  return signTransaction(
    {
      chainId: fields.chainId ?? genesis.chainId,
      nonce: BigInt(fields.nonce ?? 0),
      fee: BigInt(fields.fee ?? 10),
      validUntilHeight: BigInt(fields.validUntil ?? 0),
      module: bank.id,
      payload: bank.encodeCall({ to: from.publicKey, amount, memo }),
    },
    from,
    genesisHash,
  );
}

/** A head whose accounts a test writes down; each call of `next` is a new one. */
export class TestHead implements HeadState {
  readonly height: bigint;
  readonly #accounts: ReadonlyMap<string, Account>;

  constructor(height: bigint, accounts: ReadonlyMap<string, Account>) {
    this.height = height;
    this.#accounts = accounts;
  }

  account(address: Address): Account | undefined {
    return this.#accounts.get(hex(address));
  }

  /** The head after a block with these, each paying its whole cost. */
  after(transactions: readonly SignedTransaction[], height = this.height + 1n): TestHead {
    const accounts = new Map(this.#accounts);
    for (const transaction of transactions) {
      const account = accounts.get(hex(transaction.from))!;
      accounts.set(hex(transaction.from), {
        balance: account.balance - costOf(transaction),
        nonce: transaction.nonce + 1n,
      });
    }
    return new TestHead(height, accounts);
  }

  with(signer: Signer, account: Account | undefined): TestHead {
    const accounts = new Map(this.#accounts);
    if (account === undefined) accounts.delete(hex(signer.publicKey));
    else accounts.set(hex(signer.publicKey), account);
    return new TestHead(this.height, accounts);
  }
}

export function costOf(transaction: SignedTransaction): bigint {
  const call = bank.decodeCall(transaction.payload);
  if (!call.ok) throw new Error(call.fault.detail);
  return transaction.fee + bank.spends(call.value);
}

/** Height 5; every sender has nonce 0 and the same balance. */
export function headOf(senders: readonly Signer[], balance = 1_000_000n): TestHead {
  return new TestHead(5n, new Map(senders.map(({ publicKey }) => [hex(publicKey), { balance, nonce: 0n }])));
}

export interface World {
  readonly pool: Mempool;
  /** Everything the listener was told, in order, as "added a/0" or "evicted b/3". */
  readonly story: string[];
  /** What became executable after it had waited, in the order in which it was told. */
  readonly promoted: SignedTransaction[];
  /** Hashes of transactions whose signature admission refuses. */
  readonly forged: Set<string>;
  /** How many signatures were looked at. */
  verified: number;
}

export function worldOf(head: HeadState, options: Partial<MempoolOptions> = {}): World {
  const story: string[] = [];
  const forged = new Set<string>();
  const admit = (transaction: SignedTransaction) => {
    world.verified++;
    return !forged.has(hex(transaction.hash));
  };
  const listener = (events: readonly PoolEvent[]) => story.push(...events.map(describeEvent));
  const promoted: SignedTransaction[] = [];
  const becameExecutable = (transactions: readonly SignedTransaction[]) => promoted.push(...transactions);
  const pool = new Mempool(
    { genesis, ...options },
    { head, signatures: { admit }, listener, becameExecutable },
  );
  const world: World = { pool, story, promoted, forged, verified: 0 };
  return world;
}

/** "a/3" for the transaction of sender a with nonce 3. */
export function nameOf({ from, nonce }: SignedTransaction): string {
  return `${String.fromCharCode(from[0]!)}/${nonce}`;
}

function describeEvent(event: PoolEvent): string {
  return `${event.kind === "added" ? "added" : event.reason} ${nameOf(event.transaction)}`;
}
