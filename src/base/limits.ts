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
/** Bytes of a memo (bank transfer, anchor). A longer one is refused. */
export const MEMO_BYTES_MAX = 128;
/** Bytes of a block summary's `extra`. A longer one is refused. */
export const EXTRA_BYTES_MAX = 64;
/** Events of one transaction's receipt: a module that emits more is a bug (assert). */
export const EVENTS_PER_RECEIPT_MAX = 64;
/** Bytes of one event's data. */
export const EVENT_BYTES_MAX = 1024;

// --- genesis -----------------------------------------------------------------------------------------------
/** Bytes of a genesis file. A larger one is refused unread. */
export const GENESIS_BYTES_MAX = 64 * 1024 * 1024;
/** Validators of one epoch. A genesis with more is refused. */
export const VALIDATORS_MAX = 200;
/** Accounts with a balance at genesis. */
export const GENESIS_ACCOUNTS_MAX = 200_000;
/** Ceiling of genesis consensus.logWindow (L) in heights: a genesis with more is refused, since the agreement log would not fit. */
export const LOG_WINDOW_CEILING = 1_024;
/** logWindow x maxBlockBytes: what faulty primaries can make a validator hold is a small multiple of it. */
export const LOG_WINDOW_BYTES_MAX = 128 * 1024 * 1024;
/** Characters of a name of a chain, a validator, a node or a key. A longer one is refused. */
export const NAME_LENGTH_MAX = 64;
/** Entries of peers.json. A longer list is refused. */
export const PEERS_FILE_MAX = 1_000;

// --- chain -------------------------------------------------------------------------------------------------
/** Executed but uncommitted blocks held in memory. Beyond it the oldest is dropped and executed anew if needed. */
export const OVERLAYS_MAX = 64;
/** Bytes that they hold together, about. The newest is kept whatever it holds. */
export const OVERLAYS_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes of a block's seal (a commit certificate of VALIDATORS_MAX signatures). */
export const SEAL_BYTES_MAX = 16 * 1024;
/** Accepted signatures remembered by hash, half as many at least: more than a pool holds. Others are verified anew. */
export const ACCEPTED_SIGNATURES_MAX = 65_536;

/** Accepted signatures of consensus messages and seals remembered by hash. Beyond it the oldest is checked anew. */
export const CHECKED_SIGNATURES_MAX = 32_768;

// --- driver ------------------------------------------------------------------------------------------------
/** Compact proposals of one validator that lack transactions, and twice as many in all. Beyond it the highest is dropped (STATUS repairs). */
export const COMPACT_INCOMPLETE_MAX = 8;
/** Questions for the missing transactions of one proposal. After that the whole PRE-PREPARE is waited for (STATUS). */
export const COMPACT_ASKS_MAX = 12;
/** Such questions that are not answered yet. Beyond it the oldest answer is no longer read. */
export const COMPACT_QUESTIONS_MAX = 256;
/** Blocks of which is remembered who has signed for them. Beyond it nobody but the primary is asked for its transactions. */
export const COMPACT_HOLDERS_MAX = 64;
/** Proposed blocks of one validator of which others may ask transactions, and three times as many in all. Beyond it the highest is dropped. */
export const COMPACT_BLOCKS_KEPT = 16;
/** Inputs waiting for the engine. Beyond it direct mail is dropped and STATUS repairs. */
export const DRIVER_INPUTS_MAX = 10_000;
/** Refused messages of one validator, at once and per second; a correct one sends none. Beyond it its mail is not read until there is room. */
export const REFUSED_PER_SECOND_MAX = 16;
/** Estimated microseconds of this node's thread that one validator may waste by mail, at once and per second; all faulty ones together get the totals. Beyond it its mail is not read until they have come back. */
export const WORK_BURST_US = 250_000;
export const WORK_BURST_US_TOTAL = 1_000_000;
export const WORK_US_PER_SECOND = 100_000;
export const WORK_US_PER_SECOND_TOTAL = 200_000;
/** Signatures of one proposal that the native library may refuse (1.3 ms each); a correct primary's holds none. Beyond it a backup gives no vote. */
export const SLOW_SIGNATURES_PER_PROPOSAL_MAX = 8;
/** Blocks and transactions by mail of one validator that wait to be judged. Beyond it they are dropped. */
export const MAIL_QUEUE_MESSAGES_MAX = 8_192;
export const MAIL_QUEUE_BYTES_MAX = 8 * 1024 * 1024;
/** While more of one validator waits, its connection is not read. */
export const MAIL_QUEUE_BYTES_READ_ON = 256 * 1024;
/** Estimated microseconds of judging blocks and transactions by mail until everything else has a turn. */
export const MAIL_TURN_US_MAX = 4_000;
/** Proposals that wait for their parent or their time. Beyond it the oldest is forgotten. */
export const WAITING_CHECKS_MAX = 64;
/** How far ahead of the local clock a proposal's time may be before it has to wait, ms (pbft.md 1.14). */
export const CLOCK_AHEAD_MS_MAX = 5_000;
/** A peer's clock that is farther from the own one is worth a word, ms. */
export const CLOCK_OFF_MS = 1_000;
/** Bytes of committed blocks sent to one validator in one answer to its STATUS. */
export const SERVE_BYTES_MAX = 1024 * 1024;

