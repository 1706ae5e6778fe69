/**
 * The whole database on one screen. The first byte is the bucket; retired numbers stay here, so that none is used
 * twice. Integers are big-endian, so that keys sort by height. What is keyed by a block hash may be written ahead
 * of the head and is harmless if the head never moves to it. What is large of a block is keyed by its height first:
 * new blocks then lie behind all old ones, and LevelDB moves their tables down without merging them with others.
 *
 *   0x00 | name                      -> meta: "version" u16, "genesis" 32, "head" hash 32, "journal" stamp,
 *                                       "first" u64: the lowest block but 0, where the chain began from a snapshot,
 *                                       "pruned" u64: the lowest block that has its body, where blocks were pruned,
 *                                       "assumed": what a mined chain took from a snapshot and has not executed
 *                                       (chain/assumed-history.ts)
 *   0x01 | block hash 32             -> header 80 | summary
 *   0x02 to 0x05, 0x07                  retired with format 3 (node/stored-chain/migrate-to-heights.ts)
 *   0x06 | height u64                -> block hash 32 of the chain that the head ends
 *   0x08 | state key                 -> state value at the head (chain/state/state-keys.ts)
 *   0x09 | page key                  -> page of the state tree at the head (chain/state/state-tree.ts)
 *   0x0a | height u64                -> stable checkpoint certificate
 *   0x0b | author u16 | epoch u64 | view u64 | height u64 | phase
 *                                    -> found at u64 (ms since the Unix epoch) | evidence of equivocation
 *   0x0c | block hash 32             -> place in the block tree (chain/forks/block-tree-store.ts; probabilistic finality only)
 *   0x0d | block hash 32             -> empty: a block without a known child (probabilistic finality only)
 *   0x0e | number u64                -> a reorganisation (chain/forks/block-tree-store.ts; probabilistic finality only)
 *   0x0f | epoch u64                 -> its first height, parameters and members (chain/epochs.ts; epoch 0 is in genesis)
 *   0x10 | epoch u64                 -> the transition that opened it, as JSON (chain/transitions.ts)
 *   0x11 | era u32 | subject | height u64
 *                                    -> empty: something of the subject may be at that height (node/event-index). Eras
 *                                       of 4,096 heights; a subject is 0x00, module u8, event u8 (0: any), or 0x01, account 32.
 *                                       Meta "events": from u64, count of blocks u64, hash 32 of the last one
 *   0x12 | epoch u64                 -> id 32 of the transition that this node has accepted for it, from before its first vote on
 *   0x13 | height u64 | block hash 32 -> body: u32 x (u16 length, envelope)
 *   0x14 | height u64 | block hash 32 -> seal (pbft: commit certificate)
 *   0x15 | height u64 | block hash 32 -> receipts: u32 x (u32 length, receipt)
 *   0x16 | height u64 | block hash 32 -> undo: prior values of the state (probabilistic finality only)
 *   0x17 | first 8 bytes of a txid | height u64 | index u32 | first 8 bytes of the block hash
 *                                    -> empty: such a transaction is there. Who asks compares the txid with the one in the body.
 */
import { concatBytes, type Hash, utf8 } from "../base/bytes.ts";
import { Writer } from "../codec/writer.ts";

/** The database format: an older one is migrated (node/stored-chain/migrations.ts), a newer one refused. */
export const DATABASE_VERSION = 4;

export const VERSION_KEY = metaKey("version");
export const GENESIS_KEY = metaKey("genesis");
export const HEAD_KEY = metaKey("head");
/** How far this validator's journal was durable before the newest batch (node/votes/journal-watermark.ts). */
export const STAMP_KEY = metaKey("journal");

/** The lowest block that is here besides block 0; missing where every block is. */
export const FIRST_KEY = metaKey("first");

/** The lowest block whose body was not pruned; missing where none was. */
export const PRUNED_KEY = metaKey("pruned");

/** What a mined chain took from a snapshot and has not checked yet; missing where everything was executed here. */
export const ASSUMED_KEY = metaKey("assumed");

function metaKey(name: string): Uint8Array {
  return concatBytes(Uint8Array.of(0x00), utf8(name));
}

