/**
 * The ledger on disk: what one committed block writes (one atomic, synced batch), and how it is read back. Headers
 * and bodies are apart. It trusts what it reads, since it wrote it; storage/database-keys.ts is its map.
 */

import { must } from "../base/assert.ts";
import { asHash, equalBytes, type Hash } from "../base/bytes.ts";
import { DecodeError, Reader } from "../codec/reader.ts";
import {
  type BlockPlace,
  bodyKey,
  CHECKPOINT_RANGE,
  canonicalKey,
  checkpointKey,
  DATABASE_VERSION,
  FIRST_KEY,
  GENESIS_KEY,
  HEAD_KEY,
  headKey,
  PRUNED_KEY,
  pageKey,
  placeOfTransactionKey,
  receiptsKey,
  STAMP_KEY,
  sealKey,
  stateKey,
  TRANSITION_RANGE,
  transactionRange,
  undoKey,
  VERSION_KEY,
} from "../storage/database-keys.ts";
import type { Kv, KvOperation } from "../storage/kv.ts";
import { blockOperations, ledgerOperations, originOperations, resultOperations } from "./block-operations.ts";
import { KeptValues } from "./state/kept-values.ts";
import type { ExecutedBlock, LedgerView } from "./state/ledger-view.ts";
import type { Layer, StateDiff } from "./state/state-overlay.ts";
import { pageKeyBytes } from "./state/state-tree.ts";
import { TopPages } from "./state/top-pages.ts";
import { encodeDiff, readDiff } from "./state/undo-data.ts";
import { decodeStoredTransition } from "./transitions.ts";
import {
  type BlockHead,
  type BodyLimits,
  envelopeAt,
  placeOf,
  readBlockHead,
  readBody,
} from "./types/block.ts";
import { decodeTransaction, type SignedTransaction } from "./types/transaction.ts";
import type { Transition } from "./types/transition.ts";

/** The block and the index at which a transaction stands on the chain. */
export interface TransactionPlace {
  readonly blockHash: Hash;
  readonly index: number;
}

/**
 * What goes into each synced batch besides: how far the journal was durable before it. Nothing goes in when
 * it is undefined.
 */
export type Stamp = () => Uint8Array | undefined;

/** The one atomic step from one head to another, over undone and executed blocks. */
export interface HeadMove {
  /** What changes in the state and in its tree, net. */
  readonly diff: StateDiff;
  readonly pages: ReadonlyMap<string, Uint8Array | undefined>;
  /** Heights that the chain loses and no entering block takes. */
  readonly dropped: readonly bigint[];
  readonly entered: readonly { readonly executed: ExecutedBlock; readonly undo: StateDiff }[];
  readonly head: Hash;
  /** What else goes into the batch. */
  readonly besides: readonly KvOperation[];
}

/** A transaction is looked for in so many blocks that were executed here; reorganisations end long before. */
const PLACES_OF_TRANSACTION_MAX = 1_024;

/** What is in the database is whole, and not this genesis's or this program's: a person has to decide. */
export class UnfitDatabase extends Error {
  override readonly name = "UnfitDatabase";
  readonly code: "wrong-genesis" | "wrong-format";

  constructor(code: UnfitDatabase["code"], message: string) {
    super(message);
    this.code = code;
  }
}

export class ChainStore {
  readonly #kv: Kv;
  readonly #limits: BodyLimits;
  readonly #stamp: Stamp;
  /** Whether a batch is durable before anybody goes on; else the next one that is waited for makes it durable as well. */
  isWaitedFor = true;

  constructor(kv: Kv, limits: BodyLimits, stamp: Stamp = () => undefined) {
    this.#kv = kv;
    this.#limits = limits;
    this.#stamp = stamp;
  }

  /** The committed state and tree. */
  readonly committed: LedgerView & Layer = {
    get: (key) => this.#values.get(key),
    find: (id, key) => this.#values.find(id, key),
    page: (id) => this.#topPages.page(id),
  };
  readonly #values = new KeptValues((key) => this.#kv.get(stateKey(key)));
  readonly #topPages = new TopPages((id) => this.#kv.get(pageKey(pageKeyBytes(id))));