// --- mempool -----------------------------------------------------------------------------------------------
/** Transactions in the pool. Beyond it first what waits for an earlier nonce, then the lowest fee, then the youngest, leaves or is refused. */
export const POOL_TRANSACTIONS_MAX = 20_000;
/** Bytes of all transactions in the pool. Beyond it they leave in the same order as by number. */
export const POOL_BYTES_MAX = 32 * 1024 * 1024;
/** Ceilings of what an operator may set for these two. A config.toml with more is refused. */
export const POOL_TRANSACTIONS_CEILING = 500_000;
export const POOL_BYTES_CEILING = 1024 * 1024 * 1024;
/**
 * The share of both that transactions may have which wait for an earlier nonce, one part in so many (1,250
 * transactions, 2 MiB). Beyond it the sender with the most of them gives its last, or the newcomer is refused.
 */
export const POOL_QUEUED_DIVISOR = 16;
/**
 * Nonces that a transaction may be ahead of its sender's next one, pooled ones counted, and so the most that one sender
 * has waiting. Beyond it the answer is TX_NONCE_GAP.
 */
export const POOL_NONCE_GAP_MAX = 64;
/** Milliseconds after which a transaction that was not included is dropped from the pool. */
export const POOL_AGE_MS_MAX = 3 * 60 * 60 * 1000;
/** Milliseconds between two looks for transactions that are too old: a chain that stands still has no new heads. */
export const POOL_AGE_CHECK_MS = 10 * 60 * 1000;
/** Transactions that did not fit before a block's selection ends. Beyond it the room left stays empty. */
export const TEMPLATE_MISFITS_MAX = 64;

// --- storage -----------------------------------------------------------------------------------------------
/** Bytes of LevelDB's block cache. Beyond it the least recently used block is read from disk again. */
export const LEVEL_CACHE_BYTES = 32 * 1024 * 1024;
/** Bytes of new entries that LevelDB gathers before it writes a table of them; it may hold as many again meanwhile. */
export const LEVEL_WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
/** Numbers of the last batches kept to notice a lost one, the same for ever: who keeps more finds a hole where fewer were kept. */
export const LEVEL_BATCH_NUMBERS_MAX = 32_768;
/** Batches after which LevelDB is asked for a table, so that its log never holds more of them than there are numbers. */
export const LEVEL_LOGGED_BATCHES_MAX = 24_576;
/** Entries fetched per call while a range is read. */
export const KV_SCAN_STEP = 1_000;
/** Unsynced writes that the store in memory can still lose. Beyond it the oldest counts as durable. */
export const KV_UNSYNCED_WRITES_MAX = 4_096;
/** Bytes of one journal record (a block body, or a NEW-VIEW with its VIEW-CHANGEs). A larger one is a bug (assert). */
export const JOURNAL_RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a journal file between two rotations. Beyond it appending fails and the node stops. */
export const JOURNAL_FILE_BYTES_MAX = 1024 * 1024 * 1024;

// --- state tree --------------------------------------------------------------------------------------------
/** Levels of a page of the state tree (docs/adr/0001-state-tree.md). It is part of the database format. */
export const STATE_PAGE_LEVELS = 4;
/**
 * Pages that begin at most so deep are kept in memory, which the shape of the tree bounds: with four levels a page
 * 4,369 pages of at most 1.6 KB, 7 MB. Deeper ones are read from the store every time.
 */
export const STATE_CACHE_DEPTH_MAX = 12;