function hashKey(bucket: number): (hash: Hash) => Uint8Array {
  const prefix = Uint8Array.of(bucket);
  return (hash) => concatBytes(prefix, hash);
}

function heightKey(bucket: number): (height: bigint) => Uint8Array {
  return (height) => new Writer(9).u8(bucket).u64(height).finish();
}

/** Where a block stands, be it on the chain or beside it. */
export interface BlockPlace {
  readonly height: bigint;
  readonly hash: Hash;
}

function placeKey(bucket: number): (place: BlockPlace) => Uint8Array {
  return ({ height, hash }) => new Writer(41).u8(bucket).u64(height).raw(hash).finish();
}

export const headKey = hashKey(0x01);
const BODY_BUCKET = 0x13;
export const bodyKey = placeKey(BODY_BUCKET);
export const sealKey = placeKey(0x14);
export const receiptsKey = placeKey(0x15);
export const undoKey = placeKey(0x16);
export const canonicalKey = heightKey(0x06);
export const checkpointKey = heightKey(0x0a);

const STATE = Uint8Array.of(0x08);
const PAGE = Uint8Array.of(0x09);

const TRANSACTION_BUCKET = 0x17;
const TRANSACTION_KEY_BYTES = 29;
/** Bytes of a txid and of a block hash in a key of the index: few, since keys in random order are merged many times. */
const INDEX_HASH_BYTES = 8;

/** The keys of a block's transactions, in one piece of memory. @param txids of the whole body, in its order */
export function transactionKeys({ height, hash }: BlockPlace, txids: readonly Hash[]): Uint8Array[] {
  const keys = new Uint8Array(TRANSACTION_KEY_BYTES * txids.length);
  const view = new DataView(keys.buffer);
  const blockStart = hash.subarray(0, INDEX_HASH_BYTES);
  return txids.map((txid, index) => {
    const at = TRANSACTION_KEY_BYTES * index;
    keys[at] = TRANSACTION_BUCKET;
    for (let i = 0; i < INDEX_HASH_BYTES; i++) keys[at + 1 + i] = txid[i] ?? 0;
    view.setBigUint64(at + 9, height);
    view.setUint32(at + 17, index);
    keys.set(blockStart, at + 21);
    return keys.subarray(at, at + TRANSACTION_KEY_BYTES);
  });
}

/** All entries that may be of one txid: inclusive lower and exclusive upper bound. */
export function transactionRange(txid: Hash): { from: Uint8Array; to: Uint8Array } {
  const from = concatBytes(Uint8Array.of(TRANSACTION_BUCKET), txid.subarray(0, INDEX_HASH_BYTES));
  return { from, to: concatBytes(from, new Uint8Array(TRANSACTION_KEY_BYTES - from.length + 1).fill(0xff)) };
}

/** Where a key of the index says that a transaction is. */
export interface IndexedPlace {
  readonly height: bigint;
  readonly index: number;
  /** The first bytes of the block's hash. */
  readonly blockStart: Uint8Array;
}

export function placeOfTransactionKey(key: Uint8Array): IndexedPlace {
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  const blockStart = key.subarray(TRANSACTION_KEY_BYTES - INDEX_HASH_BYTES);
  return { height: view.getBigUint64(9), index: view.getUint32(17), blockStart };
}

/** The body of the block that a key of the index names: inclusive lower and exclusive upper bound. */
export function bodyRange({ height, blockStart }: IndexedPlace): { from: Uint8Array; to: Uint8Array } {
  const from = new Writer(41).u8(BODY_BUCKET).u64(height).raw(blockStart).finish();
  return { from, to: concatBytes(from, new Uint8Array(33 - blockStart.length).fill(0xff)) };
}

export function stateKey(key: Uint8Array): Uint8Array {
  return concatBytes(STATE, key);
}

/** The state at the head: inclusive lower and exclusive upper bound. */
export const STATE_RANGE = { from: STATE, to: PAGE };

/** What a block leaves besides its header, the state and what is at its height: the first bytes of such keys. */
export const HISTORY_BUCKETS: ReadonlySet<number | undefined> = new Set([
  BODY_BUCKET,
  0x14,
  0x15,
  0x16,
  TRANSACTION_BUCKET,
]);

