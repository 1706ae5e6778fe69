/**
 * The ledger on disk: what one committed block writes (one atomic, synced batch), and how it is read back. Headers
 * and bodies are apart. It trusts what it reads, since it wrote it; storage/keys.ts is its map.
 */

import { assert } from "../base/assert.ts";
import { asHash, type Hash } from "../base/bytes.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import {
  blockHashOfTransactionKey,
  bodyKey,
  CHECKPOINT_RANGE,
  canonicalKey,
  checkpointKey,
  DATABASE_VERSION,
  GENESIS_KEY,
  HEAD_KEY,
  headKey,
  pageKey,
  receiptsKey,
  STAMP_KEY,
  sealKey,
  stateKey,
  transactionKey,
  transactionRange,
  undoKey,
  VERSION_KEY,
} from "../storage/keys.ts";
import type { Kv, KvOperation } from "../storage/kv.ts";
import {
  type BlockHead,
  type BodyLimits,
  encodeBody,
  encodeHeader,
  encodeSummary,
  readBlockHead,
  readBody,
} from "./block.ts";
import type { ExecutedBlock, LedgerView } from "./ledgerview.ts";
import type { StateDiff } from "./state.ts";
import { pageKeyBytes } from "./statetree.ts";
import { TopPages } from "./toppages.ts";
import type { SignedTransaction } from "./transaction.ts";

/** Where a transaction stands on the chain. */
export interface TransactionPlace {
  readonly blockHash: Hash;
  readonly index: number;
}

/** What goes into each synced batch besides: how far the journal was durable before it. undefined: nothing. */
export type Stamp = () => Uint8Array | undefined;

export class ChainStore {
  readonly #kv: Kv;
  readonly #limits: BodyLimits;
  readonly #stamp: Stamp;

  constructor(kv: Kv, limits: BodyLimits, stamp: Stamp = () => undefined) {
    this.#kv = kv;
    this.#limits = limits;
    this.#stamp = stamp;
  }

  /** The committed state and tree. */
  readonly committed: LedgerView = {
    get: (key) => this.#kv.get(stateKey(key)),
    page: (id) => this.#topPages.page(id),
  };
  readonly #topPages = new TopPages((id) => this.#kv.get(pageKey(pageKeyBytes(id))));