// --- rpc ---------------------------------------------------------------------------------------------------
/** Bytes of an HTTP body or a WebSocket message. A longer one is answered with 413 or closes the socket (1009). */
export const RPC_BODY_BYTES_MAX = 1024 * 1024;
/** Calls of one batch. A longer one is refused whole. */
export const RPC_BATCH_CALLS_MAX = 100;
/** Bytes of a batch's answers. The reads beyond it are refused with ANSWER_TOO_LARGE, which says where to go on. */
export const RPC_ANSWERS_BYTES_MAX = 8 * 1024 * 1024;
/** TCP connections of the RPC server. For the next one the least useful is closed (src/rpc/budgets/connections.ts). */
export const RPC_SOCKETS_MAX = 1024;
/** HTTP requests in progress over all connections. The next one is answered with 429. */
export const RPC_REQUESTS_MAX = 2048;
/** Messages of one WebSocket in progress. The next one is answered with RATE_LIMIT. */
export const RPC_WS_MESSAGES_MAX = 256;
/** Subscriptions of one WebSocket. The next one is refused. */
export const RPC_SUBSCRIPTIONS_MAX = 32;
/** News of a new subscription held until its answer is sent. Beyond it the oldest is dropped (`seq` shows the gap). */
export const RPC_HELD_EVENTS_MAX = 1_000;
/** Calls of one connection that wait for a block. The next one is refused before anything is sent. */
export const RPC_WAITS_MAX = 16;
/** Calls over all connections that wait for a block. The next one is refused before anything is sent. */
export const RPC_WAITS_TOTAL_MAX = 8192;
/** Milliseconds that a call may wait for a block. */
export const RPC_WAIT_MS_MAX = 600_000;
/** Bytes queued to a WebSocket whose peer does not read. Beyond it the socket is told and closed. */
export const RPC_BACKLOG_BYTES_MAX = 1024 * 1024;
/** Encoded bytes after which an answer to chain_getSealedBlocks ends, with the block that passes it. In hex these are twice as many. */
export const RPC_SEALED_BLOCKS_BYTES_MAX = 2 * 1024 * 1024;
/** Heights between `from` and `to` of chain_getBlockRange. A wider range is refused. */
export const RPC_RANGE_MAX = 100;
/** Characters of a call's id, as JSON. A call with a longer one is refused. */
export const RPC_ID_LENGTH_MAX = 1_024;
/** Characters of an error message that repeat what a caller sent. The rest is cut. */
export const RPC_ECHO_MAX = 80;
/** Bytes of a receipt file. A larger one is refused unread. The links of 1,000 epochs of 20 validators fit (docs/benchmarks.md). */
export const RECEIPT_FILE_BYTES_MAX = 8 * 1024 * 1024;
/** Bytes of a receipt folder's index of names. A larger one is not read, and said to be skipped. */
export const RECEIPT_NAMES_BYTES_MAX = 64 * 1024 * 1024;

// --- pbft --------------------------------------------------------------------------------------------------
/** Bytes of a consensus message without a block, a list or a certificate. A larger one is refused unparsed. */
export const PBFT_SMALL_MESSAGE_BYTES_MAX = 512;

/** Verified VIEW-CHANGEs remembered by hash. Beyond it the oldest is verified anew if it comes again. */
export const VERIFIED_VIEW_CHANGES_MAX = 512;
/** Bodies of one height held for their digests. Beyond it the oldest that nothing refers to is dropped. */
export const BODIES_PER_HEIGHT_MAX = 8;
/** Bodies asked for at once, and FETCHes of one validator answered, per status interval. The rest waits. */
export const FETCHES_PER_INTERVAL_MAX = 8;
/** New VIEW-CHANGEs and NEW-VIEWs of one validator that are looked at per status interval. The rest is dropped. */
export const VIEW_MESSAGES_PER_INTERVAL_MAX = 4;

/** Records of equivocation kept in the database. Beyond it a new one is dropped. */
export const EVIDENCE_RECORDS_MAX = 1_000;
/** Records of equivocation kept of one validator. More are dropped unverified, since the oldest convict as well. */
export const EVIDENCE_PER_VALIDATOR_MAX = 16;
/** Rumors of evidence of one peer that are verified per second. The rest is ignored. */
export const EVIDENCE_CHECKS_PER_SECOND = 16;
/** Bytes of evidence told to peers. Larger (two long VIEW-CHANGEs) is kept here and shown by JSON-RPC alone. */
export const EVIDENCE_RUMOR_BYTES_MAX = 512 * 1024;
/** Records of one answer of consensus_getEvidence. */
export const EVIDENCE_LISTED_MAX = 100;

