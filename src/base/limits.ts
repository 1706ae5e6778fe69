/**
 * Every bound of the node in one place: nothing grows without one. Each line says what happens at the bound.
 * Consensus bounds that a genesis may lower (maxBlockBytes, ...) have their ceilings here.
 */

// --- transactions and blocks -------------------------------------------------------------------------------
/** Ceiling of genesis.limits.maxTxBytes: a longer envelope is refused before it is parsed. */
export const TX_BYTES_CEILING = 65_535;
/** Ceiling of genesis.limits.maxBlockBytes: bytes of all transactions of one block. */
export const BLOCK_BYTES_CEILING = 2 * 1024 * 1024;
/** Ceiling of genesis.limits.maxBlockTransactions. */
export const BLOCK_TRANSACTIONS_CEILING = 20_000;
/** Bytes of a memo (bank transfer, anchor); a longer one is refused. */
export const MEMO_BYTES_MAX = 128;
/** Bytes of a block summary's `extra`; a longer one is refused. */
export const EXTRA_BYTES_MAX = 64;
/** Events of one transaction's receipt: a module that emits more is a bug (assert). */
export const EVENTS_PER_RECEIPT_MAX = 64;
/** Bytes of one event's data. */
export const EVENT_BYTES_MAX = 1024;

// --- genesis -----------------------------------------------------------------------------------------------
/** Bytes of a genesis file; a larger one is refused unread. */
export const GENESIS_BYTES_MAX = 64 * 1024 * 1024;
/** Validators of one epoch; a genesis with more is refused. */
export const VALIDATORS_MAX = 200;
/** Accounts with a balance at genesis. */
export const GENESIS_ACCOUNTS_MAX = 200_000;

// --- chain -------------------------------------------------------------------------------------------------
/** Executed but uncommitted blocks held in memory; beyond it the oldest is dropped and executed anew if needed. */
export const OVERLAYS_MAX = 64;
/** Bytes of a block's seal (a commit certificate of VALIDATORS_MAX signatures). */
export const SEAL_BYTES_MAX = 16 * 1024;
/** Accepted signatures remembered by hash; beyond it the oldest is forgotten and verified anew if needed. */
export const ACCEPTED_SIGNATURES_MAX = 65_536;

// --- mempool -----------------------------------------------------------------------------------------------
/** Transactions in the pool; beyond it the lowest fee, then the youngest, is evicted or refused. */
export const POOL_TRANSACTIONS_MAX = 20_000;
/** Bytes of all transactions in the pool; the same eviction. */
export const POOL_BYTES_MAX = 32 * 1024 * 1024;
/** Nonces a sender may be ahead of the account; beyond it TX_NONCE_GAP. */
export const POOL_NONCE_GAP_MAX = 64;
/** Milliseconds after which a transaction that was not included is dropped from the pool. */
export const POOL_AGE_MS_MAX = 3 * 60 * 60 * 1000;

// --- storage -----------------------------------------------------------------------------------------------
/** Bytes of LevelDB's block cache; beyond it the least recently used block is read from disk again. */
export const LEVEL_CACHE_BYTES = 32 * 1024 * 1024;
/** Entries fetched per call while a range is read. */
export const KV_SCAN_STEP = 1_000;
/** Unsynced writes that the store in memory can still lose; beyond it the oldest counts as durable. */
export const KV_UNSYNCED_WRITES_MAX = 4_096;
/** Bytes of one journal record (a block body, or a NEW-VIEW with its VIEW-CHANGEs); a larger one is a bug (assert). */
export const JOURNAL_RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a journal file between two rotations; beyond it appending fails and the node stops. */
export const JOURNAL_FILE_BYTES_MAX = 1024 * 1024 * 1024;