  /** undefined for an empty database. @throws Error when the database has another version or chain. */
  openHead(genesisHash: Hash, show: (hash: Uint8Array) => string): Hash | undefined {
    const version = this.#kv.get(VERSION_KEY);
    if (version === undefined) return undefined;
    const number = new Reader(version).u16();
    if (number !== DATABASE_VERSION) {
      throw new Error(`the database has format ${number}, this program reads format ${DATABASE_VERSION}`);
    }
    const genesis = this.#kv.get(GENESIS_KEY)!;
    if (show(genesis) !== show(genesisHash)) {
      throw new Error(
        `the database belongs to another chain: its genesis is ${show(genesis)}, genesis.json has ${show(genesisHash)}. ` +
          "Use the genesis.json it was made with, or another data directory.",
      );
    }
    return asHash(this.#kv.get(HEAD_KEY)!);
  }

  async writeGenesis(executed: ExecutedBlock): Promise<void> {
    const operations = blockOperations(executed, new Uint8Array(0));
    operations.push({ kind: "put", key: VERSION_KEY, value: new Writer(2).u16(DATABASE_VERSION).finish() });
    operations.push({ kind: "put", key: GENESIS_KEY, value: executed.block.hash });
    await this.#write(operations);
  }

  /** One block, one atomic synced batch: block, seal, state, tree, receipts, indexes, head. */
  async commitBlock(executed: ExecutedBlock, seal: Uint8Array, undo: StateDiff | undefined): Promise<void> {
    const operations = blockOperations(executed, seal);
    if (undo !== undefined) {
      operations.push({ kind: "put", key: undoKey(executed.block.hash), value: encodeDiff(undo) });
    }
    this.#topPages.suspend(executed.pages.keys());
    await this.#write(operations);
    this.#topPages.resume(executed.pages);
  }

  async storeCheckpoint(height: bigint, certificate: Uint8Array): Promise<void> {
    await this.#write([{ kind: "put", key: checkpointKey(height), value: certificate }]);
  }

  /** The stamp of the newest batch that had one. */
  lastStamp(): Uint8Array | undefined {
    return this.#kv.get(STAMP_KEY);
  }

  /** The certificate of the highest stable checkpoint. */
  async lastCheckpoint(): Promise<Uint8Array | undefined> {
    const [last] = await this.#kv.entries({ ...CHECKPOINT_RANGE, limit: 1, reverse: true });
    return last?.[1];
  }

  /** The head as the database has it: it moves with the state, in one batch. */
  headHash(): Hash {
    return asHash(this.#kv.get(HEAD_KEY)!);
  }

  hashAt(height: bigint): Hash | undefined {
    const hash = this.#kv.get(canonicalKey(height));
    return hash === undefined ? undefined : asHash(hash);
  }

  head(hash: Hash): BlockHead | undefined {
    const bytes = this.#kv.get(headKey(hash));
    return bytes === undefined ? undefined : readBlockHead(new Reader(bytes));
  }

  body(hash: Hash): readonly SignedTransaction[] | undefined {
    const bytes = this.#kv.get(bodyKey(hash));
    return bytes === undefined ? undefined : readBody(new Reader(bytes), this.#limits);
  }

  seal(hash: Hash): Uint8Array | undefined {
    return this.#kv.get(sealKey(hash));
  }

  /** Encoded receipts in the order of the transactions. */
  receipts(hash: Hash): readonly Uint8Array[] | undefined {
    const bytes = this.#kv.get(receiptsKey(hash));
    return bytes === undefined ? undefined : new Reader(bytes).list(0xffffffff, readSized);
  }

  /** Where a transaction was included on the chain that the head ends. */
  async findTransaction(txid: Hash): Promise<TransactionPlace | undefined> {
    for (const [key, value] of await this.#kv.entries({ ...transactionRange(txid), limit: 8 })) {
      const blockHash = blockHashOfTransactionKey(key);
      const head = this.head(blockHash);
      if (head !== undefined && sameHash(this.hashAt(head.summary.height), blockHash)) {
        return { blockHash, index: new Reader(value).u32() };
      }
    }
    return undefined;
  }

  /** The stamp is asked for before the batch is handed over: what it names was durable before. */
  async #write(operations: readonly KvOperation[]): Promise<void> {
    const stamp = this.#stamp();
    const stamped: KvOperation[] = stamp === undefined ? [] : [{ kind: "put", key: STAMP_KEY, value: stamp }];
    await this.#kv.write([...operations, ...stamped], { sync: true });
  }
}

function sameHash(a: Hash | undefined, b: Hash): boolean {
  return a?.every((byte, i) => byte === b[i]) === true;
}

function readSized(reader: Reader): Uint8Array {
  return reader.bytes32(0xffffffff);
}

function blockOperations(executed: ExecutedBlock, seal: Uint8Array): KvOperation[] {
  const { block, diff, pages, receipts } = executed;
  const { hash, summary } = block;
  const operations: KvOperation[] = [];
  const put = (key: Uint8Array, value: Uint8Array) => operations.push({ kind: "put", key, value });
  put(headKey(hash), new Writer(384).raw(encodeHeader(block.header)).raw(encodeSummary(summary)).finish());
  put(bodyKey(hash), encodeBody(block.transactions));
  put(sealKey(hash), seal);
  put(
    receiptsKey(hash),
    new Writer(1024).list(receipts, (writer, receipt) => writer.bytes32(receipt)).finish(),
  );
  block.transactions.forEach((tx, index) => {
    put(transactionKey(tx.id, hash), new Writer(4).u32(index).finish());
  });
  for (const { key, value } of diff.values()) operations.push(putOrDelete(stateKey(key), value));
  for (const [id, page] of pages) operations.push(putOrDelete(pageKey(pageKeyBytes(id)), page));
  put(canonicalKey(summary.height), hash);
  put(HEAD_KEY, hash);
  assert(receipts.length === block.transactions.length, "one receipt a transaction");
  return operations;
}

function putOrDelete(key: Uint8Array, value: Uint8Array | undefined): KvOperation {
  return value === undefined ? { kind: "delete", key } : { kind: "put", key, value };
}

/** u32 x { key u16+bytes, present u8, value u32+bytes } in the order of the diff. */
function encodeDiff(diff: StateDiff): Uint8Array {
  const writer = new Writer(1024);
  writer.list([...diff.values()], (w, { key, value }) => {
    w.bytes16(key).u8(value === undefined ? 0 : 1);
    if (value !== undefined) w.bytes32(value);
  });
  return writer.finish();
}