// --- p2p ---------------------------------------------------------------------------------------------------
/** Peer ids of the allowlist. A configuration with more is refused. */
export const ALLOWLIST_MAX = 1_000;
/** Open connections. Beyond it libp2p closes the least useful. */
export const CONNECTIONS_MAX = 300;
/** Connections with one peer, whoever it is. A further one is refused. */
export const CONNECTIONS_PER_PEER_MAX = 8;
/** Bytes of a HELLO frame. A longer one closes the connection. */
export const HELLO_BYTES_MAX = 512;
/** Bytes of the name in a HELLO (UTF-8, no control characters). A longer one is refused. */
export const PEER_NAME_BYTES_MAX = 32;
/** Log lines about refused peers that are remembered, to log each once. Beyond it the oldest is forgotten. */
export const REFUSALS_LOGGED_MAX = 1_000;
/** Bytes of one consensus message (a NEW-VIEW with its VIEW-CHANGEs). A longer one is dropped and counted. */
export const MAIL_MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
/** Mail streams of one validator over all its connections. The oldest is cut off. Each may hold an unfinished frame. */
export const MAIL_STREAMS_PER_VALIDATOR_MAX = 2;
/** Mail frames of one validator that are begun and not whole, on all its streams: one of the largest and a small one. */
export const MAIL_UNFINISHED_BYTES_MAX = MAIL_MESSAGE_BYTES_MAX + 64 * 1024;
/** How long a mail frame may take from its first byte to its last, ms. After that its stream is cut off. */
export const MAIL_FRAME_MS_MAX = 30_000;
/** Messages of one mail frame. A frame with more closes the stream. */
export const MAIL_FRAME_MESSAGES_MAX = 4_096;
/** Bytes to which mail is coalesced. A longer message travels alone. */
export const MAIL_FRAME_BYTES_TARGET = 64 * 1024;
/** Bytes of one mail frame. A longer one closes the stream. */
export const MAIL_FRAME_BYTES_MAX = MAIL_MESSAGE_BYTES_MAX + 8;
/** Messages waiting for one validator. Beyond it the oldest is dropped (STATUS repairs). */
export const OUTBOX_MESSAGES_MAX = 8_192;
/** Bytes waiting for one validator. Beyond it the oldest is dropped (STATUS repairs). */
export const OUTBOX_BYTES_MAX = 32 * 1024 * 1024;
/** Milliseconds that mail waits for a validator that is away. Older mail is dropped. */
export const OUTBOX_AGE_MS_MAX = 15_000;
/** Transactions of one gossip message. A message with more is rejected. */
export const TRANSACTION_BATCH_MAX = 4_096;
/** Bytes to which transactions are batched. A message longer than one batch or one transaction is rejected. */
export const TRANSACTION_BATCH_BYTES_MAX = 64 * 1024 + 8;
/** Bytes of a block announcement (head, seal, transaction hashes, coinbase). A longer one is rejected. */
export const ANNOUNCEMENT_BYTES_MAX = 1024 + SEAL_BYTES_MAX + 32 * BLOCK_TRANSACTIONS_CEILING;
/** Announcements of blocks so far below the head or deeper are not passed on: whoever lacks them syncs. */
export const ANNOUNCED_DEPTH_MAX = 16n;
/** Peers that are asked for what an announced block lacks here, the announcer included. */
export const ANNOUNCED_ASKED_MAX = 4;
/** Bytes of one gossip message on any topic. Gossipsub skips a longer one. */
export const GOSSIP_BYTES_MAX = 1024 * 1024;
/** Bytes that wait for one slow peer in gossipsub. Beyond it messages to it are dropped (anti-entropy repairs). */
export const GOSSIP_OUTBOUND_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a request. A longer one is refused. */
export const REQUEST_BYTES_MAX = 64 * 1024;
/** Bytes of an answer (one block of the largest size fits). A longer one fails the request. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Requests of one peer that are answered at once. Beyond it the peer is told "busy". */
export const REQUESTS_PER_PEER_MAX = 4;
/** Own requests to one peer under way. Beyond it a request fails at once. */
export const OWN_REQUESTS_PER_PEER_MAX = 4;
/** Bytes of blocks asked for and served in one answer. The first block may exceed it. */
export const SYNC_BATCH_BYTES = 1024 * 1024;
/** Blocks of one answer. An answer with more is malformed. */
export const SYNC_BATCH_BLOCKS_MAX = 1_024;
/** Transactions asked for by short hash in one request. The rest waits for the next. */
export const POOL_FETCH_MAX = 4_096;
/** Prices of entry for which the list of a pool is kept for a moment, and salts for which its short names are. */
export const POOL_PRICES_MAX = 4;
export const POOL_NAMED_MAX = 4;
/** Transactions remembered as refused when a peer's pool was compared. Beyond it the oldest is asked for again. */
export const POOL_REFUSALS_MAX = 20_000;