  /** The head's hash, or undefined for an empty database. @throws Error when that has another version or chain. */
  openHead(genesisHash: Hash, show: (hash: Uint8Array) => string): Hash | undefined {
    const version = this.#kv.get(VERSION_KEY);
    if (version === undefined) return undefined;
    const number = new Reader(version).u16();
    if (number !== DATABASE_VERSION) {
      const whose =
        number > DATABASE_VERSION
          ? "a newer release made it, and no older one may change it: start that release"
          : "an older release made it: start this node once, or quorate migrate, which keeps a copy of it";
      const message = `the database has format ${number}, this program reads format ${DATABASE_VERSION}: ${whose}`;
      throw new UnfitDatabase("wrong-format", message);
    }
    const genesis = must(this.#kv.get(GENESIS_KEY), "a database with a version names its genesis");
    if (show(genesis) !== show(genesisHash)) {
      throw new UnfitDatabase(
        "wrong-genesis",
        `the database belongs to another chain: its genesis is ${show(genesis)}, genesis.json has ${show(genesisHash)}. ` +
          "Use the genesis.json it was made with, or another data directory.",
      );
    }
    return this.headHash();
  }

  async writeGenesis(executed: ExecutedBlock): Promise<void> {
    await this.#write([
      ...blockOperations(executed, new Uint8Array(0)),
      ...originOperations(executed.block.hash),
    ]);
  }

  /** One block, one atomic synced batch: block, seal, state, tree, receipts, indexes, head. */
  async commitBlock(
    executed: ExecutedBlock,
    seal: Uint8Array,
    besides: readonly KvOperation[] = [],
  ): Promise<void> {
    const operations = [...blockOperations(executed, seal), ...besides];
    this.#suspend(executed);
    await this.#write(operations);
    this.#resume(executed);
  }

  /** Moves the head along the block tree: one atomic synced batch. */
  async moveHead(move: HeadMove): Promise<void> {
    const operations: KvOperation[] = [...ledgerOperations(move.diff, move.pages), ...move.besides];
    for (const height of move.dropped) operations.push({ kind: "delete", key: canonicalKey(height) });
    for (const { executed, undo } of move.entered) {
      operations.push(...resultOperations(executed));
      operations.push({ kind: "put", key: undoKey(placeOf(executed.block)), value: encodeDiff(undo) });
    }
    operations.push({ kind: "put", key: HEAD_KEY, value: move.head });
    this.#suspend(move);
    await this.#write(operations);
    this.#resume(move);
  }

  /** What the store is about to be told of the ledger is no longer answered from memory. */
  #suspend({ diff, pages }: Pick<ExecutedBlock, "diff" | "pages">): void {
    this.#topPages.suspend(pages.keys());
    this.#values.suspend(diff);
  }

  #resume({ diff, pages }: Pick<ExecutedBlock, "diff" | "pages">): void {
    this.#topPages.resume(pages);
    this.#values.resume(diff);
  }

  /** What must be there before a head can move to it; not synced: the next synced batch makes it durable as well. */
  async writeAhead(operations: readonly KvOperation[]): Promise<void> {
    await this.#kv.write([...operations], { sync: false });
  }

  /** The database itself: chain/forks/block-tree-store.ts has buckets of its own in it. */
  get kv(): Kv {
    return this.#kv;
  }

  /** The prior values of what a block changed, or undefined when the block never entered the chain here. */
  undo(hash: Hash): StateDiff | undefined {
    const bytes = this.#of(undoKey, hash);
    return bytes === undefined ? undefined : readDiff(new Reader(bytes));
  }

  async storeCheckpoint(height: bigint, certificate: Uint8Array): Promise<void> {
    await this.#write([{ kind: "put", key: checkpointKey(height), value: certificate }]);
  }

  /** The stamp of the newest batch that had one. */
  lastStamp(): Uint8Array | undefined {
    return this.#kv.get(STAMP_KEY);
  }

  /** The certificate of the stable checkpoint at a height, where this node has it. */
  checkpointAt(height: bigint): Uint8Array | undefined {
    return this.#kv.get(checkpointKey(height));
  }

  /** The certificate of the highest stable checkpoint above a height. */
  async lastCheckpoint(above?: bigint): Promise<Uint8Array | undefined> {
    const from = above === undefined ? CHECKPOINT_RANGE.from : checkpointKey(above + 1n);
    const [last] = await this.#kv.entries({ ...CHECKPOINT_RANGE, from, limit: 1, reverse: true });
    return last?.[1];
  }

  /** The breaks of trust that the chain holds, ascending. */
  async transitions(): Promise<readonly Transition[]> {
    const entries = await this.#kv.entries(TRANSITION_RANGE);
    return entries.map(([, value]) => decodeStoredTransition(value));
  }

  /** The head as the database has it: it moves with the state, in one batch. */
  headHash(): Hash {
    return storedHash(must(this.#kv.get(HEAD_KEY), "a database with a genesis has a head"));
  }

  /** The lowest block that is here besides block 0: above 1 where the chain began from a snapshot. */
  firstHeight(): bigint {
    const bytes = this.#kv.get(FIRST_KEY);
    return bytes === undefined ? 1n : new Reader(bytes).u64();
  }

  /** The height from which on bodies, receipts and indexes are here: above 1 after a snapshot or pruning. */
  lowestBody(): bigint {
    const bytes = this.#kv.get(PRUNED_KEY);
    const kept = bytes === undefined ? 1n : new Reader(bytes).u64();
    const first = this.firstHeight();
    return kept > first ? kept : first;
  }

  hashAt(height: bigint): Hash | undefined {
    const hash = this.#kv.get(canonicalKey(height));
    return hash === undefined ? undefined : storedHash(hash);
  }

  head(hash: Hash): BlockHead | undefined {
    const bytes = this.#kv.get(headKey(hash));
    return bytes === undefined ? undefined : readBlockHead(new Reader(bytes));
  }

  body(hash: Hash): readonly SignedTransaction[] | undefined {
    const bytes = this.bodyBytes(hash);
    return bytes === undefined ? undefined : readBody(new Reader(bytes), this.#limits);
  }

  /** The encoded body, for whoever serves it. */
  bodyBytes(hash: Hash): Uint8Array | undefined {
    return this.#of(bodyKey, hash);
  }

  seal(hash: Hash): Uint8Array | undefined {
    return this.#of(sealKey, hash);
  }

  /** Encoded receipts in the order of the transactions. */
  receipts(hash: Hash): readonly Uint8Array[] | undefined {
    const bytes = this.#of(receiptsKey, hash);
    return bytes === undefined ? undefined : new Reader(bytes).list(0xffffffff, readSized);
  }

  /** What is stored of a block under its height, which is in its header. */
  #of(keyOf: (place: BlockPlace) => Uint8Array, hash: Hash): Uint8Array | undefined {
    const head = this.head(hash);
    return head === undefined ? undefined : this.#kv.get(keyOf({ height: head.summary.height, hash }));
  }

  /** Finds where a transaction was included on the chain that the head ends. */
  async findTransaction(txid: Hash): Promise<TransactionPlace | undefined> {
    const entries = await this.#kv.entries({
      ...transactionRange(txid),
      limit: PLACES_OF_TRANSACTION_MAX,
    });
    for (const [key] of entries) {
      const { height, index, blockStart } = placeOfTransactionKey(key);
      const blockHash = this.hashAt(height);
      if (blockHash === undefined || !blockStart.every((byte, i) => byte === blockHash[i])) continue;
      if (this.#holds({ height, hash: blockHash }, index, txid)) return { blockHash, index };
    }
    return undefined;
  }

  /** The index names eight bytes of a txid, which another transaction may share. */
  #holds(place: BlockPlace, index: number, txid: Hash): boolean {
    const body = this.#kv.get(bodyKey(place));
    const envelope = body && envelopeAt(body, index);
    const transaction = envelope && decodeTransaction(envelope, this.#limits.maxTxBytes);
    return transaction?.ok === true && equalBytes(transaction.value.id, txid);
  }

  /** The stamp is asked for before the batch is handed over: what it names was durable before. */
  async #write(operations: readonly KvOperation[]): Promise<void> {
    const stamp = this.#stamp();
    const stamped: KvOperation[] = stamp === undefined ? [] : [{ kind: "put", key: STAMP_KEY, value: stamp }];
    await this.#kv.write([...operations, ...stamped], { sync: this.isWaitedFor });
  }
}

/** Reads a stored hash without a Reader, because this is done for every block that is looked up. */
function storedHash(bytes: Uint8Array): Hash {
  if (bytes.length !== 32) throw new DecodeError(`a stored hash of ${bytes.length} bytes`);
  return asHash(bytes);
}

function readSized(reader: Reader): Uint8Array {
  return reader.bytes32(0xffffffff);
}
