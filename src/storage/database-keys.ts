/**
 * The whole database on one screen. The first byte is the bucket; retired numbers stay here, so that none is used
 * twice. Integers are big-endian, so that keys sort by height. What is keyed by a block hash may be written ahead
 * of the head and is harmless if the head never moves to it.
 *
 *   0x00 | name                      -> meta: "version" u16, "genesis" 32, "head" hash 32, "journal" stamp,
 *                                       "first" u64: the lowest block but 0, where the chain began from a snapshot,
 *                                       "pruned" u64: the lowest block that has its body, where blocks were pruned,
 *                                       "assumed": what a mined chain took from a snapshot and has not executed
 *                                       (chain/assumed-history.ts)
 *   0x01 | block hash 32             -> header 80 | summary
 *   0x02 | block hash 32             -> body: u32 x (u16 length, envelope)
 *   0x03 | block hash 32             -> seal (pbft: commit certificate)
 *   0x04 | block hash 32             -> receipts: u32 x (u32 length, receipt)
 *   0x05 | block hash 32             -> undo: prior values of the state (probabilistic finality only)
 *   0x06 | height u64                -> block hash 32 of the chain that the head ends
 *   0x07 | txid 32 | block hash 32   -> index u32 in that block
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
 */
import { concatBytes, type Hash, utf8 } from "../base/bytes.ts";
import { Writer } from "../codec/writer.ts";

/** The database format: an older one is migrated (node/stored-chain/migrations.ts), a newer one refused. */
export const DATABASE_VERSION = 3;

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

export const headKey = hashKey(0x01);
export const bodyKey = hashKey(0x02);
export const sealKey = hashKey(0x03);
export const receiptsKey = hashKey(0x04);
export const undoKey = hashKey(0x05);
export const canonicalKey = heightKey(0x06);
export const checkpointKey = heightKey(0x0a);

const TRANSACTION = Uint8Array.of(0x07);
const STATE = Uint8Array.of(0x08);
const PAGE = Uint8Array.of(0x09);
const TRANSACTION_KEY_BYTES = 65;
const PLACE_BYTES = 4;

export function transactionKey(txid: Hash, blockHash: Hash): Uint8Array {
  return concatBytes(TRANSACTION, txid, blockHash);
}

/** The keys of a block's transactions, in one piece of memory. */
export function transactionKeys(txids: readonly Hash[], blockHash: Hash): Uint8Array[] {
  const keys = new Uint8Array(TRANSACTION_KEY_BYTES * txids.length);
  return txids.map((txid, i) => {
    const key = keys.subarray(TRANSACTION_KEY_BYTES * i, TRANSACTION_KEY_BYTES * (i + 1));
    key.set(TRANSACTION);
    key.set(txid, 1);
    key.set(blockHash, 33);
    return key;
  });
}

/** What stands under these keys, each transaction's index in its block as a u32, in one piece of memory. */
export function transactionPlaces(count: number): Uint8Array[] {
  const places = new DataView(new ArrayBuffer(PLACE_BYTES * count));
  return Array.from({ length: count }, (_, index) => {
    places.setUint32(PLACE_BYTES * index, index);
    return new Uint8Array(places.buffer, PLACE_BYTES * index, PLACE_BYTES);
  });
}

/** All entries of one txid: inclusive lower and exclusive upper bound. */
export function transactionRange(txid: Hash): { from: Uint8Array; to: Uint8Array } {
  return {
    from: concatBytes(TRANSACTION, txid),
    to: concatBytes(TRANSACTION, txid, new Uint8Array(33).fill(0xff)),
  };
}

/** The block hash in a transactionKey. */
export function blockHashOfTransactionKey(key: Uint8Array): Hash {
  return key.slice(33, 65) as Hash;
}

export function stateKey(key: Uint8Array): Uint8Array {
  return concatBytes(STATE, key);
}

/** The state at the head: inclusive lower and exclusive upper bound. */
export const STATE_RANGE = { from: STATE, to: PAGE };

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
export const TRANSACTION_RANGE = { from: TRANSACTION, to: STATE };

/** The txid and the block hash in a transactionKey. */
export function partsOfTransactionKey(key: Uint8Array): { readonly txid: Hash; readonly blockHash: Hash } {
  return { txid: key.slice(1, 33) as Hash, blockHash: blockHashOfTransactionKey(key) };
}

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