/** Bytes that libp2p holds for one peer over all its connections. Beyond it they are closed. */
export const P2P_HELD_BYTES_PER_PEER_MAX = 48 * 1024 * 1024;
/** Bytes held for all peers together. Beyond it the peer with the most is closed. */
export const P2P_HELD_BYTES_MAX = 160 * 1024 * 1024;

// --- address book ------------------------------------------------------------------------------------------
/**
 * Buckets and places of a bucket for addresses that were heard of: 16,384. An address whose place is taken by a
 * decent one is dropped.
 */
export const NEW_BUCKETS = 512;
export const BUCKET_PLACES = 32;
/** Buckets for addresses that answered: 4,096. One whose place is taken waits for a test of the one that has it. */
export const TRIED_BUCKETS = 128;
/** Of the new buckets, so many can be reached by the addresses that one group told. */
export const NEW_BUCKETS_PER_SOURCE = 32;
/** Of the tried buckets, so many can be reached by the addresses of one group. */
export const TRIED_BUCKETS_PER_GROUP = 4;
/** Addresses that answered and wait for the test of who has their place. Beyond it the next one is not moved. */
export const TRIED_COLLISIONS_MAX = 10;
/** Buckets remembered by groups. Beyond it all are forgotten and computed anew when needed. */
export const GROUP_PAIRS_REMEMBERED_MAX = 4_096;
/** Addresses of one answer. An answer with more is malformed. */
export const ADDRESSES_PER_ANSWER_MAX = 1_000;
/** Addresses that a peer may tell at once, refilled by 0.1 a second. The rest is not looked at (or not told). */
export const ADDRESS_TOKENS_MAX = 1_000;
/** Peers whose bucket of addresses is remembered. Beyond it the oldest is forgotten. */
export const ADDRESS_BUCKETS_MAX = 2_048;
/** Connections kept to be dialled first after a restart. */
export const ANCHORS_MAX = 2;
/** Ceilings of what an operator may set for connections we choose and connections we accept. */
export const OUTBOUND_CEILING = 32;
export const INBOUND_CEILING = 250;
/** Peers and hosts with a score of faults. Beyond it the one that is forgiven soonest is forgotten. */
export const BAN_RECORDS_MAX = 4_096;
/** Addresses of one answer of net_addressBook, and groups that it counts one by one. */
export const ADDRESSES_LISTED_MAX = 500;
export const GROUPS_LISTED_MAX = 20;
/** Records of one answer of net_getBans. */
export const BANS_LISTED_MAX = 1_000;
/** Bytes of addresses.json. A larger one is moved aside unread. */
export const ADDRESS_FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Headers that one proof of a mined block carries. A longer chain on top is cut off. */
export const PROOF_HEADERS_MAX = 2_016;

// --- mining ------------------------------------------------------------------------------------------------
/** Threads of one miner. A configuration with more is refused. */
export const MINING_THREADS_MAX = 256;
/** Times that a mining thread which died is started anew. Beyond it the others mine on without it. */
export const MINER_RESTARTS_MAX = 3;
/** Slow signatures that the verifier's thread is given at once: about 50 ms of its time. */
export const SLOW_SIGNATURES_BATCH = 32;
/** Batches that wait for the verifier's thread. Beyond it the main thread judges signatures as it asks for them. */
export const VERIFIER_BATCHES_QUEUED_MAX = 64;
/** Blocks that account_get looks at for what an account has minted. Where coinbases wait longer it does not say. */
export const MATURING_SCANNED_MAX = 1_000;
/** Branches that chain_getTips lists. Those with less work are left out. */
export const TIPS_SHOWN_MAX = 100;
/** Headers given out by miner_getWork and not solved yet. Beyond it the oldest is forgotten. */
export const MINER_WORKS_MAX = 64;
/** Blocks solved here of which a node remembers whether they stayed. Of older ones it remembers how many did not. */
export const MINED_KEPT_MAX = 1_024;
/** Blocks of one miner_generate. A call for more is refused. */
export const GENERATE_BLOCKS_MAX = 1_000;