/** The state key in a stateKey. */
export function keyOfStateKey(key: Uint8Array): Uint8Array {
  return key.slice(1);
}

export function pageKey(key: Uint8Array): Uint8Array {
  return concatBytes(PAGE, key);
}

export const epochKey = heightKey(0x0f);
export const transitionKey = heightKey(0x10);
export const acceptedTransitionKey = heightKey(0x12);
/** The range of all transitions. */
export const TRANSITION_RANGE = { from: Uint8Array.of(0x10), to: Uint8Array.of(0x11) };

/** All stable checkpoints: inclusive lower and exclusive upper bound. */
export const CHECKPOINT_RANGE = { from: Uint8Array.of(0x0a), to: Uint8Array.of(0x0b) };

/** The vote in which a validator contradicted itself. */
export interface EvidencePlace {
  readonly author: number;
  readonly epoch: bigint;
  readonly view: bigint;
  readonly height: bigint;
  readonly phase: string;
}

export function evidenceKey({ author, epoch, view, height, phase }: EvidencePlace): Uint8Array {
  const writer = new Writer(40).u8(0x0b).u16(author).u64(epoch).u64(view).u64(height);
  return writer.raw(utf8(phase)).finish();
}

/** All evidence: inclusive lower and exclusive upper bound. */
export const EVIDENCE_RANGE = { from: Uint8Array.of(0x0b), to: Uint8Array.of(0x0c) };

/** All places of transactions: inclusive lower and exclusive upper bound. */
export const TRANSACTION_RANGE = {
  from: Uint8Array.of(TRANSACTION_BUCKET),
  to: Uint8Array.of(TRANSACTION_BUCKET + 1),
};

export const nodeKey = hashKey(0x0c);

/** All places in the block tree: inclusive lower and exclusive upper bound. */
export const NODE_RANGE = { from: Uint8Array.of(0x0c), to: Uint8Array.of(0x0d) };

/** The block hash in a nodeKey. */
export function blockHashOfNodeKey(key: Uint8Array): Hash {
  return key.slice(1) as Hash;
}

export const leafKey = hashKey(0x0d);
export const reorgKey = heightKey(0x0e);

/** All blocks without a known child: inclusive lower and exclusive upper bound. */
export const LEAF_RANGE = { from: Uint8Array.of(0x0d), to: Uint8Array.of(0x0e) };

/** The block hash in a leafKey. */
export function blockHashOfLeafKey(key: Uint8Array): Hash {
  return key.slice(1) as Hash;
}

/** All reorganisations: inclusive lower and exclusive upper bound. */
export const REORG_RANGE = { from: Uint8Array.of(0x0e), to: Uint8Array.of(0x0f) };

/** What of the chain is in the index of events. */
export const EVENT_INDEX_KEY = metaKey("events");
/** Heights of one era of the index: it goes as a whole. */
export const EVENT_ERA_BLOCKS = 4_096n;

export function eventEra(height: bigint): bigint {
  return height / EVENT_ERA_BLOCKS;
}

/** @param kind 0: any event of the module */
export function eventSubject(module: number, kind: number): Uint8Array {
  return Uint8Array.of(0x00, module, kind);
}

export function accountSubject(account: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0x01), account);
}

export function eventIndexKey(subject: Uint8Array, height: bigint): Uint8Array {
  const era = Number(eventEra(height));
  return new Writer(64).u8(0x11).u32(era).raw(subject).u64(height).finish();
}

/** A key below all keys of an era, and above all of the one before. */
export function eventEraStart(era: bigint): Uint8Array {
  return new Writer(5).u8(0x11).u32(Number(era)).finish();
}

/** A subject's keys in an era, from one height to another, both included: inclusive lower and exclusive upper bound. */
export function eventIndexRange(
  era: bigint,
  subject: Uint8Array,
  { from, to }: { readonly from: bigint; readonly to: bigint },
): { from: Uint8Array; to: Uint8Array } {
  const key = (height: bigint) => new Writer(64).u8(0x11).u32(Number(era)).raw(subject).u64(height).finish();
  return { from: key(from), to: key(to + 1n) };
}

export function heightOfEventIndexKey(key: Uint8Array): bigint {
  return new DataView(key.buffer, key.byteOffset, key.length).getBigUint64(key.length - 8);
}