// --- bench -------------------------------------------------------------------------------------------------
/** Transfers signed before a load starts. What is sent beyond it is signed when it is due. */
export const BENCH_PRESIGNED_MAX = 1_000_000;
/** Latencies kept of one measurement. Later ones are counted but not kept. */
export const BENCH_SAMPLES_MAX = 4_000_000;

// --- logs --------------------------------------------------------------------------------------------------
/** Characters of a log file. Beyond it the file becomes the single older one and a new file begins. */
export const LOG_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** Reorganisations a node remembers on disk. The oldest is forgotten. */
export const REORGS_KEPT_MAX = 1_000;
/** Blocks below the head whose tree nodes stay in memory. Older ones are read from the database when asked for. */
export const TREE_DEPTH = 2_048;
/** Headers without bodies ahead of the validated head. More are asked for when bodies have caught up. */
export const HEADERS_AHEAD_MAX = 20_000;
/** Branches beside the chain that are stored. Beyond it those of the least work are deleted. */
export const SIDE_BRANCHES_MAX = 1_000;
/** Bytes of the bodies stored beside the chain. Beyond it the branches of the least work are deleted. */
export const SIDE_BODIES_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes that one move of the head writes, about. A longer one goes in stages, each of which ends on a valid block. */
export const HEAD_MOVE_BYTES_MAX = 64 * 1024 * 1024;
/** Blocks after which the tree in memory and the branches on disk are brought back to their bounds. */
export const TREE_TIDY_BLOCKS = 256;
/** Faults of invalid blocks that are remembered in words. Of others it is only known that there was one. */
export const BLOCK_FAULTS_MAX = 64;
/** Bodies kept decoded between their arrival and their execution. Others are read from the database. */
export const RECENT_BODIES_MAX = 128;
/** Bytes of these bodies. Beyond it the oldest are read from the database as well. */
export const RECENT_BODIES_BYTES_MAX = 32 * 1024 * 1024;
/** Hashes of a locator, which is enough for 2^50 blocks. A question with more is malformed. */
export const LOCATOR_HASHES_MAX = 64;
/** Heads of one answer. An answer with more is malformed. */
export const HEADS_PER_ANSWER_MAX = 2_000;
/** Bytes of heads served in one answer. */
export const HEADS_ANSWER_BYTES = 1024 * 1024;
/** Bytes of encoded answers about heads that are kept for the next who asks. Beyond it the one asked for longest ago goes. */
export const HEADS_ENCODED_BYTES_MAX = 8 * 1024 * 1024;
/** Bodies of one question. A question with more is malformed. */
export const BODIES_PER_QUESTION_MAX = 128;
/** Bodies that this node asks one peer for at once. They are fewer where they fill an answer sooner. */
export const BODIES_IN_FLIGHT_PER_PEER = 64;
/** How far beyond the first missing body of a branch others are asked for. The rest waits. */
export const BODIES_WINDOW = 512;
/** Missing bodies of a branch that are listed at once, the lowest first. The rest is listed when these are here. */
export const BODIES_LISTED_MAX = 4_096;
/** Bodies remembered as not delivered by one peer. Beyond it the oldest is forgotten and asked for again. */
export const MISSED_BODIES_PER_PEER_MAX = 512;
/** Strangers that are asked for heads at once, and besides them peers that this node chose. */
export const HEADS_PEERS_MAX = 3;
export const HEADS_CHOSEN_PEERS_MAX = 8;
/** Milliseconds that a peer may take over all answers of one fetch of heads, besides what new heads add. */
export const HEADS_FETCH_MS = 10_000;
/** Milliseconds that each new head adds for a stranger, and for a peer that this node chose. */
export const HEADS_FETCH_MS_PER_HEAD = 1;
export const HEADS_FETCH_MS_PER_CHOSEN_HEAD = 5;
/** Answers of light heads that are read through before their branch must have enough work. Then it is left alone. */
export const READ_THROUGH_ANSWERS_MAX = 4_096;
/** Transactions that one change of branches gives back and that are told anew. The rest is left to anti-entropy. */
export const RETURNED_PUBLISHED_MAX = 4_096;
/** Announced blocks that wait until they are due. Beyond it the next one is dropped. */
export const EARLY_BLOCKS_MAX = 64;
/** Announced blocks whose transactions are being put together. Beyond it whole bodies are asked for. */
export const ASSEMBLIES_MAX = 64;
